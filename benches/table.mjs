// Prints what scripts/bench measured as the tables in docs/performance.md, and writes it as one JSON file.
// Usage: node benches/table.mjs FOLDER

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const read = (name) => {
  const path = join(folder, name);
  return existsSync(path) ? JSON.parse(readFileSync(path)) : null;
};
const results = { native: read("bench-native.json"), chromium: read("bench-chromium.json") };
writeFileSync(join(folder, "bench.json"), `${JSON.stringify(results, null, 2)}\n`);

const ms = (number, digits = 0) => `${number.toFixed(digits)} ms`;
const kilobytes = ({ raw, gzip }) => `${(gzip / 1e3).toFixed(0)} kB (${(raw / 1e3).toFixed(0)} kB raw)`;
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const beside = (what, { ours_ms, other_ms, times }) =>
  row(what, ms(ours_ms, 2), ms(other_ms, 2), `**${times.toFixed(1)}**`);

const { native, chromium } = results;
console.log("| | this program | the other | times faster |\n|---|---|---|---|");
if (chromium) {
  const { start, engine } = chromium;
  if (start) {
    row("Chromium, empty cache to ready, onnxruntime-web", ms(start.ready_ms), ms(start.onnxruntime_ms), `**${start.times.toFixed(1)}**`);
  }
  for (const [seconds, result] of Object.entries(engine?.inference ?? {})) {
    beside(`Chromium, inference on ${parseInt(seconds, 10)} s of speech, onnxruntime-web`, result);
  }
  if (engine) beside("Chromium, features of 1 s (MFCC, energy, pitch), Meyda's MFCC alone", engine.features);
}
if (native) {
  for (const [frames, result] of Object.entries(native.inference)) {
    beside(`natively, inference on ${Math.round((frames * 256) / 16_000)} s of speech, onnxruntime`, result);
  }
  beside("natively, MFCC of 6 s, librosa", native.mfcc);
  beside("natively, features of 6 s (MFCC, energy, pitch), librosa's MFCC alone", native.features);
}
if (chromium) {
  const { downloads, start, engine, firstPosterior, latency, file, opened, live, long } = chromium;
  console.log("\n| in Chromium | |\n|---|---|");
  if (downloads) {
    row("page to first paint: HTML, style, wasm and glue, gzip", kilobytes(downloads.page));
    row("engine, model and worklet to the first result, gzip", kilobytes(downloads.engine));
    row("of these model.onnx and model.json", kilobytes(downloads.model));
  }
  if (start) row("navigation to first contentful paint, localhost, empty cache", ms(start.paint_ms));
  if (start) row("second visit, navigation to ready", ms(start.again_ms));
  if (start) row("empty cache to ready: the page, a page that creates a recognizer of the library", `${ms(start.ready_ms)}, ${ms(start.library_ms)}`);
  if (firstPosterior) row("click to first posterior, recorded speech as the microphone", ms(firstPosterior));
  if (latency) row("a sound reaching the worklet to its level on the screen, median and 95 %", `${ms(latency.median_ms)}, ${ms(latency.p95_ms)}`);
  if (engine) {
    row("listening live, share of one core", `${(100 * engine.live_share_of_core).toFixed(2)} %`);
    const grown = engine.hour.memory_after_bytes - engine.hour.memory_before_bytes;
    row("an hour of sound: memory of the engine, growth", `${(engine.hour.memory_before_bytes / 1e6).toFixed(1)} MB, ${grown} bytes`);
  }
  if (engine) row("an hour of sound through the engine", `${engine.hour.took_s.toFixed(0)} s`);
  if (file) row("decoding and analysing a file of an hour", `${file.took_s.toFixed(1)} s`);
  if (opened || live || long) console.log("\n| a session | |\n|---|---|");
  const slowest = (list, what) => Object.entries(list).reduce((a, b) => (b[1][what] > a[1][what] ? b : a));
  const listed = (list, what) => {
    const [name, result] = slowest(list, what);
    return `${ms(result[what])} (${name})`;
  };
  for (const [what, session] of [["an hour on screen", opened], ["listening for an hour", live], ["after a file of two hours", long]]) {
    if (!session?.interactions) continue;
    row(`${what}, processor 4 times slower: longest from an input to the next paint`, listed(session.interactions, "paint"));
    row(`${what}, processor 4 times slower: most processor time of the page's thread for one input`, listed(session.interactions, "busy"));
  }
  if (opened) {
    row("exporting an hour, slowest format, from the click to the file", listed(opened.exports, "took"));
    row("of that processor time of the page's thread", listed(opened.exports, "busy"));
  }
  const megabytes = ({ heap, programs }) => `${(heap / 1e6).toFixed(1)} MB and ${(programs / 1e6).toFixed(1)} MB`;
  if (live) row("listening live, JavaScript's heap and the programs' memory after 10 minutes, after an hour", `${megabytes(live.early)}, ${megabytes(live.late)}`);
  if (long) {
    row("a file of two hours: time, utterances", `${long.took_s.toFixed(0)} s, ${long.utterances}`);
    row("a file of two hours: longest task of the page's thread, processor time", ms(long.tasks_ms[0] ?? 0));
  }
}
