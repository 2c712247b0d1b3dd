// What the library leaves behind and how it goes on: hours of sound, a hundred recognizers, ten sessions at once.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { distance, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-03";
/** Minutes of sound that are pushed, and recognizers that are made: 60 and 100 where there is time for it. */
const MINUTES = Number(process.env.SPEECH_EMOTION_MINUTES ?? 10);
const ROUNDS = Number(process.env.SPEECH_EMOTION_ROUNDS ?? 10);

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else</title>
<script type="module">
import { EmotionRecognizer } from "./library/index.js";
Object.assign(window, { EmotionRecognizer });
window.samples = async (name) => {
  const buffer = await (await fetch(name)).arrayBuffer();
  const audio = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(buffer);
  return audio.getChannelData(0);
};
</script></html>`;

/** Counts what listens to things that outlive a recognizer, and keeps the memories of programs in sight. */
const WATCH = () => {
  globalThis.memories = [];
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const plain = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await plain(...given);
      globalThis.memories.push((made.instance ?? made).exports);
      return made;
    };
  }
  if (typeof document === "undefined") return;
  globalThis.listening = new Map();
  for (const [verb, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    const plain = EventTarget.prototype[verb];
    EventTarget.prototype[verb] = function (type, ...rest) {
      const target = this ?? globalThis;
      if ([document, window, navigator.mediaDevices].includes(target)) listening.set(type, (listening.get(type) ?? 0) + by);
      return plain.call(target, type, ...rest);
    };
  }
};
const watched = { "library/worker.js": (body) => Buffer.concat([Buffer.from(`(${WATCH})();\n`), body]) };

function onPage(options, body) {
  const wav = speech(ANGRY, "limits.wav", "-ar", "16000", "-ac", "1");
  const pages = { "limits.html": PAGE, "talk.wav": readFileSync(wav) };
  return withPage({ pages, path: "limits.html", alter: watched, script: WATCH, microphone: wav, ...options }, async ({ page }) => {
    await page.waitForFunction(() => window.EmotionRecognizer);
    await body(page);
  });
}

test(`the memory stays as it is while ${MINUTES} minutes of sound are pushed`, async () => {
  await onPage({}, async (page) => {
    const devtools = await page.context().newCDPSession(page);
    const used = async () => {
      const programs = (exports) => exports.map(({ memory }) => memory?.buffer.byteLength ?? 0);
      const own = await page.evaluate(`(${programs})(memories)`);
      const engine = await page.workers()[0].evaluate(`(${programs})(memories)`);
      await devtools.send("HeapProfiler.collectGarbage");
      const { usedSize } = await devtools.send("Runtime.getHeapUsage");
      return { own, engine, usedSize };
    };
    await page.evaluate(async () => {
      window.recognizer = await EmotionRecognizer.create();
      window.session = recognizer.open({ sampleRate: 16_000 });
      window.counts = { utterance: 0, prediction: 0, level: 0 };
      for (const name of Object.keys(counts)) session.addEventListener(name, () => { counts[name] += 1; });
      window.talk = await samples("talk.wav");
      window.push = async (minutes) => {
        for (let pushed = 0; pushed < minutes * 60 * 16_000; pushed += talk.length) await session.write(talk);
      };
    });
    await page.evaluate(() => push(2));
    const before = await used();
    await page.evaluate((minutes) => push(minutes), MINUTES - 2);
    const after = await used();
    const { summary, counts } = await page.evaluate(async () => ({ summary: await session.close(), counts }));
    await page.evaluate(() => recognizer.dispose());
    assert.ok(summary.durationMs >= MINUTES * 60_000, JSON.stringify(summary));
    assert.equal(summary.lanes[0].utterances, counts.utterance);
    assert.ok(counts.utterance >= MINUTES * 4 && counts.level > MINUTES * 60);
    assert.ok(before.own.length > 0 && before.engine.length > 0, "no program was seen");
    assert.deepEqual([after.own, after.engine], [before.own, before.engine]);
    assert.ok(after.usedSize - before.usedSize < 1_000_000, `the page's objects: ${before.usedSize} bytes, then ${after.usedSize}`);
  });
});

test(`${ROUNDS} recognizers that were used leave no worker, context, track or listener`, async () => {
  await onPage({}, async (page) => {
    await page.evaluate(() => samples("talk.wav").then((talk) => { window.talk = talk; }));
    const before = await page.evaluate(() => [...listening]);
    for (let round = 0; round < ROUNDS; round++) {
      await page.evaluate(async () => {
        const recognizer = await EmotionRecognizer.create();
        const aborter = new AbortController();
        const session = await recognizer.listen({ signal: aborter.signal });
        await new Promise((resolve) => session.addEventListener("level", resolve, { once: true }));
        const pushed = recognizer.open({ sampleRate: 16_000 });
        await pushed.write(talk);
        recognizer.dispose();
      });
    }
    for (const end = Date.now() + 10_000; page.workers().length > 0 && Date.now() < end;) await page.waitForTimeout(50);
    assert.equal(page.workers().length, 0);
    const left = await page.evaluate(() => ({
      tracks: window.opened.tracks.filter((track) => track.readyState !== "ended").length,
      contexts: window.opened.contexts.filter((context) => context.state !== "closed").length,
      opened: window.opened.contexts.length,
      listening: [...listening],
    }));
    assert.deepEqual(left, { tracks: 0, contexts: 0, opened: ROUNDS, listening: left.listening });
    const counts = (list) => Object.fromEntries(list.filter(([, count]) => count !== 0));
    assert.deepEqual(counts(left.listening), counts(before));
  });
});

test("ten sessions at once answer as one alone", async (t) => {
  await onPage({}, async (page) => {
    const { alone, ten } = await page.evaluate(async () => {
      const recognizer = await EmotionRecognizer.create();
      const talk = await samples("talk.wav");
      const hear = async () => {
        const session = recognizer.open({ sampleRate: 16_000 });
        for (let at = 0; at < talk.length; at += 8_000) await session.write(talk.subarray(at, at + 8_000));
        return session.close();
      };
      const timed = async (sessions) => {
        const start = performance.now();
        const summaries = await Promise.all(Array.from({ length: sessions }, hear));
        return { ms: performance.now() - start, summaries };
      };
      await hear();
      const alone = await timed(1);
      const ten = await timed(10);
      recognizer.dispose();
      return { alone, ten };
    });
    const [one] = alone.summaries;
    assert.equal(ten.summaries.length, 10);
    for (const summary of ten.summaries) {
      assert.equal(summary.durationMs, one.durationMs);
      assert.ok(distance(summary.lanes[0].probabilities, one.lanes[0].probabilities) <= 0.001, JSON.stringify([summary, one]));
    }
    t.diagnostic(`one: ${alone.ms.toFixed(0)} ms, ten at once: ${ten.ms.toFixed(0)} ms`);
  });
});
