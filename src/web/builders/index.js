// Speech emotion recognition in the browser: what a voice expresses, computed on the device.
//
// Importing this does nothing, and works where there is no window. What is not a class, the address of a
// file or the start of the worker is in Rust: client.js.

import start, { Hub, download } from "./client.js";
import manifestText, { bytes as sizes } from "./model.json.js";

/** How long the worker may take for its first word, and then to load the model, in ms. */
const FIRST_WORD_MS = 15_000;
const LOADING_MS = 120_000;
/** So long without sound makes a session warn, in ms. */
const NO_SOUND_MS = 3_000;

/** Every browser has its own way of saying that it has no such symbol yet. */
const DISPOSE = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** A module that only a browser with relaxed SIMD takes for one. */
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253, 133, 2, 11];

function failure(code, message, advice, retryable = false) {
  return Object.assign(new Error(message), { name: "EmotionError", code, advice, retryable });
}

/** Refuses options that are misspelt rather than ignoring them. */
function known(options, names, of) {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw failure("bad-option", `\`${name}\` is no option of ${of}, which takes ${names.join(", ")}.`, "Leave it out, or correct its name.");
    }
  }
  const { signal } = options;
  if (signal != null && !(signal instanceof AbortSignal)) {
    throw failure("bad-option", "`signal` must be an AbortSignal.", "Leave it out, or give an AbortController's signal.");
  }
  signal?.throwIfAborted();
}

/** `promise`, unless `signal` is aborted first. */
function unless(signal, promise) {
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

// The engine

/** Running engines by their files; recognizers share them. */
const engines = new Map();
/** Of this page's own program, which is loaded once. */
let client;

const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** Where everything is: absolute addresses, or bytes. */
function files({ assets, client, workerUrl, workletUrl, wasm, decoder, model, manifest }) {
  const relaxed = WebAssembly.validate(Uint8Array.from(RELAXED));
  const at = (name, own, url) => {
    if (own != null && isBytes(own)) return own;
    const folder = own == null && assets != null;
    const chosen = own ?? assets ?? url;
    try {
      const address = new URL(chosen, location.href);
      return folder ? new URL(name, address).href : address.href;
    } catch {
      throw failure("bad-option", `\`${chosen}\` is no address of ${folder ? "a folder" : name}.`, "Give a URL or a text that is one, relative to the page; a folder's ends with /.");
    }
  };
  if (manifest != null && typeof manifest !== "string") {
    throw failure("bad-option", "`manifest` must be the text of model.json.", "Leave it out, or fetch model.json as text.");
  }
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

/** Starts a worker, which is given to `made` at once, and waits for its first word. */
async function startWorker(url, engine, made) {
  const own = new URL("./worker.js", import.meta.url);
  // Bundlers may make it relative to the page.
  const address = url ?? new URL(own, location.href).href;
  let worker;
  if (new URL(address).origin !== location.origin) {
    // Browsers start no worker of another origin.
    const code = await download(address, { signal: engine.aborter.signal }, () => {}, false);
    const blob = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    worker = new Worker(blob, { type: "module" });
    engine.aborter.signal.addEventListener("abort", () => URL.revokeObjectURL(blob));
  } else if (url) {
    worker = new Worker(url, { type: "module" });
  } else {
    worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  }
  made(worker);
  const unavailable = (why) => failure("engine-unavailable", `The worker could not be started: ${why}.`,
    `Serve ${address}, and allow it by the policy's worker-src; from another origin, allow blob: there.`, true);
  const spoken = new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => { event.preventDefault(); reject(unavailable("the browser could not run it")); };
  });
  await within(FIRST_WORD_MS, unless(engine.aborter.signal, spoken), () => unavailable("it does not answer"));
}

/** A copy of bytes that may be given away. */
const copied = (file) => new Uint8Array(ArrayBuffer.isView(file) ? file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) : file.slice());

/** Starts a worker that decodes a file; its program is fetched for the first. */
async function startDecoder(engine) {
  const { worker: url, decoder } = engine.places;
  let worker;
  try {
    engine.decoder ??= isBytes(decoder) ? copied(decoder) : download(decoder, { signal: engine.aborter.signal }, () => {}, false);
    const program = await engine.decoder;
    await startWorker(url, engine, (started) => { worker = started; });
    worker.postMessage({ program, decodes: true });
    return worker;
  } catch (error) {
    engine.decoder = undefined;
    worker?.terminate();
    throw error;
  }
}

