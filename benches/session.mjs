// What a session of an hour costs in Chromium: its memory, how soon the page answers while it goes on, and how
// long it takes to take it along.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../tests/e2e/browser.mjs";
import { hour } from "../tests/e2e/hour.mjs";
import { emptyFolder, speech } from "../tests/e2e/sound.mjs";

const CLIPS = ["03-01-05-02-01-01-05", "03-01-04-02-01-01-08", "03-01-03-02-02-01-12", "03-01-06-02-01-01-14"];
const UTTERANCES = 1_500;
const SLOWER = 4;
/** How many times as fast as it sounds an hour comes to the engine. */
const FASTER = 16;
const EARLY_S = 600;

/** Notes interactions and what programs take of memory. Runs in the page. */
const watch = () => {
  window.watched = { interactions: new Map(), memories: [] };
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (interactionId === 0) continue;
      const known = window.watched.interactions.get(interactionId) ?? { duration: 0 };
      if (duration > known.duration) window.watched.interactions.set(interactionId, { duration, during: window.doing });
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      const { memory } = (made.instance ?? made).exports;
      window.watched.memories.push(memory);
      return made;
    };
  }
};

/** Processor time of the page's thread until now, in ms; on a machine that does other things too, clocks tell more. */
async function busy(devtools) {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return 1e3 * metrics.find(({ name }) => name === "TaskDuration").value;
}

/** Follows the tasks of the page's thread; gives the longest ones' processor time in ms when it is called again. */
async function tasks(devtools) {
  const longest = [];
  const threads = [];
  const take = ({ value }) => {
    for (const { name, ph, tid, tdur, args } of value) {
      if (name === "thread_name" && args.name === "CrRendererMain") threads.push(tid);
      if (ph !== "X" || !name.endsWith("RunTask") || !(tdur > 10_000)) continue;
      longest.push([tid, tdur / 1e3]);
    }
  };
  devtools.on("Tracing.dataCollected", take);
  await devtools.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel"] } });
  return async () => {
    const complete = new Promise((resolve) => { devtools.once("Tracing.tracingComplete", resolve); });
    await devtools.send("Tracing.end");
    await complete;
    return longest.filter(([thread]) => threads.includes(thread)).map(([, ms]) => ms).sort((a, b) => b - a).slice(0, 10);
  };
}

/** Bytes of the page: JavaScript's heap after a collection, and its programs' memory. */
async function memory(page, devtools) {
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const heap = metrics.find(({ name }) => name === "JSHeapUsedSize").value;
  const programs = await page.evaluate(() => window.watched.memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  return { heap, programs };
}

/** The clips one after the other at the rate of the microphone, a second of silence between them. */
function voice() {
  const raw = CLIPS.map((clip, n) => {
    const path = speech(clip, `hour-${n}.wav`, "-ac", "1", "-ar", "48000");
    return execFileSync("ffmpeg", ["-v", "error", "-i", path, "-f", "s16le", "-"], { maxBuffer: 1e8 });
  });
  return Buffer.concat(raw).toString("base64");
}

/** An hour of live listening, many times as fast as it sounds; then what people do while it goes on, on a slow device. */
export async function live() {
  const silent = join(emptyFolder(), "microphone.wav");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=1", silent]);
  // Worklets have no atob.
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const spoken = `
const DIGITS = new Map([..."${digits}"].map((digit, value) => [digit, value]));
const TEXT = "${voice()}";
const VOICE = new Float32Array(Math.floor((TEXT.replace(/=/g, "").length * 6) / 16));
for (let bits = 0, held = 0, at = 0, byte = 0, low = 0; at < TEXT.length && TEXT[at] !== "="; at += 1) {
  held = ((held << 6) | DIGITS.get(TEXT[at])) & 0xffff;
  bits += 6;
  if (bits < 8) continue;
  bits -= 8;
  const value = (held >> bits) & 0xff;
  if (byte % 2) VOICE[(byte - 1) / 2] = (((value << 8) | low) << 16 >> 16) / 32768;
  low = value;
  byte += 1;
}
let heard = 0;
const speak = (count) => Float32Array.from({ length: count }, () => VOICE[heard++ % VOICE.length]);
`;
  const altered = (body) => spoken + String(body).replace("this.forward(samples)", `this.forward(speak(samples.length * (heard < sampleRate * 3600 ? ${FASTER} : 1)))`);
  const { page, engine, phase, press, close } = await open({
    microphone: silent, script: watch, viewport: { width: 1280, height: 900 },
    alter: { "worklet.js": (body) => Buffer.from(altered(body)) },
  });
  page.setDefaultTimeout(600_000);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await engine("ready");
  await press("Start listening");
  await phase("live");
  const reached = (seconds) => page.waitForFunction((seconds) => {
    const text = document.querySelector("#elapsed").textContent;
    const parts = text.split(":").map(Number);
    return parts.reduce((sum, part) => 60 * sum + part, 0) >= seconds;
  }, seconds, { polling: 250 });
  await reached(EARLY_S);
  const early = await memory(page, devtools);
  await reached(3_600);
  const late = await memory(page, devtools);
  const found = await page.evaluate(() => ({
    utterances: Number(document.querySelector("#heard li").getAttribute("aria-setsize")),
    sound: document.querySelector("#sound-text").textContent,
    lost: document.querySelector("#lost").textContent,
  }));
  const interactions = await act(page, devtools);
  await press("Stop");
  await phase("result");
  await close();
  return { early, late, ...found, interactions };
}

/**
 * What people do with an hour on screen, on a slow device, in ms: the longest time of each from the input to the next
 * paint, and the longest that the page's thread was busy with one input.
 */
async function act(page, devtools) {
  await page.evaluate(() => { window.watched.interactions.clear(); });
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  const longest = {};
  const frame = () => page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)); }));
  const doing = async (name, ...inputs) => {
    await page.evaluate((name) => { window.doing = name; }, name);
    for (const prepare of inputs) {
      const input = await prepare();
      await frame();
      const before = await busy(devtools);
      await input();
      await frame();
      longest[name] = { busy: Math.max(longest[name]?.busy ?? 0, await busy(devtools) - before) };
    }
    // Until the browser has told of it.
    await page.evaluate(() => new Promise((resolve) => { setTimeout(() => requestAnimationFrame(() => setTimeout(resolve, 100)), 0); }));
  };
  const keys = (selector, ...keys) => keys.map((key, n) => async () => {
    if (n === 0) await page.locator(selector).focus();
    return () => page.keyboard.press(key);
  });
  const press = (selector, dx = 12, dy = 12) => async () => {
    const place = page.locator(selector).first();
    await place.scrollIntoViewIfNeeded();
    const { x, y } = await place.boundingBox();
    return () => page.mouse.click(x + dx, y + dy);
  };
  await doing("choose an utterance", press("#heard-view", 40, 60));
  await doing("keys in the list", ...keys("#heard", "ArrowDown", "ArrowDown", "PageDown", "End", "PageUp", "Home"));
  await doing("a correction", ...keys("#correction", "ArrowDown", "Tab"));
  await doing("a place in the timeline", press("#timeline-view", 300, 60));
  await doing("zoom", ...keys("#timeline-view", "+", "+", "+", "+", "+", "+", "End", "Home", "-", "-", "0"));
  await doing("a section", ...keys("#listen", "m", "a", "b", "Enter"));
  await doing("a note", ...keys("#listen", "n", "c", "d", "Tab"));
  await doing("undo", press('[data-act="undo"]'));
  await doing("choose it again", press("#heard-view", 40, 60));
  // There is no sound of what was opened.
  if (await page.locator("#play").isEnabled()) await doing("play", press("#play"), press("#play"));
  await doing("the menus", press("#more summary"), press("#more summary"), press("#take summary"));
  const download = page.waitForEvent("download");
  await doing("take along", press('#take [data-value="all-json/json"]'));
  await download;
  await doing("another language", ...keys("#language", "ArrowDown", "ArrowUp"));
  const all = await page.evaluate(() => [...window.watched.interactions.values()]);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  for (const { duration, during } of all) {
    const known = longest[during];
    if (known) known.paint = Math.max(known.paint ?? 0, duration);
  }
  return longest;
}

