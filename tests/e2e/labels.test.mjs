// Models trained on other recordings than the shipped one: the page shows their labels, in their order.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { distance, emptyFolder, generated, predict, speech, train } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";

/** A model trained for a moment on buzzing tones that tremble as voices do, three speakers with two clips of each label. */
function model(labels) {
  const folder = emptyFolder();
  const lines = ["path,speaker,label"];
  for (const [k, label] of labels.entries()) {
    for (const [s, speaker] of ["anna", "ben", "carl"].entries()) {
      for (const take of [1, 2]) {
        const name = `${basename(folder)}-${k}-${speaker}-${take}.wav`;
        const pitch = 90 + 70 * s + 9 * k + take;
        const wave = `aevalsrc=0.3*mod(${pitch}*(t+0.0001*sin(2*PI*5.5*t))\\,1)*(1-0.6*cos(2*PI*t*${3 + 0.5 * k})):s=16000:d=1`;
        lines.push(`${generated(wave, name)},${speaker},"${label}"`);
      }
    }
  }
  const csv = join(folder, "clips.csv");
  writeFileSync(csv, lines.join("\n"));
  const out = join(folder, "model");
  mkdirSync(out);
  const data = join(folder, "data");
  train("--data", data, "all", "--manifest", csv, "--name", "Tones of a test", "--quick", "--epochs", "1", "--out", out);
  return join(out, "model.onnx");
}

/** What the server is to give instead of the shipped model. */
const instead = (path) => ({
  "model.onnx": () => readFileSync(path),
  "model.json": () => readFileSync(join(dirname(path), "model.json")),
});

const FEW = ["awake", "très content"];
const MANY = ["neutral", "anger", "boredom", "contempt", "curiosity", "disappointment in oneself", "embarrassment", "fear", "hope",
  "joy", "pride", "relief", "sadness", "Schadenfreude", "surprise", "überrascht"];

for (const labels of [FEW, MANY]) {
  test(`a model of ${labels.length} other labels is shown with them`, async () => {
    const path = model(labels);
    const file = speech(HAPPY, `other-${labels.length}.wav`);
    const [expected] = predict("--model", path, file);
    assert.deepEqual(Object.keys(expected.posterior), labels);
    for (const width of [360, 1440]) {
      for (const colorScheme of ["light", "dark"]) {
        const options = { alter: instead(path), viewport: { width, height: 740 }, colorScheme };
        await withPage(options, async ({ page, engine, choose, result, posterior, verdict }) => {
          await engine("ready");
          assert.match(await page.locator("#other-voices").innerText(), /as 3 speakers have expressed it: Tones of a test\./);
          assert.doesNotMatch(await page.locator("main").innerText(), /43 actors|acted/);
          const guess = Math.floor(100 / labels.length);
          assert.match(await page.locator("#model-facts").innerText(), new RegExp(`guessing would be right ${guess} times`));
          await choose(file);
          await result(basename(file));
          assert.deepEqual(await page.locator("#emotions .name").allInnerTexts(), labels);
          assert.ok(distance(await posterior(), expected.posterior) <= 0.05);
          assert.equal(await verdict(), expected.label);
          if (labels.includes(expected.label)) assert.equal(await page.locator("#verdict").innerText(), expected.label);
          const colours = await page.locator("#emotions .fill").evaluateAll((fills) => fills.map((fill) => getComputedStyle(fill).backgroundColor));
          assert.equal(new Set(colours).size, labels.length, colours.join(" "));
          await looksRight(page, `labels-${labels.length}-${width}-${colorScheme}`);
        });
      }
    }
  });
}

test("a model whose labels and statistics do not fit each other is named", async () => {
  const alter = {
    "model.json": (body) => {
      const manifest = JSON.parse(body);
      manifest.labels.pop();
      return Buffer.from(JSON.stringify(manifest));
    },
  };
  await withPage({ alter }, async ({ error }) => {
    assert.match(await error("model-mismatch"), /speaker\.means is 8 rows/);
  });
});
