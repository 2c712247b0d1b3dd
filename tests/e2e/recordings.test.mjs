// Recordings in every format people have: the page answers as the trainer's program does.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { PATIENCE, tools, withPage } from "./browser.mjs";
import { serve } from "./server.mjs";
import { bytes, distance, emptyFolder, predict, speech } from "./sound.mjs";

const { launch } = tools("puppeteer-core");
const ANGRY = "03-01-05-02-01-01-05";

/** The same recording by codecs and containers; `options` are ffmpeg's. */
const FORMATS = {
  "plain.wav": [],
  "float64.wav": ["-c:a", "pcm_f64le"],
  "adpcm.wav": ["-c:a", "adpcm_ms"],
  "dictaphone.wav": ["-c:a", "adpcm_ima_wav"],
  "telephone.wav": ["-ar", "8000", "-c:a", "pcm_mulaw"],
  "large.wav": ["-rf64", "always"],
  "memo.m4a": ["-c:a", "aac"],
  "lossless.m4a": ["-c:a", "alac"],
  "fragments.mp4": ["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"],
  "voice-message.opus": ["-c:a", "libopus", "-b:a", "16k"],
  "recorder.webm": ["-c:a", "libopus", "-b:a", "32k"],
  "stream.aac": ["-c:a", "aac", "-f", "adts"],
  "talk.mp3": ["-c:a", "libmp3lame"],
  "no-index.mp3": ["-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0"],
  "vorbis.ogg": ["-c:a", "libvorbis"],
  "apple.aiff": [],
};

const made = (name) => speech(ANGRY, name, ...FORMATS[name]);

/** The bytes of a WAV whose sizes say something else. */
function sized(name, riff, data) {
  const wav = readFileSync(speech(ANGRY, `${name}-source.wav`, "-fflags", "+bitexact", "-map_metadata", "-1", "-c:a", "pcm_s16le"));
  const at = wav.indexOf("data") + 4;
  wav.writeUInt32LE(riff ?? wav.readUInt32LE(4), 4);
  wav.writeUInt32LE(data ?? wav.readUInt32LE(at), at);
  return bytes(wav, name);
}

/** Recordings of different sample rates and channels, one behind the other in one file. */
function joined(name, ...parts) {
  const takes = parts.map((options, index) => readFileSync(speech(ANGRY, `${index}-of-${name}`, "-map_metadata", "-1", ...options)));
  return bytes(Buffer.concat(takes), name);
}

const JINGLE = ["-ar", "44100", "-ac", "2"];
const VOICE = ["-ar", "22050", "-ac", "1"];

/** The first share of a file. */
const cut = (path, share) => {
  const whole = readFileSync(path);
  return bytes(whole.subarray(0, Math.round(whole.length * share) + 1), `cut-${basename(path)}`);
};

async function answersAsPredict(files, { choose, result, posterior, verdict }, expected) {
  for (const [i, file] of files.entries()) {
    await choose(file);
    await result(basename(file));
    const answer = await posterior();
    assert.ok(distance(answer, expected[i].posterior) <= 0.02, `${file}: ${JSON.stringify([answer, expected[i]])}`);
    assert.equal(await verdict(), expected[i].label.replace(" ", "-"), file);
  }
}

/** Every format, and WAVs with headers that recorders leave behind. */
const recordings = () => [
  ...Object.keys(FORMATS).map(made),
  sized("sizes-never-written.wav", 0, 0),
  sized("data-size-zero.wav", undefined, 0),
  joined("joined.mp3", VOICE, JINGLE, VOICE),
  joined("joined-stereo.mp3", JINGLE, VOICE),
  joined("joined.ogg", VOICE, JINGLE),
  speech(ANGRY, "antiphase.wav", "-af", "apad=pad_dur=2,pan=stereo|c0=c0|c1=-1*c0"),
];

test("every format gives what the trainer's program gives", async () => {
  const files = recordings();
  const expected = predict(...files);
  assert.ok(expected.every(({ ends_early: early, posterior }) => !early && posterior), JSON.stringify(expected));
  await withPage({}, async (opened) => answersAsPredict(files, opened, expected));
});

test("and so it does in Firefox", async () => {
  const files = recordings();
  const expected = predict(...files);
  const server = await serve();
  const browser = await launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(server.url);
    await page.waitForSelector('body[data-engine="ready"]');
    await answersAsPredict(files, {
      choose: async (file) => (await page.$("#file")).uploadFile(file),
      result: async (name) => {
        await page.waitForFunction((name) => document.querySelector("#kicker").innerText === name, {}, name);
        await page.waitForSelector('body[data-phase="result"]');
      },
      posterior: () => page.$$eval("#emotions li", (list) =>
        Object.fromEntries(list.map((item) => [item.dataset.emotion, item.dataset.permille / 1000]))),
      verdict: () => page.$eval("#verdict", (verdict) => verdict.dataset.verdict),
    }, expected);
  } finally {
    await browser.close();
    await server.close();
  }
});

test("a file that ends early is analysed as far as it goes, and said to", async () => {
  const whole = made("talk.mp3");
  const files = [
    cut(whole, 0.6),
    cut(made("vorbis.ogg"), 0.8),
    cut(made("stream.aac"), 0.6),
    cut(speech(ANGRY, "index-first.m4a", "-c:a", "aac", "-movflags", "+faststart"), 0.6),
    cut(made("plain.wav"), 0.6),
  ];
  const expected = predict(...files);
  await withPage({}, async (opened) => {
    const { page, choose, result, error } = opened;
    for (const [i, file] of files.entries()) {
      assert.equal(expected[i].ends_early, true, file);
      await answersAsPredict([file], opened, [expected[i]]);
      assert.match(await page.locator("#lost").innerText(), /The file ends early/, file);
    }
    await choose(whole);
    await result("talk.mp3");
    assert.equal(await page.locator("#lost").innerText(), "");
    await choose(cut(made("memo.m4a"), 0.5));
    assert.match(await error("file-cut-off"), /“cut-memo\.m4a” is not complete/);
  });
});

test("what has no decoder is named with its format, by both", async () => {
  const amr = bytes(Buffer.concat([Buffer.from("#!AMR\n"), Buffer.alloc(400, 0x3c)]), "voice.amr");
  await withPage({}, async ({ choose, error }) => {
    await choose(amr);
    assert.match(await error("file-codec"), /“voice\.amr” is in the format AMR/);
  });
  assert.throws(() => predict(amr), ({ stderr }) => /is in the format AMR/.test(stderr));
});

test("the decoder is fetched for the first file only, and is there without a network", async () => {
  const file = made("plain.wav");
  await withPage({ profile: emptyFolder() }, async ({ page, server, choose, result, engine }) => {
    await page.getByText("works offline now").waitFor();
    await choose(file);
    await result("plain.wav");
    await server.close();
    await page.reload();
    await engine("ready");
    await choose(file);
    await result("plain.wav");
  });
  await withPage({}, async ({ server, engine }) => {
    await engine("ready");
    const early = [...server.counts.keys()].filter((name) => name.startsWith("decoder"));
    // A service worker keeps files in the background, once the page is ready.
    assert.ok(early.length === 0 || (await server.counts.get("sw.js")) > 0, String(early));
  });
});

test("without the decoder the browser decodes what it can", async () => {
  const file = made("talk.mp3");
  const [expected] = predict(file);
  const alter = { "decoder_loader.js": () => Buffer.from("throw new Error('not today');") };
  await withPage({ alter }, async (opened) => {
    await opened.choose(file);
    await opened.result("talk.mp3");
    assert.ok(distance(await opened.posterior(), expected.posterior) <= 0.1);
  });
});
