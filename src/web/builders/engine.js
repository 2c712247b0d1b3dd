// The engine in its worker: fetched, started and shared by recognizers. Commands and events are those of the
// project's protocol (src/protocol).

import start, { build, protocol } from "./client.js";
import { failure } from "./errors.js";
import { bad } from "./options.js";
import manifestText, { bytes as sizes } from "./model.json.js";

/** How long the worker may take for its first word, and then to load the model, in ms. */
const FIRST_WORD_MS = 15_000;
const LOADING_MS = 120_000;

/** A module that only a browser with relaxed SIMD takes for one. */
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253, 133, 2, 11];

/** Running engines by their files. */
const engines = new Map();
/** This page's own program, which is loaded once. */
let client;

/** `promise`, unless `signal` is aborted first. */
export function unless(signal, promise) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** `promise`, unless it takes longer than `ms`. */
function within(ms, promise, error) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(error()), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Calls a builder's own function; what it throws is the page's. */
export function tell(listener, what) {
  try {
    listener(what);
  } catch (error) {
    setTimeout(() => { throw error; });
  }
}

const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** A copy of bytes that may be given away. */
const copied = (file) => new Uint8Array(ArrayBuffer.isView(file) ? file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) : file.slice());

/** Where everything is: absolute addresses, or bytes. */
export function files({ assets, client, workerUrl, workletUrl, wasm, decoder, model, manifest }) {
  const relaxed = WebAssembly.validate(Uint8Array.from(RELAXED));
  const at = (name, own, url) => {
    if (own != null && isBytes(own)) return own;
    const folder = own == null && assets != null;
    const chosen = own ?? assets ?? url;
    try {
      const address = new URL(chosen, location.href);
      return folder ? new URL(name, address).href : address.href;
    } catch {
      throw failure("bad-option:address", chosen, folder ? "a folder" : name);
    }
  };
  if (manifest != null && typeof manifest !== "string") bad("manifest", "the text of model.json", manifest);
  return {
    relaxed,
    // Bundlers find these by their form.
    client: client == null && assets == null ? undefined : at("client_bg.wasm", client),
    worker: workerUrl == null && assets == null ? undefined : at("worker.js", workerUrl),
    worklet: at("worklet.js", workletUrl, new URL("./worklet.js?no-inline", import.meta.url)),
    wasm: relaxed
      ? at("engine-relaxed.wasm", wasm, new URL("./engine-relaxed.wasm", import.meta.url))
      : at("engine.wasm", wasm, new URL("./engine.wasm", import.meta.url)),
    decoder: at("decoder.wasm", decoder, new URL("./decoder.wasm", import.meta.url)),
    model: at("model.onnx", model, new URL("./model.onnx", import.meta.url)),
    manifest: manifest ?? manifestText,
  };
}

/** Fetches a file as bytes; `received` is told the size of each block. */
async function download(url, signal, received, code) {
  const unavailable = (reason) => failure(code, `${url}${reason}`);
  const response = await fetch(url, { signal }).catch(() => { throw unavailable(" could not be fetched"); });
  if (!response.ok) throw unavailable(`: the server answered ${response.status}`);
  try {
    const blocks = [];
    const reader = response.body.getReader();
    for (let block = await reader.read(); !block.done; block = await reader.read()) {
      blocks.push(block.value);
      received(block.value.length);
    }
    return new Uint8Array(await new Blob(blocks).arrayBuffer());
  } catch {
    throw unavailable(": the connection broke off");
  }
}

/** Starts a worker, which is given to `made` at once, and waits for its first word. */
async function startWorker(url, signal, made) {
  // Bundlers may make its address relative to the page.
  const address = url ?? new URL(new URL("./worker.js", import.meta.url), location.href).href;
  let worker;
  if (new URL(address).origin !== location.origin) {
    // Browsers start no worker of another origin.
    const code = await download(address, signal, () => {}, "engine-unavailable");
    const blob = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    worker = new Worker(blob, { type: "module" });
    signal.addEventListener("abort", () => URL.revokeObjectURL(blob));
  } else if (url) {
    worker = new Worker(url, { type: "module" });
  } else {
    worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  }
  made(worker);
  const unavailable = (why) => failure("engine-unavailable:worker", why, address);
  const spoken = new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => { event.preventDefault(); reject(unavailable("the browser could not run it")); };
  });
  await within(FIRST_WORD_MS, unless(signal, spoken), () => unavailable("it does not answer"));
}

