// What the page costs in Chromium: bytes, time to start, time per second of audio. Needs dist/.
// Usage: node benches/page.mjs

import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { open } from "../tests/e2e/browser.mjs";
import { generated, speech } from "../tests/e2e/sound.mjs";

const ROUNDS = 5;
const FILE_S = 60;
const DIST = new URL("../dist/", import.meta.url);

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const row = (what, value) => console.log(`| ${what} | ${value} |`);
const kilobytes = (names) => {
  const bodies = names.map((name) => readFileSync(new URL(name, DIST)));
  const raw = bodies.reduce((sum, body) => sum + body.length, 0);
  const gzip = bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
  return `${(gzip / 1e3).toFixed(0)} kB (${(raw / 1e3).toFixed(0)} kB raw)`;
};
const files = readdirSync(DIST);
const pick = (pattern) => kilobytes(files.filter((name) => pattern.test(name)));

console.log("| in Chromium | |\n|---|---|");
row("page to first paint: HTML, style, wasm and glue, gzip", pick(/^(index\.html|style-.*\.css|page-.*\.(js|wasm))$/));
row("engine, model and worklet to the first result, gzip", pick(/^(worker.*\.(js|wasm)|model\.(onnx|json)|worklet\.js)$/));
row("of these model.onnx and model.json", pick(/^model\.(onnx|json)$/));

const readyMs = [];
const paintMs = [];
const firstPosteriorMs = [];
const fileS = [];
const clip = speech("03-01-05-02-01-01-03", "bench.wav");
const file = generated(`amovie=${clip}:loop=0,asetpts=N/SR/TB,atrim=duration=${FILE_S}`, "minute.wav");
for (let round = 0; round < ROUNDS; round++) {
  const { page, engine, press, phase, choose, result, close } = await open({ microphone: clip });
  await engine("ready");
  readyMs.push(await page.evaluate(() => performance.now()));
  paintMs.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
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
  firstPosteriorMs.push(await page.evaluate(() => window.firstPosterior));
  await press("Stop");
  await phase("result");
  const begun = performance.now();
  await choose(file);
  await result("minute.wav");
  fileS.push((performance.now() - begun) / 1e3);
  await close();
}
const ms = (numbers) => `${median(numbers).toFixed(0)} ms`;
row("navigation to first contentful paint, localhost, empty cache", ms(paintMs));
row("navigation to engine ready, localhost, empty cache", ms(readyMs));
row("click to first posterior, recorded speech as the microphone", ms(firstPosteriorMs));
row(`decoding and analysing a file, real-time factor over ${FILE_S} s`, (median(fileS) / FILE_S).toFixed(4));
