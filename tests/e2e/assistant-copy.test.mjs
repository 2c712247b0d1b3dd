// What the page hands to an assistant: a text on the clipboard, with the words where a transcript was given.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { bytes } from "./sound.mjs";

const TRANSCRIPT = "WEBVTT\n\n00:00.000 --> 00:03.000\nKids are talking by the door.\n";
const permissions = ["clipboard-read", "clipboard-write"];

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());
const copy = async (page) => {
  await page.locator("#take summary").click();
  await page.locator('[data-act="assistant"]').click();
};

test("a recording is copied for an assistant, then with its words", async () => {
  await withPage({ permissions }, async ({ page, engine, press, result }) => {
    await engine("ready");
    await press("An angry voice");
    await result("An angry voice");
    await copy(page);
    const says = (text) => page.locator("#announcer").filter({ hasText: text }).waitFor({ state: "attached" });
    await says("Copied");
    const alone = await copied(page);
    assert.match(alone, /angry/);
    assert.match(alone, /may be wrong/);
    assert.ok(alone.length <= 300, alone);

    await page.setInputFiles("#session-file", bytes(TRANSCRIPT, "talk.vtt"));
    await says("Transcript added");
    await copy(page);
    await says("Copied");
    const both = await copied(page);
    assert.ok(both.startsWith(alone), both);
    assert.match(both, /\[angry 0\.\d\d\] Kids are talking by the door\./);
  });
});

test("what is no transcript is refused", async () => {
  await withPage({ permissions }, async ({ page, engine, error }) => {
    await engine("ready");
    await page.setInputFiles("#session-file", bytes("no times in here", "notes.vtt"));
    assert.match(await error("no-transcript"), /“notes\.vtt” is not a transcript/);
  });
});
