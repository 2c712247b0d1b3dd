// Adapting it to a voice: reading aloud, saving, loading, removing, and adapting while listening.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { looksRight, picture, withPage } from "./browser.mjs";
import { bytes, distance, emptyFolder, predict, reading, speech, train } from "./sound.mjs";

const ACTOR = "07";
const CALM = `03-01-02-01-01-01-${ACTOR}`;
const CLIPS = [CALM, ...["01-01-01-01", "04-01-01-01", "02-01-02-01", "04-01-02-01"].map((clip) => `03-01-${clip}-${ACTOR}`)];
const state = (page, name) => page.locator(`body[data-voice="${name}"]`).waitFor({ state: "attached" });
const expand = (page) => page.locator("#voice-summary").click();
const kept = (page) => page.evaluate(() => localStorage.getItem("speech-emotion voice"));

/** What the trainer's own program makes of a reading, as a file. */
function calibration(wav) {
  const path = join(emptyFolder(), "voice.json");
  train("predict", "--reference", wav, "--save-calibration", path, wav);
  return path;
}

test("a reading fits it to a voice, for now and for the next visit, until it is removed", async () => {
  const wav = reading(ACTOR, "reading.wav");
  // The model is less sure about the beginnings of its actors' sentences.
  const lengths = ["1.6", "1.8", "2.0", "2.2", "2.4"];
  const files = CLIPS.flatMap((clip, index) => lengths.map((s) => speech(clip, `clip${index}-${s}.wav`, "-t", s)));
  const answers = predict(...files);
  const moved = predict("--calibration", calibration(wav), ...files)
    .map(({ posterior }, index) => distance(posterior, answers[index].posterior));
  const most = moved.indexOf(Math.max(...moved));
  const [file, plain] = [files[most], answers[most]];
  await withPage({ microphone: wav, profile: emptyFolder() }, async ({ page, server, engine, phase, press, choose, result, posterior }) => {
    await engine("ready");
    await state(page, "unknown");
    await expand(page);
    await press("Start reading");
    await phase("reading");
    assert.equal(await page.evaluate(() => document.activeElement.id), "listen");
    assert.match(await page.locator("#reading-text").innerText(), /train leaves/);
    await page.locator("#reading-progress-text").filter({ hasText: "3 of 8\u202fs of speech" }).waitFor();
    await picture(page, "voice-reading");
    // It ends by itself.
    await state(page, "fitted");
    await phase("idle");
    assert.equal(await page.evaluate(() => document.activeElement.id), "voice-summary");
    assert.match(await page.locator("#announcer").innerText(), /Fitted to your voice/);
    assert.match(await page.locator("#voice").innerText(), /Fitted to your voice[^]*From 8\s?s of your speech[^]*a few numbers, no sound/);

    const download = page.waitForEvent("download");
    await page.getByText("Save as a file").click();
    const saved = await (await download).path();
    assert.deepEqual(JSON.parse(readFileSync(saved)), JSON.parse(await kept(page)));
    const [expected] = predict("--calibration", saved, file);
    assert.ok(distance(expected.posterior, plain.posterior) > 0.02, "it makes a difference");
    const isFitted = async () => {
      await choose(file);
      await result(basename(file));
      assert.ok(distance(await posterior(), expected.posterior) <= 0.01, JSON.stringify([await posterior(), expected.posterior]));
    };
    await isFitted();

    await page.reload();
    await state(page, "fitted");
    await isFitted();
    // Whatever happens to the engine.
    await page.workers()[0].evaluate(() => { setTimeout(() => close()); });
    await engine("starting");
    await engine("ready");
    await isFitted();

    await expand(page);
    await press("Remove");
    await state(page, "unknown");
    assert.equal(await kept(page), null);
    await choose(file);
    await page.locator("#file-progress-text").waitFor({ state: "attached" });
    await result(basename(file));
    assert.ok(distance(await posterior(), plain.posterior) <= 0.01);
    assert.equal(server.counts.get("worker-relaxed_bg.wasm") <= 2, true);
  });
});

test("a reading can be cancelled and ended early, and too little speech is named", async () => {
  const wav = speech(`03-01-01-01-01-01-${ACTOR}`, "short.wav");
  await withPage({ microphone: wav }, async ({ page, engine, phase, press, error }) => {
    await engine("ready");
    await expand(page);
    await press("Start reading");
    await phase("reading");
    await press("Cancel");
    await phase("idle");
    assert.equal(await page.evaluate(() => document.activeElement.id), "voice-summary");
    await press("Start reading");
    await phase("reading");
    await page.keyboard.press("Escape");
    await phase("idle");
    await press("Start reading");
    await page.locator("#reading-progress-text").filter({ hasText: /^[12] of 8/ }).waitFor();
    await press("Done");
    assert.match(await error("read-too-little"), /Too little speech was heard: \d\s?s\.[^]*At least 5\s?s are needed/);
    assert.equal(await page.evaluate(() => document.activeElement.id), "alert-action");
    // It is the reading that is tried again.
    await press("Try again");
    await phase("reading");
    await press("Done");
    assert.match(await error("read-nothing"), /No speech was heard\.[^]*not muted/);
    await phase("idle");
    await state(page, "unknown");
    const left = await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState !== "ended").length);
    assert.equal(left, 0);
  });
});

test("a reading without a microphone says so and can be tried again", async () => {
  await withPage({ permissions: ["microphone"] }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await expand(page);
    await press("Start reading");
    await error("no-microphone");
    await phase("idle");
  });
});

test("an engine that dies during a reading ends it with a word", async () => {
  await withPage({ microphone: reading(ACTOR, "dies.wav") }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await expand(page);
    await press("Start reading");
    await page.locator("#reading-progress-text").filter({ hasText: /^1 of 8/ }).waitFor();
    await page.workers()[0].evaluate(() => { setTimeout(() => close()); });
    await error("engine-crashed");
    await phase("idle");
    await engine("ready");
    await state(page, "unknown");
  });
});

