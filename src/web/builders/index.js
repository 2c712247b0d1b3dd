// Speech emotion recognition in the browser: what a voice expresses, computed on the device.
//
// Importing this does nothing, and works where there is no window. The engine, microphones and files are in
// Rust; what is here makes objects, options, commands and events of them.

import { decode, listen } from "./client.js";
import { files, join, tell, unless } from "./engine.js";
import { failure, refused } from "./errors.js";
import { bad, channelsOf, claimsOf, functionOf, known, lanesOf, rateOf, shown, speakerOf } from "./options.js";
import { DISPOSE, PcmSession, Session, Talk, makeSession } from "./session.js";

export { PcmSession, Session };

/** What a media element plays, which goes on to be heard. */
async function captured(element) {
  const capture = element.captureStream ?? element.mozCaptureStream;
  if (!capture) throw failure("unsupported", "captureStream, which listens to media elements");
  try {
    if (element.error) throw element.error;
    if (element.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      await new Promise((resolve, reject) => {
        element.addEventListener("loadeddata", resolve, { once: true });
        element.addEventListener("error", reject, { once: true });
      });
    }
    return capture.call(element);
  } catch {
    // Also of another origin without its permission.
    throw failure("no-audio-track");
  }
}

/** Recognizes what voices express. */
export class EmotionRecognizer {
  #engine;
  /** Its number and what its sessions may claim, in the engine's words. */
  #own;
  #worklet;
  #disposed = false;

  /** Loads the engine, or takes part in one that runs. */
  static async create(options = {}) {
    known(options, ["assets", "client", "workerUrl", "workletUrl", "wasm", "decoder", "model", "manifest", "minConfidence", "labels", "calibration", "signal", "onprogress"], "EmotionRecognizer.create");
    if (typeof document === "undefined" || typeof Worker === "undefined") throw failure("unsupported:window");
    const { signal, calibration } = options;
    const onprogress = functionOf("onprogress", options.onprogress);
    const places = files(options);
    const engine = join(places);
    if (onprogress) engine.listeners.add(onprogress);
    try {
      await unless(signal, engine.ready);
      const recognizer = new EmotionRecognizer();
      recognizer.#engine = engine;
      recognizer.#own = { owner: engine.numbers(), claims: claimsOf(options, engine.model.labels) };
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
    this.#check();
    const { source, deviceId, signal } = options;
    const lanes = lanesOf(options);
    if (source == null && deviceId != null && typeof deviceId !== "string") bad("deviceId", "a text", deviceId);
    if (source != null && !(source instanceof MediaStream || source instanceof HTMLMediaElement)) {
      bad("source", "a MediaStream, an <audio> or a <video> element", source);
    }
    const { session, deliver, begin } = makeSession(Session);
    const talk = new Talk(this.#engine, this.#own, lanes, deliver);
    // After what goes on in the program.
    const changed = (code) => queueMicrotask(() => talk.lost(code));
    // Inside the click, wherever nothing must be waited for.
    const open = (wish) => listen(wish, this.#worklet, lanes, changed).catch((error) => { throw refused(error, source != null); });
    const opening = source instanceof HTMLMediaElement ? captured(source).then(open) : open(source ?? deviceId ?? undefined);
    const microphone = await this.#opened(opening, signal);
    talk.listen(microphone, source != null);
    begin(talk, signal, true);
    return session;
  }

  /** Opens a session that PCM is written to. */
  open(options = {}) {
    known(options, ["sampleRate", "lanes", "signal"], "open");
    this.#check();
    const { session, deliver, begin } = makeSession(PcmSession);
    const rate = rateOf(options);
    const talk = new Talk(this.#engine, this.#own, lanesOf(options), deliver);
    talk.open(rate);
    begin(talk, options.signal, false);
    return session;
  }

  /** Analyzes a file, a blob or an AudioBuffer, as fast as the device can. */
  async analyze(input, options = {}) {
    known(options, ["lanes", "signal", "onprogress"], "analyze");
    this.#check();
    const engine = this.#engine;
    const { signal } = options;
    const channels = channelsOf(options);
    const onprogress = functionOf("onprogress", options.onprogress);
    if (!(input instanceof Blob || input instanceof AudioBuffer)) {
      throw failure("bad-audio", `What is to be analysed is ${shown(input)}, not a File, a Blob or an AudioBuffer`);
    }
    const name = input instanceof AudioBuffer ? "The AudioBuffer" : input.name ?? "The blob";
    const decoding = decode(input, name, () => engine.startDecoder()).catch((error) => { throw refused(error); });
    const recording = await this.#opened(decoding, signal);
    const utterances = [];
    let talk;
    const analysed = new Promise((resolve, reject) => {
      talk = new Talk(engine, this.#own, recording.lanes(channels), (event, detail) => {
        if (event === "utterance") utterances.push(detail);
        else if (event === "progress" && onprogress) tell(onprogress, detail);
        else if (event === "error") reject(detail);
        else if (event === "close" && detail.summary.complete) resolve(detail.summary);
        else if (event === "close") reject(failure("disposed"));
      });
      talk.read(recording);
    });
    try {
      const summary = await unless(signal, analysed);
      utterances.sort((a, b) => a.startMs - b.startMs || a.lane - b.lane);
      utterances.forEach((utterance, i) => { utterance.id = i + 1; });
      return { ...summary, utterances };
    } catch (error) {
      talk.abandon();
      throw error;
    }
  }

  /** Judges all sessions, those that run too, as one speaker's. */
  async setCalibration(calibration) {
    this.#check();
    await this.#engine.adapt(this.#own.owner, speakerOf(calibration));
  }

  /** Ends all sessions and, with the last recognizer, the engine. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.dispose(this.#own.owner);
    this.#engine.leave();
  }

  [DISPOSE]() {
    this.dispose();
  }

  /** Refuses when the engine is gone or the recognizer was disposed of. */
  #check() {
    this.#engine.check();
    if (this.#disposed) throw failure("disposed");
  }

  /** What is being opened; what comes too late is let go. */
  async #opened(opening, signal) {
    try {
      const source = await unless(signal, opening);
      this.#check();
      return source;
    } catch (error) {
      opening.then((late) => late.free(), () => {});
      throw error;
    }
  }
}
