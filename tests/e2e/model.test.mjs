// A model of the visitor's own: in the place of the shipped one until it is removed; what is no model changes nothing.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { bytes, distance, predict, speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";
const asset = (name) => new URL(`../../assets/${name}`, import.meta.url).pathname;
const MODEL = asset("model.onnx");
const MANIFEST = JSON.parse(readFileSync(asset("model.json"), "utf8"));
const OTHER = ["ruhig", "gelassen", "froh", "traurig", "wütend", "ängstlich", "angewidert", "erstaunt"];

/** A model.json that differs from the shipped one. */
function manifest(change, name = "model.json") {
  const altered = structuredClone(MANIFEST);
  change(altered);
  return bytes(JSON.stringify(altered), name);
}

/** The shipped network with labels, thresholds and figures of its own. */
const own = () => manifest((model) => {
  model.labels = OTHER;
  model.version = "7.1.0";
  model.training.data_set = "Voices of a test";
  model.training.actors = 12;
  model.evaluation.war = 0.31;
  model.evaluation.strangers = null;
  model.session.unsure_below = 0.05;
  model.session.stricter = OTHER.map(() => 0);
}, "own.json");

const give = (page, ...files) => page.setInputFiles("#own-files", files);
const sign = (page) => page.locator("#own-sign");

/** Drops files on the page. */
const drop = (page, ...files) => page.evaluate((files) => {
  const dataTransfer = new DataTransfer();
  for (const { name, bytes } of files) dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  window.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
}, files.map((path) => ({ name: basename(path), bytes: readFileSync(path).toString("base64") })));

const labels = (page) => page.locator("#emotions .name").allTextContents();

test("a dropped model judges with its labels, thresholds and figures until it is removed", async () => {
  const file = speech(HAPPY, "own-model.wav");
  const [shipped] = predict(file);
  await withPage({}, async ({ page, server, engine, choose, result, posterior, press, verdict }) => {
    await engine("ready");
    await choose(file);
    await result(basename(file));
    const before = await verdict();
    const facts = await page.locator("#model-facts").innerText();
    await drop(page, MODEL, own());
    await sign(page).waitFor({ state: "visible" });
    assert.match(await sign(page).innerText(), /Your own model judges: version 7\.1\.0 \(ruhig, .*erstaunt\)/);
    assert.equal(await page.locator("body").getAttribute("data-phase"), "idle", "what another model said is not shown as its own");
    assert.match(await page.locator("#other-voices").innerText(), /as 12 speakers have expressed it: Voices of a test\./);
    assert.match(await page.locator("#model-facts").innerText(), /right about 31 times/);
    assert.equal(await page.locator("#voices").isVisible(), false);

    await choose(file);
    await result(basename(file));
    assert.deepEqual(await labels(page), OTHER);
    const renamed = Object.fromEntries(Object.entries(await posterior()).map(([label, share]) => [MANIFEST.labels[OTHER.indexOf(label)], share]));
    assert.ok(distance(renamed, shipped.posterior) < 0.05);
    // Its threshold names an emotion for whatever is most probable.
    assert.ok(OTHER.includes(await verdict()), await verdict());
    await looksRight(page, "own-model");

    await press("Back to the page's model");
    await engine("ready");
    assert.equal(await sign(page).isVisible(), false);
    assert.equal(await page.locator("#model-facts").innerText(), facts);
    assert.equal(await page.evaluate(() => document.activeElement.id), "own-summary");
    await choose(file);
    await result(basename(file));
    assert.deepEqual(await labels(page), MANIFEST.labels);
    assert.equal(await verdict(), before);
    assert.ok(server.counts.get("model.onnx") >= 1);
  });
});

test("a model is taken up again by an engine that had to be started anew", async () => {
  await withPage({}, async ({ page, engine, error, choose, result }) => {
    await engine("ready");
    await give(page, MODEL, own());
    await sign(page).waitFor({ state: "visible" });
    await page.workers()[0].evaluate(() => { setTimeout(() => close()); });
    await error("engine-crashed");
    await engine("ready");
    assert.equal(await sign(page).isVisible(), true);
    const file = speech(HAPPY, "own-again.wav");
    await choose(file);
    await result(basename(file));
    assert.deepEqual(await labels(page), OTHER);
  });
});

