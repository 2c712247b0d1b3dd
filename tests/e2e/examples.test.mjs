// The examples, each used once on a phone in dark mode and once on a desktop in light mode.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { emptyFolder, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-03";
const HAPPY = "03-01-03-02-02-01-12";

/** Runs `use` on an example in both looks; it is given what keeps a screen. */
function example(title, name, use) {
  for (const [width, colorScheme] of [[320, "dark"], [1280, "light"]]) {
    test(`${title} (${width} px, ${colorScheme})`, async () => {
      const wav = speech(ANGRY, `example-${name}-${width}.wav`);
      const options = { path: `examples/${name}/index.html`, microphone: wav, viewport: { width, height: 720 }, colorScheme };
      await withPage(options, async ({ page, press }) => {
        await use(page, press, (screen) => looksRight(page, `example-${name}-${screen}-${width}-${colorScheme}`));
        assert.deepEqual(await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState !== "ended").length), 0);
      });
    });
  }
}

example("the survey listens after consent alone, and gives all answers as files", "survey", async (page, press, look) => {
  await page.locator("#agree:enabled").waitFor();
  await look("1-consent");
  assert.equal(await page.evaluate(() => window.opened.tracks.length), 0);
  await press("I agree, begin");
  await press("Answer");
  await page.locator("#heard").filter({ hasText: /s heard/ }).waitFor();
  await look("2-answering");
  await press("Done");
  await page.getByText("Question 2 of 3").waitFor();
  await press("Skip");
  await press("Skip");
  await page.locator("#rows tr").nth(2).waitFor();
  await look("3-result");
  const read = (id) => page.evaluate(async (id) => (await fetch(document.getElementById(id).href)).text(), id);
  const answers = JSON.parse(await read("json"));
  assert.equal(answers.length, 3);
  assert.ok(answers[0].speechMs > 0 && answers[1].speechMs === 0);
  const [head, first] = (await read("csv")).split("\r\n");
  assert.equal(head.split(",").length, 4 + Object.keys(answers[0].probabilities).length);
  assert.match(first, /^"How did your day begin\?"/);
});

example("practice shows how much of what is wished for is heard", "practice", async (page, press, look) => {
  await page.locator("#speak:enabled").waitFor();
  await page.selectOption("#goal", "angry");
  await look("1-ready");
  await press("Start speaking");
  await page.locator("#attempts li").first().waitFor();
  await press("Stop");
  await page.getByRole("button", { name: "Start speaking" }).waitFor();
  assert.match(await page.locator("#attempts li").first().innerText(), /^angry: \d+ %\. It sounded /);
  await look("2-attempt");
});

example("the call's review analyses the customer's channel alone", "call", async (page, press, look) => {
  const [left, right] = [speech(ANGRY, "call-left.wav", "-ac", "1"), speech(HAPPY, "call-right.wav", "-ac", "1")];
  const call = join(emptyFolder(), "call.wav");
  execFileSync("ffmpeg", ["-v", "error", "-i", left, "-i", right, "-filter_complex", "[0]apad=pad_dur=8[a];[1]adelay=6500[b];[a][b]join=inputs=2:channel_layout=stereo[c]", "-map", "[c]", "-t", "12", call]);
  await page.locator("#file:enabled").waitFor();
  await look("1-ready");
  await page.setInputFiles("#file", call);
  await page.locator("#rows tr").first().waitFor();
  await look("2-reviewed");
  const times = await page.locator("#rows button").allInnerTexts();
  assert.ok(times.every((time) => time <= "0:05"), "the left speaks first");
  await page.selectOption("#side", "1");
  // The right speaks later.
  await page.waitForFunction(() => {
    const times = [...document.querySelectorAll("#rows button")].map((button) => button.textContent);
    return times.length > 0 && times.every((time) => time >= "0:06");
  });
  await page.setInputFiles("#file", left);
  await page.getByRole("alert").filter({ hasText: "one channel" }).waitFor();
});
