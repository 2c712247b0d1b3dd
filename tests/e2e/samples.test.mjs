// The recordings that ship with the page: heard, judged right, and pictured as they are.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { distance, emptyFolder, predict } from "./sound.mjs";

const EMOTIONS = ["happy", "angry", "fearful"];
const file = (emotion) => new URL(`../../assets/sample-${emotion}.mp3`, import.meta.url).pathname;
const named = (emotion) => `${emotion === "angry" ? "An" : "A"} ${emotion} voice`;

/** Keeps what the page plays. */
const listen = () => {
  window.played = [];
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    window.played.push(this);
    return play.call(this);
  };
};

test("each sample is heard and judged as what it was acted to be, as predict judges it", async () => {
  await withPage({ script: listen }, async ({ page, server, engine, press, result, verdict, posterior }) => {
    await engine("ready");
    for (const emotion of EMOTIONS) {
      const expected = predict(file(emotion))[0];
      await press(named(emotion));
      await result(named(emotion));
      assert.equal(await verdict(), emotion);
      assert.equal(expected.label, emotion);
      // Browsers decode MP3 a few samples apart.
      assert.ok(distance(await posterior(), expected.posterior) < 0.05, emotion);
      assert.equal(server.counts.get(`sample-${emotion}.mp3`), 1, "it is fetched when it is asked for");
    }
    // Only the last one goes on.
    await page.waitForFunction((count) => window.played.length === count && window.played.slice(0, -1).every((audio) => audio.paused), EMOTIONS.length);
    const focused = await page.evaluate(() => document.activeElement.id);
    assert.equal(focused, "sample-fearful", "the keyboard stays where it was");
    await press("Start listening");
    await page.waitForFunction(() => window.played.every((audio) => audio.paused));
  });
});

test("a sample that cannot be fetched is named, and what was there stays", async () => {
  await withPage({ alter: { "sample-angry.mp3": () => null } }, async ({ page, engine, press, result, verdict, error }) => {
    await engine("ready");
    await press(named("happy"));
    await result(named("happy"));
    await press(named("angry"));
    assert.match(await error("sample-unavailable"), /the server answered 404\. Check the connection/);
    assert.equal(await verdict(), "happy");
    assert.equal(await page.locator("#kicker").innerText(), named("happy"));
  });
});

test("samples are there without a network", async () => {
  await withPage({ profile: emptyFolder() }, async ({ page, server, engine, press, result, verdict }) => {
    await page.getByText("works offline now").waitFor();
    await server.close();
    await page.reload();
    await engine("ready");
    await press(named("fearful"));
    await result(named("fearful"));
    assert.equal(await verdict(), "fearful");
  });
});

for (const [width, colorScheme] of [[320, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
  test(`samples fit ${width} px in the ${colorScheme} theme`, async () => {
    await withPage({ viewport: { width, height: 800 }, colorScheme }, async ({ page, engine, press, result }) => {
      await engine("ready");
      await looksRight(page, `samples-${width}-${colorScheme}`);
      await press(named("angry"));
      await result(named("angry"));
      await looksRight(page, `samples-result-${width}-${colorScheme}`);
    });
  });
}

test("each picture is that of its sound", () => {
  const html = readFileSync(new URL("../../index.html", import.meta.url), "utf8");
  for (const emotion of EMOTIONS) {
    const bytes = execFileSync("ffmpeg", ["-v", "error", "-i", file(emotion), "-f", "s16le", "-ac", "1", "-ar", "16000", "-"]);
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const length = Math.floor(samples.length / 32);
    const loudness = Array.from({ length: 32 }, (_, bar) =>
      Math.hypot(...samples.subarray(bar * length, (bar + 1) * length)));
    const loudest = Math.max(...loudness);
    const heights = loudness.map((value) => Math.max(1, Math.round(15 * value / loudest)));
    const path = heights.map((height, bar) => `M${2 + 3 * bar} ${17 - height}v${2 * height}`).join("");
    const [, drawn] = html.match(new RegExp(`id="sample-${emotion}"[^]*?<path d="([^"]*)"`));
    const drawnHeights = [...drawn.matchAll(/v(\d+)/g)].map(([, height]) => Number(height) / 2);
    assert.equal(drawnHeights.length, heights.length);
    assert.ok(drawnHeights.every((height, bar) => Math.abs(height - heights[bar]) <= 1), `${emotion} is ${path}`);
  }
});
