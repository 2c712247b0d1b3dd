import assert from "node:assert/strict";
import { test } from "node:test";
import { picture, withPage } from "./browser.mjs";
import { generated, speech } from "./sound.mjs";

const SAD = "03-01-04-02-01-01-08";

/** What each stretch in the list says, the newest first. */
function heard(page) {
  return page.locator("#heard li").evaluateAll((list) => list.map((item) => item.dataset.permille));
}

/** What the first stretch says, once there is one. */
async function firstHeard(page) {
  await page.locator("#heard li").first().waitFor();
  return (await heard(page)).at(-1);
}

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

test("a question for the microphone that is closed without an answer", async () => {
  const script = () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission dismissed", "NotAllowedError"));
  };
  await withPage({ script }, async ({ page, press, error }) => {
    // The browser would ask again, which is how a dismissed prompt differs from a refusal.
    const session = await page.context().newCDPSession(page);
    await session.send("Browser.setPermission", { permission: { name: "microphone" }, setting: "prompt" });
    await press("Start listening");
    assert.match(await error("permission-dismissed"), /answer “Allow”/);
  });
});

test("a microphone that cannot be opened for the browser's own reason", async () => {
  const script = () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("the bus is on fire", "UnknownError"));
  };
  await withPage({ script }, async ({ press, error, phase }) => {
    await press("Start listening");
    assert.match(await error("microphone-failed"), /the bus is on fire\.[^]*or choose a file/);
    await phase("idle");
  });
});

test("a browser without audio worklets", async () => {
  const script = () => {
    Object.defineProperty(BaseAudioContext.prototype, "audioWorklet", { get() { throw new TypeError("no worklets"); } });
  };
  await withPage({ microphone: speech(SAD, "unsupported.wav"), script }, async ({ page, press, error, phase }) => {
    await press("Start listening");
    assert.match(await error("unsupported"), /lacks AudioWorklet\.[^]*current version/);
    await phase("idle");
    const open = await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState === "live").length);
    assert.equal(open, 0);
  });
});

test("a browser that cannot run the page's own program", async () => {
  const script = () => { delete WebAssembly.instantiate; delete WebAssembly.instantiateStreaming; };
  await withPage({ script }, async ({ page, phase }) => {
    await phase("unsupported");
    assert.match(await page.locator("#unsupported").innerText(), /cannot run the page/);
    await picture(page, "unsupported");
    assert.equal(await page.locator("#listen").isVisible(), false);
  });
});

test("a browser without JavaScript", async () => {
  await withPage({ javaScriptEnabled: false }, async ({ page }) => {
    assert.match(await page.locator("noscript .notice").innerText(), /needs JavaScript/);
    await picture(page, "noscript");
    assert.equal(await page.locator("#listen").isVisible(), false);
    assert.equal(await page.locator("#engine-text").isVisible(), false);
  });
});

test("sound that another program takes over keeps what was heard, and listening goes on", async () => {
  await withPage({ microphone: speech(SAD, "interrupted.wav") }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await press("Start listening");
    const first = await firstHeard(page);
    await page.evaluate(() => {
      const [context] = window.opened.contexts;
      context.resume = () => new Promise(() => {});
      return context.suspend();
    });
    assert.match(await error("microphone-interrupted"), /kept below/);
    await phase("live");
    await press("Stop");
    await phase("result");
    assert.ok((await heard(page)).includes(first));
  });
});

test("a browser that does not start the sound is not waited for in silence", async () => {
  const script = () => {
    window.AudioContext = class extends AudioContext {
      constructor(...options) {
        super(...options);
        this.suspend();
      }
      resume() {
        return window.asked ? super.resume() : new Promise(() => {});
      }
    };
  };
  await withPage({ microphone: speech(SAD, "stalled.wav"), script }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await press("Start listening");
    await phase("live");
    const stalled = page.locator(".stalled");
    assert.equal(await stalled.isVisible(), false);
    await stalled.waitFor({ state: "visible" });
    assert.match(await stalled.innerText(), /No sound arrives yet/);
    await picture(page, "stalled");
    // Whatever only the browser's clean-up would remove is still there.
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    await page.waitForFunction(() => {
      window.asked = true;
      void window.opened.contexts[0].resume();
      return !document.querySelector(".stalled").checkVisibility();
    });
    await press("Stop");
  });
});

test("a microphone of a rate that cannot be processed", async () => {
  const script = () => {
    Object.defineProperty(BaseAudioContext.prototype, "sampleRate", { get: () => 1000 });
  };
  await withPage({ microphone: speech(SAD, "rate.wav"), script }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await press("Start listening");
    assert.match(await error("analysis-failed"), /choose a file\. The reason: audio at 1000 Hz/);
    await phase("result");
    assert.match(await page.locator(".stage").innerText(), /No result/);
    const open = await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState === "live").length);
    assert.equal(open, 0);
  });
});

test("sound that is lost on the way is told and listening goes on", async () => {
  // As if the engine had not returned any buffers for a while.
  const alter = {
    "worklet.js": (body) => {
      const altered = String(body).replace("this.seq += 1;", "this.seq += this.seq === 40 ? 43 : 1;");
      assert.notEqual(altered, String(body));
      return Buffer.from(altered);
    },
  };
  await withPage({ microphone: speech(SAD, "lost.wav"), alter }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await press("Start listening");
    const lost = page.locator("#lost").filter({ hasText: "of sound were lost" });
    await lost.waitFor();
    const rate = await page.evaluate(() => window.opened.contexts[0].sampleRate);
    const lostS = Math.ceil((10 * 42 * 1024) / rate) / 10;
    assert.equal((await lost.innerText()).replace(/\s/g, " "), `${lostS.toFixed(1)} s of sound were lost: this device is busy`);
    assert.equal(await page.locator("body").getAttribute("data-phase"), "live");
    assert.equal(await page.locator("#alert").isVisible(), false);
    await page.locator("#heard li").first().waitFor();
    await picture(page, "lost");
    await press("Stop");
    await phase("result");
    assert.ok(await lost.isVisible());
  });
});

test("a command that the engine does not know asks for a reload", async () => {
  await withPage({}, async ({ page, engine, press, error }) => {
    await engine("ready");
    for (const data of [{ dance: {} }, { stop: {} }, null]) {
      await page.workers()[0].evaluate((data) => { dispatchEvent(new MessageEvent("message", { data })); }, data);
      await error("engine-outdated");
      await engine("missing");
      await press("Reload");
      await engine("ready");
    }
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
    const first = await firstHeard(page);
    await page.evaluate(() => {
      const [track] = window.opened.tracks;
      track.stop();
      track.dispatchEvent(new Event("ended"));
    });
    await error("microphone-lost");
    await phase("live");
    await press("Stop");
    await phase("result");
    assert.ok((await heard(page)).includes(first));
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
  await withPage({ alter: { "worker-relaxed_bg.wasm": () => null } }, async ({ server, engine, press, error }) => {
    await error("engine-unavailable");
    server.alter.clear();
    await press("Try again");
    await engine("ready");
  });
});

test("an engine of another build asks for a reload, which helps", async () => {
  let tell;
  const build = new Promise((resolve) => { tell = resolve; });
  // The same length, a different name.
  const alter = {
    "worker-relaxed_bg.wasm": async (body) => {
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
      const first = await firstHeard(page);
      await end(page.workers()[0]);
      assert.match(await error("engine-crashed"), /started again/);
      await phase("result");
      assert.ok((await heard(page)).includes(first));
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
