// How sound comes into the page, and what it says where none can.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { looksRight, picture, withPage } from "./browser.mjs";
import { bytes, emptyFolder, generated, predict, speech } from "./sound.mjs";

const SAD = "03-01-04-02-01-01-08";
const ANGRY = "03-01-05-02-01-01-05";

/** What is waited for long in life is waited for shortly here. */
const impatient = () => {
  const later = window.setTimeout;
  window.setTimeout = (act, ms, ...rest) => later(act, ms >= 10_000 ? 300 : ms, ...rest);
};

const refuse = (name, message) => `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException(${JSON.stringify(message)}, ${JSON.stringify(name)}));`;

/** A phase that lasts: what would end it has had its time. */
async function stays(page, phase) {
  await page.waitForTimeout(500);
  assert.equal(await page.locator("body").getAttribute("data-phase"), phase);
}

test("a browser that refuses Web Locks runs the engine all the same", async () => {
  const refusing = 'navigator.locks.request = () => Promise.reject(new DOMException("no storage", "SecurityError"));';
  const alter = { "worker-relaxed_loader.js": (body) => Buffer.from(refusing + body) };
  await withPage({ alter, script: refusing }, async ({ engine, choose, result, verdict }) => {
    await engine("ready");
    await choose(speech(SAD, "locks.wav"));
    await result("locks.wav");
    assert.notEqual(await verdict(), "none");
  });
});

test("an engine that never comes is not waited for without a word", async () => {
  const alter = { "worker-relaxed_loader.js": () => Buffer.from("// Nothing.") };
  await withPage({ alter, script: impatient }, async ({ page, server, engine, press, error }) => {
    assert.match(await error("engine-slow"), /unusually long[^]*load it again/);
    server.alter.clear();
    // The browser has kept the empty one.
    await page.route("**/worker-relaxed_loader.js", (route) => route.fulfill({ path: fileURLToPath(new URL("../../dist/worker-relaxed_loader.js", import.meta.url)), contentType: "text/javascript" }));
    await press("Try again");
    await engine("ready");
    assert.equal(await page.locator("#alert").isVisible(), false);
  });
});

test("files that another program of the origin has deleted are kept again at the next visit", async () => {
  await withPage({ profile: emptyFolder() }, async ({ page, server, engine }) => {
    await page.getByText("works offline now").waitFor();
    const kept = () => page.evaluate(async () => {
      const [name] = await caches.keys();
      return name ? (await (await caches.open(name)).keys()).length : 0;
    });
    const before = await kept();
    assert.ok(before > 5);
    await page.evaluate(async () => { for (const name of await caches.keys()) await caches.delete(name); });
    assert.equal(await kept(), 0);
    await page.reload();
    await engine("ready");
    while ((await kept()) < before) await page.waitForTimeout(50);
    await server.close();
    await page.reload();
    await engine("ready");
  });
});

test("a file that is no audio is refused while listening goes on", async () => {
  await withPage({ microphone: speech(SAD, "goes-on.wav") }, async ({ page, engine, press, choose, error, phase }) => {
    await engine("ready");
    await press("Start listening");
    await phase("live");
    await choose(bytes("This is a letter, not a sound.", "letter.mp3"));
    assert.match(await error("file-not-audio"), /“letter\.mp3” is not audio/);
    await stays(page, "live");
    await press("Stop");
    await phase("result");
    assert.match(await page.locator("#kicker").innerText(), /Overall/);
  });
});

test("whoever keeps the microphone away is named, with what helps there", async () => {
  await withPage({ microphone: "ask", headers: { "Permissions-Policy": "microphone=()" }, trusts: ["policy"] }, async ({ press, error }) => {
    await press("Start listening");
    const told = await error("microphone-policy");
    assert.match(told, /site[^]*switched the microphone off[^]*Permissions-Policy/);
    assert.doesNotMatch(told, /https|settings, at the left/);
  });
  await withPage({ script: refuse("NotAllowedError", "Permission denied by system") }, async ({ press, error }) => {
    await press("Start listening");
    assert.match(await error("microphone-system"), /system[^]*privacy/);
  });
  // As Firefox answers when the person has allowed it and the system has not.
  await withPage({ permissions: ["microphone"], script: refuse("NotAllowedError", "The request is not allowed by the user agent or the platform in the current context.") }, async ({ press, error }) => {
    await press("Start listening");
    await error("microphone-system");
  });
});

