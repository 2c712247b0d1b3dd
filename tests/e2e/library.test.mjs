// The library as other people's pages use it: with an import map, without a bundler.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { tools, withPage } from "./browser.mjs";
import { serve } from "./server.mjs";
import { bytes, distance, emptyFolder, generated, predict, reading, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-03";
const HAPPY = "03-01-03-02-02-01-12";
const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));

/** A page that imports the library and keeps what it creates in sight. */
const PAGE = (base = "./library/", policy = "") => `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else</title>
${policy && `<meta http-equiv="Content-Security-Policy" content="${policy}">`}
<script type="importmap">{ "imports": { "speech-emotion": "${base}index.js" } }</script>
<button>Listen</button>
<script type="module">
import * as library from "speech-emotion";
Object.assign(window, library, {
  /** A file of the test. */
  async file(base64, name) {
    return new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type: "audio/wav" });
  },
  /** Samples of a WAV of 16 bits, of each channel. */
  async pcm(base64) {
    const buffer = await (await file(base64, "")).arrayBuffer();
    const view = new DataView(buffer);
    const channels = view.getUint16(22, true);
    let at = 12;
    while (view.getUint32(at) !== 0x64617461) at += 8 + view.getUint32(at + 4, true);
    const count = view.getUint32(at + 4, true) / 2 / channels;
    return Array.from({ length: channels }, (_, lane) => Float32Array.from({ length: count }, (_, i) => view.getInt16(at + 8 + 2 * (i * channels + lane), true) / 32768));
  },
  /** All that a session tells, by the name of the event. */
  heard(session) {
    const events = { order: [] };
    for (const name of ["speechstart", "speechend", "prediction", "utterance", "level", "gap", "warning", "error", "close"]) {
      events[name] = [];
      session.addEventListener(name, ({ detail }) => {
        events[name].push(detail instanceof Error ? { ...detail, message: detail.message } : detail);
        if (name !== "level") events.order.push(name);
      });
    }
    return events;
  },
  /** What a promise is rejected with. */
  async refusal(act) {
    try { await act(); } catch (error) { return { name: error.name, code: error.code, message: error.message, advice: error.advice, retryable: error.retryable }; }
    return null;
  },
});
window.imported = true;
</script></html>`;

/** Runs `body` on such a page. */
function onPage(options, body) {
  const { html = PAGE(), ...rest } = options;
  return withPage({ pages: { "library.html": html }, path: "library.html", ...rest }, async (opened) => {
    await opened.page.waitForFunction(() => window.imported);
    await body(opened);
  });
}

const base64 = (path) => readFileSync(path).toString("base64");

/** Waits until nothing runs any more. */
async function nothingLeft(page) {
  for (const end = Date.now() + 5_000; page.workers().length > 0 && Date.now() < end;) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 0, "a worker is left");
  const left = await page.evaluate(() => ({
    tracks: window.opened.tracks.filter((track) => track.readyState !== "ended").length,
    contexts: window.opened.contexts.filter((context) => context.state !== "closed").length,
  }));
  assert.deepEqual(left, { tracks: 0, contexts: 0 });
}

test("a file gives what the page and the trainer's program give, and the engine's files are the page's", async () => {
  const path = speech(ANGRY, "library.wav", "-ar", "44100");
  const [expected] = predict(path);
  let shown;
  await withPage({}, async ({ choose, result, posterior, verdict }) => {
    await choose(path);
    await result(basename(path));
    shown = { posterior: await posterior(), verdict: await verdict() };
  });
  await onPage({}, async ({ page }) => {
    const analysis = await page.evaluate(async ({ content }) => {
      const progress = [];
      const loaded = [];
      const recognizer = await EmotionRecognizer.create({ onprogress: (at) => loaded.push(at) });
      const { model } = recognizer;
      const analysis = await recognizer.analyze(await file(content, "talk.wav"), { onprogress: (at) => progress.push(at) });
      recognizer.dispose();
      return { ...analysis, progress, loaded, model };
    }, { content: base64(path) });
    const [lane] = analysis.lanes;
    assert.equal(analysis.lanes.length, 1);
    assert.ok(analysis.complete);
    // The page shows thousandths.
    assert.ok(distance(lane.probabilities, shown.posterior) <= 0.0015, JSON.stringify([lane, shown]));
    assert.equal(lane.label ?? "unsure", shown.verdict);
    assert.ok(distance(lane.probabilities, expected.posterior) <= 0.05, JSON.stringify([lane, expected]));
    assert.equal(lane.label ?? "unsure", expected.label.replace(" ", "-"));
    assert.deepEqual(Object.keys(lane.probabilities), analysis.model.labels);
    assert.ok(analysis.utterances.length > 0 && analysis.utterances.every(({ id }, i) => id === i + 1));
    assert.equal(lane.utterances, analysis.utterances.length);
    const { atMs, durationMs } = analysis.progress.at(-1);
    assert.ok(Math.abs(durationMs - analysis.durationMs) < 100 && Math.abs(durationMs - atMs) < 100, JSON.stringify(analysis.progress));
    const { receivedBytes, totalBytes } = analysis.loaded.at(-1);
    assert.equal(receivedBytes, totalBytes);
    await nothingLeft(page);
  });
  for (const [own, pages] of [["engine.wasm", "worker_bg.wasm"], ["engine-relaxed.wasm", "worker-relaxed_bg.wasm"], ["worklet.js", "worklet.js"], ["model.onnx", "model.onnx"]]) {
    assert.ok(readFileSync(join(DIST, "library", own)).equals(readFileSync(join(DIST, pages))), own);
  }
});

