// <speech-emotion> on somebody else's page, and in a frame of another origin.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { serve } from "./server.mjs";
import { distance, predict, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-03";
const HAPPY = "03-01-03-02-02-01-12";

const base64 = (path) => readFileSync(path).toString("base64");

/** A page with these words in it, under a policy that allows no inline styles. */
const PAGE = (body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page of somebody else</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; connect-src 'self'; media-src blob:">
<script type="module" src="library/define.js"></script>
<form>${body}</form></html>`;

const listenTo = () => {
  window.told = [];
  const element = document.querySelector("speech-emotion");
  for (const name of ["speechstart", "prediction", "utterance", "close", "error"]) {
    element.addEventListener(name, ({ detail }) => told.push([name, detail instanceof Error ? { code: detail.code } : detail]));
  }
};

for (const [width, colorScheme] of [[320, "dark"], [320, "light"], [1280, "dark"], [1280, "light"]]) {
  test(`the element listens, answers, fills its form and fits ${width} px in the ${colorScheme} theme`, async () => {
    const wav = speech(ANGRY, `element-${width}-${colorScheme}.wav`);
    const pages = { "element.html": PAGE('<speech-emotion name="mood"></speech-emotion>') };
    await withPage({ pages, path: "element.html", microphone: wav, viewport: { width, height: 700 }, colorScheme }, async ({ page }) => {
      const look = (name) => looksRight(page, `element-${name}-${width}-${colorScheme}`);
      const says = (part) => page.locator(`speech-emotion [part="${part}"]`);
      await page.locator("speech-emotion .bars li").first().waitFor();
      await look("1-ready");
      await page.evaluate(listenTo);
      // With the keyboard alone.
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await says("button").filter({ hasText: "Stop" }).waitFor();
      await page.waitForFunction(() => told.some(([name]) => name === "prediction"));
      await look("2-live");
      await page.waitForFunction(() => told.some(([name]) => name === "utterance"));
      await page.keyboard.press("Enter");
      await says("button").filter({ hasText: "Start listening" }).waitFor();
      await look("3-result");
      const told = await page.evaluate(() => window.told);
      assert.equal(told.at(-1)[0], "close");
      const [lane] = told.at(-1)[1].summary.lanes;
      const verdict = await says("verdict").innerText();
      assert.ok(lane.label ? verdict.includes(lane.label) : /not sure|unclear|no speech/i.test(verdict), `${verdict}: ${JSON.stringify(lane)}`);
      const value = await page.evaluate(() => JSON.parse(new FormData(document.querySelector("form")).get("mood")));
      assert.deepEqual(value.lanes[0].probabilities, lane.probabilities);
      assert.ok(await says("timeline").locator("li").count() > 0);
      assert.match(await page.locator("speech-emotion [role=status]").textContent(), /\w/);
      assert.deepEqual(await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState !== "ended").length), 0);
      await page.evaluate(() => document.querySelector("speech-emotion").remove());
      for (const end = Date.now() + 5_000; page.workers().length > 0 && Date.now() < end;) await page.waitForTimeout(50);
      assert.equal(page.workers().length, 0);
    });
  });
}

test("the element analyses a file and a source, in a shadow root, and says what is wrong in words", async () => {
  const wav = speech(HAPPY, "element-file.wav");
  const [expected] = predict(wav);
  const pages = {
    "element.html": PAGE("<main></main>"),
    "talk.wav": readFileSync(wav),
  };
  await withPage({ pages, path: "element.html", viewport: { width: 360, height: 700 } }, async ({ page }) => {
    await page.evaluate(() => {
      const root = document.querySelector("main").attachShadow({ mode: "open" });
      root.innerHTML = '<speech-emotion src="talk.wav" labels="happy, angry, sad"></speech-emotion>';
      window.element = root.firstChild;
    });
    const part = (name) => page.locator(`main speech-emotion [part="${name}"]`);
    await page.getByRole("button", { name: "Analyse the recording" }).click();
    await part("timeline").locator("li").first().waitFor();
    assert.deepEqual(await part("bars").locator("li > span:first-child").allInnerTexts(), ["happy", "angry", "sad"]);
    const analysis = await page.evaluate(async (content) => {
      element.removeAttribute("labels");
      const blob = new Blob([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))]);
      return element.analyze(blob);
    }, base64(wav));
    assert.ok(distance(analysis.lanes[0].probabilities, expected.posterior) <= 0.05);
    await looksRight(page, "element-file");
    const thrown = await page.evaluate(() => element.analyze(new Blob(["no sound"])).catch(({ code }) => code));
    assert.equal(thrown, "file-not-audio");
    assert.match(await page.getByRole("alert").innerText(), /“The blob” is not audio[^]*Choose/);
    await looksRight(page, "element-error");
    await page.evaluate(() => element.setAttribute("minimum-confidence", "2"));
    await page.getByText("`minConfidence` must be a number from 0 to 1, not 2.").waitFor();
  });
});

test("a frame tells the page around what it hears, obeys it alone, and says when it may not listen", async () => {
  const other = await serve();
  const wav = speech(ANGRY, "frame.wav");
  try {
    const frame = (origin, more = "") => `<iframe src="${other.url}library/embed.html?${origin}" ${more} title="Speech emotion"></iframe>`;
    const html = (body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Around</title><script>
      window.told = [];
      addEventListener("message", ({ origin, data }) => told.push({ origin, ...data }));
    </script>${body}</html>`;
    const around = `origin=${encodeURIComponent("ORIGIN")}`;
    await withPage({ path: "", microphone: wav, trusts: [other.origin] }, async ({ page, server }) => {
      const place = async (name, body) => {
        server.pages.set(name, html(body.replaceAll(encodeURIComponent("ORIGIN"), encodeURIComponent(server.origin))));
        await page.goto(server.url + name);
      };
      const told = (type) => page.waitForFunction((type) => window.told.find((message) => message.type === type), type).then((found) => found.jsonValue());
      await place("allowed.html", frame(around, 'allow="microphone"'));
      const ready = await told("ready");
      assert.deepEqual([ready.origin, ready["speech-emotion"]], [other.origin, 1]);
      await page.evaluate(([content, origin]) => {
        const file = new Blob([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))]);
        document.querySelector("iframe").contentWindow.postMessage({ "speech-emotion": 1, type: "analyze", file }, origin);
      }, [base64(wav), other.origin]);
      assert.ok((await told("utterance")).detail.probabilities.angry >= 0);
      assert.ok((await told("close")).detail.summary.complete);
      await page.evaluate((origin) => document.querySelector("iframe").contentWindow.postMessage({ "speech-emotion": 1, type: "dance" }, origin), other.origin);
      assert.equal((await told("error")).detail.code, "bad-option");
      await page.frameLocator("iframe").getByRole("button", { name: "Start listening" }).click();
      await told("level");

      await place("forbidden.html", frame(around));
      await told("ready");
      await page.frameLocator("iframe").getByRole("button", { name: "Start listening" }).click();
      assert.equal((await told("error")).detail.code, "permissions-policy");
      assert.match(await page.frameLocator("iframe").getByRole("alert").innerText(), /allow="microphone"/);

      // A page that the address does not name is told nothing.
      await place("unnamed.html", frame("origin=https%3A%2F%2Fexample.org"));
      await page.frameLocator("iframe").getByRole("button", { name: "Start listening" }).click();
      await page.frameLocator("iframe").getByRole("alert").waitFor();
      assert.deepEqual(await page.evaluate(() => window.told), []);
    });
  } finally {
    await other.close();
  }
});