test("a frame that is not given the microphone says so, and a tab of its own is offered", async () => {
  const pages = { "around.html": `<iframe src="./" allow="microphone 'none'" style="width: 100%; height: 700px"></iframe>` };
  await withPage({ microphone: "ask", pages, path: "around.html", trusts: ["policy"] }, async ({ page }) => {
    const frame = page.frameLocator("iframe");
    await frame.getByRole("button", { name: "Start listening", exact: true }).click();
    const alert = frame.locator('#alert[data-error="microphone-not-passed-on"]');
    await alert.waitFor({ state: "visible" });
    assert.match(await alert.innerText(), /tab of its own[^]*allow="microphone"/);
    const opened = page.waitForEvent("popup");
    await alert.getByRole("button", { name: "Open in a tab" }).click();
    await (await opened).locator("#listen:enabled").waitFor();
  });
});

test("a sandboxed frame, a file and a host's own policy have a sentence that fits", async () => {
  const said = (page) => page.locator(".blocked:visible").innerText();
  const pages = { "around.html": `<iframe src="./" sandbox="allow-scripts" style="width: 100%; height: 700px"></iframe>` };
  await withPage({ pages, path: "around.html", trusts: ["policy", "null"] }, async ({ page }) => {
    assert.match(await said(page.frameLocator("iframe")), /sandboxed frame[^]*tab of its own/);
  });
  await withPage({ headers: { "Content-Security-Policy": "default-src 'self'" }, trusts: ["policy"] }, async ({ page }) => {
    assert.match(await said(page), /does not let its program run[^]*Content-Security-Policy/);
    assert.equal(await page.locator("#listen").isVisible(), false);
    await looksRight(page, "blocked-by-policy");
  });
  await withPage({ trusts: ["policy", "null"] }, async ({ page }) => {
    await page.goto(new URL("../../dist/index.html", import.meta.url).href);
    assert.match(await said(page), /Opened as a file[^]*http\.server/);
    assert.equal(await page.locator(".blocked:visible").count(), 1);
    await picture(page, "blocked-file");
  });
  // Where all is well none of them is seen.
  await withPage({}, async ({ page, engine }) => {
    await engine("ready");
    assert.equal(await page.locator(".notice:visible").count(), 0);
  });
});

test("a server that sends JavaScript as text is named", async () => {
  await withPage({ serviceWorkers: "block" }, async ({ page, phase, engine }) => {
    await engine("ready");
    await page.route("**/*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), "content-type": "text/plain" } });
    });
    await page.reload();
    await phase("unsupported");
    assert.match(await page.locator("#unsupported").innerText(), /does not send JavaScript as JavaScript[^]*text\/javascript/);
    await page.unroute("**/*.js");
    await page.route("**/page*.js", (route) => route.abort());
    await page.reload();
    await phase("unsupported");
    assert.match(await page.locator("#unsupported").innerText(), /could not be loaded[^]*connection/);
  });
});

test("a player that says nothing about a file is given up", async () => {
  const script = `(${impatient})();
    const { addEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (name, ...rest) { if (name !== "loadedmetadata") addEventListener.call(this, name, ...rest); };`;
  // The browser's own decoder is asked where the page's has none.
  const alter = { "decoder_loader.js": () => Buffer.from("throw new Error('no decoder');") };
  await withPage({ script, alter }, async ({ engine, choose, error, phase }) => {
    await engine("ready");
    await choose(speech(SAD, "stalled.wav"));
    assert.match(await error("file-stalled"), /“stalled\.wav”[^]*choose it again/);
    await phase("idle");
  });
});

test("leaving while listening is asked, and not once all is cleared", async () => {
  await withPage({ microphone: speech(SAD, "leaving.wav") }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await press("Start listening");
    await phase("live");
    const asked = [];
    page.on("dialog", (dialog) => { asked.push(dialog.type()); void dialog.dismiss(); });
    await page.evaluate(() => { setTimeout(() => location.reload()); });
    while (asked.length === 0) await page.waitForTimeout(50);
    assert.deepEqual(asked, ["beforeunload"]);
    await stays(page, "live");
    await press("Stop");
    await phase("result");
    await page.locator("#more summary").click();
    await page.locator('[data-act="clear"]').click();
    await page.reload();
    await engine("ready");
    assert.equal(asked.length, 1);
  });
});