test("a microphone gives what the trainer's program gives, its events in order, and nothing is left", async () => {
  const path = speech(ANGRY, "library-live.wav");
  const [expected] = predict(path);
  await onPage({ microphone: path }, async ({ page }) => {
    await page.evaluate(async () => {
      window.recognizer = await EmotionRecognizer.create();
      document.querySelector("button").onclick = async () => {
        window.session = await recognizer.listen();
        window.events = heard(session);
      };
    });
    await page.getByRole("button").click();
    await page.waitForFunction(() => window.events?.speechstart.length > 0);
    const isExpected = (utterance) => distance(utterance.probabilities, expected.posterior) <= 0.1;
    let utterances = [];
    // The microphone may have opened in the middle of the first one.
    for (const end = Date.now() + 60_000; !utterances.some(isExpected);) {
      assert.ok(Date.now() < end, JSON.stringify({ utterances, expected }));
      await page.waitForTimeout(200);
      utterances = await page.evaluate(() => events.utterance);
    }
    const { events, summary } = await page.evaluate(async () => ({ summary: await session.stop(), events }));
    const match = utterances.find(isExpected);
    if (expected.confidence > 0.7) assert.equal(match.label, expected.label);
    assert.ok(events.order.indexOf("speechstart") < events.order.indexOf("prediction"));
    assert.ok(events.order.indexOf("prediction") < events.order.indexOf("utterance"));
    assert.equal(events.order.at(-1), "close");
    assert.deepEqual(events.close, [{ summary }]);
    assert.deepEqual(events.error, []);
    assert.ok(events.level.length > 10 && events.level.every(({ dbfs }) => dbfs >= -120 && dbfs <= 0));
    assert.ok(events.prediction.every(({ lane, atMs, probabilities }) =>
      lane === 0 && atMs > 0 && Math.abs(Object.values(probabilities).reduce((a, b) => a + b) - 1) < 1e-4));
    assert.ok(Math.abs(summary.startedAt - Date.now()) < 120_000);
    assert.ok(summary.complete && summary.lanes[0].speechMs > 0);
    // The microphone is off although the recognizer is still there.
    assert.equal(await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState !== "ended").length), 0);
    await page.evaluate(() => recognizer.dispose());
    await nothingLeft(page);
  });
});

test("pushed PCM in pieces of any size, in sessions side by side, gives what the file gives", async () => {
  const path = speech(HAPPY, "library-pcm.wav", "-ar", "24000", "-ac", "1");
  await onPage({}, async ({ page }) => {
    const { whole, pushed, order } = await page.evaluate(async ({ content }) => {
      const recognizer = await EmotionRecognizer.create();
      const other = await EmotionRecognizer.create();
      const [samples] = await pcm(content);
      const whole = await recognizer.analyze(await file(content, "talk.wav"));
      const push = async (recognizer, size) => {
        const session = recognizer.open({ sampleRate: 24_000 });
        const events = heard(session);
        for (let at = 0; at < samples.length; at += size) await session.write(samples.subarray(at, at + size));
        const summary = await session.close();
        return { summary, utterances: events.utterance, order: events.order };
      };
      const pushed = await Promise.all([push(recognizer, 1_000), push(recognizer, 4_097), push(other, 240_000)]);
      recognizer.dispose();
      other.dispose();
      return { whole, pushed, order: pushed[0].order };
    }, { content: base64(path) });
    for (const { summary, utterances } of pushed) {
      assert.equal(summary.durationMs, whole.durationMs);
      assert.ok(distance(summary.lanes[0].probabilities, whole.lanes[0].probabilities) <= 0.001, JSON.stringify([summary, whole]));
      assert.deepEqual(utterances.map(({ startMs, endMs, label }) => [startMs, endMs, label]), whole.utterances.map(({ startMs, endMs, label }) => [startMs, endMs, label]));
    }
    assert.equal(order.at(-1), "close");
    await nothingLeft(page);
  });
});

