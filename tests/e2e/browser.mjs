// Opens the page in Chromium, with a WAV file as the microphone, and checks that it keeps its promises.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./server.mjs";

/** What scripts/setup has installed. */
export const tools = createRequire(new URL("../../.tools/node/package.json", import.meta.url));
const { chromium } = tools("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  "--host-resolver-rules=MAP insecure.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** How long the engine and a session may take on a slow machine. */
export const PATIENCE = 60_000;

/**
 * Opens the page.
 *
 * - `microphone`: path of a WAV, played once; "none": no device; "ask": a device without permission.
 * - `isPublic`: as if it came from the internet, for browsers that guard the local network against such pages.
 * - `insecure`: over plain HTTP from another host than localhost.
 * - `alter`: files to change, as in server.mjs.
 * - `profile`: a folder for the browser's profile; without one its cache is small and temporary.
 * - `script`: runs in the page before its own scripts.
 * - `path`: a page other than the program's own.
 * - `pages`: additional files, as in server.mjs.
 * - `headers`: go with every answer of the server.
 * - `trusts`: origins that requests may go to, and policies of the page's own that may refuse something.
 * - everything else is passed to the browser context.
 */
export async function open({ microphone = "none", insecure = false, isPublic = false, alter = {}, profile = "", script, path = "", pages = {}, headers = {}, trusts = [], ...context } = {}) {
  const server = await serve(headers);
  for (const [name, change] of Object.entries(alter)) server.alter.set(name, change);
  for (const [name, text] of Object.entries(pages)) server.pages.set(name, text);
  const flags = [...FLAGS];
  if (isPublic) flags.push(`--ip-address-space-overrides=127.0.0.1:${new URL(server.url).port}=public`);
  if (microphone !== "none") flags.push("--use-fake-device-for-media-stream");
  if (microphone.endsWith(".wav")) {
    flags.push("--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}%noloop`);
  }
  const launch = { executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags };
  const browser = profile
    ? await chromium.launchPersistentContext(profile, { ...launch, ...context })
    : await chromium.launch(launch);
  const page = await (profile ? browser : await browser.newContext(context)).newPage();
  page.setDefaultTimeout(PATIENCE);
  const broken = [];
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (![server.origin, ...trusts].includes(origin) && protocol !== "blob:" && !insecure) {
      broken.push(`a request left the origin: ${request.url()}`);
    }
  });
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text()) && !trusts.includes("policy")) broken.push(message.text());
  });
  page.on("pageerror", (error) => broken.push(String(error)));
  // Whatever the page opens must be closed again; the page itself does not report it.
  await page.addInitScript(() => {
    window.opened = { tracks: [], contexts: [] };
    const { mediaDevices } = navigator;
    if (mediaDevices) {
      const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = async (constraints) => {
        const stream = await getUserMedia(constraints);
        window.opened.tracks.push(...stream.getTracks());
        return stream;
      };
    }
    const { clone } = MediaStreamTrack.prototype;
    MediaStreamTrack.prototype.clone = function () {
      const track = clone.call(this);
      window.opened.tracks.push(track);
      return track;
    };
    window.AudioContext = class extends AudioContext {
      constructor(...options) {
        super(...options);
        window.opened.contexts.push(this);
      }
    };
  });
  if (SLOWLY) await page.addInitScript(SLOWLY);
  if (script) await page.addInitScript(script);
  drawAfterInput(page);
  await page.goto((insecure ? server.insecureUrl : server.url) + path);
  return {
    page,
    context: page.context(),
    server,
    engine: (state) => page.locator(`body[data-engine="${state}"]`).waitFor({ state: "attached" }),
    phase: async (phase) => {
      await page.locator(`body[data-phase="${phase}"]`).waitFor({ state: "attached" });
      await drawn(page);
    },
    press: (name) => page.getByRole("button", { name, exact: true }).click(),
    choose: (...files) => page.setInputFiles("#file", ...files),
    /** Waits for the result of a file. */
    result: async (name) => {
      await page.locator("#kicker").filter({ hasText: name }).waitFor();
      await page.locator('body[data-phase="result"]').waitFor();
      await drawn(page);
    },
    error: async (id) => {
      const alert = page.locator(`#alert[data-error="${id}"]`);
      await alert.waitFor({ state: "visible" });
      await picture(page, `error-${id}`);
      return alert.innerText();
    },
    verdict: () => page.locator("#verdict").getAttribute("data-verdict"),
    posterior: () => shares(page.locator("#emotions li")),
    close: async () => {
      await browser.close();
      await server.close();
      assert.deepEqual(broken, []);
    },
  };
}

