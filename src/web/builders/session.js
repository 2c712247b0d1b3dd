// What is listened to: talks, each with a lane for every speaker, and the sessions that builders hold.

import { Hearing, Pcm } from "./client.js";
import { failure } from "./errors.js";
import { shown } from "./options.js";

/** So long without sound makes a session warn, in ms. */
const NO_SOUND_MS = 3_000;

/** Every browser has its own way of saying that it has no such symbol yet. */
export const DISPOSE = Symbol.dispose ?? Symbol.for("Symbol.dispose");

const WARNINGS = {
  "no-sound": "No sound arrives yet. Listen inside a click, and check the microphone.",
  "silent": "Nothing but complete silence arrives. The microphone may be muted.",
  "faint": "Hardly anything arrives. The microphone may be turned down or far away.",
  "quiet": "The speech is very quiet, which makes the answers less reliable.",
  "clipped": "The sound is too loud and is cut off, which makes the answers less reliable.",
  "processed": "The device changes the sound, which makes the answers less reliable: it ",
};

const warning = (code, lane, more = "") => ["warning", { code, lane, message: WARNINGS[code] + more }];

/** Seconds of the engine's in ms. */
const ms = (seconds) => Math.round(seconds * 1e3);

/** One source of sound while it is heard: a lane for each speaker, which is a session of the engine. */
export class Talk {
  #engine;
  #first;
  #lanes;
  /** Of wasm too, one for each lane. */
  #hearings = [];
  #claims;
  #deliver;
  /** Of wasm: what gives the sound, freed as soon as it is to give no more. */
  #sources = [];
  #recording;
  #isWritten = false;
  #endsWithItsStream = false;
  #isStopped = false;
  #isEnded = false;
  #startedAt;
  #utterances = 0;

  /** For the owner's sessions; each event and its detail go to `deliver`. */
  constructor(engine, { owner, claims }, lanes, deliver) {
    this.#engine = engine;
    this.owner = owner;
    this.#claims = claims;
    this.#first = engine.numbers(lanes);
    this.#lanes = Array.from({ length: lanes }, () => ({ atS: 0, speechS: 0, utterances: 0, lostS: 0 }));
    this.#deliver = deliver;
  }

  /** The engine's sessions. */
  get sessions() {
    return this.#lanes.map((_, lane) => this.#first + lane);
  }