test("a saved voice is loaded, and one of another model or a broken file changes nothing", async () => {
  const path = calibration(reading(ACTOR, "saved.wav"));
  const file = speech(CALM, "loaded.wav");
  const [expected] = predict("--calibration", path, file);
  const short = { ...JSON.parse(readFileSync(path)), offset: [0, 0] };
  const other = { ...JSON.parse(readFileSync(path)), model: "0".repeat(64) };
  await withPage({}, async ({ page, engine, press, error, choose, result, posterior }) => {
    await engine("ready");
    await expand(page);
    await page.setInputFiles("#voice-file", path);
    await state(page, "fitted");
    const before = await kept(page);
    await page.setInputFiles("#voice-file", bytes(JSON.stringify(other), "other.json"));
    assert.match(await error("calibration-of-other-model"), /another model\.[^]*nothing has changed/);
    for (const [i, content] of ["{", "{}", JSON.stringify(short), "x".repeat(200_000)].entries()) {
      const chooser = page.waitForEvent("filechooser");
      await press(i === 0 ? "Choose another" : "Load a file");
      await (await chooser).setFiles(bytes(content, `broken-${i}.json`));
      assert.match(await error("no-calibration"), /not a saved voice[^]*Nothing has changed/);
      await press("Choose another");
    }
    await state(page, "fitted");
    assert.equal(await kept(page), before);
    await choose(file);
    await result(basename(file));
    assert.ok(distance(await posterior(), expected.posterior) <= 0.01);

    // On the next visit there is another model, for which it is useless.
    await page.evaluate((other) => localStorage.setItem("speech-emotion voice", other), JSON.stringify(other));
    await page.reload();
    await state(page, "outdated");
    await expand(page);
    assert.match(await page.locator("#voice").innerText(), /fit your voice again[^]*The model has changed/);
    assert.equal(await page.locator("#alert").isVisible(), false);
    // Dropped anywhere on the page.
    await page.evaluate((json) => {
      const data = new DataTransfer();
      data.items.add(new File([json], "voice.json", { type: "application/json" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
    }, readFileSync(path, "utf8"));
    await state(page, "fitted");
  });
});

test("adapting while listening is off until it is switched on, and stays on", async () => {
  const file = speech(CALM, "listened.wav");
  const [expected] = predict("--listen", file);
  await withPage({ profile: emptyFolder() }, async ({ page, engine, choose, result, posterior }) => {
    await engine("ready");
    await expand(page);
    const adapt = page.getByRole("switch", { name: "Adapt slowly while listening instead" });
    assert.equal(await adapt.isChecked(), false);
    await adapt.focus();
    await page.keyboard.press("Space");
    await state(page, "listening");
    await page.reload();
    await engine("ready");
    await state(page, "listening");
    await choose(file);
    await result("listened.wav");
    assert.ok(distance(await posterior(), expected.posterior) <= 0.01);
    await expand(page);
    await adapt.uncheck();
    await state(page, "unknown");
    assert.equal(await kept(page), null);
  });
});

test("a browser that keeps nothing says so", async () => {
  const path = calibration(reading(ACTOR, "unkept.wav"));
  const script = () => {
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("forbidden", "SecurityError"); } });
  };
  await withPage({ script }, async ({ page, engine }) => {
    await engine("ready");
    await expand(page);
    await page.setInputFiles("#voice-file", path);
    await state(page, "fitted");
    assert.match(await page.locator("#voice").innerText(), /Nothing is kept/);
  });
});

test("a model without a neutral class has no reading, and one without statistics nothing of it", async () => {
  const change = (alteration) => ({
    "model.json": (body) => {
      const manifest = JSON.parse(body);
      alteration(manifest);
      return Buffer.from(JSON.stringify(manifest));
    },
  });
  await withPage({ alter: change((manifest) => { manifest.labels[0] = "plain"; }) }, async ({ page, engine }) => {
    await engine("ready");
    await expand(page);
    assert.equal(await page.locator("#read").isVisible(), false);
    assert.ok(await page.locator("#voice-load").isVisible());
    assert.ok(await page.locator("#adapt").isVisible());
    assert.doesNotMatch(await page.locator("#voice").innerText(), /aloud/);
  });
  await withPage({ alter: change((manifest) => { manifest.speaker = null; }) }, async ({ page, engine }) => {
    await engine("ready");
    assert.equal(await page.locator("#voice").isVisible(), false);
  });
});

for (const width of [360, 1440]) {
  for (const scheme of [{ colorScheme: "light" }, { colorScheme: "dark" }, { forcedColors: "active" }]) {
    const theme = scheme.colorScheme ?? "forced";
    test(`its screens fit ${width} px in the ${theme} theme`, async () => {
      const options = { microphone: reading(ACTOR, `voice-${width}-${theme}.wav`), viewport: { width, height: 740 }, ...scheme };
      await withPage(options, async ({ page, engine, phase, press, error }) => {
        const look = (name) => (theme === "forced" ? picture : looksRight)(page, `voice-${name}-${width}-${theme}`);
        await engine("ready");
        await look("1-closed");
        await expand(page);
        await look("2-open");
        await press("Start reading");
        await page.locator("#reading-progress-text").filter({ hasText: /^1 of 8/ }).waitFor();
        await look("3-reading");
        await press("Done");
        await error("read-too-little");
        await look("4-too-little");
        await press("Try again");
        await state(page, "fitted");
        await phase("idle");
        await look("5-fitted");
        await press("Remove");
        await page.locator("#adapt").check();
        await look("6-listening");
      });
    });
  }
}
