// The page in Firefox, which Chromium's driver cannot control.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { PATIENCE, tools } from "./browser.mjs";
import { withSoundCard } from "./drivers.mjs";
import { goThrough } from "./everywhere.mjs";
import { holds, place } from "./library-page.mjs";
import { serve } from "./server.mjs";
import { distance, predict, speech } from "./sound.mjs";

const { launch } = tools("puppeteer-core");
const HAPPY = "03-01-03-02-02-01-12";

const firefox = () => launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true });

test("in Firefox a session is made, corrected, taken along and kept", async () => {
  const server = await serve();
  const browser = await firefox();
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(server.url);
    await goThrough({
      run: (script, ...given) => page.evaluate(script, ...given),
      choose: async (...paths) => (await page.$("#file")).uploadFile(...paths),
      reload: () => page.reload(),
    });
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await server.close();
  }
});

test("in Firefox a file gets the trainer's answer, nothing is fetched twice, and a second visit needs no network", async () => {
  const server = await serve();
  const browser = await firefox();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(server.url);
    await page.waitForSelector('body[data-engine="ready"]');

    const file = speech(HAPPY, "firefox.wav");
    const [expected] = predict(file);
    const input = await page.$("#file");
    await input.uploadFile(file);
    await page.waitForSelector('body[data-phase="result"]');
    assert.equal(await page.$eval("#kicker", (kicker) => kicker.innerText), basename(file));
    const posterior = await page.$$eval("#emotions li", (list) =>
      Object.fromEntries(list.map((item) => [item.dataset.emotion, item.dataset.permille / 1000])));
    assert.ok(distance(posterior, expected.posterior) <= 0.05, JSON.stringify([posterior, expected]));

    await page.waitForFunction(() => document.querySelector("#engine-text").innerText.includes("works offline"));
    // The browser itself looks for a newer service worker whenever it has been spoken to.
    const again = [...server.counts].filter(([name, count]) => count > 1 && !["index.html", "sw.js"].includes(name));
    assert.deepEqual(again, []);
    await server.close();
    await page.reload();
    await page.waitForSelector('body[data-engine="ready"]');
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await server.close().catch(() => {});
  }
});

test("in Firefox the library and its element give the trainer's answer for a file, PCM, a microphone and a player", async () => {
  const server = await serve();
  const expected = place(server);
  try {
    await withSoundCard(async (env) => {
      // A tone for a microphone, without a question.
      const extraPrefsFirefox = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true };
      const browser = await launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true, env, extraPrefsFirefox });
      try {
        const page = await browser.newPage();
        page.setDefaultTimeout(PATIENCE);
        const errors = [];
        page.on("pageerror", (error) => errors.push(String(error)));
        await page.goto(`${server.url}use.html#device`);
        const button = await page.waitForSelector("button:not([disabled])");
        await button.click();
        const told = await (await page.waitForFunction(() => window.told)).jsonValue();
        holds(told, expected);
        assert.ok(told.player.speechMs > 0 && told.player.summary.complete, JSON.stringify(told.player));
        assert.ok(told.device.complete && told.device.durationMs > 0);
        assert.deepEqual(errors, []);
      } finally {
        await browser.close();
      }
    });
  } finally {
    await server.close();
  }
});