/** An engine, and all that goes on in it. */
class Engine {
  /** What the model is, once it is loaded. */
  model;
  users = 0;
  /** Told how much is fetched. */
  listeners = new Set();
  /** Sessions of the engine with the talk that each is a lane of. */
  #talks = new Map();
  /** Calibrations that the engine has not answered yet, each with its owner. */
  #asked = [];
  #places;
  #key;
  #aborter = new AbortController();
  #worker;
  #decoder;
  /** Why it is of no use any more: code and values. */
  #failure;
  #next = 0;
  #loading = {};

  constructor(places, key) {
    this.#places = places;
    this.#key = key;
    this.ready = this.#load();
    this.ready.catch(() => {});
  }

  async #load() {
    const { relaxed, client: clientUrl, worker, wasm, model, manifest } = this.#places;
    const { signal } = this.#aborter;
    let blocked;
    const onViolation = (event) => { blocked = event; };
    document.addEventListener("securitypolicyviolation", onViolation);
    try {
      client ??= start(clientUrl && { module_or_path: clientUrl });
      await client.catch((error) => {
        client = undefined;
        throw failure("engine-unavailable:program", error.message ?? error);
      });
      const totalBytes = sizes.model + (relaxed ? sizes.relaxed : sizes.engine);
      let receivedBytes = 0;
      const received = (bytes) => {
        receivedBytes = Math.min(receivedBytes + bytes, totalBytes);
        for (const listener of this.listeners) tell(listener, { receivedBytes, totalBytes });
      };
      const read = (file, code) => (isBytes(file) ? copied(file) : download(file, signal, received, code));
      const [program, onnx] = await Promise.all([
        read(wasm, "engine-unavailable"),
        read(model, "model-unavailable"),
        startWorker(worker, signal, (started) => { this.#worker = started; }),
      ]);
      signal.throwIfAborted();
      const loading = new Promise((resolve, reject) => { this.#loading = { resolve, reject, onnx, manifest }; });
      this.#worker.onmessage = ({ data }) => this.#heard(data);
      this.#worker.onerror = (event) => { event.preventDefault(); this.#gone(); };
      this.#worker.postMessage({ program, relaxed }, [program.buffer]);
      await within(LOADING_MS, loading, () => failure("engine-unavailable", "The worker does not answer"));
      return this;
    } catch (error) {
      this.#end();
      // The browser tells of its refusal after it has refused.
      await new Promise((resolve) => { setTimeout(resolve); });
      throw blocked ? failure("blocked-by-policy", blocked.blockedURI, blocked.effectiveDirective) : error;
    } finally {
      document.removeEventListener("securitypolicyviolation", onViolation);
    }
  }

  /** Ends the worker; another recognizer starts another one. */
  #end() {
    if (engines.get(this.#key) === this) engines.delete(this.#key);
    this.#aborter.abort();
    this.#worker?.terminate();
  }

  leave() {
    this.users -= 1;
    if (this.users === 0) this.#fail("disposed");
  }

  /** Starts a worker that decodes a file; its program is fetched for the first. */
  async startDecoder() {
    const { worker: url, decoder } = this.#places;
    const { signal } = this.#aborter;
    let worker;
    try {
      this.#decoder ??= isBytes(decoder) ? copied(decoder) : download(decoder, signal, () => {}, "engine-unavailable");
      const program = await this.#decoder;
      await startWorker(url, signal, (started) => { worker = started; });
      worker.postMessage({ program, decodes: true });
      return worker;
    } catch (error) {
      this.#decoder = undefined;
      worker?.terminate();
      throw error;
    }
  }

  /** A number of its own for a recognizer or, for so many lanes, the first of a talk. */
  numbers(count = 1) {
    this.#next += count;
    return this.#next - count;
  }

  /** Refuses when the engine is gone. */
  check() {
    if (this.#failure) throw failure(...this.#failure);
  }

  send(command, transfer = []) {
    if (!this.#failure) this.#worker.postMessage(command, transfer);
  }

  add(talk) {
    for (const session of talk.sessions) this.#talks.set(session, talk);
  }

  remove(talk) {
    for (const session of talk.sessions) this.#talks.delete(session);
  }

  /** Judges an owner's sessions as this speaker's. */
  async adapt(owner, speaker) {
    const answered = speaker.calibrated === undefined
      ? undefined
      : new Promise((resolve, reject) => { this.#asked.push({ owner, resolve, reject }); });
    this.send({ adapt: { owner, speaker } });
    await answered;
  }

  /** Ends an owner's talks, with what was heard until now. */
  dispose(owner) {
    const talks = new Set([...this.#talks.values()].filter((talk) => talk.owner === owner));
    for (const talk of talks) talk.cut();
    this.send({ adapt: { owner, speaker: "unknown" } });
    for (let asked = this.#answer(owner); asked; asked = this.#answer(owner)) asked.reject(failure("disposed"));
  }

  /** Who waits for the engine's next answer to an owner. */
  #answer(owner) {
    const at = this.#asked.findIndex((asked) => asked.owner === owner);
    return at < 0 ? undefined : this.#asked.splice(at, 1)[0];
  }

  #heard(event) {
    const [tag, body] = Object.entries(event ?? {})[0] ?? [];
    if (Object.hasOwn(this.#events, tag)) this.#events[tag](body);
    else this.#fail("engine-outdated");
  }

  #events = {
    booted: (body) => {
      if (body.protocol !== protocol() || body.build !== build()) return this.#fail("engine-outdated");
      // The worker holds the lock for as long as it lives; where locks are refused nothing is known.
      if (body.lock) navigator.locks?.request(body.lock, () => this.#gone()).catch(() => {});
      const { onnx, manifest } = this.#loading;
      return this.send({ load: { model: onnx, manifest } }, [onnx.buffer]);
    },
    ready: ({ model }) => {
      const { corpora, clips, speakers, uar, guessing, claimed, claimed_right: claimedRight } = model.strangers ?? {};
      this.model = {
        version: model.version,
        labels: Object.freeze(model.labels),
        dataSet: model.data_set,
        speakers: model.speakers,
        clips: model.clips,
        uar: model.uar,
        war: model.war,
        strangers: model.strangers ? { corpora, clips, speakers, uar, guessing, claimed, claimedRight } : null,
        canCalibrate: model.can_calibrate && model.has_neutral,
      };
      this.#loading.resolve();
    },
    update: ({ session, update, compute_ms: computeMs }) => this.#talks.get(session)?.update(session, update, computeMs),
    progress: ({ session, at_s: atS }) => this.#talks.get(session)?.progress(session, atS),
    gap: ({ session, lost_s: lostS }) => this.#talks.get(session)?.gap(session, lostS),
    stopped: ({ session, summary }) => this.#talks.get(session)?.stopped(session, summary),
    fitted: ({ session, calibration }) => this.#talks.get(session)?.fitted(calibration),
    calibrated: ({ owner }) => this.#answer(owner)?.resolve(),
    refused: ({ owner, refusal }) => this.#answer(owner)?.reject(failure(refusal === "other_model" ? "calibration-of-other-model" : "no-calibration")),
    failed: ({ stage, session, message }) => {
      if (["manifest", "comparison", "pairing", "load"].includes(stage)) this.#fail("model-mismatch", message);
      else if (session == null) this.#fail("engine-outdated");
      else this.#talks.get(session)?.cut(failure("analysis-failed", message));
    },
  };

  #gone() {
    if (this.model) this.#fail("engine-crashed");
    else this.#fail("engine-unavailable", "The browser could not run it");
  }

  /** It is of no use any more. */
  #fail(...why) {
    if (this.#failure) return;
    this.#failure = why;
    this.#end();
    for (const talk of new Set(this.#talks.values())) talk.cut(failure(...why));
    for (const { reject } of this.#asked.splice(0)) reject(failure(...why));
    this.#loading.reject?.(failure(...why));
  }
}

/** Takes part in the engine of these files, which is started for the first. */
export function join(places) {
  const own = [places.client, places.worker, places.wasm, places.decoder, places.model, places.manifest];
  const key = own.some(isBytes) ? Symbol("own") : own.join("\n");
  let engine = engines.get(key);
  if (!engine) {
    engine = new Engine(places, key);
    engines.set(key, engine);
  }
  engine.users += 1;
  return engine;
}