test("each lane is its own speaker, in files and pushed, and two channels of one voice are one", async () => {
  const [left, right] = [speech(ANGRY, "lane-left.wav", "-ac", "1"), speech(HAPPY, "lane-right.wav", "-ac", "1")];
  const call = join(emptyFolder(), "call.wav");
  // First one, then the other.
  execFileSync("ffmpeg", ["-v", "error", "-i", left, "-i", right, "-filter_complex",
    "[0]apad=pad_dur=8[a];[1]adelay=6500,apad=pad_dur=2[b];[a][b]join=inputs=2:channel_layout=stereo[c]", "-map", "[c]", "-ar", "48000", "-t", "13", call]);
  const stereo = speech(ANGRY, "lane-stereo.wav", "-ac", "2");
  await onPage({}, async ({ page }) => {
    const answers = await page.evaluate(async ([call, stereo, left, right]) => {
      const recognizer = await EmotionRecognizer.create();
      const alone = [await recognizer.analyze(await file(left, "left.wav")), await recognizer.analyze(await file(right, "right.wav"))];
      const apart = await recognizer.analyze(await file(call, "call.wav"));
      const mixed = await recognizer.analyze(await file(call, "call.wav"), { lanes: "mix" });
      const voice = await recognizer.analyze(await file(stereo, "stereo.wav"));
      const planes = await pcm(call);
      const session = recognizer.open({ sampleRate: 48_000, lanes: 2 });
      const events = heard(session);
      for (let at = 0; at < planes[0].length; at += 9_600) await session.write(planes.map((plane) => plane.subarray(at, at + 9_600)));
      const pushed = await session.close();
      recognizer.dispose();
      return { alone, apart, mixed, voice, pushed, events };
    }, [call, stereo, left, right].map(base64));
    assert.deepEqual([answers.apart, answers.mixed, answers.voice, answers.pushed].map(({ lanes }) => lanes.length), [2, 1, 1, 2]);
    for (const [lane, { lanes: [alone] }] of answers.alone.entries()) {
      for (const of of [answers.apart, answers.pushed]) {
        assert.ok(distance(of.lanes[lane].probabilities, alone.probabilities) <= 0.05, JSON.stringify([lane, of.lanes[lane], alone]));
      }
    }
    assert.ok(answers.apart.utterances.some(({ lane }) => lane === 0) && answers.apart.utterances.some(({ lane }) => lane === 1));
    const ids = answers.events.utterance.map(({ id }) => id);
    assert.deepEqual(ids, ids.map((_, i) => i + 1));
  });
});

test("labels and a minimum narrow what is claimed", async () => {
  const path = speech(ANGRY, "library-labels.wav");
  await onPage({}, async ({ page }) => {
    const { all, two, sure } = await page.evaluate(async ({ content }) => {
      const analyse = async (options) => {
        const recognizer = await EmotionRecognizer.create(options);
        const analysis = await recognizer.analyze(await file(content, "talk.wav"));
        recognizer.dispose();
        return analysis;
      };
      return { all: await analyse({}), two: await analyse({ labels: ["sad", "happy"] }), sure: await analyse({ minConfidence: 1 }) };
    }, { content: base64(path) });
    const [{ probabilities }] = all.utterances;
    const [limited] = two.utterances;
    const share = probabilities.sad + probabilities.happy;
    assert.deepEqual(Object.keys(limited.probabilities).sort(), ["happy", "sad"]);
    assert.ok(Math.abs(limited.probabilities.sad - probabilities.sad / share) < 1e-3, JSON.stringify([limited, probabilities]));
    assert.ok(["happy", "sad", null].includes(limited.label));
    assert.equal(limited.confidence, Math.max(...Object.values(limited.probabilities)));
    assert.equal(sure.utterances[0].label, null);
    assert.deepEqual(sure.utterances[0].probabilities, probabilities);
  });
});

