// The page in the GTK port of WebKit, the engine of Safari and of every browser on an iPhone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { PATIENCE, tools } from "./browser.mjs";
import { withWebKit } from "./drivers.mjs";
import { holds, place } from "./library-page.mjs";
import { serve } from "./server.mjs";
import { goThrough } from "./everywhere.mjs";
import { distance, predict, speech } from "./sound.mjs";

const { By } = tools("selenium-webdriver");
const HAPPY = "03-01-03-02-02-01-12";

test("in WebKit a session is made, corrected, taken along and kept", async () => {
  const server = await serve();
  try {
    await withWebKit(async (driver) => {
      await driver.get(server.url);
      await goThrough({
        run: (script, ...given) => driver.executeScript(`return (${script})(...arguments)`, ...given),
        choose: (...paths) => driver.findElement(By.id("file")).sendKeys(paths.join("\n")),
        reload: () => driver.navigate().refresh(),
      });
    });
  } finally {
    await server.close();
  }
});

test("in WebKit a file and the microphone get the trainer's answer", async () => {
  const file = speech(HAPPY, "webkit.wav");
  const [expected] = predict(file);
  const server = await serve();
  try {
    await withWebKit(async (driver) => {
      const shown = (selector) => driver.wait(async () => (await driver.findElements(By.css(selector)))[0], PATIENCE, selector);
      const press = (name) => driver.findElement(By.xpath(`//button[normalize-space()="${name}"]`)).click();
      const nearest = () => driver.executeScript(`
        const labels = [...document.querySelectorAll("#emotions li")].map(({ dataset }) => dataset.emotion);
        return [...document.querySelectorAll("#heard li")].map(({ dataset }) =>
          Object.fromEntries(dataset.permille.split(" ").map((share, i) => [labels[i], share / 1000])));
      `).then((heard) => Math.min(...heard.map((posterior) => distance(posterior, expected.posterior))));

      await driver.get(server.url);
      await shown('body[data-engine="ready"]');
      await driver.findElement(By.id("file")).sendKeys(file);
      await shown('body[data-phase="result"]');
      assert.equal(await driver.findElement(By.id("kicker")).getText(), basename(file));
      const posterior = await driver.executeScript(`
        return Object.fromEntries([...document.querySelectorAll("#emotions li")].map(({ dataset }) =>
          [dataset.emotion, dataset.permille / 1000]));
      `);
      assert.ok(distance(posterior, expected.posterior) <= 0.05, JSON.stringify([posterior, expected]));

      // Its own microphone beeps.
      await driver.executeScript(`
        const bytes = Uint8Array.from(atob(arguments[0]), (character) => character.charCodeAt(0));
        navigator.mediaDevices.getUserMedia = async () => {
          const context = new AudioContext();
          await context.resume();
          const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes.buffer) });
          const out = context.createMediaStreamDestination();
          source.connect(out);
          source.start();
          return out.stream;
        };
      `, readFileSync(file).toString("base64"));
      await press("Start listening");
      await shown('body[data-phase="live"]');
      // The file's utterances are gone first.
      await shown("#heard-empty:not([hidden])");
      await shown("#heard li");
      await press("Stop");
      await shown('body[data-phase="result"]');
      assert.ok(await nearest() <= 0.1, await driver.findElement(By.css("main")).getText());
    });
  } finally {
    await server.close();
  }
});

test("in WebKit the library and its element give the trainer's answer for a file, PCM and a microphone", async () => {
  const server = await serve();
  const expected = place(server);
  try {
    await withWebKit(async (driver) => {
      await driver.get(`${server.url}use.html`);
      const button = await driver.wait(async () => (await driver.findElements(By.css("button:not([disabled])")))[0], PATIENCE);
      await button.click();
      await driver.wait(() => driver.executeScript("return window.told !== undefined"), PATIENCE);
      const told = await driver.executeScript("return window.told");
      holds(told, expected);
      // Safari has no captureStream for media elements.
      assert.deepEqual(told.player, { code: "unsupported" });
    });
  } finally {
    await server.close();
  }
});
