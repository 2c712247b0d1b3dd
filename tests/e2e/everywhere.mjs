// What people do with a session, in any browser whose driver can run a script: several files, a sample, a correction,
// files to take along, how it works, and the session kept on the device.

import assert from "node:assert/strict";
import { PATIENCE } from "./browser.mjs";
import { bytes, speech } from "./sound.mjs";

const HAPPY = "03-01-03-02-02-01-12";
const SAD = "03-01-04-02-01-01-08";

/** Keeps what the page has the browser save, instead of saving it. */
const catchFiles = () => {
  const { createObjectURL } = URL;
  window.saved = [];
  const made = new Map();
  URL.createObjectURL = (blob) => {
    const url = createObjectURL.call(URL, blob);
    made.set(url, blob);
    return url;
  };
  const { click } = HTMLAnchorElement.prototype;
  HTMLAnchorElement.prototype.click = function () {
    if (!this.download) return click.call(this);
    made.get(this.href).text().then((text) => window.saved.push([this.download, text]));
  };
};

/**
 * Goes through all of it.
 *
 * - `run(script, ...given)`: runs a function in the page and gives what it returns.
 * - `choose(...paths)`: chooses files.
 * - `reload()`: reloads the page.
 */
export async function goThrough({ run, choose, reload }) {
  const until = async (what, script, ...given) => {
    for (const end = Date.now() + 2 * PATIENCE; Date.now() < end;) {
      const found = await run(script, ...given);
      if (found) return found;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
    return assert.fail(`${what} never comes: ${await run(() => document.querySelector("main").innerText)}`);
  };
  const ready = () => until("the engine", () => document.body.dataset.engine === "ready");
  const press = (selector) => run((selector) => document.querySelector(selector).click(), selector);
  const take = async (value) => {
    const before = await run(() => window.saved.length);
    await press(`#take [data-value="${value}"]`);
    await until(value, (before) => window.saved.length > before, before);
    return run(() => window.saved.at(-1));
  };
  const rows = () => run(() => [...document.querySelectorAll("#heard li")].map((row) => row.innerText));

  await ready();
  await run(catchFiles);
  await choose(speech(HAPPY, "first.wav"), bytes("no sound", "second.mp3"), speech(SAD, "third.flac"));
  const states = await until("the queue's end", () => {
    const states = [...document.querySelectorAll("#results-rows tr")].map((row) => row.dataset.state);
    const isOver = states.length === 3 && states.every((state) => ["done", "failed"].includes(state));
    return isOver && states.join();
  });
  assert.equal(states, "done,failed,done");

  await press("#sample-angry");
  await until("the sample's result", () => document.body.dataset.phase === "result" && document.querySelector("#kicker").innerText === "An angry voice");
  assert.equal(await run(() => document.querySelector("#verdict").dataset.verdict), "angry");

  await run(() => { document.querySelector("#explain").open = true; });
  const inked = await until("how it works", () => {
    if (document.querySelector("#explain-steps").hidden) return null;
    return [...document.querySelectorAll("#explain-steps canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, at) => at % 4 === 3 && value > 0);
    });
  });
  assert.deepEqual(inked, [true, true, true, true, true]);

  await press("#heard li");
  await until("what is chosen", () => document.querySelectorAll("#chosen-shares li").length === 8);
  await run(() => {
    const field = document.querySelector("#correction");
    field.value = "disgust";
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await until("the correction", () => /you say\s+disgust/.test(document.querySelector("#heard li").innerText));
  assert.equal(await run(() => document.querySelector("#play").disabled), false);

  const [csv, table] = await take("all-csv/csv");
  assert.match(csv, /\.csv$/);
  assert.match(table, /disgust/);
  const [, json] = await take("all-json/json");
  const { sources } = JSON.parse(json);
  assert.deepEqual(sources.map(({ name }) => name), ["first.wav", "third.flac", "An angry voice"]);
  assert.equal(sources[2].utterances.at(-1).correction, "disgust");
  const [picture] = await take("png/png");
  assert.match(picture, /\.png$/);

  const before = await rows();
  await press("#device-switch");
  await until("the session on the device", () => localStorage.getItem("speech-emotion session"));
  await reload();
  await ready();
  await until("the kept session", () => document.querySelectorAll("#heard li").length > 0);
  assert.deepEqual(await rows(), before);
  assert.equal(await run(() => document.querySelectorAll("#recordings button").length), 3);
  await press("#heard li");
  await until("its sound", () => !document.querySelector("#play").disabled);
}
