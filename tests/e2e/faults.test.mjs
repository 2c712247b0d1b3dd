// What goes wrong around the page while it is used, in three browsers: each time nothing is lost, and a sentence
// says what happened and what helps.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { drawing, SLOWLY, withPage } from "./browser.mjs";
import { BROWSERS, until } from "./drivers.mjs";
import { CUT, serve } from "./server.mjs";
import { emptyFolder, generated, speech } from "./sound.mjs";

const SAD = "03-01-04-02-01-01-08";
const spoken = speech(SAD, "spoken.wav", "-ar", "48000", "-ac", "1");

/** Runs before the page's own scripts: a microphone that plays a file again and again, and what can be broken. */
const script = () => {
  // What is changed of the browser's objects lasts only while somebody holds them.
  const held = navigator.mediaDevices;
  window.faults = { held, workers: [], tracks: [], permission: "granted", refuse: null, devices: ["first", "second"] };
  const { faults } = window;
  const sound = fetch("spoken.wav").then((response) => response.arrayBuffer());
  window.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      faults.workers.push(this);
    }
  };
  Object.defineProperty(navigator, "permissions", { value: { query: async () => ({ state: faults.permission }) } });
  navigator.mediaDevices.enumerateDevices = async () =>
    faults.devices.map((name) => ({ kind: "audioinput", deviceId: name, label: name }));
  navigator.mediaDevices.getUserMedia = async () => {
    if (faults.refuse) throw new DOMException("refused", faults.refuse);
    // Started by a click; WebKit starts no other one without.
    faults.context ??= new AudioContext();
    const { context } = faults;
    await context.resume();
    const buffer = await context.decodeAudioData((await sound).slice(0));
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const out = context.createMediaStreamDestination();
    source.connect(out);
    source.start();
    const [track] = out.stream.getTracks();
    // Firefox dispatches no event that a script makes to a track.
    track.listeners = new Set();
    track.addEventListener = (_, listener) => track.listeners.add(listener);
    track.removeEventListener = (_, listener) => track.listeners.delete(listener);
    faults.tracks.push(track);
    return out.stream;
  };
  faults.end = () => {
    const track = faults.tracks.at(-1);
    track.stop();
    for (const listener of track.listeners) listener(new Event("ended"));
  };
};

const sha256 = (body) => `sha256-${createHash("sha256").update(body).digest("base64")}`;

/** Serves the page with the script before it, as a build of its own. */
async function serveFaults(headers) {
  const server = await serve(headers);
  server.pages.set("faults.js", `(${script})();${SLOWLY ?? ""}`);
  server.pages.set("spoken.wav", readFileSync(spoken));
  const changed = (html) => Buffer.from(String(html).replace("<meta", '<script src="faults.js"></script><meta'));
  server.alter.set("index.html", changed);
  const before = readFileSync(new URL("../../dist/index.html", import.meta.url));
  server.alter.set("sw.js", (body) => Buffer.from(String(body).replace(sha256(before), sha256(changed(before)))));
  return server;
}

/** Gives the tests of a fault, one for each browser; they get a tab and the server. */
function fault(what, body, headers) {
  for (const [name, run] of Object.entries(BROWSERS)) {
    test(`${what}, in ${name}`, () => run(async (tab) => {
      const server = await serveFaults(headers);
      try {
        await body(tab, server);
      } finally {
        await server.close().catch(() => {});
      }
    }));
  }
}

const engine = (tab, state) => until(tab, (state) => document.body?.dataset.engine === state, state);
const phase = async (tab, phase) => {
  await until(tab, (phase) => document.body?.dataset.phase === phase, phase);
  await drawn(tab);
};
const drawn = (tab) => tab.run(drawing);
const error = (tab, id) => until(tab, (id) => {
  const alert = document.querySelector("#alert");
  return !alert.hidden && alert.dataset.error === id && alert.innerText;
}, id);
const quiet = (tab) => until(tab, () => document.querySelector("#alert").hidden);
/** What the list of utterances holds, once there are so many. */
const heard = (tab, least) => until(tab, (least) => {
  const rows = [...document.querySelectorAll("#heard li")].map((row) => row.dataset.permille);
  return rows.length >= least && rows;
}, least);
const elapsed = (tab) => tab.run(() => document.querySelector("#elapsed").textContent);
const goesOn = async (tab) => {
  const before = await elapsed(tab);
  await until(tab, (before) => document.querySelector("#elapsed").textContent !== before, before);
};
/** Whether leaving would be asked about. */
const asks = (tab) => tab.run(() => !window.dispatchEvent(new Event("beforeunload", { cancelable: true })));

