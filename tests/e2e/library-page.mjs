// A page of somebody else that uses the library in every way, for browsers that are driven differently.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { distance, predict, speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; media-src 'self' blob:; img-src 'self'">
<button disabled>Use</button>
<speech-emotion lazy></speech-emotion>
<script type="module" src="use.js"></script></html>`;

const PROGRAM = `import { EmotionRecognizer } from "./library/index.js";
import "./library/define.js";

const content = await (await fetch("talk.wav")).arrayBuffer();
const expected = await (await fetch("expected.json")).json();
const talk = new File([content], "talk.wav");
/** Samples of a WAV of 16 bits and one channel. */
const samples = (() => {
  const view = new DataView(content);
  let at = 12;
  while (view.getUint32(at) !== 0x64617461) at += 8 + view.getUint32(at + 4, true);
  return Float32Array.from({ length: view.getUint32(at + 4, true) / 2 }, (_, i) => view.getInt16(at + 8 + 2 * i, true) / 32768);
})();
const code = (promise) => promise.then(() => null, (error) => error.code ?? String(error));
const sure = (session) => new Promise((resolve, reject) => {
  session.addEventListener("utterance", ({ detail }) => resolve(detail));
  session.addEventListener("error", ({ detail }) => reject(detail));
});

const isNear = ({ probabilities }) => Object.entries(expected).every(([label, share]) => Math.abs(probabilities[label] - share) <= 0.1);

/** A microphone that says what the file does, as soon as it is listened to. */
function microphone() {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const speak = async () => {
    await context.resume();
    const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(content.slice()) });
    source.connect(out);
    source.start();
  };
  return { stream: out.stream, speak };
}

async function use(recognizer, ofOwn, opening, player) {
  const session = await opening;
  const levels = [];
  session.addEventListener("level", ({ detail }) => levels.push(detail));
  // A device that is too busy loses sound.
  let live;
  for (let attempt = 0; attempt < 5 && !(live && isNear(live)); attempt++) {
    ofOwn.speak();
    live = await sure(session);
  }
  const summary = await session.stop();
  const file = await recognizer.analyze(talk);
  const pushed = recognizer.open({ sampleRate: 48_000 });
  for (let at = 0; at < samples.length; at += 9_600) await pushed.write(samples.subarray(at, at + 9_600));
  const element = document.querySelector("speech-emotion");
  const told = {
    live, summary, levels: levels.length,
    ended: ofOwn.stream.getAudioTracks()[0].readyState,
    file,
    pushed: await pushed.close(),
    element: await element.analyze(talk),
    says: element.shadowRoot.querySelector("[part=verdict]").textContent,
    nan: await code(recognizer.open({ sampleRate: 8_000 }).write(Float32Array.of(NaN))),
    letter: await code(recognizer.analyze(new Blob(["This is a letter."]))),
    mute: await code(recognizer.listen(new MediaStream())),
    player: await player,
  };
  recognizer.dispose();
  return { ...told, after: await code(recognizer.listen()) };
}

const recognizer = await EmotionRecognizer.create();
const button = document.querySelector("button");
button.onclick = () => {
  button.disabled = true;
  const ofOwn = microphone();
  // The first is its own.
  navigator.mediaDevices.getUserMedia = async () => {
    delete navigator.mediaDevices.getUserMedia;
    return ofOwn.stream;
  };
  const opening = recognizer.listen();
  if (location.hash === "#device") {
    window.device = recognizer.listen().then(async (session) => {
      await new Promise((resolve) => session.addEventListener("level", ({ detail }) => { if (detail.dbfs > -60) resolve(); }));
      return session.stop();
    });
  }
  const audio = new Audio("talk.wav");
  // WebKit's promise is not always kept, and the library does not listen to players there.
  audio.play().catch(() => {});
  const player = recognizer.listen(audio).then(
    async (session) => ({ speechMs: (await sure(session)).speechMs, summary: await session.stop() }),
    (error) => ({ code: error.code }),
  );
  Promise.all([use(recognizer, ofOwn, opening, player), window.device])
    .then(([told, device]) => { window.told = { ...told, device: device ?? null }; }, (error) => { window.told = { error: error.message + (error.advice ?? "") + error.stack }; });
};
button.disabled = false;
`;

/** Adds the page to a server; what it tells is to be held to what is given back, by `holds`. */
export function place(server) {
  const wav = speech(HAPPY, "library-use.wav", "-ar", "48000", "-ac", "1");
  const [expected] = predict(wav);
  server.pages.set("use.html", PAGE);
  server.pages.set("use.js", PROGRAM);
  server.pages.set("expected.json", JSON.stringify(expected.posterior));
  server.pages.set("talk.wav", readFileSync(wav));
  return expected;
}

/** What holds in every browser. */
export function holds(told, expected) {
  assert.equal(told.error, undefined);
  const [lane] = told.file.lanes;
  assert.ok(distance(lane.probabilities, expected.posterior) <= 0.05, JSON.stringify([lane, expected]));
  assert.equal(lane.label ?? "unsure", expected.label.replace(" ", "-"));
  for (const of of [told.pushed, told.element]) {
    assert.ok(of.complete);
    assert.equal(of.durationMs, told.file.durationMs);
    assert.equal(of.lanes[0].label, lane.label);
    assert.ok(distance(of.lanes[0].probabilities, lane.probabilities) <= 0.001, JSON.stringify([of, told.file]));
  }
  assert.ok(lane.label ? told.says.includes(lane.label) : /not sure/i.test(told.says), told.says);
  assert.ok(distance(told.live.probabilities, expected.posterior) <= 0.1, JSON.stringify([told.live, expected]));
  assert.ok(told.levels > 10 && told.summary.complete && told.summary.lanes[0].utterances >= 1);
  // The library asked for the microphone, so it switches it off.
  assert.equal(told.ended, "ended");
  assert.deepEqual([told.nan, told.letter, told.mute, told.after], ["bad-audio", "file-not-audio", "no-audio-track", "disposed"]);
}
