// Every screen at both ends of the range of sizes, in both themes. SPEECH_EMOTION_SCREENSHOTS=FOLDER saves
// screenshots there to look at.

import assert from "node:assert/strict";
import { test } from "node:test";
import { looksRight, picture, withPage } from "./browser.mjs";
import { bytes, generated, speech } from "./sound.mjs";

const SURPRISED = "03-01-08-02-01-01-05";

for (const width of [360, 1440]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every screen fits ${width} px in the ${colorScheme} theme`, async () => {
      let release;
      const held = new Promise((resolve) => { release = resolve; });
      const options = {
        microphone: speech(SURPRISED, `looks-${width}-${colorScheme}.wav`),
        alter: { "model.onnx": async (body) => { await held; return body; } },
        viewport: { width, height: width === 360 ? 740 : 900 },
        colorScheme,
      };
      await withPage(options, async ({ page, engine, phase, press, choose, result, error }) => {
        const look = (name) => looksRight(page, `${name}-${width}-${colorScheme}`);
        await engine("starting");
        await look("1-loading");
        await press("Start listening");
        await phase("waiting");
        await look("2-waiting");
        release();
        await phase("live");
        await page.locator("#emotions li[data-top]").waitFor();
        await look("3-live");
        await page.locator("#heard li").first().waitFor();
        await look("4-heard");
        await press("Stop");
        await phase("result");
        await look("5-result");
        await choose(bytes("no sound", "a-file-with-a-rather-long-name-that-is-no-sound-at-all-2026-11-22.mp3"));
        await error("file-not-audio");
        await look("6-error");
        await choose(speech(SURPRISED, "talk.wav"));
        await result("talk.wav");
        await look("7-file");
        await choose(generated("sine=frequency=220:r=16000:d=1800", "half-an-hour.wav"));
        await phase("analysing");
        await look("8-analysing");
        await page.keyboard.press("Escape");
        await phase("result");
        await page.evaluate(() => dispatchEvent(new DragEvent("dragover", { dataTransfer: new DataTransfer() })));
        await page.locator(".dropzone").waitFor({ state: "visible" });
        await look("9-drop");
      });
    });
  }
}

for (const width of [360, 1440]) {
  test(`a high-contrast theme keeps bars, meter and button visible at ${width} px`, async () => {
    const options = {
      microphone: speech(SURPRISED, `forced-${width}.wav`),
      viewport: { width, height: 740 },
      forcedColors: "active",
    };
    await withPage(options, async ({ page, engine, press, phase }) => {
      await engine("ready");
      await press("Start listening");
      await phase("live");
      await page.locator("#heard li").first().waitFor();
      const colours = await page.evaluate(() => ["#level", "#emotions li[data-top] .fill", ".glyph", "#verdict"].map((selector) => {
        const part = document.querySelector(selector);
        const { backgroundColor, color } = getComputedStyle(part);
        return [selector, selector === "#verdict" ? color : backgroundColor, getComputedStyle(part.parentElement).backgroundColor];
      }));
      for (const [selector, ink, ground] of colours) assert.notEqual(ink, ground, selector);
      await picture(page, `forced-${width}`);
      await press("Stop");
      await phase("result");
    });
  });
}