test("a calibration comes out as text, goes in again and changes the answers of its recognizer alone", async () => {
  const neutral = reading("05", "library-reading.wav");
  const path = speech("03-01-08-02-01-01-05", "library-calibrated.wav");
  await onPage({}, async ({ page }) => {
    const { before, after, beside, ended, wrong, foreign, short } = await page.evaluate(async ([neutral, content]) => {
      const recognizer = await EmotionRecognizer.create();
      const talk = await file(content, "talk.wav");
      const before = await recognizer.analyze(talk);
      const read = async (seconds) => {
        const session = recognizer.open({ sampleRate: 48_000 });
        const [samples] = await pcm(neutral);
        await session.write(samples.subarray(0, 48_000 * seconds));
        return session.calibrate();
      };
      const calibration = await read(20);
      const short = await refusal(() => read(1));
      const fitted = await EmotionRecognizer.create({ calibration });
      const after = await fitted.analyze(talk);
      const beside = await recognizer.analyze(talk);
      await fitted.setCalibration(null);
      const ended = await fitted.analyze(talk);
      const wrong = await refusal(() => EmotionRecognizer.create({ calibration: "{}" }));
      const other = { ...JSON.parse(calibration), model: "0".repeat(64) };
      const foreign = await refusal(() => fitted.setCalibration(JSON.stringify(other)));
      recognizer.dispose();
      fitted.dispose();
      return { before, after, beside, ended, wrong, foreign, short };
    }, [neutral, path].map(base64));
    const of = ({ lanes: [{ probabilities }] }) => probabilities;
    assert.ok(distance(of(after), of(before)) > 0.002, JSON.stringify([of(after), of(before)]));
    assert.deepEqual(of(beside), of(before));
    assert.deepEqual(of(ended), of(before));
    assert.equal(wrong.code, "no-calibration");
    assert.equal(foreign.code, "calibration-of-other-model");
    assert.equal(short.code, "read-too-little");
    await nothingLeft(page);
  });
});

test("an option out of its range is refused by name and range", async () => {
  const path = speech(ANGRY, "library-options.wav");
  await onPage({}, async ({ page }) => {
    const refusals = await page.evaluate(async ({ content }) => {
      const recognizer = await EmotionRecognizer.create();
      const create = (options) => refusal(() => EmotionRecognizer.create(options));
      const open = (options) => refusal(() => recognizer.open(options));
      const refusals = [
        await create({ minConfidence: 1.5 }),
        await create({ minConfidence: NaN }),
        await create({ minConfidence: "0.5" }),
        await create({ labels: ["angry"] }),
        await create({ labels: ["angry", "bored"] }),
        await create({ labels: "angry" }),
        await create({ calibration: 7 }),
        await create({ minConfidense: 0.5 }),
        await create({ signal: true }),
        await create({ onprogress: 1 }),
        await open({}),
        await open({ sampleRate: 7_999 }),
        await open({ sampleRate: 44_100.5 }),
        await open({ sampleRate: 16_000, lanes: 0 }),
        await refusal(() => recognizer.listen({ source: document.body })),
        await refusal(() => recognizer.listen({ deviceId: 1 })),
        await refusal(async () => recognizer.analyze(await file(content, "talk.wav"), { lanes: 2 })),
      ];
      recognizer.dispose();
      return refusals;
    }, { content: base64(path) });
    const says = [
      /`minConfidence` must be a number from 0 to 1, not 1\.5/,
      /`minConfidence` must be a number from 0 to 1, not NaN/,
      /`minConfidence` must be a number from 0 to 1, not "0\.5"/,
      /`labels` must be a list of two or more of neutral, .*, not \["angry"\]/,
      /`labels` .* not \["angry", "bored"\]/,
      /`labels` .* not "angry"/,
      /`calibration` must be .* not 7/,
      /`minConfidense` is not an option of EmotionRecognizer\.create/,
      /`signal` must be an AbortSignal/,
      /`onprogress` must be a function/,
      /`sampleRate` must be a whole number of Hz from 8000 to 192000, not missing/,
      /`sampleRate` .* not 7999/,
      /`sampleRate` .* not 44100\.5/,
      /`lanes` must be a whole number from 1 to 32, not 0/,
      /`source` must be a MediaStream, .* not HTMLBodyElement/,
      /`deviceId` must be a text, not 1/,
      /`lanes` must be "auto", "mix" or "channels", not 2/,
    ];
    for (const [i, pattern] of says.entries()) {
      assert.equal(refusals[i]?.code, "bad-option", `${i}: ${JSON.stringify(refusals[i])}`);
      assert.match(refusals[i].message, pattern);
      assert.ok(refusals[i].advice.length > 10 && refusals[i].name === "EmotionError" && !refusals[i].retryable);
    }
    await nothingLeft(page);
  });
});

