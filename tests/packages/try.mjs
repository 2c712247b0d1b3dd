// Tries the packed library as a new user does: from its tarball, in fresh folders, with each bundler, in a browser
// with a WAV as the microphone. Usage, by scripts/try-library: node tests/packages/try.mjs [CASE ...]

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENCE, tools } from "../e2e/browser.mjs";
import { distance, emptyFolder, predict, speech } from "../e2e/sound.mjs";

const { chromium } = tools("playwright-core");
const LIBRARY = fileURLToPath(new URL("../../dist/library/", import.meta.url));
const CHECKERS = { "@arethetypeswrong/cli": "0.18.5", publint: "0.3.25" };
/** What the documentation promises for a page's own files. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; media-src blob:";

/** A page's program: what a test calls. */
const PROGRAM = (create = "") => `import { EmotionRecognizer } from "speech-emotion";
import { toPromptContext } from "speech-emotion/context.js";
${create.includes("define") ? 'import "speech-emotion/define.js";' : ""}
window.analyse = async (content) => {
  const recognizer = await EmotionRecognizer.create(${create.replace("define", "")});
  const analysis = await recognizer.analyze(new Blob([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))]));
  const { text } = toPromptContext(analysis.utterances, { turnStartMs: 0, minConfidence: 0 });
  recognizer.dispose();
  return { lane: analysis.lanes[0], text };
};
window.hear = async () => {
  const recognizer = await EmotionRecognizer.create(${create.replace("define", "")});
  const session = await recognizer.listen();
  const { detail } = await new Promise((resolve) => session.addEventListener("utterance", resolve, { once: true }));
  const summary = await session.stop();
  recognizer.dispose();
  return { utterance: detail, summary };
};
`;
const PAGE = (script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Somebody else's page</title>${script}</html>`;

const run = (folder, command, ...words) => {
  try {
    return execFileSync(command, words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } });
  } catch (error) {
    throw new Error(`${command} ${words.join(" ")} failed:\n${error.stdout}\n${error.stderr}`);
  }
};
const npx = (folder, ...words) => run(folder, "npx", "--no-install", ...words);

/** The tarball that npm makes of the library. */
const tarball = (() => {
  const folder = emptyFolder();
  const name = run(folder, "npm", "pack", "--silent", "--pack-destination", folder, LIBRARY).trim().split("\n").at(-1);
  return join(folder, name);
})();

/** A fresh folder with these packages and files. */
function project(packages, files) {
  const folder = emptyFolder();
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "somebody-else", private: true, type: "module" }));
  const named = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  run(folder, "npm", "install", "--silent", "--no-audit", "--no-fund", tarball, ...named);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Copies the package's files to where a site serves them. */
const copied = (folder, to) => cpSync(join(folder, "node_modules/speech-emotion"), join(folder, to), { recursive: true });

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".json": "application/json" };

/** Serves a folder with these headers. */
async function serve(folder, headers = {}) {
  const http = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    const body = await readFile(join(folder, path.endsWith("/") ? `${path}index.html` : path)).catch(() => null);
    if (body === null || path.includes("..")) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(path) || ".html"] ?? "application/octet-stream", ...headers });
    return response.end(body);
  });
  await new Promise((resolve) => { http.listen(0, "127.0.0.1", resolve); });
  return { url: `http://127.0.0.1:${http.address().port}/`, close: () => { http.closeAllConnections(); http.close(); } };
}

/** Starts a server of a bundler's own that says where it listens. */
async function started(folder, ...words) {
  const child = spawn("npx", ["--no-install", ...words], { cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" } });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    const hear = (piece) => {
      said += piece;
      const [found] = said.match(/http:\/\/(localhost|127\.0\.0\.1):\d+\/?/) ?? [];
      if (found) resolve(found.replace("localhost", "127.0.0.1"));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", () => reject(new Error(said)));
    setTimeout(() => reject(new Error(said)), 2 * PATIENCE).unref();
  });
  return { url, close: () => { process.kill(-child.pid); } };
}

const wav = speech("03-01-05-02-01-01-03", "packages.wav");
const [expected] = predict(wav);
const content = readFileSync(wav).toString("base64");

/** Holds what a page gives to what the trainer's program gives. */
function agrees({ lane, text }) {
  assert.ok(distance(lane.probabilities, expected.posterior) <= 0.05, JSON.stringify([lane, expected]));
  assert.equal(lane.label ?? "unsure", expected.label.replace(" ", "-"));
  assert.match(text, /^The voice sounds /);
}

