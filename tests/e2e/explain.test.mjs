// "See how it works": the steps from the sound to the answer, in the engine's own numbers.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { distance, predict, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-05";
const LABELS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];

/** Keeps what the engine explains. */
const overhear = () => {
  const Original = Worker;
  window.explained = [];
  window.Worker = class extends Original {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({ data }) => {
        if (data.explained) window.explained.push(data.explained);
      });
    }
  };
};

const count = (page) => page.evaluate(() => window.explained.length);

/** The newest explanation, its numbers as lists. */
const newest = (page) => page.evaluate(() => {
  const { explanation } = window.explained.at(-1);
  if (!explanation) return null;
  const list = (value) => (value instanceof Uint8Array ? [...new Float32Array(value.slice().buffer)] : value);
  return Object.fromEntries(Object.entries(explanation).map(([name, value]) => [name, list(value)]));
});

/** For each canvas its size and the share of its pixels that are not blank. */
const drawn = (page) => page.locator("#explain-steps canvas").evaluateAll((list) => list.map((canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let inked = 0;
  for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
  return { width, height, share: inked / (width * height) };
}));

const open = (page) => page.locator("#explain > summary").click();

test("nothing is asked while it is closed, and what is drawn is what the engine computed", async () => {
  const file = speech(ANGRY, "explained.wav", "-ac", "1", "-ar", "16000");
  const [expected] = predict(file);
  await withPage({ script: overhear }, async ({ page, engine, choose, result }) => {
    await engine("ready");
    await open(page);
    await page.locator("#explain-empty").waitFor({ state: "visible" });
    await open(page);
    await choose(file);
    await result(basename(file));
    assert.equal(await page.evaluate(() => window.explained.filter(({ explanation }) => explanation).length), 0);

    await open(page);
    await page.locator("#explain-steps").waitFor({ state: "visible" });
    const step = await newest(page);
    const frames = step.pitch_hz.length;
    assert.ok(frames > 60 && frames % 4 === 0, `${frames} frames`);
    assert.equal(Math.round((step.end_s - step.start_s) * 62.5), frames);

    // The sound is the file's.
    const pcm = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-f", "f32le", "-"]);
    const samples = new Float32Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length));
    const first = Math.round(step.start_s * 16_000);
    for (let part = 0; part < 4 * frames; part++) {
      const sound = samples.subarray(first + 64 * part, first + 64 * (part + 1));
      const [least, greatest] = step.envelope.slice(2 * part, 2 * part + 2);
      assert.ok(Math.abs(least - Math.min(...sound)) < 1e-4 && Math.abs(greatest - Math.max(...sound)) < 1e-4, `part ${part}`);
    }
    // The coefficients are the orthonormal DCT-II of the bands.
    for (const frame of [0, frames >> 1, frames - 1]) {
      const bands = step.log_mel.slice(64 * frame, 64 * (frame + 1));
      for (let k = 0; k < 64; k++) {
        const sum = bands.reduce((total, band, m) => total + band * Math.cos((Math.PI * k * (2 * m + 1)) / 128), 0);
        const coefficient = sum * Math.sqrt((k === 0 ? 1 : 2) / 64);
        assert.ok(Math.abs(coefficient - step.mfcc[64 * frame + k]) < 2e-3, `frame ${frame}, coefficient ${k}`);
      }
    }
    assert.equal(step.states.length, (frames / 4) * step.units);
    assert.equal(step.attention.length, frames / 4);
    // The answer is the one that is shown, and that predict gives.
    const byLabel = (posterior) => Object.fromEntries(LABELS.map((label, i) => [label, posterior[i]]));
    assert.ok(distance(byLabel(step.answer), expected.posterior) < 1e-3);
    const rows = await page.locator("#explain-emotions li").evaluateAll((list) => list.map((item) => [item.dataset.emotion, item.dataset.permille / 1000]));
    assert.ok(distance(Object.fromEntries(rows), byLabel(step.posterior)) < 1e-3);
    const share = Math.round(100 * Math.max(...step.answer));
    assert.match(await page.locator("#explain-answer").innerText(), new RegExp(`${expected.label}, ${share}\\s%`));

    const [wave, mel, mfcc, lstm, attention] = await drawn(page);
    assert.deepEqual([wave.width, mel.width, mfcc.width, lstm.width, attention.width], [4 * frames, frames, frames, frames / 4, frames / 4]);
    assert.equal(lstm.height, step.units);
    for (const picture of [wave, mel, mfcc, lstm, attention]) assert.ok(picture.share > 0.05, JSON.stringify(picture));
    const most = step.attention.indexOf(Math.max(...step.attention));
    const at = step.start_s + ((most + 0.5) / step.attention.length) * (step.end_s - step.start_s);
    assert.match(await page.locator("#explain-attention-text").innerText(), new RegExp(`around ${at.toFixed(1).replace(".", "\\.")}`));
  });
});

test("while somebody speaks, each utterance is explained once it has ended, and a new session begins blank", async () => {
  const wav = speech(ANGRY, "explained-live.wav");
  await withPage({ microphone: wav, script: overhear }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await open(page);
    await press("Start listening");
    await phase("live");
    await page.locator("#explain-steps").waitFor({ state: "visible" });
    const live = await newest(page);
    assert.ok(live.answer);
    const before = await count(page);
    await press("Stop");
    await phase("result");
    await page.waitForFunction((before) => window.explained.length > before, before);
    assert.deepEqual((await newest(page)).answer, live.answer, "a session that has ended is still explained");
    await press("Start listening");
    await phase("live");
    await page.locator("#explain-empty").waitFor({ state: "visible" });
  });
});

for (const [width, colorScheme] of [[320, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
  test(`the steps fit ${width} px in the ${colorScheme} theme`, async () => {
    await withPage({ viewport: { width, height: 800 }, colorScheme }, async ({ page, engine, press, result }) => {
      await engine("ready");
      await open(page);
      await looksRight(page, `explain-empty-${width}-${colorScheme}`);
      await press("A happy voice");
      await result("A happy voice");
      await page.locator("#explain-steps").waitFor({ state: "visible" });
      await looksRight(page, `explain-${width}-${colorScheme}`);
    });
  });
}
