// Measures on the device it runs on; `window.measured` resolves to the numbers.

import { load } from "./onnxruntime.js";

const ROUNDS = 15;
const SEGMENTS_S = [1, 2, 3];
const FEATURES = 67;
const HOP = 256;
const FRAME = 512;
const SPEECH_HZ = 16_000;
const LIVE_HZ = 48_000;
const CHUNK = 1_024;

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const show = (text) => { document.querySelector("#status").textContent = text; };
/** The engine that this browser gets. */
async function engine() {
  const start = async (name) => {
    const { Bench, default: init } = await import(`./${name}.js`);
    return { Bench, wasm: await init() };
  };
  // Without relaxed SIMD it cannot be compiled.
  return start("bench-relaxed").catch(() => start("bench"));
}
/** Lets the page breathe between rounds. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Milliseconds of one call, from as many calls as take a tenth of a second. */
async function time(call) {
  let calls = 1;
  for (;;) {
    const begun = performance.now();
    for (let i = 0; i < calls; i++) await call();
    const took = performance.now() - begun;
    if (took >= 60) return took / calls;
    calls = Math.ceil(calls * Math.min(10, 80 / Math.max(took, 0.5)));
  }
}

/** Calls both in turns; medians, and the median of the ratios. */
async function compare(ours, other, done) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const first = await time(ours);
    const second = await time(other);
    rounds.push({ ours: first, other: second, ratio: second / first });
    done((round + 1) / ROUNDS);
    await pause();
  }
  const by = (key) => median(rounds.map((round) => round[key]));
  return { ours_ms: by("ours"), other_ms: by("other"), times: by("ratio") };
}

function row(what, { ours_ms, other_ms, times }) {
  const cells = [what, `${ours_ms.toFixed(3)} ms`, `${other_ms.toFixed(3)} ms`, times.toFixed(1)];
  const tr = document.createElement("tr");
  for (const cell of cells) tr.append(Object.assign(document.createElement("td"), { textContent: cell }));
  document.querySelector("#rows").append(tr);
}

/** A sawtooth with a gliding pitch in breaths of a second: as loud and as voiced as speech. */
function voice(seconds, rate) {
  let phase = 0;
  return Float32Array.from({ length: seconds * rate }, (_, n) => {
    const t = n / rate;
    phase = (phase + (140 + 40 * Math.sin(4 * t)) / rate) % 1;
    const noise = ((n * 7919) % 1009) / 1009 - 0.5;
    return t % 3 < 2.5 ? 0.2 * (phase - 0.5) + 0.01 * noise : 1e-4 * noise;
  });
}

async function measure() {
  const started = performance.now();
  const [{ Bench, wasm }, model, manifest] = await Promise.all([
    engine(),
    fetch("../model.onnx").then((response) => response.arrayBuffer()),
    fetch("../model.json").then((response) => response.text()),
  ]);
  const bench = new Bench(new Uint8Array(model), manifest, SPEECH_HZ);
  const loaded_ms = performance.now() - started;
  const onnxruntime = await load(model);

  const results = { user_agent: navigator.userAgent, rounds: ROUNDS, loaded_ms, inference: {} };
  const speech = voice(8, SPEECH_HZ);
  const features = bench.features(speech);
  const steps = SEGMENTS_S.length + 1;
  const progress = (step) => (share) => {
    document.querySelector("#progress").value = (step + share) / steps;
  };
  for (const [index, seconds] of SEGMENTS_S.entries()) {
    show(`Inference on ${seconds} s of speech`);
    const frames = Math.floor((seconds * SPEECH_HZ) / HOP / 4) * 4;
    const segment = features.slice(100 * FEATURES, (100 + frames) * FEATURES);
    const ours = bench.logits(segment);
    const other = await onnxruntime(segment, FEATURES);
    const apart = Math.max(...ours.map((logit, i) => Math.abs(logit - other[i])));
    if (!(apart < 1e-3)) throw new Error(`the logits are ${apart} apart`);
    const result = await compare(() => bench.logits(segment), () => onnxruntime(segment, FEATURES), progress(index));
    results.inference[`${seconds}_s`] = { ...result, logits_apart: apart };
    row(`inference on ${seconds} s of speech, onnxruntime-web`, result);
  }

  show("Features");
  const { Meyda } = window;
  Object.assign(Meyda, { bufferSize: FRAME, sampleRate: SPEECH_HZ, windowingFunction: "hanning", melBands: 64, numberOfMFCCCoefficients: 64 });
  const second = speech.subarray(0, SPEECH_HZ);
  const meyda = () => {
    for (let start = 0; start + FRAME <= second.length; start += HOP) {
      Meyda.extract("mfcc", second.subarray(start, start + FRAME));
    }
  };
  results.features = await compare(() => bench.features(second), meyda, progress(steps - 1));
  row("features of 1 s (MFCC, energy, pitch), Meyda's MFCC alone", results.features);

  show("The live loop");
  const live = voice(30, LIVE_HZ);
  bench.live(live, LIVE_HZ, CHUNK, 1);
  const shares = [];
  for (let round = 0; round < 5; round++) {
    const begun = performance.now();
    bench.live(live, LIVE_HZ, CHUNK, 1);
    shares.push((performance.now() - begun) / 30_000);
    await pause();
  }
  results.live_share_of_core = median(shares);

  show("An hour of sound");
  await pause();
  const before = wasm.memory.buffer.byteLength;
  const begun = performance.now();
  bench.live(live, LIVE_HZ, CHUNK, 120);
  results.hour = {
    took_s: (performance.now() - begun) / 1e3,
    memory_before_bytes: before,
    memory_after_bytes: wasm.memory.buffer.byteLength,
  };
  const share = (100 * results.live_share_of_core).toFixed(2);
  show(`Done. Listening live takes ${share} % of one core; an hour of sound leaves the memory ` +
    `${results.hour.memory_after_bytes === before ? "as it was" : "larger"}, ${(before / 1e6).toFixed(1)} MB.`);
  document.querySelector("#progress").value = 1;
  return results;
}

window.measured = measure();
window.measured.catch((error) => show(`It could not be measured: ${error.message ?? error}`));
