// The page in every language it speaks.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { speech } from "./sound.mjs";

const root = new URL("../../", import.meta.url).pathname;
const LANGUAGES = ["de", "es"];
const words = Object.fromEntries(
  LANGUAGES.map((language) => [language, JSON.parse(readFileSync(join(root, "assets/languages", `${language}.json`), "utf8"))]),
);

/** The page's Rust without its tests. */
function sources(folder = join(root, "src/web")) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "builders" ? [] : sources(path);
    return path.endsWith(".rs") ? [readFileSync(path, "utf8").split("#[cfg(test)]")[0]] : [];
  });
}

/** A Rust string as it is when the program runs. */
const unescaped = (text) =>
  text
    .replace(/\\\n\s*/g, "")
    .replace(/\\u\{([0-9a-f]+)\}/g, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/\\"/g, '"');

test("every language says all that the code says, with the same gaps", () => {
  const said = sources().flatMap((source) =>
    [...source.matchAll(/\b(?:tr|tell|said)\(\s*"((?:[^"\\]|\\[\s\S])*)"/g)].map(([, text]) => unescaped(text)),
  );
  assert.ok(said.length > 50, `only ${said.length} sentences found`);
  const gaps = (text) => [...text.matchAll(/\{\d\}/g)].map(([gap]) => gap).sort();
  for (const language of LANGUAGES) {
    const missing = said.filter((text) => !(text in words[language]));
    assert.deepEqual(missing, [], `missing in ${language}.json`);
    for (const [english, text] of Object.entries(words[language])) {
      assert.deepEqual([...new Set(gaps(text))], [...new Set(gaps(english))], `${language}: ${english}`);
      assert.ok(text, `${language} has nothing for: ${english}`);
    }
  }
  assert.deepEqual(Object.keys(words.de), Object.keys(words.es));
});

test("every language has nothing that nobody says", () => {
  const everything = [...sources().map(unescaped), readFileSync(join(root, "index.html"), "utf8").replace(/\s+/g, " ")].join("\n");
  const { labels } = JSON.parse(readFileSync(join(root, "assets/model.json"), "utf8"));
  const stale = Object.keys(words.de).filter((text) => !everything.includes(text) && !labels.includes(text));
  assert.deepEqual(stale, []);
});

/** Texts on the page that no file has, where the page should speak another language. */
const untranslated = (page, known) =>
  page.evaluate((known) => {
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement, textContent } = walker.currentNode;
      const text = textContent.replace(/[^\S\u202f]+/g, " ").trim();
      if (/[a-z]{3}/i.test(text) && !parentElement.closest("script, style, [translate=no]")) texts.push(text);
    }
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
      if (element.closest("[translate=no]")) continue;
      for (const name of ["aria-label", "title", "placeholder"]) {
        const text = element.getAttribute(name);
        if (text) texts.push(text);
      }
    }
    return texts.filter((text) => known.includes(text));
  }, known);

for (const language of LANGUAGES) {
  // A text that is the same in both languages is not a mistake.
  const english = Object.entries(words[language]).flatMap(([english, text]) => (text === english ? [] : [english]));
  const isEnglish = new Set(Object.values(words[language]));
  const known = english.filter((text) => !isEnglish.has(text));

  for (const [width, colorScheme] of [[320, "dark"], [1280, "light"]]) {
    test(`a browser that prefers ${language} sees the page in it, and it fits ${width} px`, async () => {
      const options = {
        locale: language,
        microphone: speech("03-01-08-02-01-01-05", `language-${language}-${width}.wav`),
        viewport: { width, height: 900 },
        colorScheme,
      };
      await withPage(options, async ({ page, engine, phase }) => {
        const check = async (state) => {
          assert.deepEqual(await untranslated(page, known), [], state);
          await looksRight(page, `language-${language}-${width}-${state}`);
        };
        await engine("ready");
        assert.equal(await page.evaluate(() => document.documentElement.lang), language);
        await check("start");
        await page.click("#voice-summary");
        await check("voice");
        await page.click("#voice-summary");
        await page.click("#listen");
        await phase("live");
        await page.locator("#heard li").first().waitFor();
        await check("listening");
        await page.click("#listen");
        await phase("result");
        await check("result");
        const verdict = () => page.textContent("#verdict");
        const told = await verdict();
        const becomes = (same) => page.waitForFunction(([told, same]) => (document.querySelector("#verdict").textContent === told) === same, [told, same]);
        await page.selectOption("#language", "en");
        await becomes(false);
        assert.match(await verdict(), /Sounded|Not sure|No speech|Mixed/);
        await page.selectOption("#language", language);
        await becomes(true);
        await check("result in another language and back");
      });
    });
  }
}

test("a language chosen by hand is spoken at once, kept, and offline too", async () => {
  await withPage({ locale: "fr-FR" }, async ({ page, engine }) => {
    await engine("ready");
    const says = (text) => page.locator("#listen-text").filter({ hasText: text }).waitFor();
    const { "Start listening": german, "What does your voice express?": question } = words.de;
    await says("Start listening");
    for (const [language, text, verdict] of [
      ["es", words.es["Start listening"], words.es["What does your voice express?"]],
      ["en", "Start listening", "What does your voice express?"],
      ["de", german, question],
    ]) {
      await page.selectOption("#language", language);
      await says(text);
      assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      assert.equal(await page.textContent("#verdict"), verdict);
    }
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.context().setOffline(true);
    await page.reload();
    await engine("ready");
    await says(german);
  });
});
