// Several files: a queue, and their results side by side.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { PATIENCE, looksRight, withPage } from "./browser.mjs";
import { bytes, generated, speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";
const SAD = "03-01-04-02-01-01-08";
const ANGRY = "03-01-05-02-01-01-03";

const rows = (page) => page.locator("#results-rows tr").evaluateAll((list) => list.map((row) => ({
  name: row.querySelector(".name").textContent,
  state: row.dataset.state,
  headline: row.querySelector(".headline").textContent,
  length: row.querySelector(".length").textContent,
  speech: row.querySelector(".speech").textContent,
})));

async function settled(page, count) {
  await page.waitForFunction((count) => {
    const states = [...document.querySelectorAll("#results-rows tr")].map((row) => row.dataset.state);
    return states.length === count && states.every((state) => ["done", "failed", "cancelled"].includes(state));
  }, count, { timeout: PATIENCE + 1_000 * count });
}

test("several files are analysed one after the other, and one that is no audio stops none", async () => {
  const files = [speech(HAPPY, "one.wav"), bytes("no sound", "two.mp3"), speech(SAD, "three.wav"), bytes("", "four.wav"), speech(ANGRY, "five.wav")];
  for (const [width, colorScheme] of [[1280, "light"], [390, "dark"], [320, "light"]]) {
    await withPage({ viewport: { width, height: 800 }, colorScheme }, async ({ page, engine, choose, verdict }) => {
      await engine("ready");
      await choose(files);
      await settled(page, 5);
      const found = await rows(page);
      assert.deepEqual(found.map(({ name, state }) => [name, state]), [["one.wav", "done"], ["two.mp3", "failed"], ["three.wav", "done"], ["four.wav", "failed"], ["five.wav", "done"]]);
      assert.match(found[1].headline, /“two\.mp3” is not audio[^]*Choose/);
      assert.match(found[3].headline, /“four\.wav” is empty/);
      for (const at of [0, 2, 4]) assert.match(found[at].length, /^0:0\d$/);
      assert.equal(await page.locator("#results-status").innerText(), "5 of 5 done, 2 refused");
      assert.equal(await page.locator("#alert").isVisible(), false);
      await looksRight(page, `files-${width}-${colorScheme}`);
      for (const [at, name] of [[0, "one.wav"], [4, "five.wav"], [2, "three.wav"]]) {
        await page.getByRole("button", { name, exact: true }).click();
        assert.equal(await page.locator("#kicker").innerText(), name);
        const row = page.locator("#results-rows tr").nth(at);
        assert.equal(await verdict(), await row.locator(".headline").getAttribute("data-verdict"));
        assert.equal(await row.locator(".name").getAttribute("aria-pressed"), "true");
        assert.ok((await page.locator("#heard li").count()) > 0);
      }
    });
  }
});

test("one file is cancelled, and all that wait", async () => {
  const long = generated("sine=frequency=220:r=16000:d=1800", "long.wav");
  await withPage({}, async ({ page, engine, choose, phase }) => {
    await engine("ready");
    await choose([long, speech(SAD, "after.wav"), speech(HAPPY, "never.wav"), speech(ANGRY, "last.wav")]);
    await phase("analysing");
    await page.getByRole("button", { name: "Cancel never.wav" }).click();
    await page.getByRole("button", { name: "Cancel long.wav" }).click();
    await settled(page, 4);
    assert.deepEqual((await rows(page)).map(({ state }) => state), ["done", "done", "cancelled", "done"]);
    await choose([long, speech(SAD, "again.wav")]);
    await phase("analysing");
    await page.getByRole("button", { name: "Cancel all" }).click();
    await settled(page, 6);
    assert.deepEqual((await rows(page)).slice(4).map(({ state }) => state), ["done", "cancelled"]);
    await phase("result");
  });
});

test("files that come while listening wait until it has ended, and both results stay", async () => {
  await withPage({ microphone: speech(ANGRY, "listened.wav") }, async ({ page, engine, press, choose, phase }) => {
    await engine("ready");
    await press("Start listening");
    await page.locator("#heard li").first().waitFor();
    await choose(speech(SAD, "waiting.wav"));
    await page.locator("#results-rows tr").filter({ hasText: "Waits until listening has ended" }).waitFor();
    assert.equal(await page.locator("body").getAttribute("data-phase"), "live");
    await press("Stop");
    await phase("result");
    const overall = await page.locator("#verdict").innerText();
    await settled(page, 2);
    assert.equal(await page.locator("#verdict").innerText(), overall);
    assert.equal(await page.locator("#kicker").innerText(), "Overall");
    await page.getByRole("button", { name: "waiting.wav", exact: true }).click();
    assert.equal(await page.locator("#kicker").innerText(), "waiting.wav");
    await page.locator("#results-rows").getByRole("button", { name: /^Microphone \d\d:\d\d$/ }).click();
    assert.equal(await page.locator("#verdict").innerText(), overall);
  });
});

test("a folder is dropped with all that is sound in it", async () => {
  const content = readFileSync(speech(HAPPY, "inside.wav")).toString("base64");
  await withPage({}, async ({ page, engine }) => {
    await engine("ready");
    await page.evaluate((base64) => {
      const sound = (name) => new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name, { type: "audio/wav" });
      const file = (given) => ({ isFile: true, isDirectory: false, name: given.name, file: (take) => take(given) });
      const folder = (name, inside) => ({
        isFile: false, isDirectory: true, name,
        createReader: () => {
          // Two at a time, as browsers give a hundred.
          const rest = [...inside];
          return { readEntries: (take) => take(rest.splice(0, 2)) };
        },
      });
      const entry = folder("interviews", [
        file(sound("b.wav")), file(new File(["notes"], "notes.txt", { type: "text/plain" })),
        folder("more", [file(sound("c.wav"))]), file(sound("a.wav")), file(sound(".hidden.wav")),
      ]);
      const transfer = { items: { 0: { webkitGetAsEntry: () => entry }, length: 1 }, files: null };
      const drop = new Event("drop", { cancelable: true });
      Object.defineProperty(drop, "dataTransfer", { value: transfer });
      window.dispatchEvent(drop);
    }, content);
    await settled(page, 3);
    assert.deepEqual((await rows(page)).map(({ name, state }) => [name, state]), [["a.wav", "done"], ["b.wav", "done"], ["c.wav", "done"]]);
    assert.match(await page.locator("#results-status").innerText(), /3 of 3 done; 2 other files of the folder left out/);
  });
});

