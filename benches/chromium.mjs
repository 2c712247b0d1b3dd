// What the page costs in Chromium, compared with onnxruntime-web and Meyda. Needs dist/ with dist/bench/, as
// built by scripts/bench. Usage: node benches/chromium.mjs OUT [part]...

import { writeFileSync } from "node:fs";
import { open } from "../tests/e2e/browser.mjs";
import { emptyFolder, generated, speech } from "../tests/e2e/sound.mjs";
import { downloads } from "./budget.mjs";
import { live, long, opened } from "./session.mjs";

const START_ROUNDS = 7;
const LIVE_ROUNDS = 3;
const FILE_S = 3_600;
const BURSTS = 20;

const median = (numbers) => quantile(numbers, 0.5);
const quantile = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * share)];

/** Notes in the page itself when it is ready. */
const noteReady = () => {
  const look = () => { if (document.body?.dataset.engine === "ready") window.readyAt ??= performance.now(); };
  new MutationObserver(look).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-engine"] });
};
const readyAt = ({ engine, page }) => engine("ready").then(() => page.evaluate(() => window.readyAt));

/** A page that does nothing but create a recognizer. */
const LIBRARY = `<!doctype html><title>Library</title><body><script type="module">
import { EmotionRecognizer } from "./library/index.js";
await EmotionRecognizer.create();
document.body.dataset.engine = "ready";
</script></body>`;

/** Milliseconds from navigation to readiness: the whole page with an empty cache and again, a page with the library, and onnxruntime-web alone. */
async function start() {
  const rounds = { ready: [], paint: [], library: [], onnxruntime: [] };
  for (let round = 0; round < START_ROUNDS; round++) {
    const ours = await open({ script: noteReady });
    rounds.ready.push(await readyAt(ours));
    rounds.paint.push(await ours.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    await ours.close();
    const library = await open({ pages: { "library.html": LIBRARY }, path: "library.html", script: noteReady });
    rounds.library.push(await readyAt(library));
    await library.close();
    const other = await open({ path: "bench/onnxruntime.html", script: noteReady });
    rounds.onnxruntime.push(await readyAt(other));
    await other.close();
  }
  const kept = await open({ profile: emptyFolder(), script: noteReady });
  await kept.page.getByText("works offline now").waitFor();
  const again = [];
  for (let round = 0; round < START_ROUNDS; round++) {
    await kept.page.reload();
    again.push(await readyAt(kept));
  }
  await kept.close();
  const times = median(rounds.onnxruntime.map((other, round) => other / rounds.ready[round]));
  return { ready_ms: median(rounds.ready), again_ms: median(again), paint_ms: median(rounds.paint), library_ms: median(rounds.library), onnxruntime_ms: median(rounds.onnxruntime), times };
}

/** Inference, features, the live loop and an hour of sound, on benches/bench.html. */
async function engine() {
  const { page, close } = await open({ path: "bench/bench.html" });
  page.setDefaultTimeout(600_000);
  const results = await page.evaluate(() => window.measured);
  await close();
  return results;
}

/** Milliseconds from the click to the first posterior, with recorded speech as the microphone. */
async function firstPosterior() {
  const clip = speech("03-01-05-02-01-01-03", "bench.wav");
  const took = [];
  for (let round = 0; round < LIVE_ROUNDS; round++) {
    const { page, engine, press, close } = await open({ microphone: clip });
    await engine("ready");
    await page.evaluate(() => {
      window.firstPosterior = new Promise((resolve) => {
        document.querySelector("#listen").addEventListener("click", () => {
          const clicked = performance.now();
          const list = document.querySelector("#emotions");
          // Starting empties the bars; the first posterior fills them.
          const changed = () => {
            if ([...list.children].some((item) => Number(item.dataset.permille) > 0)) resolve(performance.now() - clicked);
          };
          const what = { subtree: true, attributes: true, attributeFilter: ["data-permille"] };
          new MutationObserver(changed).observe(list, what);
        }, { once: true });
      });
    });
    await press("Start listening");
    took.push(await page.evaluate(() => window.firstPosterior));
    await close();
  }
  return median(took);
}

/**
 * Milliseconds from the first loud sample of a burst entering the worklet to the frame in which the
 * level on the screen has risen.
 */
async function latency() {
  const bursts = generated(`aevalsrc='0.4*sin(2*PI*440*t)*lt(mod(t,1.037),0.3)':s=48000:d=${BURSTS * 1.037 + 2}`, "bursts.wav");
  // Reports on its own port when a burst begins; all clocks in a browser count from the same epoch.
  const told = (body) => body.toString().replace("process(inputs) {", `process(inputs) {
    const loud = inputs[0][0]?.some((x) => Math.abs(x) > 0.1) ?? false;
    this.quiet = loud ? 0 : (this.quiet ?? 0) + 1;
    if (loud && !this.told) { this.told = true; this.port.postMessage(Date.now()); }
    if (this.quiet > 100) this.told = false;`);
  const { page, engine, press, phase, close } = await open({
    microphone: bursts,
    alter: { "worklet.js": (body) => Buffer.from(told(body)) },
    script: () => {
      window.burst = { begun: [], shown: [] };
      window.AudioWorkletNode = class extends AudioWorkletNode {
        constructor(...options) {
          super(...options);
          this.port.onmessage = ({ data }) => window.burst.begun.push(data);
        }
      };
    },
  });
  await engine("ready");
  await page.evaluate(() => {
    const level = document.querySelector("#level");
    let high = false;
    const look = () => {
      const share = level.getBoundingClientRect().width / level.parentElement.getBoundingClientRect().width;
      if (share > 0.5 && !high) window.burst.shown.push(performance.timeOrigin + performance.now());
      high = share > 0.5;
      requestAnimationFrame(look);
    };
    look();
  });
  await press("Start listening");
  await phase("live");
  await page.waitForTimeout(BURSTS * 1_037);
  const { begun, shown } = await page.evaluate(() => window.burst);
  await press("Stop");
  await close();
  const took = begun.map((begin) => shown.find((time) => time >= begin && time < begin + 700)).map((end, i) => end - begun[i]);
  const seen = took.filter((ms) => ms > 0);
  if (seen.length < BURSTS / 2) throw new Error(`only ${seen.length} of ${begun.length} bursts were seen`);
  return { median_ms: median(seen), p95_ms: quantile(seen, 0.95), bursts: seen.length };
}

/** Seconds to decode and analyse a recording of an hour. */
async function file() {
  const clip = speech("03-01-05-02-01-01-03", "clip.wav");
  const path = generated(`amovie=${clip}:loop=0,asetpts=N/SR/TB,atrim=duration=${FILE_S}`, "hour.ogg", "-ac", "1", "-ar", "48000");
  const { page, engine, choose, result, close } = await open({});
  page.setDefaultTimeout(600_000);
  await engine("ready");
  const begun = performance.now();
  await choose(path);
  const refused = page.locator("#alert[data-error]").waitFor().then(async () => {
    throw new Error(await page.locator("#alert").innerText());
  });
  await Promise.race([result("hour.ogg"), refused]);
  refused.catch(() => {});
  const took_s = (performance.now() - begun) / 1e3;
  await close();
  return { duration_s: FILE_S, took_s };
}

const parts = { downloads, start, engine, firstPosterior, latency, file, opened, live, long };
const [out, ...wanted] = process.argv.slice(2);
const results = {};
for (const name of wanted.length ? wanted : Object.keys(parts)) {
  console.error(`Chromium: ${name}`);
  results[name] = await parts[name]();
  writeFileSync(out, JSON.stringify(results, null, 2));
}
