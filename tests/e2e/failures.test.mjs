import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { generated, speech } from "./sound.mjs";

const SAD = "03-01-04-02-01-01-08";

test("a microphone that is forbidden", async () => {
  await withPage({ microphone: "ask" }, async ({ page, press, error }) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Browser.setPermission", { permission: { name: "microphone" }, setting: "denied" });
    await press("Start listening");
    assert.match(await error("permission-denied"), /site settings/);
  });
});

test("a browser without a microphone", async () => {
  await withPage({ permissions: ["microphone"] }, async ({ press, error }) => {
    await press("Start listening");
    assert.match(await error("no-microphone"), /choose a file/);
  });
});

test("a microphone that another program holds", async () => {
  const script = () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("busy", "NotReadableError"));
  };
  await withPage({ script }, async ({ press, error }) => {
    await press("Start listening");
    assert.match(await error("microphone-busy"), /Close the program/);
  });
});

test("a page that is not secure", async () => {
  await withPage({ insecure: true }, async ({ press, error }) => {
    await press("Start listening");
    assert.match(await error("not-secure"), /https/);
  });
});

test("a microphone that is unplugged keeps what was heard", async () => {
  await withPage({ microphone: speech(SAD, "unplugged.wav") }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await press("Start listening");
    await page.locator("#heard li").first().waitFor();
    await page.evaluate(() => {
      const [track] = window.opened.tracks;
      track.stop();
      track.dispatchEvent(new Event("ended"));
    });
    await error("microphone-lost");
    await phase("result");
    assert.equal(await page.locator("#heard li").count(), 1);
  });
});

test("a model file that is missing, and comes back", async () => {
  for (const name of ["model.onnx", "model.json"]) {
    await withPage({ alter: { [name]: () => null } }, async ({ server, engine, press, error }) => {
      assert.match(await error("model-unavailable"), new RegExp(`${name}: the server answered 404`));
      server.alter.delete(name);
      await press("Try again");
      await engine("ready");
    });
  }
});

test("a model of another front end is refused by the field's name", async () => {
  const alter = {
    "model.json": (body) => {
      const manifest = JSON.parse(body);
      manifest.front_end_fingerprint = "0123456789abcdef";
      return Buffer.from(JSON.stringify(manifest));
    },
  };
  await withPage({ alter }, async ({ error }) => {
    assert.match(await error("model-mismatch"), /front_end_fingerprint/);
  });
});

test("an engine that is missing, and comes back", async () => {
  await withPage({ alter: { "worker_bg.wasm": () => null } }, async ({ server, engine, press, error }) => {
    await error("engine-unavailable");
    server.alter.clear();
    await press("Try again");
    await engine("ready");
  });
});

test("an engine of another build asks for a reload, which helps", async () => {
  let tell;
  const build = new Promise((resolve) => { tell = resolve; });
  // The same length, another name.
  const alter = {
    "worker_bg.wasm": async (body) => {
      const name = await build;
      const other = Buffer.from(body);
      assert.ok(other.includes(name), "the engine names its build");
      for (let at = other.indexOf(name); at !== -1; at = other.indexOf(name, at + 1)) other[at] ^= 1;
      return other;
    },
  };
  await withPage({ alter }, async ({ page, server, engine, press, error }) => {
    await engine("loading");
    tell(await page.locator("body[data-build]").getAttribute("data-build"));
    await error("engine-outdated");
    server.alter.clear();
    await press("Reload");
    await engine("ready");
  });
});

test("an engine that is killed or breaks comes back, and the result stays", async () => {
  const wav = speech(SAD, "killed.wav");
  const ends = [
    (worker) => worker.evaluate(() => { setTimeout(() => close()); }),
    (worker) => worker.evaluate(() => { setTimeout(() => { throw new Error("broken on purpose"); }); }),
  ];
  for (const end of ends) {
    await withPage({ microphone: wav }, async ({ page, engine, press, error, phase }) => {
      await engine("ready");
      await press("Start listening");
      await page.locator("#heard li").first().waitFor();
      await end(page.workers()[0]);
      assert.match(await error("engine-crashed"), /started again/);
      await phase("result");
      assert.equal(await page.locator("#heard li").count(), 1);
      await engine("ready");
      await press("Start listening");
      await phase("live");
      assert.equal(await page.locator("#alert").isVisible(), false);
      await page.locator("#elapsed").filter({ hasNotText: "0:00" }).waitFor();
      const live = await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState === "live").length);
      assert.equal(live, 1);
    });
  }
});

test("a file in progress when the engine dies is given up with a word", async () => {
  const long = generated("sine=frequency=220:r=16000:d=1800", "long.wav");
  await withPage({}, async ({ page, engine, choose, phase, error }) => {
    await engine("ready");
    await choose(long);
    await phase("analysing");
    await page.workers()[0].evaluate(() => { setTimeout(() => close()); });
    await error("engine-crashed");
    await phase("result");
    await engine("ready");
  });
});