/** A session of an hour opened from its file: what people do with it, and the time of each export from the click to the file. */
export async function opened() {
  const { page, engine, close } = await open({ script: watch, viewport: { width: 1280, height: 900 } });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await engine("ready");
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "hour.json", { type: "application/json" }));
    window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
  }, hour(UTTERANCES));
  await page.locator("#heard li").first().waitFor();
  await page.evaluate(() => {
    const { click } = HTMLAnchorElement.prototype;
    HTMLAnchorElement.prototype.click = function () { window.saved?.(performance.now()); click.call(this); };
  });
  const exports = {};
  const values = await page.locator("#take [data-act='export']").evaluateAll((list) => list.map(({ dataset }) => dataset.value));
  for (const value of values) {
    const before = await busy(devtools);
    const took = await page.evaluate((value) => new Promise((resolve) => {
      const button = document.querySelector(`#take [data-value="${value}"]`);
      const begun = performance.now();
      window.saved = (at) => resolve(at - begun);
      button.click();
    }), value);
    exports[value] = { took, busy: await busy(devtools) - before };
  }
  const interactions = await act(page, devtools);
  await close();
  return { exports, interactions };
}

/** A file of two hours: the longest task of the page's thread, and the memory of the page. */
export async function long() {
  const minute = join(emptyFolder(), "minute.mp3");
  const clips = CLIPS.map((clip, n) => speech(clip, `long-${n}.wav`, "-ac", "1", "-ar", "16000"));
  const joined = `${clips.map((_, n) => `[${n}]`).join("")}concat=n=${clips.length}:v=0:a=1,aloop=-1:size=2e9,atrim=duration=60`;
  execFileSync("ffmpeg", ["-v", "error", "-y", ...clips.flatMap((clip) => ["-i", clip]), "-filter_complex", joined, "-b:a", "24k", "-write_xing", "0", "-id3v2_version", "0", minute]);
  const path = join(emptyFolder(), "two-hours.mp3");
  writeFileSync(path, Buffer.concat(Array.from({ length: 119 }, () => readFileSync(minute))));
  const { page, engine, choose, result, close } = await open({ script: watch });
  page.setDefaultTimeout(600_000);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await engine("ready");
  const before = await memory(page, devtools);
  const longest = await tasks(devtools);
  const begun = performance.now();
  await choose(path);
  await result("two-hours.mp3");
  const took_s = (performance.now() - begun) / 1e3;
  const tasks_ms = await longest();
  const after = await memory(page, devtools);
  const utterances = Number(await page.locator("#heard li").first().getAttribute("aria-setsize"));
  const interactions = await act(page, devtools);
  await close();
  return { took_s, tasks_ms, utterances, before, after, interactions };
}