test("bad sound, an ended session and a recognizer that is gone are named", async () => {
  const [letter, silence] = [bytes("This is a letter.", "library-letter.mp3"), generated("anullsrc=r=16000:cl=mono:d=2", "library-silence.wav")];
  await onPage({ microphone: speech(ANGRY, "library-bad.wav") }, async ({ page }) => {
    const codes = await page.evaluate(async ([letter, silence]) => {
      const recognizer = await EmotionRecognizer.create();
      const session = recognizer.open({ sampleRate: 16_000 });
      const code = async (act) => (await refusal(act))?.code;
      const moved = new Float32Array(10);
      structuredClone(moved, { transfer: [moved.buffer] });
      const codes = {
        letter: await code(async () => recognizer.analyze(await file(letter, "letter.mp3"))),
        silence: await code(async () => recognizer.analyze(await file(silence, "silence.wav"))),
        empty: await code(() => recognizer.analyze(new Blob([]))),
        text: await code(() => recognizer.analyze("talk.wav")),
        written: await code(() => session.write([1, 2, 3])),
        none: await code(() => session.write(new Float32Array(0))),
        moved: await code(() => session.write(moved)),
        nan: await code(() => session.write(Float32Array.of(0, NaN))),
        planes: await code(() => session.write([new Float32Array(4), new Float32Array(4)])),
        mute: await code(() => recognizer.listen(new MediaStream())),
      };
      await session.close();
      codes.ended = await code(() => session.write(new Float32Array(10)));
      const kept = recognizer.open({ sampleRate: 16_000 });
      const events = heard(kept);
      await kept.write(new Float32Array(16_000));
      recognizer.dispose();
      recognizer.dispose();
      const summary = await kept.closed;
      return { ...codes, order: events.order, complete: summary.complete, disposed: await code(() => recognizer.listen()), opened: await code(() => recognizer.open({ sampleRate: 16_000 })) };
    }, [letter, silence].map(base64));
    assert.deepEqual(codes, {
      letter: "file-not-audio",
      silence: "file-silent",
      empty: "file-empty",
      text: "bad-audio",
      written: "bad-audio",
      none: "bad-audio",
      moved: "bad-audio",
      nan: "bad-audio",
      planes: "bad-audio",
      mute: "no-audio-track",
      ended: "session-closed",
      order: ["close"],
      complete: false,
      disposed: "disposed",
      opened: "disposed",
    });
    await nothingLeft(page);
  });
});

test("a signal gives up loading, listening and analysing, and nothing is left", async () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const long = generated("sine=frequency=220:r=16000:d=1800", "library-long.wav");
  const alter = { "library/model.onnx": async (body) => { await held; return body; } };
  await onPage({ microphone: speech(ANGRY, "library-abort.wav"), alter }, async ({ page, server }) => {
    const loading = await page.evaluate(() => {
      const aborter = new AbortController();
      setTimeout(() => aborter.abort(), 200);
      return refusal(() => EmotionRecognizer.create({ signal: aborter.signal }));
    });
    assert.equal(loading.name, "AbortError");
    await nothingLeft(page);
    release();
    server.alter.delete("library/model.onnx");
    await page.evaluate(async () => { window.recognizer = await EmotionRecognizer.create(); });
    const names = await page.evaluate(async ({ long }) => {
      const before = await refusal(() => recognizer.listen({ signal: AbortSignal.abort() }));
      const opening = new AbortController();
      const listening = refusal(() => recognizer.listen({ signal: opening.signal }));
      opening.abort();
      const later = new AbortController();
      const session = await recognizer.listen({ signal: later.signal });
      const events = heard(session);
      setTimeout(() => later.abort(), 300);
      await session.closed;
      const analysing = new AbortController();
      const analysed = refusal(async () => recognizer.analyze(await file(long, "long.wav"), {
        signal: analysing.signal, onprogress: () => analysing.abort(),
      }));
      return { before: before.name, listening: (await listening).name, closed: events.order.at(-1), analysed: (await analysed).name };
    }, { long: base64(long) });
    assert.deepEqual(names, { before: "AbortError", listening: "AbortError", closed: "close", analysed: "AbortError" });
    await page.evaluate(() => recognizer.dispose());
    await nothingLeft(page);
  });
});

