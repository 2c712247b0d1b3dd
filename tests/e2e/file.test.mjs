import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { bytes, distance, emptyFolder, generated, predict, speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";

test("files of any rate give what the trainer's program gives", async () => {
  const files = [
    speech(HAPPY, "48k.wav"),
    speech(HAPPY, "44k.flac", "-ar", "44100"),
    speech(HAPPY, "8k.wav", "-ar", "8000"),
    speech(HAPPY, "stereo.wav", "-ac", "2"),
  ];
  const expected = predict(...files);
  await withPage({}, async ({ page, choose, result, posterior, verdict }) => {
    for (const [i, file] of files.entries()) {
      await choose(file);
      await result(basename(file));
      assert.ok(distance(await posterior(), expected[i].posterior) <= 0.05,
        `${file}: ${JSON.stringify([await posterior(), expected[i]])}`);
      assert.equal(await verdict(), expected[i].label.replace(" ", "-"), file);
      assert.match(await page.locator("#detail").innerText(), /of speech in 0:0\d/);
    }
  });
});

test("a browser without relaxed SIMD gets an engine of its own, which answers the same and is kept", async () => {
  const file = speech(HAPPY, "plain.wav");
  const answers = [];
  for (const script of [undefined, () => { WebAssembly.validate = () => false; }]) {
    await withPage({ script, profile: emptyFolder() }, async ({ page, server, choose, result, posterior }) => {
      await choose(file);
      await result("plain.wav");
      answers.push(await posterior());
      await page.getByText("works offline now").waitFor();
      const fetched = [...server.counts.keys()].filter((name) => name.endsWith("_bg.wasm") && name.startsWith("worker"));
      assert.deepEqual(fetched, [script ? "worker_bg.wasm" : "worker-relaxed_bg.wasm"]);
    });
  }
  // They are shown in thousandths.
  assert.ok(distance(...answers) <= 0.0015, JSON.stringify(answers));
});

test("a dropped file is analysed", async () => {
  const content = readFileSync(speech(HAPPY, "dropped.wav")).toString("base64");
  await withPage({}, async ({ page, result }) => {
    await page.locator("#choose:enabled").waitFor();
    await page.evaluate(async (base64) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      data.items.add(new File([content], "dropped.wav", { type: "audio/wav" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
    }, content);
    await result("dropped.wav");
    assert.match(await page.locator("#detail").innerText(), /of speech/);
  });
});

test("what is no usable file is named with the reason", async () => {
  await withPage({}, async ({ choose, error, page }) => {
    await choose(bytes("This is a letter, not a sound.", "letter.mp3"));
    assert.match(await error("file-not-audio"), /“letter\.mp3” is not audio/);
    await choose(bytes("", "nothing.wav"));
    assert.match(await error("file-empty"), /“nothing\.wav” is empty/);
    await choose(generated("anullsrc=r=16000:cl=mono:d=2", "silence.wav"));
    assert.match(await error("file-silent"), /no sound in “silence\.wav”/);
    await choose(generated("anullsrc=r=8000:cl=mono:d=10800", "hours.flac"));
    assert.match(await error("file-too-long"), /“hours\.flac” is too long: 3:00:00\.[^]*2:00:00/);
    assert.equal(await page.locator("body").getAttribute("data-phase"), "idle");
  });
});

test("Escape cancels a file and shows what was read so far", async () => {
  const long = generated("sine=frequency=220:r=16000:d=1800", "long.wav");
  await withPage({}, async ({ page, choose, phase, engine }) => {
    await engine("ready");
    await choose(long);
    await phase("analysing");
    await page.keyboard.press("Escape");
    await phase("result");
    const [read] = (await page.locator("#file-progress-text").textContent()).split(" ");
    assert.notEqual(read, "30:00");
  });
});
