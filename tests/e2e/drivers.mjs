// The same few steps in Chromium, Firefox and WebKit, each by the driver that it has.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PATIENCE, tools } from "./browser.mjs";
import { emptyFolder } from "./sound.mjs";

const { chromium } = tools("playwright-core");
const { launch } = tools("puppeteer-core");
const { Builder, By } = tools("selenium-webdriver");
const { DriverService } = tools("selenium-webdriver/remote");

/** A call of a function that is given as text, as it must reach the page. */
const call = (run, given) => `(${run})(${given.map((value) => JSON.stringify(value)).join(", ")})`;

async function inChromium(body) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
  });
  const context = await browser.newContext();
  const tab = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    return {
      go: (url) => page.goto(url),
      reload: () => page.reload(),
      run: (run, ...given) => page.evaluate(call(run, given)),
      click: (selector) => page.click(selector),
      upload: (path) => page.setInputFiles("#file", path),
      close: () => page.close(),
    };
  };
  try {
    await body({ ...await tab(), tab });
  } finally {
    await browser.close();
  }
}

/** Runs `body` with the environment in which Firefox has a sound card: without one its AudioContext never runs. */
export async function withSoundCard(body) {
  const folder = emptyFolder();
  const socket = join(folder, "socket");
  const card = spawn("pulseaudio", [
    "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "--load=module-null-sink",
    `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
  ], { env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder }, stdio: "ignore" });
  try {
    // Where there is no such program, the system's own sound has to do.
    const isThere = await Promise.race([once(card, "spawn").then(() => true), once(card, "error").then(() => false)]);
    while (isThere && !existsSync(socket) && card.exitCode === null) await new Promise((resolve) => { setTimeout(resolve, 20); });
    await body(isThere ? { ...process.env, PULSE_SERVER: `unix:${socket}` } : process.env);
  } finally {
    card.kill();
  }
}

const inFirefox = (body) => withSoundCard(async (env) => {
  const browser = await launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true, env });
  const tab = async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    // What would be lost is asked about; here the answer is to leave.
    page.on("dialog", (dialog) => dialog.accept().catch(() => {}));
    return {
      go: (url) => page.goto(url),
      reload: () => page.reload(),
      run: (run, ...given) => page.evaluate(call(run, given)),
      click: (selector) => page.locator(selector).click(),
      upload: async (path) => (await page.$("#file")).uploadFile(path),
      close: () => page.close(),
    };
  };
  try {
    await body({ ...await tab(), tab });
  } finally {
    await browser.close();
  }
});

/** What a driver throws when its browser has died. */
const DIED = "NoSuchSessionError";

/**
 * Runs `body` with WebKit's own driver, on a screen of its own, and closes both whatever happens.
 *
 * MiniBrowser sometimes dies on a busy machine; then all is done once more.
 */
export async function withWebKit(body) {
  try {
    await withOneWebKit(body);
  } catch (error) {
    if (error.name !== DIED) throw error;
    process.stderr.write("WebKit's browser died and is started again\n");
    await withOneWebKit(body);
  }
}

async function withOneWebKit(body) {
  const screen = spawn("Xvfb", ["-displayfd", "3"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  let service;
  let driver;
  try {
    const [display] = await Promise.race([once(screen.stdio[3], "data"), once(screen, "exit").then(() => [""])]);
    assert.match(String(display), /^\d+/, "Xvfb does not start");
    const environment = { ...process.env, DISPLAY: `:${String(display).trim()}` };
    service = new DriverService.Builder("WebKitWebDriver").setLoopback(true).setEnvironment(environment).build();
    const browserOptions = { binary: process.env.WEBKIT, args: ["--automation"] };
    driver = await new Builder()
      .usingServer(await service.start(PATIENCE))
      .withCapabilities({ browserName: "MiniBrowser", unhandledPromptBehavior: "accept", "webkitgtk:browserOptions": browserOptions })
      .build();
    await driver.manage().setTimeouts({ script: PATIENCE });
    await body(driver);
  } finally {
    await driver?.quit().catch(() => {});
    await service?.kill();
    screen.kill();
  }
}

const inWebKit = (body) => withWebKit(async (driver) => {
  const tabOf = (handle) => {
    const here = async (step) => {
      if ((await driver.getWindowHandle().catch(() => "")) !== handle) await driver.switchTo().window(handle);
      return step();
    };
    return {
      go: (url) => here(() => driver.get(url)),
      reload: () => here(() => driver.navigate().refresh()),
      run: (run, ...given) => here(async () => {
        const [answer, error] = await driver.executeAsyncScript(`
          const done = arguments[0];
          Promise.resolve().then(() => ${call(run, given)}).then((answer) => done([answer ?? null, null]), (error) => done([null, String(error)]));
        `);
        if (error) throw new Error(error);
        return answer;
      }),
      click: (selector) => here(() => driver.findElement(By.css(selector)).click()),
      upload: (path) => here(() => driver.findElement(By.id("file")).sendKeys(path)),
      close: () => here(() => driver.close()),
    };
  };
  const first = tabOf(await driver.getWindowHandle());
  const tab = async () => {
    await driver.switchTo().newWindow("tab");
    return tabOf(await driver.getWindowHandle());
  };
  await body({ ...first, tab });
});

/** Each browser's name, and what runs `body` with a tab of it: its steps, and more tabs. */
export const BROWSERS = { Chromium: inChromium, Firefox: inFirefox, WebKit: inWebKit };

/** Waits until a function gives something in a tab's page, and gives that. */
export async function until(tab, run, ...given) {
  let last;
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    try {
      const answer = await tab.run(run, ...given);
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      if (error.name === DIED) throw error;
      // A page that is on its way answers nothing.
      last = error;
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  const shown = await tab.run(() => [JSON.stringify(document.body.dataset), document.body.innerText].join("\n")).catch(String);
  throw new Error(`never: ${run} ${JSON.stringify(given)}\n${last ?? ""}\n${shown}`);
}