test("an engine that crashes ends its sessions with what was heard, and another can be created", async () => {
  const path = speech(ANGRY, "library-crash.wav", "-ar", "16000", "-ac", "1");
  await onPage({ script: () => {
    const Plain = window.Worker;
    window.Worker = class extends Plain { constructor(...given) { super(...given); window.lastWorker = this; } };
  } }, async ({ page }) => {
    const { error, summary, refused, order, again } = await page.evaluate(async ({ content }) => {
      const recognizer = await EmotionRecognizer.create();
      const session = recognizer.open({ sampleRate: 16_000 });
      const events = heard(session);
      const [samples] = await pcm(content);
      await session.write(samples);
      while (events.utterance.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      lastWorker.terminate();
      const summary = await session.closed;
      const refused = await refusal(() => recognizer.open({ sampleRate: 16_000 }));
      recognizer.dispose();
      const other = await EmotionRecognizer.create();
      const again = await other.analyze(await file(content, "talk.wav"));
      other.dispose();
      return { error: events.error[0], summary, refused, order: events.order, again };
    }, { content: base64(path) });
    assert.equal(error.code, "engine-crashed");
    assert.ok(error.retryable);
    assert.deepEqual(order.slice(-2), ["error", "close"]);
    assert.equal(summary.complete, false);
    assert.ok(summary.lanes[0].utterances > 0 && summary.lanes[0].speechMs > 0);
    assert.equal(refused.code, "engine-crashed");
    assert.ok(again.complete);
    await nothingLeft(page);
  });
});

test("files that are missing, of another build or kept back by a policy are named", async () => {
  const refused = (alter, html) => {
    let error;
    return onPage({ alter, html, trusts: ["policy"] }, async ({ page }) => {
      error = await page.evaluate(() => refusal(() => EmotionRecognizer.create()));
      await nothingLeft(page);
    }).then(() => error);
  };
  const missing = () => null;
  const model = await refused({ "library/model.onnx": missing });
  assert.equal(model.code, "model-unavailable");
  assert.match(model.advice, /model\.onnx: the server answered 404/);
  assert.ok(model.retryable);
  assert.equal((await refused({ "library/engine-relaxed.wasm": missing })).code, "engine-unavailable");
  assert.match((await refused({ "library/worker.js": missing })).message, /worker could not be started/);
  const other = await refused({ "library/worker.js": (body) => Buffer.concat([Buffer.from(`{
    const post = self.postMessage.bind(self);
    self.postMessage = (message) => post(message.booted ? { booted: { ...message.booted, build: "another" } } : message);
  }`), body]) });
  assert.equal(other.code, "engine-outdated");
  const broken = await refused({ "library/model.onnx": (body) => body.subarray(0, body.length / 2) });
  assert.equal(broken.code, "model-mismatch");
  const base = "default-src 'none'; img-src 'self'; script-src 'self' 'unsafe-inline'";
  for (const [policy, directive] of [
    [`${base}; connect-src 'self'; worker-src 'self'`, /script-src/],
    [`${base} 'wasm-unsafe-eval'; worker-src 'self'`, /connect-src/],
    [`${base} 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'none'`, /worker-src/],
  ]) {
    const blocked = await refused({}, PAGE(undefined, policy));
    assert.equal(blocked.code, "blocked-by-policy", JSON.stringify(blocked));
    assert.match(blocked.message, directive);
  }
});

test("a worker that never answers is given up, whether it is silent from the start or later", async () => {
  // Long waits are twenty times as short.
  const script = () => {
    const plain = window.setTimeout;
    window.setTimeout = (then, ms, ...more) => plain(then, ms >= 10_000 ? ms / 20 : ms, ...more);
  };
  for (const [worker, said] of [["", /worker could not be started: it does not answer[^]*worker-src/], ["postMessage('loaded');", /The engine could not be started[^]*does not answer/]]) {
    await onPage({ script, alter: { "library/worker.js": () => Buffer.from(worker) } }, async ({ page }) => {
      const error = await page.evaluate(() => refusal(() => EmotionRecognizer.create()));
      assert.equal(error.code, "engine-unavailable");
      assert.match(`${error.message} ${error.advice}`, said);
      assert.ok(error.retryable);
      await nothingLeft(page);
    });
  }
});

test("each refusal of a microphone has its code, and a device that goes ends its session with what was heard", async () => {
  await onPage({ microphone: speech(ANGRY, "library-refused.wav") }, async ({ page }) => {
    const { codes, lost, withdrawn, ended, allowedAt } = await page.evaluate(async () => {
      const recognizer = await EmotionRecognizer.create();
      const { mediaDevices } = navigator;
      const { getUserMedia } = mediaDevices;
      const codes = {};
      for (const name of ["NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError", "AbortError", "TypeError"]) {
        mediaDevices.getUserMedia = () => Promise.reject(new DOMException("because", name));
        codes[name] = (await refusal(() => recognizer.listen())).code;
      }
      // The person takes a while to allow it.
      let allowedAt;
      mediaDevices.getUserMedia = async (wishes) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const stream = await getUserMedia(wishes);
        allowedAt = Date.now();
        return stream;
      };
      /** What comes after a track has ended. */
      const ending = async (session, track) => {
        const events = heard(session);
        while (events.level.length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
        track.dispatchEvent(new Event("ended"));
        const summary = await session.closed;
        return { codes: events.error.map(({ code }) => code), retryable: events.error[0]?.retryable, order: events.order.slice(-2), complete: summary.complete, durationMs: summary.durationMs, startedAt: summary.startedAt };
      };
      const own = await recognizer.listen();
      mediaDevices.getUserMedia = getUserMedia;
      const lost = await ending(own, window.opened.tracks.at(-1));
      const again = await recognizer.listen();
      navigator.permissions.query = async () => ({ state: "denied" });
      const withdrawn = await ending(again, window.opened.tracks.at(-1));
      delete navigator.permissions.query;
      const stream = await mediaDevices.getUserMedia({ audio: true });
      const ended = await ending(await recognizer.listen(stream), stream.getAudioTracks()[0]);
      stream.getTracks().forEach((track) => track.stop());
      recognizer.dispose();
      return { codes, lost, withdrawn, ended, allowedAt };
    });
    assert.deepEqual(codes, {
      // The browser itself would have allowed it.
      NotAllowedError: "microphone-system",
      NotFoundError: "no-microphone",
      OverconstrainedError: "no-microphone",
      NotReadableError: "microphone-busy",
      AbortError: "microphone-busy",
      TypeError: "microphone-failed",
    });
    assert.deepEqual([lost.codes, lost.retryable, lost.order.at(-1), lost.complete], [["microphone-lost"], true, "close", true]);
    assert.deepEqual([withdrawn.codes, withdrawn.order.at(-1), withdrawn.complete], [["permission-withdrawn"], "close", true]);
    assert.deepEqual([ended.codes, ended.order.at(-1), ended.complete], [[], "close", true]);
    assert.ok(lost.durationMs > 0 && ended.durationMs > 0);
    assert.ok(lost.startedAt >= allowedAt, "it began before there was any sound");
    await nothingLeft(page);
  });
});

test("from another origin it works with the documented policy", async () => {
  const other = await serve({ "Access-Control-Allow-Origin": "*" });
  try {
    const { origin } = other;
    const policy = `default-src 'none'; script-src 'unsafe-inline' ${origin} 'wasm-unsafe-eval'; worker-src blob:; connect-src ${origin}; media-src blob:`;
    const path = speech(ANGRY, "library-origin.wav");
    await onPage({ html: PAGE(`${other.url}library/`, policy), trusts: [origin], microphone: path }, async ({ page }) => {
      const { analysis, levels } = await page.evaluate(async ({ content }) => {
        const recognizer = await EmotionRecognizer.create();
        const analysis = await recognizer.analyze(await file(content, "talk.wav"));
        const session = await recognizer.listen();
        const events = heard(session);
        while (events.level.length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
        recognizer.dispose();
        return { analysis, levels: events.level.length };
      }, { content: base64(path) });
      assert.ok(analysis.utterances.length > 0 && levels >= 5);
      await nothingLeft(page);
    });
  } finally {
    await other.close();
  }
});

test("a stream goes on when its session ends, an ended stream ends its session, a playing element is heard", async () => {
  const path = speech(ANGRY, "library-stream.wav");
  await onPage({ microphone: path }, async ({ page }) => {
    const answer = await page.evaluate(async ({ content }) => {
      const recognizer = await EmotionRecognizer.create();
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const first = await recognizer.listen(stream);
      await first.stop();
      const goesOn = stream.getAudioTracks()[0].readyState;
      const context = new AudioContext();
      const tone = new OscillatorNode(context);
      const made = new MediaStreamAudioDestinationNode(context);
      tone.connect(made);
      tone.start();
      const second = await recognizer.listen(made.stream, { lanes: 2 });
      const events = heard(second);
      while (events.level.length < 4) await new Promise((resolve) => setTimeout(resolve, 50));
      const lanes = new Set(events.level.map(({ lane }) => lane)).size;
      await second.stop();
      await context.close();
      const player = new Audio(URL.createObjectURL(await file(content, "talk.wav")));
      const third = await recognizer.listen(player);
      const played = heard(third);
      await player.play();
      while (played.utterance.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      await third.stop();
      stream.getTracks().forEach((track) => track.stop());
      recognizer.dispose();
      return { goesOn, lanes, heard: played.utterance[0].speechMs, errors: played.error };
    }, { content: base64(path) });
    assert.equal(answer.goesOn, "live");
    assert.equal(answer.lanes, 2);
    assert.ok(answer.heard > 0);
    assert.deepEqual(answer.errors, []);
    await nothingLeft(page);
  });
});

test("creating and disposing again and again leaves nothing, and recognizers share one worker", async () => {
  await onPage({}, async ({ page }) => {
    const rounds = Number(process.env.SPEECH_EMOTION_ROUNDS ?? 10);
    for (let round = 0; round < rounds; round++) {
      await page.evaluate(async () => {
        const both = await Promise.all([EmotionRecognizer.create(), EmotionRecognizer.create()]);
        window.both = both;
      });
      assert.equal(page.workers().length, 1);
      await page.evaluate(() => both.forEach((recognizer) => recognizer.dispose()));
      await nothingLeft(page);
    }
  });
});

test("it can be imported where there is no window, where creating one is refused in words", () => {
  const address = pathToFileURL(join(DIST, "library/index.js")).href;
  const program = `import(${JSON.stringify(address)}).then(({ EmotionRecognizer }) => EmotionRecognizer.create()).catch((error) => console.log(error.code))`;
  assert.equal(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" }).trim(), "unsupported");
  const element = pathToFileURL(join(DIST, "library/define.js")).href;
  execFileSync(process.execPath, ["-e", `import(${JSON.stringify(element)}).then(({ SpeechEmotionElement }) => process.exit(SpeechEmotionElement ? 0 : 1))`]);
});

test("its types take what the documentation says and refuse what is wrong", () => {
  const folder = emptyFolder();
  const library = join(DIST, "library");
  const documentation = readFileSync(new URL("../../docs/builders.md", import.meta.url), "utf8");
  const blocks = [...documentation.matchAll(/```ts\n([^]*?)```/g)]
    .map(([, code]) => `(async () => {\n${code.replaceAll(/^import .*$/gm, "")}\n});`);
  assert.ok(blocks.length >= 6);
  writeFileSync(join(folder, "main.ts"), `
    import { EmotionRecognizer } from "speech-emotion";
    import { annotate, annotateAsText, toPromptContext, type HeardUtterance } from "speech-emotion/context.js";
    import "speech-emotion/define.js";
    declare const transcript: string, turnStartMs: number, utterances: HeardUtterance[], words: string;
    declare const file: File, player: HTMLAudioElement, samples: Float32Array, stream: MediaStream;
    declare const recognizer: EmotionRecognizer;
    declare function show(...what: unknown[]): void;
    ${blocks.join("\n")}
    document.querySelector("speech-emotion")!.addEventListener("utterance", ({ detail }) => show(detail.label?.length));
    // @ts-expect-error: misspelt
    EmotionRecognizer.create({ minConfidense: 1 });
    // @ts-expect-error: made by create alone
    new EmotionRecognizer();
    // @ts-expect-error: a rate must be given
    recognizer.open({});
    // @ts-expect-error: so must be when the turn began
    toPromptContext(utterances, {});
    // What events bring goes in as it is.
    recognizer.open({ sampleRate: 16_000 }).addEventListener("utterance", ({ detail }) => annotate(transcript, [detail]));
  `);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2022", "dom"], types: [],
      paths: { "speech-emotion": [join(library, "index.d.ts")], "speech-emotion/define.js": [join(library, "define.d.ts")], "speech-emotion/context.js": [join(library, "context.d.ts")] },
    },
    files: ["main.ts"],
  }));
  const { stdout, status } = spawnSync(process.execPath, [tools.resolve("typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
