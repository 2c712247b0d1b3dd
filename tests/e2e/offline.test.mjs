// Visits without a network, and the change from one build to the next.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { PATIENCE, withPage } from "./browser.mjs";
import { emptyFolder, speech } from "./sound.mjs";

const CALM = "03-01-02-01-01-01-09";
const KEPT = "Engine ready, works offline now";

/** Waits until a service worker of another build waits, or none does. */
const waiting = (page, expected) => page.evaluate(async (expected) => {
  for (let round = 0; round < 1000; round++) {
    const registration = await navigator.serviceWorker.getRegistration();
    if (Boolean(registration?.waiting) === expected) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`waiting is not ${expected}`);
}, expected);

/** Has the server give another build, whose page and engine say so; gives its hashes by those they replace. */
async function nextBuild(server) {
  const hashes = new Map();
  const digest = (body) => `sha256-${createHash("sha256").update(body).digest("base64")}`;
  const change = (alteration) => (body) => {
    const altered = Buffer.from(alteration(String(body)));
    hashes.set(digest(body), digest(altered));
    return altered;
  };
  server.alter.set("index.html", change((html) => html.replace("<html", '<html data-generation="2"')));
  server.alter.set("worker-relaxed_loader.js", change((script) => `self.generation = 2;${script}`));
  for (const name of ["", "worker-relaxed_loader.js"]) await fetch(server.url + name);
  server.alter.set("sw.js", (body) => {
    let script = String(body);
    for (const [old, altered] of hashes) {
      assert.ok(script.includes(old), "the service worker knows the hash of every file");
      script = script.replace(old, altered);
    }
    return Buffer.from(script);
  });
  return hashes;
}

test("a visit is enough for all further ones without a network, and fetches nothing twice", async () => {
  const wav = speech(CALM, "calm.wav");
  await withPage({ profile: emptyFolder() }, async ({ page, server, choose, result, engine, verdict }) => {
    await page.getByText(KEPT).waitFor();
    for (const [name, count] of server.counts) assert.equal(count, 1, `${name} was fetched ${count} times`);
    await choose(wav);
    await result("calm.wav");
    const online = await verdict();
    await server.close();

    await page.reload();
    await engine("ready");
    // Said only once.
    assert.equal(await page.locator("#engine-text").innerText(), "Engine ready");
    await choose(wav);
    await result("calm.wav");
    assert.equal(await verdict(), online);

    await page.goto("about:blank");
    await page.goto(`${server.url}index.html?from=a-link#listen`);
    await engine("ready");
    await choose(wav);
    await result("calm.wav");
    assert.equal(await verdict(), online);
  });
});

test("the next build takes over as a whole and leaves nothing of the old one", async () => {
  await withPage({ profile: emptyFolder() }, async ({ page, server, engine }) => {
    await page.getByText(KEPT).waitFor();
    const generations = async () => [
      await page.locator("html").getAttribute("data-generation"),
      await page.workers()[0].evaluate(() => self.generation ?? null),
    ];
    const kept = () => page.evaluate(async () => {
      const [name, ...others] = await caches.keys();
      const keys = await (await caches.open(name)).keys();
      return { others, urls: keys.map(({ url }) => url) };
    });
    assert.deepEqual(await generations(), [null, null]);
    const before = await kept();
    assert.deepEqual(before.others, []);

    const hashes = await nextBuild(server);
    server.counts.clear();

    // The old build serves this visit from start to finish while the new one is fetched.
    await page.reload();
    await engine("ready");
    assert.deepEqual(await generations(), [null, null]);
    await waiting(page, true);
    assert.equal(server.counts.get("worker-relaxed_bg.wasm"), undefined, "what has not changed is not fetched again");
    assert.deepEqual(await generations(), [null, null]);

    await page.reload();
    await page.locator('html[data-generation="2"]').waitFor({ state: "attached" });
    await engine("ready");
    assert.deepEqual(await generations(), ["2", 2]);
    await waiting(page, false);
    const after = await kept();
    assert.deepEqual(after.others, []);
    assert.equal(after.urls.length, before.urls.length);
    for (const altered of hashes.values()) assert.ok(after.urls.some((url) => url.endsWith(altered)), altered);

    await server.close();
    await page.reload();
    await engine("ready");
    assert.deepEqual(await generations(), ["2", 2]);
  });
});

test("two pages of one build stay with it until one of them is closed", async () => {
  await withPage({ profile: emptyFolder() }, async ({ page, server, engine }) => {
    await page.getByText(KEPT).waitFor();
    await page.reload();
    const second = await page.context().newPage();
    await second.goto(server.url);
    await nextBuild(server);
    await page.reload();
    await waiting(page, true);
    await page.reload();
    await engine("ready");
    assert.equal(await page.locator("html").getAttribute("data-generation"), null);
    await waiting(page, true);
    await second.close();
    // The browser takes a moment to close it.
    const generation = () => page.locator("html").getAttribute("data-generation");
    for (const end = Date.now() + PATIENCE; (await generation()) !== "2";) {
      assert.ok(Date.now() < end, "the next build does not take over");
      await page.reload();
      await engine("ready");
    }
    await waiting(page, false);
  });
});

test("files that are not of this build are not kept, and the page works without", async () => {
  const alter = { "app.webmanifest": (body) => Buffer.concat([body, Buffer.from(" ")]) };
  await withPage({ alter, profile: emptyFolder() }, async ({ page, engine }) => {
    await engine("ready");
    // Once its registration is gone, the first attempt to keep them has failed.
    await page.evaluate(async () => {
      const { serviceWorker } = navigator;
      const gone = async () => (await caches.keys()).length > 0 && !(await serviceWorker.getRegistration());
      for (let round = 0; round < 1000 && !(await gone()); round++) await new Promise((resolve) => { setTimeout(resolve, 50); });
      if (!(await gone())) throw new Error("files of another build are kept");
    });
    assert.equal(await page.locator("#engine-text").innerText(), "Engine ready");
  });
});