/** Runs in a page: waits until what follows from an input is drawn. A page that nobody sees draws nothing. */
export const drawing = () => new Promise((resolve) => {
  requestAnimationFrame(() => { requestAnimationFrame(resolve); });
  setTimeout(resolve, 1_000);
});

// A page that is left draws nothing any more.
const drawn = (page) => page.evaluate(drawing).catch(() => {});

const INPUTS = ["check", "click", "dblclick", "dispatchEvent", "down", "fill", "focus", "move", "press", "selectOption", "tap", "type", "uncheck", "up", "wheel"];
const waiting = new WeakSet();

/** Lets every input wait until the page has drawn what follows from it. */
function drawAfterInput(page) {
  for (const actor of [page, page.keyboard, page.mouse, Object.getPrototypeOf(page.locator("body"))]) {
    if (waiting.has(actor)) continue;
    waiting.add(actor);
    for (const input of INPUTS.filter((input) => actor[input])) {
      const act = actor[input];
      actor[input] = async function (...given) {
        const answer = await act.apply(this, given);
        await drawn(this.page?.() ?? page);
        return answer;
      };
    }
  }
}

/**
 * Runs in a page before its own scripts where SPEECH_EMOTION_SLOW_FRAMES is a number of milliseconds: every frame comes
 * that much later, so that tests show which of their steps do not wait for what they look at.
 */
export const SLOWLY = process.env.SPEECH_EMOTION_SLOW_FRAMES && `{
  const next = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => setTimeout(() => next(draw), ${Number(process.env.SPEECH_EMOTION_SLOW_FRAMES)});
  window.cancelAnimationFrame = clearTimeout;
}`;

/** Keeps the screen in the folder SPEECH_EMOTION_SCREENSHOTS, where it is given, to be looked at. */
export async function picture(page, name) {
  const folder = process.env.SPEECH_EMOTION_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Checks that the screen fits the window and that every text can be read, and keeps it as `picture` does. */
export async function looksRight(page, name) {
  const { scroll, client } = await page.evaluate(() => {
    const { scrollWidth: scroll, clientWidth: client } = document.documentElement;
    return { scroll, client };
  });
  assert.ok(scroll <= client, `${name} is ${scroll} px wide, the window ${client}`);
  assert.deepEqual(await page.evaluate(tooPale), [], name);
  await picture(page, name);
}

async function shares(items) {
  const permille = await items.evaluateAll((list) =>
    list.map((item) => [item.dataset.emotion, Number(item.dataset.permille)]));
  return Object.fromEntries(permille.map(([emotion, share]) => [emotion, share / 1000]));
}

/** Runs `body` with an opened page and closes it whatever happens. */
export async function withPage(options, body) {
  const opened = await open(options);
  try {
    await body(opened);
  } catch (error) {
    await opened.close().catch(() => {});
    throw error;
  }
  await opened.close();
}

/** Texts whose contrast is below WCAG AA, as "selector: ratio". Runs in the page. */
function tooPale() {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // Including open shadow roots.
  const within = (root) => [...root.querySelectorAll("*")].flatMap((element) => [element, ...(element.shadowRoot ? within(element.shadowRoot) : [])]);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const pale = [];
  for (const element of within(document.body)) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !element.checkVisibility() || element.closest(".visually-hidden, .skip, svg, [aria-hidden]")) continue;
    for (const animation of element.getAnimations()) animation.finish();
    const style = getComputedStyle(element);
    const [a, b] = [luminance(channels(style.color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) pale.push(`${element.id || element.className}: ${ratio.toFixed(2)}`);
  }
  return pale;
}
