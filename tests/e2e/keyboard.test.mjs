import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { generated, speech } from "./sound.mjs";

const FEARFUL = "03-01-06-02-01-01-16";

test("everything can be done with the keyboard alone", async () => {
  await withPage({ microphone: speech(FEARFUL, "keyboard.wav") }, async ({ page, engine, phase, error }) => {
    const focused = () => page.evaluate(() => document.activeElement.id);
    const outlined = () => page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none");
    await engine("ready");
    // The first stop leads past the header.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "listen");
    assert.ok(await outlined());
    await page.keyboard.press("Enter");
    await phase("live");
    await page.locator("#heard li").first().waitFor();
    assert.equal(await focused(), "listen");
    await page.keyboard.press("Space");
    await phase("result");

    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "choose");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(generated("anullsrc=r=16000:cl=mono:d=1", "nothing.wav"));
    await error("file-silent");
    const again = page.waitForEvent("filechooser");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), "alert-action");
    await page.keyboard.press("Enter");
    await again;
  });
});

test("screen readers hear changes of the verdict and the result, and nothing else", async () => {
  await withPage({ microphone: speech(FEARFUL, "spoken.wav") }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await page.evaluate(() => {
      window.announced = [];
      const announcer = document.getElementById("announcer");
      new MutationObserver(() => window.announced.push(announcer.textContent))
        .observe(announcer, { childList: true, characterData: true, subtree: true });
    });
    await press("Start listening");
    await page.locator("#heard li").first().waitFor();
    await press("Stop");
    await phase("result");
    const announced = await page.evaluate(() => window.announced);
    // At most one in four seconds of a clip of five, and the result.
    assert.ok(announced.length >= 1 && announced.length <= 3, JSON.stringify(announced));
    assert.match(announced.at(-1), /^Overall: .*of speech in 0:0\d(\.\d)?$/);
    const live = await page.locator("[aria-live], [role=status], [role=alert]").evaluateAll((list) => list.map((element) => element.id));
    assert.deepEqual(live.sort(), ["alert", "announcer", "change-status", "results-status", "sound-advice"]);
    const bars = await page.getByRole("list").first().getByRole("listitem").allInnerTexts();
    assert.equal(bars.length, 8);
    for (const bar of bars) assert.match(bar, /^[A-Z]?[a-z]+\s+\d+\s%$/i);
  });
});