async function load(engine, { relaxed, client: clientUrl, worker, wasm, model, manifest }) {
  let blocked;
  const onViolation = (event) => { blocked = event; };
  document.addEventListener("securitypolicyviolation", onViolation);
  try {
    client ??= start(clientUrl && { module_or_path: clientUrl });
    await client.catch((error) => {
      client = undefined;
      throw failure("engine-unavailable", "The library's own program could not be started.", `${error.message ?? error}. Serve client_bg.wasm as application/wasm.`, true);
    });
    const total = sizes.model + (relaxed ? sizes.relaxed : sizes.engine);
    const received = (bytes) => {
      engine.received += bytes;
      for (const listener of engine.listeners) listener({ receivedBytes: Math.min(engine.received, total), totalBytes: total });
    };
    const init = { signal: engine.aborter.signal };
    const read = (file, isModel) => isBytes(file)
      ? copied(file)
      : download(file, init, received, isModel);
    const [program, onnx] = await Promise.all([read(wasm, false), read(model, true), startWorker(worker, engine, (started) => { engine.worker = started; })]);
    engine.aborter.signal.throwIfAborted();
    engine.hub = new Hub(engine.worker, engine.forget);
    const loading = engine.hub.load(onnx, manifest);
    engine.worker.postMessage({ program, relaxed }, [program.buffer]);
    engine.model = await within(LOADING_MS, loading, () => failure("engine-unavailable", "The worker does not answer.", "Try again.", true));
    return engine;
  } catch (error) {
    engine.forget();
    engine.end();
    // The browser tells of its refusal after it has refused.
    await new Promise((resolve) => { setTimeout(resolve); });
    if (blocked) {
      throw failure("blocked-by-policy", `The page's Content Security Policy blocks ${blocked.blockedURI}: ${blocked.effectiveDirective}.`,
        "Allow it there; the documentation has the least policy that works.");
    }
    throw error;
  } finally {
    document.removeEventListener("securitypolicyviolation", onViolation);
  }
}

/** Takes part in the engine of these files, which is started for the first. */
function join(places) {
  const own = [places.client, places.worker, places.wasm, places.decoder, places.model, places.manifest];
  const key = own.some(isBytes) ? Symbol("own") : own.join("\n");
  let engine = engines.get(key);
  if (!engine) {
    engine = {
      places,
      users: 0,
      received: 0,
      listeners: new Set(),
      aborter: new AbortController(),
      forget: () => { if (engines.get(key) === engine) engines.delete(key); },
      end: () => {
        engine.aborter.abort();
        engine.hub?.close();
        engine.worker?.terminate();
      },
      leave: () => {
        engine.users -= 1;
        if (engine.users === 0) {
          engine.forget();
          engine.end();
        }
      },
    };
    engines.set(key, engine);
    engine.ready = load(engine, places);
    engine.ready.catch(() => {});
  }
  engine.users += 1;
  return engine;
}

// Sessions

/** Makes a session and hands over what only this module may do with it. */
let makeSession;
/** Writes to a session. */
let writeTo;

/** One source of sound while it is listened to. */
export class Session extends EventTarget {
  #hub;
  #number;
  /** Events that came before anybody could listen to them. */
  #early = [];
  #summary;
  #end;
  #fitted;
  #timer;
  #signal;
  #abort = () => this.stop();

  static {
    makeSession = (hub, Kind) => {
      const session = new Kind();
      session.#hub = hub;
      return {
        session,
        deliver: (name, detail) => session.#deliver(name, detail),
        begin: (number, signal, listens) => session.#begin(number, signal, listens),
      };
    };
    writeTo = (session, samples) => session.#hub.write(session.#number, samples);
  }

  constructor() {
    super();
    this.#summary = new Promise((resolve) => { this.#end = resolve; });
  }

  /** Resolves with the summary when the session has ended, for whatever reason. */
  get closed() {
    return this.#summary;
  }

  /** Ends the session. */
  stop() {
    this.#hub.stop(this.#number);
    return this.#summary;
  }

  /** Ends the session with a calibration to what was heard. */
  calibrate() {
    return new Promise((resolve, reject) => {
      this.#hub.fit(this.#number);
      this.#fitted = { resolve, reject };
    });
  }

  [DISPOSE]() {
    this.stop();
  }

  #begin(number, signal, listens) {
    this.#number = number;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (listens) {
      this.#timer = setTimeout(() => this.#deliver("warning", {
        code: "no-sound", lane: 0, message: "No sound arrives yet. Listen inside a click, and check the microphone.",
      }), NO_SOUND_MS);
    }
    // After what follows the promise of this session.
    setTimeout(() => {
      const early = this.#early;
      this.#early = null;
      for (const [name, detail] of early) this.#deliver(name, detail);
    });
  }

  #deliver(name, detail) {
    if (this.#early) {
      this.#early.push([name, detail]);
      return;
    }
    if (name === "level") clearTimeout(this.#timer);
    if (name === "fitted") {
      if (detail instanceof Error) this.#fitted.reject(detail);
      else this.#fitted.resolve(detail);
      return;
    }
    if (name === "error") this.#fitted?.reject(detail);
    this.dispatchEvent(new CustomEvent(name, { detail }));
    if (name === "close") {
      clearTimeout(this.#timer);
      this.#signal?.removeEventListener("abort", this.#abort);
      this.#fitted?.reject(failure("session-closed", "The session has ended.", "Start another one."));
      this.#end(detail.summary);
    }
  }
}