test("the screen is kept on while listening, also after another tab", async () => {
  const script = () => {
    window.locks = { given: 0, held: 0 };
    navigator.wakeLock.request = async () => {
      window.locks.given++;
      window.locks.held++;
      return { release: async () => { window.locks.held--; } };
    };
  };
  await withPage({ microphone: speech(SAD, "awake.wav"), script }, async ({ page, engine, press, phase }) => {
    const locks = () => page.evaluate(() => window.locks);
    await engine("ready");
    assert.deepEqual(await locks(), { given: 0, held: 0 });
    await press("Start listening");
    await phase("live");
    while ((await locks()).held !== 1) await page.waitForTimeout(20);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    while ((await locks()).given !== 2 || (await locks()).held !== 1) await page.waitForTimeout(20);
    await press("Stop");
    await phase("result");
    assert.equal((await locks()).held, 0);
  });
});

test("strings, horns and dial tones are no speech, in the page and in the trainer's program", async () => {
  const string = (hz) => `0.4*exp(-2*mod(t\\,1))*(2*mod(${hz}*t\\,1)-1)`;
  const sounds = [
    generated(`aevalsrc=${string(220)}:s=44100:d=6`, "string.wav"),
    generated(`aevalsrc=${string(196)}:s=44100:d=6`, "string.mp3", "-b:a", "48k"),
    generated("aevalsrc=0.3*(2*mod(220*t\\,1)-1):s=44100:d=4", "horn.wav"),
    generated("aevalsrc=0.2*(sin(2*PI*350*t)+sin(2*PI*440*t)):s=44100:d=4", "dial-tone.wav"),
  ];
  for (const { path, label, speech_s: spoken } of predict(...sounds)) assert.deepEqual([label, spoken], ["no speech", 0], path);
  await withPage({}, async ({ page, engine, choose, result, verdict }) => {
    await engine("ready");
    for (const sound of sounds) {
      await choose(sound);
      await result(basename(sound));
      assert.equal(await verdict(), "no-speech", sound);
      assert.equal(await page.locator("#heard li").count(), 0, sound);
    }
  });
});

test("a headset whose gate gives zeros in pauses is not called muted", async () => {
  const spoken = speech(ANGRY, "gate-part.wav", "-ac", "1", "-ar", "48000");
  const gated = generated(`amovie=${spoken},atrim=end=3,apad=pad_dur=9,asplit[a][b];[a][b]concat=n=2:v=0:a=1`, "gated.wav");
  await withPage({ microphone: gated }, async ({ page, engine, press, phase }) => {
    await engine("ready");
    await page.evaluate(() => {
      window.alerts = [];
      new MutationObserver(() => window.alerts.push(document.querySelector("#alert").dataset.error)).observe(document.querySelector("#alert"), { attributes: true });
    });
    await press("Start listening");
    await page.locator("#elapsed").filter({ hasText: /0:1[5-9]/ }).waitFor();
    assert.deepEqual(await page.evaluate(() => window.alerts.filter(Boolean)), []);
    await press("Stop");
    await phase("result");
  });
});

test("a microphone that is all but off is told with what to do, and one that is too loud", async () => {
  await withPage({ microphone: generated("anoisesrc=r=48000:a=0.0006:d=40:seed=1", "nearly-off.wav") }, async ({ page, engine, press, error }) => {
    await engine("ready");
    await press("Start listening");
    assert.match(await error("faint-microphone"), /Hardly anything arrives[^]*turn the microphone up/);
    await stays(page, "live");
    await press("Stop");
  });
  const loud = speech(ANGRY, "loud.wav", "-ac", "1", "-af", "volume=40dB,apad=pad_dur=2");
  await withPage({ microphone: loud }, async ({ page, engine, press }) => {
    await engine("ready");
    await press("Start listening");
    await page.locator("#sound-advice").filter({ hasText: "Too loud" }).waitFor();
    assert.equal(await page.locator("#alert").isVisible(), false);
    await press("Stop");
    assert.equal(await page.locator("#sound-advice").innerText(), "");
  });
});