/** Opens a page in Chromium and uses the library there: of a file and of the microphone. */
async function inChromium(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${wav}`],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => { if (/Content Security Policy/i.test(message.text())) errors.push(message.text()); });
    await page.goto(url);
    await page.waitForFunction(() => window.hear).catch((error) => { throw new Error(`${error.message}\n${errors.join("\n")}`); });
    agrees(await page.evaluate((content) => window.analyse(content), content));
    const { utterance, summary } = await page.evaluate(() => window.hear());
    assert.ok(utterance.speechMs > 0 && summary.complete && summary.lanes[0].utterances >= 1);
    for (const end = Date.now() + 5_000; page.workers().length > 0 && Date.now() < end;) await page.waitForTimeout(50);
    assert.equal(page.workers().length, 0, "a worker is left");
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
}

/** Serves what was built and uses it. */
async function uses(folder, headers) {
  const server = await serve(folder, headers);
  try {
    await inChromium(server.url);
  } finally {
    server.close();
  }
}

async function usesServer(...words) {
  const server = await started(...words);
  try {
    await inChromium(server.url);
  } finally {
    server.close();
  }
}

const COPIED = '{ assets: new URL("/speech-emotion/", location.href) }';
const MODULE = '<script type="module" src="/main.js"></script>';

/** A page that needs no build. */
function plain() {
  const folder = project({}, {
    "index.html": PAGE(`<script type="importmap">{ "imports": { "speech-emotion": "/library/index.js", "speech-emotion/": "/library/" } }</script>${MODULE}`),
    "main.js": PROGRAM("define"),
  });
  copied(folder, "library");
  return folder;
}

const NEXT = () => project({ next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" }, {
  "app/layout.jsx": "export default function Layout({ children }) { return <html lang=\"en\"><body>{children}</body></html>; }\n",
  // The library is imported where the server renders, too.
  "app/page.jsx": `import Listener from "./listener";\nexport default function Page() { return <Listener />; }\n`,
  "app/listener.jsx": `"use client";\nimport { useEffect } from "react";\n${PROGRAM("define").replaceAll(/^window\.(\w+) = /gm, "const $1 = ")}\nexport default function Listener() {\n  useEffect(() => { Object.assign(window, { analyse, hear }); }, []);\n  return <p>Ready</p>;\n}\n`,
});

const cases = {
  "import map": () => uses(plain()),
  "import map under the documented policy": () => {
    const folder = project({}, { "index.html": PAGE(MODULE), "main.js": PROGRAM().replaceAll('"speech-emotion', '"/library').replace('"/library"', '"/library/index.js"') });
    copied(folder, "library");
    return uses(folder, { "Content-Security-Policy": POLICY });
  },
  "Vite, development": () => usesServer(project({ vite: "8.3.8" }, { "index.html": PAGE(MODULE), "main.js": PROGRAM("define"), "vite.config.js": "export default { server: { host: '127.0.0.1' } };" }), "vite"),
  "Vite, build, under the documented policy": async () => {
    const folder = project({ vite: "8.3.8" }, { "index.html": PAGE(MODULE), "main.js": PROGRAM("define") });
    npx(folder, "vite", "build", "--logLevel", "warn");
    await uses(join(folder, "dist"), { "Content-Security-Policy": POLICY });
  },
  webpack: async () => {
    const folder = project({ webpack: "5.112.2", "webpack-cli": "7.3.1" }, { "main.js": PROGRAM("define"), "public/index.html": PAGE('<script src="/main.js"></script>') });
    npx(folder, "webpack", "--mode", "production", "--entry", "./main.js", "--output-path", join(folder, "public"));
    await uses(join(folder, "public"), { "Content-Security-Policy": POLICY });
  },
  "Next with Turbopack": async () => {
    const folder = NEXT();
    npx(folder, "next", "build");
    await usesServer(folder, "next", "start", "--port", "0");
  },
  "Next with webpack": async () => {
    const folder = NEXT();
    npx(folder, "next", "build", "--webpack");
    await usesServer(folder, "next", "start", "--port", "0");
  },
  Parcel: async () => {
    const folder = project({ parcel: "2.16.4" }, { "index.html": PAGE('<script type="module" src="./main.js"></script>'), "main.js": PROGRAM("define") });
    npx(folder, "parcel", "build", "index.html", "--no-cache", "--log-level", "warn");
    await uses(join(folder, "dist"));
  },
  esbuild: async () => {
    const folder = project({ esbuild: "0.28.2" }, { "main.js": PROGRAM(COPIED), "public/index.html": PAGE(MODULE) });
    npx(folder, "esbuild", "main.js", "--bundle", "--format=esm", "--minify", "--outfile=public/main.js", "--log-level=warning");
    copied(folder, "public/speech-emotion");
    await uses(join(folder, "public"), { "Content-Security-Policy": POLICY });
  },
  Rollup: async () => {
    const folder = project({ rollup: "4.68.5", "@rollup/plugin-node-resolve": "16.0.3" }, { "main.js": PROGRAM(COPIED), "public/index.html": PAGE(MODULE) });
    npx(folder, "rollup", "main.js", "--file", "public/main.js", "--format", "es", "--plugin", "node-resolve", "--silent");
    copied(folder, "public/speech-emotion");
    await uses(join(folder, "public"), { "Content-Security-Policy": POLICY });
  },
  Firefox: async () => {
    const { launch } = tools("puppeteer-core");
    const server = await serve(plain());
    const browser = await launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true, extraPrefsFirefox: { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true, "media.autoplay.default": 0 } });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(server.url);
      await page.waitForFunction(() => window.hear);
      agrees(await page.evaluate((content) => window.analyse(content), content));
    } finally {
      await browser.close();
      server.close();
    }
  },
  WebKit: async () => {
    const { Builder } = tools("selenium-webdriver");
    const { DriverService } = tools("selenium-webdriver/remote");
    const server = await serve(plain());
    const screen = spawn("Xvfb", ["-displayfd", "3"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    let service;
    let driver;
    try {
      const [display] = await once(screen.stdio[3], "data");
      service = new DriverService.Builder("WebKitWebDriver").setLoopback(true).setEnvironment({ ...process.env, DISPLAY: `:${String(display).trim()}` }).build();
      driver = await new Builder().usingServer(await service.start(PATIENCE))
        .withCapabilities({ browserName: "MiniBrowser", "webkitgtk:browserOptions": { binary: process.env.WEBKIT, args: ["--automation"] } }).build();
      await driver.manage().setTimeouts({ script: PATIENCE });
      await driver.get(server.url);
      await driver.wait(() => driver.executeScript("return Boolean(window.hear)"), PATIENCE);
      const answer = await driver.executeAsyncScript("const [content, done] = arguments; window.analyse(content).then(done, (error) => done(String(error)));", content);
      assert.equal(typeof answer, "object", String(answer));
      agrees(answer);
    } finally {
      await driver?.quit().catch(() => {});
      await service?.kill();
      screen.kill();
      server.close();
    }
  },
  "Node.js and server rendering: importing only": () => {
    const folder = project({}, { "main.js": `import { EmotionRecognizer } from "speech-emotion";
import { toPromptContext } from "speech-emotion/context.js";
import "speech-emotion/define.js";
if (toPromptContext([], { turnStartMs: 0 }).text !== "") process.exit(2);
EmotionRecognizer.create().catch(({ code }) => console.log(code));` });
    assert.equal(run(folder, "node", "main.js").trim(), "unsupported");
  },
  "types, in every way of resolving them": () => {
    const folder = project(CHECKERS, {});
    // The package is for ES modules, and has no CommonJS form.
    npx(folder, "attw", tarball, "--profile", "esm-only", "--exclude-entrypoints", "./*", "--format", "ascii");
    const said = run(folder, "npx", "--no-install", "publint", "run", "node_modules/speech-emotion", "--strict");
    assert.match(said, /All good/i, said);
  },
  "types of the examples in the documentation": () => {
    const folder = project({ typescript: JSON.parse(readFileSync(new URL("../e2e/package.json", import.meta.url))).devDependencies.typescript }, {
      "main.ts": `import { EmotionRecognizer, type Summary } from "speech-emotion";
import { annotateAsText, toPromptContext } from "speech-emotion/context.js";
import "speech-emotion/define.js";
export async function main(file: File): Promise<Summary> {
  const recognizer = await EmotionRecognizer.create({ minConfidence: 0.6, labels: ["neutral", "angry"] });
  const { utterances } = await recognizer.analyze(file, { lanes: "channels" });
  console.log(annotateAsText("WEBVTT", utterances), toPromptContext(utterances, { turnStartMs: 0 }).text);
  const session = recognizer.open({ sampleRate: 24_000 });
  session.addEventListener("utterance", ({ detail }) => console.log(detail.label?.length));
  await session.write(new Float32Array(10));
  document.querySelector("speech-emotion")?.start();
  return session.close();
}`,
    });
    for (const resolution of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
      const [module, moduleResolution] = resolution;
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: "es2022", module, moduleResolution, lib: ["es2022", "dom"], types: [] }, files: ["main.ts"] }));
      npx(folder, "tsc", "-p", ".");
    }
  },
};

const wanted = process.argv.slice(2);
let failed = 0;
for (const [name, attempt] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.some((part) => name.toLowerCase().includes(part.toLowerCase()))) continue;
  try {
    await attempt();
    console.log(`works: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILS: ${name}\n${error.stack}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
