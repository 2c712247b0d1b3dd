// Calls: a speaker on each channel.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { generated, speech } from "./sound.mjs";

const ANGRY = "03-01-05-02-01-01-05";
const SAD = "03-01-04-02-01-01-08";

/** Speakers who take turns, each on a channel of their own. */
function call(name, ...clips) {
  const parts = clips.map((clip, n) => speech(clip, `${name}-${n}.wav`, "-ac", "1", "-ar", "48000"));
  const inputs = parts.flatMap((part) => ["-i", part]);
  const shifted = parts.map((_, n) => `[${n}]adelay=${n * 5500}:all=1,apad=whole_dur=${5.5 * parts.length},aformat=sample_fmts=s16:sample_rates=48000:channel_layouts=mono[c${n}]`);
  const joined = `${parts.map((_, n) => `[c${n}]`).join("")}amerge=inputs=${parts.length}`;
  const path = generated("anullsrc=d=1", `${name}.wav`);
  execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-filter_complex", `${shifted.join(";")};${joined}`, path]);
  return path;
}

const lanes = (page) => page.locator("#lanes .lane").evaluateAll((list) => list.map((lane) => [lane.querySelector(".name").textContent, lane.dataset.verdict]));

const alone = (path) => async ({ choose, result, verdict }) => {
  await choose(path);
  await result(path.split("/").at(-1));
  return verdict();
};

test("a call is two speakers by itself, each with an answer of their own", async () => {
  const file = call("call", ANGRY, SAD);
  const each = [speech(ANGRY, "angry-alone.wav"), speech(SAD, "sad-alone.wav")];
  await withPage({ viewport: { width: 390, height: 800 }, colorScheme: "dark" }, async (opened) => {
    const { page, engine, choose, result } = opened;
    await engine("ready");
    const expected = [];
    for (const path of each) expected.push(await alone(path)(opened));
    assert.equal(await page.locator("#lanes").isVisible(), false);
    await choose(file);
    await result("call.wav");
    assert.deepEqual(await lanes(page), [["Left", expected[0]], ["Right", expected[1]]]);
    assert.equal(await page.locator("#verdict").innerText(), "2 speakers");
    assert.match(await page.locator("#detail").innerText(), /of speech in 0:1\d/);
    await looksRight(page, "lanes-390-dark");
    const bars = () => page.locator("#emotions li").evaluateAll((list) => list.map((item) => item.dataset.permille).join());
    await page.getByRole("button", { name: /^Left/ }).click();
    const left = await bars();
    await page.getByRole("button", { name: /^Right/ }).click();
    assert.notEqual(await bars(), left);
    assert.equal(await page.locator("#verdict").getAttribute("data-verdict"), expected[1]);
    const row = page.locator("#results-rows tr").last();
    assert.match(await row.innerText(), /Left: [^]*· Right: /);
  });
});

test("what channels are can be chosen, and one voice on two is one speaker", async () => {
  const stereo = speech(ANGRY, "stereo.wav", "-ac", "2");
  const file = call("chosen", ANGRY, SAD);
  await withPage({}, async ({ page, engine, choose, result }) => {
    await engine("ready");
    await choose(stereo);
    await result("stereo.wav");
    assert.equal(await page.locator("#lanes").isVisible(), false);
    await page.locator("#sound summary").click();
    await page.locator("#lanes-choice").selectOption("mix");
    await choose(file);
    await result("chosen.wav");
    assert.equal(await page.locator("#lanes").isVisible(), false);
    await page.locator("#lanes-choice").selectOption("channels");
    await choose(stereo);
    await page.locator("#lanes").waitFor();
    await page.locator('body[data-phase="result"]').waitFor();
    assert.equal((await lanes(page)).length, 2);
  });
});

test("three speakers on three channels", async () => {
  const file = call("three", ANGRY, SAD, ANGRY);
  await withPage({}, async ({ page, engine, choose, result }) => {
    await engine("ready");
    await choose(file);
    await result("three.wav");
    assert.deepEqual((await lanes(page)).map(([name]) => name), ["Channel 1", "Channel 2", "Channel 3"]);
    await looksRight(page, "lanes-1280-light");
  });
});

test("a microphone of two channels is two speakers where that is chosen", async () => {
  await withPage({ microphone: call("live", ANGRY, SAD) }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await page.locator("#sound summary").click();
    await page.locator("#lanes-choice").selectOption("channels");
    await press("Start listening");
    await phase("live");
    assert.equal((await lanes(page)).length, 2);
    await page.locator("#heard li").first().waitFor();
    await looksRight(page, "lanes-live");
    await press("Stop");
    await phase("result");
    assert.match(await page.locator("#verdict").innerText(), /2 speakers/);
  });
});