async function visit(tab, server) {
  await tab.go(server.url);
  await engine(tab, "ready");
}

async function listen(tab) {
  await tab.click("#listen");
  await phase(tab, "live");
  // What is there from before goes first.
  await until(tab, () => !document.querySelector("#heard-empty").hidden);
  return (await heard(tab, 1)).at(-1);
}

async function stopped(tab, first) {
  await tab.click("#listen");
  await phase(tab, "result");
  assert.ok((await heard(tab, 1)).includes(first), "what was heard before is gone");
}

async function analysed(tab) {
  await tab.upload(spoken);
  await until(tab, () => document.querySelector("#kicker").textContent.includes("spoken.wav") && document.body.dataset.phase === "result");
  await drawn(tab);
  return heard(tab, 1);
}

const keep = (tab) => tab.run(() => document.querySelector("#device-switch").click());
const isKept = (tab) => until(tab, () => localStorage.getItem("speech-emotion session"));
/** Names of the session's recordings. */
const recordings = (tab) => tab.run(() => [...document.querySelectorAll("#recordings button")].map((button) => button.textContent));

fault("a permission that is withdrawn while listening", async (tab, server) => {
  await visit(tab, server);
  const first = await listen(tab);
  await tab.run(() => {
    Object.assign(faults, { permission: "denied", refuse: "NotAllowedError", devices: [] });
    faults.end();
  });
  assert.match(await error(tab, "permission-withdrawn"), /may no longer use[^]*site settings[^]*Go on/);
  await tab.click("#alert-action");
  await error(tab, "permission-withdrawn");
  await phase(tab, "live");
  await tab.run(() => { Object.assign(faults, { permission: "granted", refuse: null, devices: ["first"] }); });
  await tab.click("#alert-action");
  await quiet(tab);
  await goesOn(tab);
  await stopped(tab, first);
});