  /** Begins the engine's sessions: the ports that take their sound. */
  #begin(rate, pacing) {
    this.#engine.check();
    this.#engine.add(this);
    this.#startedAt = Date.now();
    this.#hearings = this.#lanes.map(() => new Hearing());
    return this.sessions.map((session) => {
      const { port1, port2 } = new MessageChannel();
      this.#engine.send({ start: { owner: this.owner, session, sample_rate_hz: rate, pacing, claims: this.#claims } }, [port1]);
      return port2;
    });
  }

  #give(source, pacing) {
    this.#sources = [source];
    try {
      source.send(this.#begin(source.rate(), pacing));
    } catch (error) {
      this.abandon();
      throw error.name === "EmotionError" ? error : failure("microphone-failed", error.message ?? shown(error));
    }
  }

  /** Begins to hear a microphone or a stream. */
  listen(microphone, isStream) {
    this.#endsWithItsStream = isStream;
    this.#give(microphone, "live");
    const does = ["removes echo", "removes noise", "evens out loudness"].filter((_, bit) => microphone.processing() >> bit & 1);
    if (does.length > 0) this.#deliver(...warning("processed", 0, `${does.join(", ")}.`));
  }

  /** Begins to hear a recording. */
  read(recording) {
    this.#recording = { durationS: recording.seconds() };
    this.#give(recording, "recorded");
  }

  /** Begins to hear what is written. */
  open(rate) {
    this.#isWritten = true;
    this.#sources = this.#begin(rate, "live").map((port) => new Pcm(port));
  }

  /** Takes in a copy of PCM: a Float32Array, or one for each lane. Resolves once there is room for more. */
  async write(samples) {
    if (this.#isStopped) throw failure("session-closed");
    const planes = Array.isArray(samples) ? samples : [samples];
    for (const plane of planes) {
      if (!(plane instanceof Float32Array)) throw failure("bad-audio", `What was written is ${shown(plane)}, not a Float32Array`);
      if (plane.length === 0) throw failure("bad-audio", "What was written holds no samples: it is empty, or its buffer was transferred");
      if (!plane.every(Number.isFinite)) throw failure("bad-audio", "What was written holds values that are not finite");
    }
    if (planes.length !== this.#lanes.length || planes.some(({ length }) => length !== planes[0].length)) {
      throw failure("bad-audio", `What was written is not ${this.#lanes.length} Float32Array(s) of equal length, one for each lane`);
    }
    await Promise.all(planes.map((plane, lane) => this.#sources[lane].write(plane)));
  }

  /** Ends it; what was heard until then comes with `close`. */
  stop() {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#isWritten) {
      // All that was written is still heard.
      for (const lane of this.#sources) lane.end();
      return;
    }
    this.#recordEnding();
    this.#free();
    this.#tell("stop");
  }

  /** Ends it with a calibration to what was heard, which is taken for one person's neutral speech. */
  fit() {
    if (!this.#engine.model.canCalibrate) throw failure("model-mismatch", "it cannot be calibrated");
    if (this.#isStopped || this.#lanes.length > 1) throw failure("session-closed");
    this.#isStopped = true;
    const heard = this.#isWritten ? this.#sources[0].heard() : Promise.resolve();
    heard.then(() => {
      this.#free();
      this.#tell("fit");
    });
  }

  /** The source gives no more. */
  lost(code) {
    if (this.#isStopped) return;
    this.stop();
    if (!(this.#endsWithItsStream && code === "microphone-lost")) this.#deliver("error", failure(code));
  }

  /** Ends it; nothing more is told of it. */
  abandon() {
    if (this.#isEnded) return;
    this.#end();
    this.#tell("stop");
  }

  /** Ends it at once, with what was heard until now. */
  cut(error) {
    this.#recordEnding();
    this.abandon();
    if (error) this.#deliver("error", error);
    this.#close();
  }

  #tell(command) {
    for (const session of this.sessions) this.#engine.send({ [command]: { session } });
  }

  #free() {
    for (const source of this.#sources.splice(0)) source.free();
  }

  /** The engine tells nothing more of it. */
  #end() {
    this.#isStopped = true;
    this.#isEnded = true;
    this.#engine.remove(this);
    this.#free();
    for (const hearing of this.#hearings.splice(0)) hearing.free();
  }

  /** Takes down what of a recording was missing, as long as it can tell. */
  #recordEnding() {
    const [recording] = this.#sources;
    if (this.#recording && recording) Object.assign(this.#recording, { early: recording.early(), damaged: recording.damaged() });
  }

  /** Takes in what a lane's session found out. */
  update(session, update, computeMs) {
    const number = session - this.#first;
    const lane = this.#lanes[number];
    const { level, prediction, utterance } = update;
    if (level) {
      const { at_s: atS, rms_dbfs: dbfs, clipped, speaking } = level;
      const at = { lane: number, atMs: ms(atS) };
      const fault = this.#hearings[number].fault(atS, dbfs, clipped, speaking);
      const [isNew, turned] = [fault !== lane.fault, speaking !== (lane.speaking ?? false)];
      Object.assign(lane, { atS, fault, speaking });
      this.#deliver("level", { ...at, dbfs, speaking });
      if (turned) this.#deliver(speaking ? "speechstart" : "speechend", at);
      if (fault && isNew) this.#deliver(...warning(fault, number));
    } else if (prediction) {
      const { at_s: atS, heard_s: heardS } = prediction;
      this.#deliver("prediction", { lane: number, atMs: ms(atS), heardMs: ms(heardS), computeMs, ...this.#answer(prediction) });
    } else {
      const { start_s: startS, end_s: endS, speech_s: speechS } = utterance;
      lane.atS = Math.max(lane.atS, endS);
      lane.speechS += speechS;
      lane.utterances += 1;
      this.#utterances += 1;
      this.#deliver("utterance", {
        id: this.#utterances, lane: number, startMs: ms(startS), endMs: ms(endS), speechMs: ms(speechS), ...this.#answer(utterance),
      });
    }
  }

  /** What a voice expresses. */
  #answer({ verdict, confidence, posterior, activation }) {
    const { labels } = this.#engine.model;
    const asked = labels.map((label, i) => [label, posterior?.[i]]).filter((_, i) => this.#claims.among >> i & 1);
    return {
      label: labels[verdict.emotion] ?? null,
      confidence,
      probabilities: posterior ? Object.fromEntries(asked) : null,
      activation: activation ? { value: activation.value, sounds: activation.sounds === "unsure" ? null : activation.sounds } : null,
    };
  }

  /** How far a recording is; lanes go on side by side. */
  progress(session, atS) {
    this.#lanes[session - this.#first].atS = atS;
    if (this.#recording) {
      this.#deliver("progress", { atMs: ms(Math.min(...this.#lanes.map((lane) => lane.atS))), durationMs: ms(this.#recording.durationS) });
    }
  }

  /** Sound was lost. */
  gap(session, lostS) {
    const number = session - this.#first;
    const lane = this.#lanes[number];
    lane.lostS += lostS;
    this.#deliver("gap", { lane: number, atMs: ms(lane.atS), lostMs: ms(lostS) });
  }

  /** A lane's session has ended. */
  stopped(session, summary) {
    this.#lanes[session - this.#first].summary = summary;
    if (!this.#lanes.every((lane) => lane.summary)) return;
    this.#recordEnding();
    this.#end();
    this.#close();
  }

  /** It has ended with a calibration, or with too little speech for one. */
  fitted(calibration) {
    this.#end();
    this.#deliver("fitted", calibration ?? failure("read-too-little"));
    this.#close();
  }

  /** Tells the last event, with all that was heard. */
  #close() {
    const lanes = this.#lanes.map(({ atS, speechS, utterances, lostS, summary }, lane) => {
      const told = summary ?? { duration_s: atS, speech_s: speechS, verdict: "no_speech", confidence: 0, nonfinite_samples: 0 };
      return {
        lane,
        durationMs: ms(told.duration_s),
        speechMs: ms(told.speech_s),
        utterances,
        lostMs: ms(lostS),
        badSamples: told.nonfinite_samples,
        ...this.#answer(told),
      };
    });
    const { early = false, damaged = 0 } = this.#recording ?? {};
    this.#deliver("close", {
      summary: {
        startedAt: this.#startedAt,
        durationMs: Math.max(...lanes.map(({ durationMs }) => durationMs)),
        complete: this.#lanes.every(({ summary }) => summary !== undefined),
        endsEarly: early,
        damagedParts: damaged,
        lanes,
      },
    });
  }
}

/** Makes a session and hands over what only the library may do with it. */
export let makeSession;
/** The talk of a session. */
let talkOf;

/** One source of sound while it is listened to. */
export class Session extends EventTarget {
  #talk;
  /** Events that came before anybody could listen to them. */
  #early = [];
  #summary;
  #end;
  #fitted;
  #timer;
  #signal;
  #abort = () => this.stop();

  static {
    makeSession = (Kind) => {
      const session = new Kind();
      return {
        session,
        deliver: (name, detail) => session.#deliver(name, detail),
        begin: (talk, signal, listens) => session.#begin(talk, signal, listens),
      };
    };
    talkOf = (session) => session.#talk;
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
    this.#talk.stop();
    return this.#summary;
  }

  /** Ends the session with a calibration to what was heard. */
  calibrate() {
    return new Promise((resolve, reject) => {
      this.#talk.fit();
      this.#fitted = { resolve, reject };
    });
  }

  [DISPOSE]() {
    this.stop();
  }

  #begin(talk, signal, listens) {
    this.#talk = talk;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (listens) this.#timer = setTimeout(() => this.#deliver(...warning("no-sound", 0)), NO_SOUND_MS);
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
      this.#fitted?.reject(failure("session-closed"));
      this.#end(detail.summary);
    }
  }
}

/** A session of sound that the page itself brings. */
export class PcmSession extends Session {
  /** Takes a copy of samples in; resolves once there is room for more. */
  async write(samples) {
    await talkOf(this).write(samples);
  }

  /** Ends the session once all that was written is heard. */
  close() {
    return this.stop();
  }
}