test("a voice that was fitted to the page's model is there again afterwards", async () => {
  await withPage({}, async ({ page, engine, press }) => {
    await engine("ready");
    await page.locator("#adapt").evaluate((element) => element.click());
    assert.equal(await page.locator("body").getAttribute("data-voice"), "listening");
    await give(page, MODEL, own());
    await sign(page).waitFor({ state: "visible" });
    assert.equal(await page.locator("body").getAttribute("data-voice"), "unknown");
    await press("Back to the page's model");
    await engine("ready");
    assert.equal(await page.locator("body").getAttribute("data-voice"), "listening");
    assert.equal(await page.evaluate(() => localStorage["speech-emotion voice"]), "listening");
  });
});

const WRONG = [
  ["a model without its description", () => [MODEL], "model-files", /model\.json is missing\.[^]*together/],
  ["a description without its model", () => [own()], "model-files", /model\.onnx is missing\.[^]*together/],
  ["two models", () => [MODEL, bytes(readFileSync(MODEL), "second.onnx"), own()], "model-files", /more than one model/],
  ["a broken description", () => [MODEL, bytes("{\"schema\": 1, ", "broken.json")], "model-refused", /model\.json is damaged[^]*exported with model\.onnx[^]*Nothing has changed/],
  ["a description that is something else", () => [MODEL, bytes("[1, 2, 3]", "list.json")], "model-refused", /model\.json is damaged/],
  ["a model of another front end", () => [MODEL, manifest((model) => { model.front_end.hop_samples = 160; }, "hop.json")], "model-refused", /another version of this program[^]*this version's trainer[^]*front_end/],
  ["a description of another model", () => [MODEL, manifest((model) => { model.onnx.sha256 = "0".repeat(64); }, "sha.json")], "model-refused", /do not belong together[^]*one export/],
  ["a network that is none", () => {
    const text = Buffer.from("this is no network");
    const sha256 = createHash("sha256").update(text).digest("hex");
    const described = manifest((model) => { Object.assign(model.onnx, { bytes: text.length, sha256 }); }, "text.json");
    return [bytes(text, "text.onnx"), described];
  }, "model-refused", /cannot be run here[^]*Export it/],
  ["labels that are too few", () => [MODEL, manifest((model) => { model.labels = model.labels.slice(0, 7); model.speaker = null; model.session.stricter = []; model.session.activation = null; }, "few.json")], "model-refused", /cannot be run here|another version/],
];

test("what is no model is refused with a reason and a next step, and all that was there stays", async () => {
  const voice = asset("sample-angry.mp3");
  await withPage({}, async ({ page, engine, choose, result, verdict, error }) => {
    await engine("ready");
    await choose(voice);
    await result("sample-angry.mp3");
    for (const [what, files, id, words] of WRONG) {
      await give(page, ...files());
      const said = await error(id);
      assert.match(said, words, what);
      assert.match(said, /Choose both files/, what);
      assert.equal(await verdict(), "angry", what);
      assert.equal(await sign(page).isVisible(), false, what);
      await page.evaluate(() => document.querySelector("#alert").removeAttribute("data-error"));
    }
    await choose(voice);
    await result("sample-angry.mp3");
    assert.equal(await verdict(), "angry");
  });
});

test("a model that is refused leaves the visitor's own in use", async () => {
  await withPage({}, async ({ page, engine, error }) => {
    await engine("ready");
    await give(page, MODEL, own());
    await sign(page).waitFor({ state: "visible" });
    await give(page, MODEL, bytes("{", "broken-again.json"));
    await error("model-refused");
    assert.match(await sign(page).innerText(), /version 7\.1\.0/);
    await engine("ready");
  });
});

test("while listening, a model is not exchanged and listening goes on", async () => {
  await withPage({ microphone: speech(HAPPY, "own-live.wav") }, async ({ page, engine, press, phase, error }) => {
    await engine("ready");
    await press("Start listening");
    await phase("live");
    await drop(page, MODEL, own());
    assert.match(await error("model-while-listening"), /Stop first/);
    await phase("live");
    assert.equal(await sign(page).isVisible(), false);
  });
});

for (const [width, colorScheme] of [[320, "dark"], [390, "light"], [1280, "dark"]]) {
  test(`whose model judges fits ${width} px in the ${colorScheme} theme`, async () => {
    await withPage({ viewport: { width, height: 800 }, colorScheme }, async ({ page, engine }) => {
      await engine("ready");
      await page.locator("#own-summary").click();
      await give(page, MODEL, own());
      await sign(page).waitFor({ state: "visible" });
      await looksRight(page, `own-${width}-${colorScheme}`);
    });
  });
}
