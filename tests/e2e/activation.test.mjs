// How lively a voice sounds when its emotion is unclear, and how often that is right, with the strangers' figures first.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";

/** The shipped model, never sure of an emotion, with a scale for activation and figures of strangers. */
const manifest = (offset) => (body) => {
  const manifest = JSON.parse(body);
  manifest.session.unsure_below = 1;
  manifest.session.activation = {
    sides: [-1, -1, 1, -1, 1, 1, 0, 1], slope: 0.5, offset, lively_from: 0.8, quiet_to: 0.2,
  };
  manifest.evaluation.strangers = {
    corpora: 4, clips: 6482, speakers: 58, uar: 0.437, guessing: 0.185, claimed: 0.31, claimed_right: 0.662,
  };
  return Buffer.from(JSON.stringify(manifest));
};

for (const [offset, word] of [[9, "lively"], [-9, "quiet"]]) {
  test(`a voice whose emotion is unclear is called ${word} where that is clear`, async () => {
    const file = speech(HAPPY, `${word}.wav`);
    for (const [width, colorScheme] of [[360, "dark"], [1440, "light"]]) {
      const options = { alter: { "model.json": manifest(offset) }, viewport: { width, height: 740 }, colorScheme };
      await withPage(options, async ({ page, engine, choose, result, verdict }) => {
        await engine("ready");
        const facts = await page.locator("#model-facts").innerText();
        assert.match(facts, /^On people and languages it was never given, it is right about 44 times in 100 where guessing is right 18 times; where it names an emotion, 66 times\./);
        await choose(file);
        await result(basename(file));
        assert.equal(await page.locator("#verdict").innerText(), `Sounded ${word}, emotion unclear`);
        assert.equal(await verdict(), "unsure");
        assert.match(await page.locator("#heard li .word").first().innerText(), new RegExp(`^${word}, unclear$`, "i"));
        await looksRight(page, `activation-${word}-${width}-${colorScheme}`);
      });
    }
  });
}