/** A session of sound that the page itself brings. */
export class PcmSession extends Session {
  /** Takes a copy of samples in; resolves once there is room for more. */
  async write(samples) {
    await writeTo(this, samples);
  }

  /** Ends the session once all that was written is heard. */
  close() {
    return this.stop();
  }
}

/** Recognizes what voices express. */
export class EmotionRecognizer {
  #engine;
  #owner;
  #worklet;
  #disposed = false;

  /** Loads the engine, or takes part in one that runs. */
  static async create(options = {}) {
    known(options, ["assets", "client", "workerUrl", "workletUrl", "wasm", "decoder", "model", "manifest", "minConfidence", "labels", "calibration", "signal", "onprogress"], "EmotionRecognizer.create");
    if (typeof document === "undefined" || typeof Worker === "undefined") {
      throw failure("unsupported", "There is no window here.", "Create recognizers in a browser's page; only importing works elsewhere.");
    }
    const { signal, onprogress, calibration } = options;
    if (onprogress != null && typeof onprogress !== "function") {
      throw failure("bad-option", "`onprogress` must be a function.", "Leave it out, or give a function.");
    }
    const places = files(options);
    const engine = join(places);
    if (onprogress) engine.listeners.add(onprogress);
    try {
      await unless(signal, engine.ready);
      const recognizer = new EmotionRecognizer();
      recognizer.#engine = engine;
      recognizer.#owner = engine.hub.recognizer(options);
      recognizer.#worklet = places.worklet;
      if (calibration != null) await unless(signal, recognizer.setCalibration(calibration));
      return recognizer;
    } catch (error) {
      engine.leave();
      throw error;
    } finally {
      engine.listeners.delete(onprogress);
    }
  }

  /** What the model is: its labels, what it was trained on, how often it is right. */
  get model() {
    return this.#engine.model;
  }

  /** Listens to a microphone, a MediaStream or a media element. */
  async listen(what = {}, more = {}) {
    const isSource = what instanceof MediaStream || what instanceof HTMLMediaElement;
    const options = isSource ? { source: what, ...more } : { ...what, ...more };
    known(options, ["source", "deviceId", "lanes", "signal"], "listen");
    const { hub } = this.#engine;
    const { session, deliver, begin } = makeSession(hub, Session);
    const opening = hub.listen(this.#owner, options, this.#worklet, deliver);
    await this.#opened(opening, options.signal, begin, true);
    return session;
  }

  /** Opens a session that PCM is written to. */
  open(options = {}) {
    known(options, ["sampleRate", "lanes", "signal"], "open");
    const { hub } = this.#engine;
    const { session, deliver, begin } = makeSession(hub, PcmSession);
    begin(hub.open(this.#owner, options, deliver), options.signal, false);
    return session;
  }

  /** Analyzes a file, a blob or an AudioBuffer, as fast as the device can. */
  async analyze(input, options = {}) {
    known(options, ["lanes", "signal", "onprogress"], "analyze");
    const engine = this.#engine;
    const { hub } = engine;
    const { signal, onprogress } = options;
    const utterances = [];
    let settle;
    const analysed = new Promise((resolve, reject) => { settle = { resolve, reject }; });
    // It may fail while the recording is still being decoded.
    analysed.catch(() => {});
    const deliver = (name, detail) => {
      if (name === "utterance") utterances.push(detail);
      else if (name === "progress") onprogress?.(detail);
      else if (name === "error") settle.reject(detail);
      else if (name === "close" && !detail.summary.complete) settle.reject(failure("disposed", "The recognizer was disposed of.", "Create another one."));
      else if (name === "close") settle.resolve(detail.summary);
    };
    let number;
    const begin = (it) => { number = it; };
    await this.#opened(hub.decode(this.#owner, input, options, deliver, () => startDecoder(engine)), signal, begin, false);
    try {
      const summary = await unless(signal, analysed);
      utterances.sort((a, b) => a.startMs - b.startMs || a.lane - b.lane);
      utterances.forEach((utterance, i) => { utterance.id = i + 1; });
      return { ...summary, utterances };
    } catch (error) {
      hub.abandon(number);
      throw error;
    }
  }

  /** Judges all sessions, those that run too, as one speaker's. */
  async setCalibration(calibration) {
    await this.#engine.hub.adapt(this.#owner, calibration);
  }

  /** Ends all sessions and, with the last recognizer, the engine. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.hub.dispose(this.#owner);
    this.#engine.leave();
  }

  [DISPOSE]() {
    this.dispose();
  }

  /** Begins what is being opened; what comes after `signal` was aborted is closed at once. */
  async #opened(opening, signal, begin, listens) {
    const { hub } = this.#engine;
    let given = false;
    opening.then((number) => { if (signal?.aborted && !given) hub.abandon(number); }, () => {});
    const number = await unless(signal, opening);
    given = true;
    begin(number, signal, listens);
  }
}
