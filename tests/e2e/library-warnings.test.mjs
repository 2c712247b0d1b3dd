// The library's warnings: what makes answers less reliable is said once, and the session goes on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { speech } from "./sound.mjs";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else</title>
<script type="module">
import { EmotionRecognizer } from "./library/index.js";
window.samples = async (name) => {
  const buffer = await (await fetch(name)).arrayBuffer();
  const audio = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(buffer);
  return audio.getChannelData(0);
};
window.warned = (session) => {
  const warnings = [];
  session.addEventListener("warning", ({ detail }) => warnings.push(detail));
  return warnings;
};
/** What is warned of while these samples are pushed, and how the session ends. */
window.push = async (...lanes) => {
  const recognizer = await EmotionRecognizer.create();
  const session = recognizer.open({ sampleRate: 16_000, lanes: lanes.length });
  const warnings = warned(session);
  await session.write(lanes);
  const summary = await session.close();
  recognizer.dispose();
  return { warnings, summary };
};
Object.assign(window, { EmotionRecognizer });
</script></html>`;

function onPage(options, body) {
  const wav = speech("03-01-05-02-01-01-03", "warnings.wav", "-ar", "16000", "-ac", "1");
  const pages = { "warnings.html": PAGE, "talk.wav": readFileSync(wav) };
  return withPage({ pages, path: "warnings.html", ...options }, async ({ page }) => {
    await page.waitForFunction(() => window.EmotionRecognizer);
    await body(page, wav);
  });
}

const codes = ({ warnings }) => warnings.map(({ code, lane, message }) => {
  assert.match(message, /^[A-Z].*\.$/);
  return lane === 0 ? code : `${code} in lane ${lane}`;
});

test("silence, faint sound, quiet speech and clipped speech are told apart, and good speech is not warned of", async () => {
  await onPage({}, async (page) => {
    const heard = await page.evaluate(async () => {
      const talk = await samples("talk.wav");
      const scaled = (factor) => talk.map((sample) => Math.max(-1, Math.min(1, factor * sample)));
      const peak = talk.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      const noise = Float32Array.from({ length: 16_000 * 15 }, () => 0.0004 * (Math.random() - 0.5));
      return {
        good: await push(scaled(0.5 / peak)),
        silent: await push(new Float32Array(16_000 * 5)),
        faint: await push(noise),
        // Its loudest 48 ms are about 65 dB below full scale.
        quiet: await push(scaled(0.0018 / peak)),
        clipped: await push(scaled(8 / peak)),
        lanes: await push(scaled(0.5 / peak), scaled(8 / peak)),
      };
    });
    assert.deepEqual(codes(heard.good), []);
    assert.deepEqual(codes(heard.silent), ["silent"]);
    assert.deepEqual(codes(heard.faint), ["faint"]);
    assert.deepEqual(codes(heard.quiet), ["quiet"]);
    assert.deepEqual(codes(heard.clipped), ["clipped"]);
    assert.deepEqual(codes(heard.lanes), ["clipped in lane 1"]);
    for (const { summary } of Object.values(heard)) assert.ok(summary.complete);
    assert.ok(heard.clipped.summary.lanes[0].utterances > 0);
  });
});

test("a device that changes the sound is told of, with what it does", async () => {
  const script = () => {
    const { getSettings } = MediaStreamTrack.prototype;
    MediaStreamTrack.prototype.getSettings = function () {
      return { ...getSettings.call(this), noiseSuppression: true, autoGainControl: true };
    };
  };
  const microphone = speech("03-01-05-02-01-01-03", "warnings-processed.wav");
  await onPage({ microphone, script }, async (page) => {
    const warnings = await page.evaluate(async () => {
      const recognizer = await EmotionRecognizer.create();
      const session = await recognizer.listen();
      const warnings = warned(session);
      await new Promise((resolve) => session.addEventListener("level", resolve, { once: true }));
      recognizer.dispose();
      return warnings;
    });
    assert.equal(warnings[0].code, "processed");
    assert.match(warnings[0].message, /removes noise, evens out loudness\.$/);
  });
});

test("a microphone whose sound never comes is told of", async () => {
  // As browsers do outside of a click.
  const script = () => { AudioContext.prototype.resume = function () { return this.suspend(); }; };
  const microphone = speech("03-01-05-02-01-01-03", "warnings-suspended.wav");
  await onPage({ microphone, script }, async (page) => {
    const warning = await page.evaluate(async () => {
      const recognizer = await EmotionRecognizer.create();
      const session = await recognizer.listen();
      const { detail } = await new Promise((resolve) => session.addEventListener("warning", resolve, { once: true }));
      recognizer.dispose();
      return detail;
    });
    assert.equal(warning.code, "no-sound");
    assert.match(warning.message, /Listen inside a click/);
  });
});