test("a file of almost two hours is analysed while the page is used, and one of more is refused", async () => {
  // Frames of MP3 follow each other as they are.
  const minute = readFileSync(speech(ANGRY, "minute.mp3", "-af", "apad=whole_dur=60", "-t", "60", "-ac", "1", "-ar", "16000", "-b:a", "16k", "-write_xing", "0", "-id3v2_version", "0"));
  const hours = (minutes, name) => bytes(Buffer.concat(Array(minutes).fill(minute)), name);
  await withPage({}, async ({ page, engine, choose, phase, error }) => {
    page.setDefaultTimeout(10 * PATIENCE);
    await engine("ready");
    await choose(hours(119, "long.mp3"));
    await phase("analysing");
    await page.locator("#heard li").nth(2).waitFor();
    await page.keyboard.press("m");
    await page.locator("#section-0").fill("beginning");
    await page.locator("#heard").focus();
    await page.keyboard.press("Home");
    await page.locator('#heard li[aria-selected="true"]').waitFor();
    assert.equal(await page.locator("body").getAttribute("data-phase"), "analysing", "all of that takes less than the file");
    await phase("result");
    assert.match(await page.locator("#detail").innerText(), /of speech in 1:59:\d\d$/);
    assert.ok(Number(await page.locator("#heard li").first().getAttribute("aria-setsize")) >= 119);
    assert.equal(await page.locator("#section-0").inputValue(), "beginning");
    assert.ok(await page.locator("#heard li").count() <= 60);
    await choose(hours(122, "longer.mp3"));
    assert.match(await error("file-too-long"), /2:0\d:\d\d/);
    assert.ok(await page.locator("#heard li").count() > 0);
  });
});

test("two hundred files at once are taken", async () => {
  const content = readFileSync(generated("anoisesrc=r=16000:a=0.2:d=1", "short.wav"));
  await withPage({}, async ({ page, engine, choose }) => {
    await engine("ready");
    await choose(Array.from({ length: 200 }, (_, n) => ({ name: `${n}.wav`, mimeType: "audio/wav", buffer: content })));
    await settled(page, 200);
    assert.equal((await rows(page)).filter(({ state }) => state === "done").length, 200);
  });
});

test("a file that is removed while it waits is named, and the others go on", async () => {
  await withPage({}, async ({ page, engine, choose }) => {
    await engine("ready");
    const gone = speech(SAD, "gone.wav");
    await choose([speech(HAPPY, "here.wav"), gone, speech(ANGRY, "there.wav")]);
    rmSync(gone);
    await settled(page, 3);
    const found = await rows(page);
    assert.deepEqual(found.map(({ state }) => state), ["done", "failed", "done"]);
    assert.match(found[1].headline, /“gone\.wav” cannot be read any more\.[^]*Choose it again/);
  });
});

test("speech is never longer than the sound it is in, and both are rounded alike", async () => {
  const half = speech(ANGRY, "half.wav", "-af", "silenceremove=start_periods=1:start_threshold=-40dB,atrim=start=0.4:duration=0.5");
  await withPage({}, async ({ page, engine, choose, result }) => {
    await engine("ready");
    await choose(half);
    await result("half.wav");
    const detail = await page.locator("#detail").innerText();
    const [, speechS, lengthS] = /([\d.]+)\s*s of speech in 0:0([\d.]+)/.exec(detail) ?? assert.fail(detail);
    assert.ok(Number(speechS) <= Number(lengthS), detail);
    assert.equal(speechS.split(".")[1].length, lengthS.split(".")[1].length, detail);
  });
});