fault("a microphone that is lost, and another one that takes its place", async (tab, server) => {
  await visit(tab, server);
  const first = await listen(tab);
  await tab.run(() => {
    faults.devices = [];
    faults.end();
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  assert.match(await error(tab, "microphone-lost"), /Plug it in again, or choose another/);
  await phase(tab, "live");
  await tab.run(() => {
    faults.devices = ["second"];
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await quiet(tab);
  await goesOn(tab);
  assert.equal(await tab.run(() => faults.tracks.length), 2);
  await stopped(tab, first);
  assert.equal(await tab.run(() => faults.tracks.filter((track) => track.readyState === "live").length), 0);
});

fault("an engine that is killed while it loads, waits, listens and reads a file", async (tab, server) => {
  const kill = () => tab.run(() => { faults.workers[0].terminate(); faults.workers.length = 0; });
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  server.alter.set("model.onnx", async (body) => { await held; return body; });
  await tab.go(server.url);
  // The page waits for its end.
  await until(tab, async () => (await navigator.locks.query()).pending.length > 0);
  await kill();
  assert.match(await error(tab, "engine-unavailable"), /try again/);
  release();
  server.alter.delete("model.onnx");
  await tab.click("#alert-action");
  await engine(tab, "ready");

  await kill();
  assert.match(await error(tab, "engine-crashed"), /started again/);
  await engine(tab, "ready");

  const [first] = await analysed(tab);
  await kill();
  assert.match(await error(tab, "engine-crashed"), /kept below/);
  await engine(tab, "ready");
  assert.ok((await heard(tab, 1)).includes(first));

  const live = await listen(tab);
  await kill();
  assert.match(await error(tab, "engine-crashed"), /kept below/);
  await phase(tab, "result");
  assert.ok((await heard(tab, 1)).includes(live));
  await engine(tab, "ready");
  assert.equal(await tab.run(() => faults.tracks.filter((track) => track.readyState === "live").length), 0);

  await tab.upload(generated("sine=frequency=220:r=16000:d=1800", "half-an-hour.wav"));
  await phase(tab, "analysing");
  await kill();
  await error(tab, "engine-crashed");
  await engine(tab, "ready");
  assert.equal((await recordings(tab)).length, 3);
  await listen(tab);
});

fault("a model that is replaced under the running page", async (tab, server) => {
  await visit(tab, server);
  const before = await analysed(tab);
  // Half of the next build is there.
  server.alter.set("model.onnx", (body) => Buffer.concat([body.subarray(0, -1), Buffer.from([body.at(-1) ^ 1])]));
  await tab.run(() => faults.workers[0].terminate());
  assert.match(await error(tab, "model-mismatch"), /does not fit this version[^]*Reload/);
  assert.deepEqual(await heard(tab, 1), before);
  assert.equal(await asks(tab), true, "leaving loses what was heard without a question");
  server.alter.delete("model.onnx");
  await tab.click("#alert-action");
  await engine(tab, "ready");
}, { "Cache-Control": "no-store" });

fault("a site whose data is cleared while the page is open", async (tab, server) => {
  await visit(tab, server);
  const before = await analysed(tab);
  await keep(tab);
  await isKept(tab);
  await tab.run(async () => {
    localStorage.clear();
    await new Promise((resolve, reject) => {
      Object.assign(indexedDB.deleteDatabase("speech-emotion session"), { onsuccess: resolve, onerror: reject, onblocked: reject });
    });
    for (const name of await caches.keys()) await caches.delete(name);
    document.querySelector("#heard li").click();
  });
  await until(tab, () => document.querySelector("#correction")?.checkVisibility());
  await tab.run(() => {
    const field = document.querySelector("#correction");
    field.value = "happy";
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await isKept(tab);
  await tab.reload();
  await engine(tab, "ready");
  assert.deepEqual(await heard(tab, 1), before);
  await tab.run(() => document.querySelector("#heard li").click());
  await until(tab, () => document.querySelector("#correction")?.value === "happy");
  // Its sound, too.
  await until(tab, () => !document.querySelector("#play").disabled);
});

fault("a device that is full", async (tab, server) => {
  await visit(tab, server);
  const before = await analysed(tab);
  await tab.run(() => {
    window.put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };
  });
  await keep(tab);
  assert.match(await error(tab, "not-kept"), /take it along as JSON[^]*QuotaExceededError/);
  assert.deepEqual(await heard(tab, 1), before);
  assert.equal(await asks(tab), true);
  // There is room again.
  await tab.run(() => { IDBObjectStore.prototype.put = window.put; });
  await keep(tab);
  await isKept(tab);
  await tab.reload();
  assert.deepEqual(await heard(tab, 1), before);
});

fault("two tabs of which both keep their session", async (tab, server) => {
  await visit(tab, server);
  await analysed(tab);
  await keep(tab);
  await isKept(tab);
  const second = await tab.tab();
  await second.go(server.url);
  assert.match(await error(second, "kept-elsewhere"), /Another tab[^]*take it along as JSON[^]*close the other tab/);
  await engine(second, "ready");
  await second.click("#alert-action");
  await second.upload(generated("sine=frequency=440:r=16000:d=3", "tone.wav"));
  await until(second, () => document.querySelector("#kicker").textContent.includes("tone.wav") && document.body.dataset.phase === "result");
  await keep(second);
  await error(second, "kept-elsewhere");
  assert.equal(await second.run(() => document.querySelector("#device-switch").checked), false);
  // What the first keeps is as it was.
  await tab.reload();
  await heard(tab, 1);
  await until(tab, () => document.querySelector("#device-switch").checked);
  await tab.close();
  await keep(second);
  await until(second, () => document.querySelectorAll("#recordings button").length === 2);
  await until(second, () => !(window.dispatchEvent(new Event("beforeunload", { cancelable: true })) === false));
  await second.reload();
  await until(second, () => document.querySelectorAll("#recordings button").length === 2);
  assert.deepEqual((await recordings(second)).map((name) => /(spoken|tone)\.wav/.exec(name)?.[1]).sort(), ["spoken", "tone"]);
});

fault("a clock that is set back while listening", async (tab, server) => {
  await visit(tab, server);
  const first = await listen(tab);
  await tab.run(() => {
    const day = 24 * 3_600_000;
    window.Date = class extends Date {
      constructor(...given) {
        super(...(given.length ? given : [Date.now() - day]));
      }
      static now() {
        return super.now() - day;
      }
    };
  });
  const count = (await heard(tab, 1)).length;
  await heard(tab, count + 1);
  await goesOn(tab);
  const times = () => tab.run(() => [...document.querySelectorAll("#heard li")].map((row) => row.dataset.end ?? row.textContent));
  const before = await times();
  assert.equal(new Set(before).size, before.length, "an utterance is there twice");
  await stopped(tab, first);
  await listen(tab);
  await tab.click("#listen");
  await phase(tab, "result");
  assert.equal((await recordings(tab)).length, 2);
});

fault("a first visit on which the network breaks at each step", async (tab, server) => {
  const names = readFileSync(new URL("../../dist/index.html", import.meta.url), "utf8");
  const [, script] = /import\("\.\/(page-[^"]*\.js)"\)/.exec(names);
  const program = /page-[^"]*_bg\.wasm/.exec(names)[0];
  const engineOf = () => tab.run(() => performance.getEntriesByType("resource").map(({ name }) => name).find((name) => /worker(-relaxed)?_loader\.js/.test(name)));
  await visit(tab, server);
  const worker = /(worker(?:-relaxed)?)_loader\.js/.exec(await engineOf() ?? "worker-relaxed_loader.js")[1];
  for (const name of [script, program]) {
    const broken = await serveFaults({ "Cache-Control": "no-store" });
    try {
      broken.alter.set(name, () => CUT);
      await tab.go(broken.url);
      await phase(tab, "unsupported");
      assert.match(await tab.run(() => document.querySelector("#unsupported").innerText), /connection|load/i, name);
      broken.alter.delete(name);
      await tab.reload();
      await engine(tab, "ready");
    } finally {
      await broken.close();
    }
  }
  for (const name of [`${worker}_loader.js`, `${worker}.js`, `${worker}_bg.wasm`, "model.json", "model.onnx"]) {
    const broken = await serveFaults({ "Cache-Control": "no-store" });
    try {
      broken.alter.set(name, () => CUT);
      await tab.go(broken.url);
      const told = () => until(tab, () => {
        const alert = document.querySelector("#alert");
        return !alert.hidden && ["engine-unavailable", "model-unavailable", "engine-slow"].includes(alert.dataset.error) && alert.innerText;
      });
      // Where nobody is told that a worker's file did not come, the page waits until nothing has come for a while.
      const said = await told().catch(told);
      assert.match(said, /Try again/, name);
      broken.alter.delete(name);
      await tab.click("#alert-action");
      await engine(tab, "ready");
    } finally {
      await broken.close();
    }
  }
  const broken = await serveFaults({ "Cache-Control": "no-store" });
  try {
    await visit(tab, broken);
    broken.alter.set("worklet.js", () => CUT);
    await tab.click("#listen");
    assert.match(await error(tab, "engine-unavailable"), /worklet\.js/);
    broken.alter.delete("worklet.js");
    await tab.click("#alert-action");
    await engine(tab, "ready");
    await listen(tab);
    await tab.click("#listen");
    await phase(tab, "result");
  } finally {
    await broken.close();
  }
});

test("a permission that Chromium itself takes back", async () => {
  await withPage({ microphone: "ask", permissions: ["microphone"] }, async ({ page, context, engine, press, phase, error }) => {
    await engine("ready");
    await press("Start listening");
    await phase("live");
    await page.locator("#elapsed").filter({ hasNotText: "0:00" }).waitFor();
    await context.clearPermissions();
    assert.match(await error("permission-withdrawn"), /site settings/);
    await phase("live");
    await context.grantPermissions(["microphone"]);
    await press("Go on");
    await page.locator("#alert").waitFor({ state: "hidden" });
    const before = await page.locator("#elapsed").innerText();
    await page.waitForFunction((before) => document.querySelector("#elapsed").textContent !== before, before);
    await press("Stop");
    await phase("result");
  });
});

test("a device on which Chromium itself has no room", async () => {
  await withPage({ profile: emptyFolder() }, async ({ page, context, server, engine, choose, result, error }) => {
    await page.getByText("works offline now").waitFor();
    await choose(spoken);
    await result("spoken.wav");
    const rows = await page.locator("#heard li").allInnerTexts();
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 1 });
    await page.locator("#device-switch").evaluate((element) => element.click());
    assert.match(await error("not-kept"), /take it along as JSON/);
    assert.deepEqual(await page.locator("#heard li").allInnerTexts(), rows);
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin });
    await page.locator("#device-switch").evaluate((element) => element.click());
    await page.waitForFunction(() => localStorage.getItem("speech-emotion session"));
    await page.reload();
    await engine("ready");
    await page.locator("#heard li").first().waitFor();
    assert.deepEqual(await page.locator("#heard li").allInnerTexts(), rows);
  });
});
