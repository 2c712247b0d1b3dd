// Keeps the files of one build, so that the page opens at once and without a network. scripts/seal
// writes into FILES what this build is made of; a file is kept under its name and its hash, so two builds
// never mix, and what a new build has in common with the old one is not fetched again.

/** Name ("" is the page) to hash, as "sha256-…". */
const FILES = {};

// Of the engines only the one that runs here is kept: the page names it behind the question mark.
const [, ENGINE] = location.search.split("?");
for (const name of Object.keys(FILES)) {
  const [engine] = name.split(/_bg|_loader|\.js$/);
  if (engine.startsWith("worker") && engine !== ENGINE) delete FILES[name];
}

const { scope } = registration;
/** One for every place that the page may be served from on this host. */
const CACHE = `speech-emotion ${scope}`;
const keyOf = (name) => `${scope}${name}?${FILES[name]}`;

/** From the browser's own cache, where the page has just put it; from the network if that is another build's. */
async function load(name) {
  for (const cache of ["force-cache", "reload"]) {
    const response = await fetch(scope + name, { cache, integrity: FILES[name] }).catch(() => null);
    if (response?.ok) return response;
  }
  throw new Error(`${name || "the page"} cannot be fetched as this build has it`);
}

async function keepFiles() {
  const cache = await caches.open(CACHE);
  await Promise.all(Object.keys(FILES).map(async (name) => {
    if (!(await cache.match(keyOf(name)))) await cache.put(keyOf(name), await load(name));
  }));
}

async function dropOthers() {
  const cache = await caches.open(CACHE);
  const mine = new Set(Object.keys(FILES).map(keyOf));
  const others = (await cache.keys()).filter(({ url }) => !mine.has(url));
  await Promise.all(others.map((key) => cache.delete(key)));
}

/** The kept response as it is: a copy would lose what the browser has compiled from it. */
async function answer(name, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(keyOf(name))) ?? fetch(request);
}

/**
 * Comes back at once. Now and then Chromium never answers a page that is opened while one worker follows the
 * other, so it is asked again.
 */
const COME_BACK = "<script>location.reload(); setInterval(() => location.reload(), 3000);</script>";

/** Lets a newer build that waits take over, when only the page that is being reloaded is open. */
async function open(name, request) {
  const { waiting } = registration;
  if (!waiting || (await clients.matchAll()).length > 1) return answer(name, request);
  waiting.postMessage("take over");
  return new Response(COME_BACK, { headers: { "Content-Type": "text/html" } });
}

addEventListener("install", (event) => event.waitUntil(keepFiles()));
addEventListener("activate", (event) => event.waitUntil(dropOthers()));
addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(skipWaiting());
  // Another program of this origin may have deleted them.
  if (event.data === "check") event.waitUntil(keepFiles());
});
addEventListener("fetch", (event) => {
  const { request } = event;
  const [url] = request.url.split(/[?#]/);
  if (request.method !== "GET" || !url.startsWith(scope)) return;
  const name = url.slice(scope.length).replace(/^index\.html$/, "");
  if (!Object.hasOwn(FILES, name)) return;
  event.respondWith(request.mode === "navigate" ? open(name, request) : answer(name, request));
});
