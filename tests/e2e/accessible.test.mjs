// Everybody's page: axe finds nothing in any state, everything fits at 400 % zoom, nothing moves for those who
// asked for that, forced colours leave every part in sight, and screen readers are told little.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { looksRight, picture, tools, withPage } from "./browser.mjs";
import { bytes, generated, reading, speech } from "./sound.mjs";

const AXE = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const ANGRY = "03-01-05-02-01-01-05";
const MODEL = ["model.onnx", "model.json"].map((name) => new URL(`../../assets/${name}`, import.meta.url).pathname);

/** What axe finds, and keeps the screen as it was then. */
async function finds(page, state) {
  await picture(page, `accessible-${state}`);
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async (values) => {
    // A colour on its way to another one is neither.
    for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
    const { violations } = await axe.run({ runOnly: { type: "tag", values } });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
  }, TAGS);
  assert.deepEqual(found, [], state);
}

const openAll = (page) => page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });

for (const [width, colorScheme] of [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
  test(`axe finds nothing at ${width} px in the ${colorScheme} theme`, async () => {
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    const options = {
      microphone: reading("05", `accessible-${width}-${colorScheme}.wav`),
      alter: { "model.onnx": async (body) => { await held; return body; } },
      viewport: { width, height: 800 },
      colorScheme,
    };
    await withPage(options, async ({ page, engine, phase, press, choose, result, error }) => {
      const at = (state) => finds(page, `${state}-${width}-${colorScheme}`);
      await at("loading");
      await press("Start listening");
      await phase("waiting");
      await at("waiting");
      release();
      await engine("ready");
      await phase("live");
      await page.locator("#emotions [data-top]").waitFor();
      await at("live");
      await press("Stop");
      await phase("result");
      await at("result");
      await openAll(page);
      await page.locator("#explain-steps").waitFor({ state: "visible" });
      await at("open");
      await press("Start reading");
      await phase("reading");
      await at("reading");
      await press("Cancel");
      await choose(bytes("", "empty.wav"));
      await error("file-empty");
      await at("error");
      await page.setInputFiles("#own-files", MODEL);
      await page.locator("#own-sign").waitFor({ state: "visible" });
      await at("own-model");
      const long = generated("sine=frequency=220:r=16000:d=1800", "accessible-long.wav");
      await choose(long);
      await phase("analysing");
      await at("analysing");
      await press("Cancel");
      await press("An angry voice");
      await result("An angry voice");
      await at("sample");
    });
  });
}

test("at 400 % zoom nothing is lost and nothing lies beside the window", async () => {
  // 1,280 by 1,024 px at 400 %.
  await withPage({ viewport: { width: 320, height: 256 } }, async ({ page, engine, press, result }) => {
    await engine("ready");
    await looksRight(page, "zoom-idle");
    await press("A happy voice");
    await result("A happy voice");
    await openAll(page);
    await page.locator("#explain-steps").waitFor({ state: "visible" });
    await page.setInputFiles("#own-files", MODEL);
    await page.locator("#own-sign").waitFor({ state: "visible" });
    await press("A happy voice");
    await result("A happy voice");
    await page.locator("#explain-steps").waitFor({ state: "visible" });
    await looksRight(page, "zoom-all");
    const hidden = await page.locator("button:visible, summary:visible, a:visible, canvas:visible").evaluateAll((list) =>
      list.filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return !element.matches(".skip") && (width === 0 || left < 0 || right > innerWidth);
      }).map((element) => element.id || element.textContent));
    assert.deepEqual(hidden, []);
    // What is cut off is not read.
    const cut = await page.locator("p:visible, button:visible, h2:visible, h3:visible, li:visible").evaluateAll((list) =>
      list.filter((element) => element.scrollWidth > element.clientWidth + 1 && !element.matches(".visually-hidden, .visually-hidden *"))
        .map((element) => element.id || element.textContent));
    assert.deepEqual(cut, []);
  });
});

test("nothing moves for those who asked for that", async () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const alter = { "model.onnx": async (body) => { await held; return body; } };
  await withPage({ reducedMotion: "reduce", alter }, async ({ page, engine, press, result }) => {
    const moving = () => page.evaluate(() => document.getAnimations().map((animation) => animation.effect.target.id || animation.effect.target.className));
    await page.locator('body[data-engine="starting"]').waitFor({ state: "attached" });
    assert.deepEqual(await moving(), []);
    release();
    await engine("ready");
    await press("An angry voice");
    await result("An angry voice");
    assert.deepEqual(await moving(), []);
  });
});

for (const colorScheme of ["light", "dark"]) {
  test(`forced colours leave every part in sight, ${colorScheme}`, async () => {
    const microphone = speech(ANGRY, `forced-${colorScheme}.wav`);
    await withPage({ forcedColors: "active", colorScheme, microphone, viewport: { width: 1280, height: 900 } }, async ({ page, engine, press, phase, result }) => {
      await engine("ready");
      await finds(page, `forced-idle-${colorScheme}`);
      await press("Start listening");
      await phase("live");
      await page.locator("#heard li").first().waitFor();
      await finds(page, `forced-live-${colorScheme}`);
      await press("Stop");
      await phase("result");
      await press("An angry voice");
      await result("An angry voice");
      await openAll(page);
      await page.locator("#explain-steps").waitFor({ state: "visible" });
      await finds(page, `forced-result-${colorScheme}`);
      // A bar is told from its track, and a picture of a voice from its button.
      const told = await page.evaluate(() => {
        const style = (selector) => getComputedStyle(document.querySelector(selector));
        return {
          bar: style("#emotions [data-top] .fill").backgroundColor !== style("#emotions [data-top] .track").backgroundColor,
          voice: style(".sample svg").stroke !== style(".sample").backgroundColor,
          edge: style(".sample").borderTopWidth !== "0px" && style("#own-choose").borderTopWidth !== "0px",
        };
      });
      assert.deepEqual(told, { bar: true, voice: true, edge: true });
    });
  });
}

test("screen readers are told of a result once, and of nothing else", async () => {
  const watch = () => {
    window.said = [];
    addEventListener("DOMContentLoaded", () => {
      const regions = [...document.querySelectorAll("[role=status], [role=alert], [aria-live]")];
      window.regions = regions.map(({ id }) => id);
      for (const region of regions) {
        new MutationObserver(() => window.said.push(`${region.id}: ${region.innerText}`)).observe(region, { childList: true, characterData: true, subtree: true });
      }
    });
  };
  await withPage({ script: watch }, async ({ page, engine, press, result }) => {
    await engine("ready");
    assert.deepEqual(await page.evaluate(() => window.regions), ["alert", "sound-advice", "results-status", "change-status", "announcer"]);
    await openAll(page);
    await press("An angry voice");
    await result("An angry voice");
    await page.locator("#explain-steps").waitFor({ state: "visible" });
    const said = await page.evaluate(() => window.said);
    assert.equal(said.length, 1, said.join("\n"));
    assert.match(said[0], /^announcer: An angry voice: Sounded angry, \d\d\s% confident/);
  });
});