test("a microphone is chosen, changed while listening, and remembered", async () => {
  await withPage({ microphone: speech(SAD, "chosen.wav"), profile: emptyFolder() }, async ({ page, engine, press, phase }) => {
    const used = () => page.evaluate(() => window.opened.tracks.map((track) => [track.label, track.readyState]));
    await engine("ready");
    await press("Start listening");
    await phase("live");
    await page.locator("#sound summary").click();
    const devices = page.locator("#microphone");
    await devices.waitFor();
    const names = await devices.locator("option").allInnerTexts();
    assert.ok(names.length > 2, names.join());
    await looksRight(page, "microphones");
    const other = names.at(-1);
    await devices.selectOption({ label: other });
    while ((await used()).length < 2) await page.waitForTimeout(20);
    await page.waitForFunction(() => window.opened.tracks[0].readyState === "ended");
    assert.deepEqual((await used())[1], [other, "live"]);
    const before = await page.locator("#elapsed").innerText();
    await page.waitForFunction((before) => document.querySelector("#elapsed").textContent !== before, before);
    await stays(page, "live");
    await press("Stop");
    await phase("result");
    await page.reload();
    await engine("ready");
    await press("Start listening");
    await phase("live");
    assert.deepEqual(await used(), [[other, "live"]]);
    await press("Stop");
  });
});

test("a microphone that is unplugged and plugged in again goes on in the same session", async () => {
  await withPage({ microphone: speech(SAD, "plugged.wav") }, async ({ page, engine, press, error, phase }) => {
    await engine("ready");
    await press("Start listening");
    await page.locator("#elapsed").filter({ hasNotText: "0:00" }).waitFor();
    await page.evaluate(() => {
      window.list = navigator.mediaDevices.enumerateDevices;
      navigator.mediaDevices.enumerateDevices = async () => [];
      const [track] = window.opened.tracks;
      track.stop();
      track.dispatchEvent(new Event("ended"));
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    });
    assert.match(await error("microphone-lost"), /Plug it in again/);
    await stays(page, "live");
    const before = await page.locator("#elapsed").innerText();
    await page.evaluate(() => {
      navigator.mediaDevices.enumerateDevices = window.list;
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    });
    await page.waitForFunction((before) => document.querySelector("#elapsed").textContent !== before, before);
    await page.locator("#alert").waitFor({ state: "hidden" });
    assert.doesNotMatch(await page.locator("#lost").innerText(), /busy/);
    await press("Stop");
    await phase("result");
    const live = await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState === "live").length);
    assert.equal(live, 0);
  });
});

test("listening goes on after a call has taken the sound", async () => {
  await withPage({ microphone: speech(SAD, "call-taken.wav") }, async ({ page, engine, press, phase, error }) => {
    await engine("ready");
    await press("Start listening");
    await page.locator("#elapsed").filter({ hasNotText: "0:00" }).waitFor();
    await page.evaluate(async () => {
      const [context] = window.opened.contexts;
      // Nothing gives it back while the call lasts.
      window.resume = context.resume;
      context.resume = () => new Promise(() => {});
      await context.suspend();
    });
    await error("microphone-interrupted");
    await stays(page, "live");
    const before = await page.locator("#elapsed").innerText();
    await page.evaluate(() => {
      const [context] = window.opened.contexts;
      context.resume = window.resume;
    });
    await press("Go on");
    await page.waitForFunction((before) => document.querySelector("#elapsed").textContent !== before, before);
    assert.equal(await page.locator("#alert").isVisible(), false);
    await press("Stop");
    await phase("result");
  });
});

test("labels and file names of another direction stay apart from the words around them", async () => {
  const label = "\u062d\u0632\u064a\u0646";
  const alter = { "model.json": (body) => Buffer.from(String(body).replaceAll('"sad"', JSON.stringify(label))) };
  await withPage({ alter }, async ({ page, engine, choose, result }) => {
    await engine("ready");
    const name = "\u062a\u0633\u062c\u064a\u0644 3.wav";
    await choose(bytes("no sound", name));
    const title = page.locator("#alert-title bdi");
    await title.waitFor();
    assert.equal(await title.textContent(), name);
    await choose(speech(SAD, "sad.wav"));
    await result("sad.wav");
    assert.equal(await page.locator("#kicker bdi").textContent(), "sad.wav");
    const said = page.locator("#verdict bdi, #detail bdi");
    assert.ok((await said.count()) > 0);
    assert.doesNotMatch(await page.locator("main").innerText(), /[\u2066-\u2069]/);
    await picture(page, "arabic");
  });
});
