/// <reference lib="esnext.disposable" />

/** What went wrong: an `Error` with a stable code, a sentence in `message`, and what to do. */
export interface EmotionError extends Error {
  readonly name: "EmotionError";
  readonly code: ErrorCode;
  /** The next step, in words. */
  readonly advice: string;
  /** Whether the same call may work later without a change to the program. */
  readonly retryable: boolean;
}

export type ErrorCode =
  | "analysis-failed"
  | "bad-audio"
  | "bad-option"
  | "bad-transcript"
  | "bad-utterances"
  | "blocked-by-policy"
  | "calibration-of-other-model"
  | "disposed"
  | "engine-crashed"
  | "engine-outdated"
  | "engine-unavailable"
  | "file-empty"
  | "file-codec"
  | "file-cut-off"
  | "file-damaged"
  | "file-gone"
  | "file-not-audio"
  | "file-silent"
  | "file-stalled"
  | "file-too-long"
  | "microphone-busy"
  | "microphone-failed"
  | "microphone-interrupted"
  | "microphone-lost"
  | "microphone-sandboxed"
  | "microphone-system"
  | "model-mismatch"
  | "model-unavailable"
  | "no-audio-track"
  | "no-calibration"
  | "no-microphone"
  | "not-secure"
  | "permission-denied"
  | "permission-dismissed"
  | "permission-withdrawn"
  | "permissions-policy"
  | "read-too-little"
  | "session-closed"
  | "unsupported";

/** Where a file lies: a URL, or a text that is one, relative to the page. */
export type Address = string | URL;

export interface CreateOptions {
  /** The folder of all files; by default that of this module. */
  assets?: Address;
  /** client_bg.wasm. */
  client?: Address;
  /** worker.js. */
  workerUrl?: Address;
  /** worklet.js. */
  workletUrl?: Address;
  /** engine-relaxed.wasm for browsers with relaxed SIMD, engine.wasm for others: where it lies, or its bytes. */
  wasm?: Address | ArrayBuffer | Uint8Array;
  /** decoder.wasm, which reads files and is fetched for the first: where it lies, or its bytes. */
  decoder?: Address | ArrayBuffer | Uint8Array;
  /** model.onnx: where it lies, or its bytes. */
  model?: Address | ArrayBuffer | Uint8Array;
  /** The text of the model.json that belongs to the model; by default that of this build. */
  manifest?: string;
  /** Probability below which the label is null, 0 to 1; never less than the model's own threshold, the default. */
  minConfidence?: number;
  /** Judge among these only, two or more of the model's labels; the others' probability is shared out. */
  labels?: string[];
  /** What `Session.calibrate` or the page gave, for one speaker; "listening" adapts slowly to whoever speaks. */
  calibration?: string | "listening" | null;
  /** Gives up loading. */
  signal?: AbortSignal | null;
  /** Called while the engine and the model are fetched. */
  onprogress?: (progress: { receivedBytes: number; totalBytes: number }) => void;
}

export interface ListenOptions {
  /** A stream or a media element instead of a microphone. */
  source?: MediaStream | HTMLMediaElement;
  /** Id of a microphone, of `navigator.mediaDevices.enumerateDevices()`; by default the browser's choice. */
  deviceId?: string;
  /** Speakers with a channel each, 1 to 32; 1, the default, mixes all channels. */
  lanes?: number;
  /** Gives up opening, and ends the session later. */
  signal?: AbortSignal | null;
}

export interface OpenOptions {
  /** Samples a second, a whole number of Hz from 8000 to 192000. */
  sampleRate: number;
  /** Speakers with a channel each, 1 to 32; 1 by default. */
  lanes?: number;
  /** Ends the session. */
  signal?: AbortSignal | null;
}

export interface AnalyzeOptions {
  /**
   * "mix": one speaker; "channels": one on each channel; "auto", the default: "channels" where the
   * channels with sound are loud at different times, else "mix".
   */
  lanes?: "auto" | "mix" | "channels";
  /** Gives up the analysis. */
  signal?: AbortSignal | null;
  /** Called about once a second of sound. */
  onprogress?: (progress: { atMs: number; durationMs: number }) => void;
}

/** What a voice expresses. */
export interface Judgement {
  /** One of the labels; null where none stands out or too little was heard. */
  label: string | null;
  /** Probability of the label, or the highest one, 0 to 1. It is no measured accuracy. */
  confidence: number;
  /** Of each label, 0 to 1; they sum to 1. */
  probabilities: Record<string, number>;
  /** How lively the voice sounds, 0 to 1 and in a word where that can be said; null where the model does not tell. */
  activation: { value: number; sounds: "lively" | "quiet" | null } | null;
}

/** While somebody speaks: of the last seconds. Times are ms of sound since the session began. */
export interface Prediction extends Judgement {
  lane: number;
  atMs: number;
  /** Speech that it was made from. */
  heardMs: number;
  /** From the arrival of the sound at the worker to this. */
  computeMs: number;
}

/** Speech between silences. */
export interface Utterance extends Judgement {
  /** 1, 2, 3 … in the session, whatever the lane. */
  id: number;
  lane: number;
  startMs: number;
  endMs: number;
  /** Speech in it: pauses do not count. */
  speechMs: number;
}

/** What one speaker expressed over the whole session. */
export interface LaneSummary extends Omit<Judgement, "probabilities"> {
  lane: number;
  durationMs: number;
  speechMs: number;
  /** How many. */
  utterances: number;
  /** Sound lost between the microphone and the engine. */
  lostMs: number;
  /** Samples that were no finite numbers and were taken as 0. */
  badSamples: number;
  /** Null without speech. */
  probabilities: Record<string, number> | null;
}

export interface Summary {
  /** When the session began, in ms since 1970. */
  startedAt: number;
  durationMs: number;
  /** False where the engine could not sum up: there are times and counts, and no judgement. */
  complete: boolean;
  /** Whether the file ends before it should; what is there was analyzed. */
  endsEarly: boolean;
  /** Parts of the file that are damaged and were left out. */
  damagedParts: number;
  lanes: LaneSummary[];
}

export interface Analysis extends Summary {
  /** In the order in which they begin. */
  utterances: Utterance[];
}

export interface SessionWarning {
  code: "clipped" | "faint" | "no-sound" | "processed" | "quiet" | "silent";
  lane: number;
  message: string;
}

export interface SessionEvents {
  speechstart: CustomEvent<{ lane: number; atMs: number }>;
  speechend: CustomEvent<{ lane: number; atMs: number }>;
  prediction: CustomEvent<Prediction>;
  utterance: CustomEvent<Utterance>;
  /** About 20 times a second: root mean square of the last 48 ms in dB of full scale, -120 or higher. */
  level: CustomEvent<{ lane: number; atMs: number; dbfs: number; speaking: boolean }>;
  /** Sound was lost on its way to the engine. */
  gap: CustomEvent<{ lane: number; atMs: number; lostMs: number }>;
  /** Something makes the answers less reliable; the session goes on. */
  warning: CustomEvent<SessionWarning>;
  /** The session cannot go on; `close` follows. */
  error: CustomEvent<EmotionError>;
  /** The last event. */
  close: CustomEvent<{ summary: Summary }>;
}

/** One source of sound while it is listened to. Made by `EmotionRecognizer.listen` and `open`. */
export class Session extends EventTarget implements Disposable {
  protected constructor();
  /** Resolves with the summary when the session has ended, for whatever reason; is not rejected. */
  readonly closed: Promise<Summary>;
  /** Ends the session and closes the microphone; what was heard until now is in the summary. */
  stop(): Promise<Summary>;
  /**
   * Ends the session with a calibration to what was heard, which must be one person's speech in a neutral
   * voice: about eight seconds, at least three. A text to keep and give to `create` or `setCalibration`.
   */
  calibrate(): Promise<string>;
  [Symbol.dispose](): void;
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: ((this: Session, event: SessionEvents[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: ((this: Session, event: SessionEvents[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** A session of sound that the page itself brings. */
export class PcmSession extends Session {
  protected constructor();
  /**
   * Takes in a copy of samples in -1 to 1, of any number: one array, or one for each lane. Resolves once there
   * is room for more; who waits for that keeps the memory flat.
   */
  write(samples: Float32Array | Float32Array[]): Promise<void>;
  /** Ends the session once all that was written is heard. */
  close(): Promise<Summary>;
}

export interface ModelInfo {
  version: string;
  labels: string[];
  /** What it was trained on, and how many people spoke there. */
  dataSet: string;
  speakers: number;
  /** Mean recall of the labels, 0 to 1, on people it was not trained on; and the share of clips that are right. */
  uar: number;
  war: number;
  /** Number of clips behind both. */
  clips: number;
  /**
   * The same on corpora that were left out of training, where that was measured: `guessing` is the recall of
   * chance, `claimed` the share of clips for which an emotion is claimed, `claimedRight` of these the share that is right.
   */
  strangers: { corpora: number; clips: number; speakers: number; uar: number; guessing: number; claimed: number; claimedRight: number } | null;
  canCalibrate: boolean;
}

/** Recognizes what voices express. All recognizers of a page share one worker. */
export class EmotionRecognizer implements Disposable {
  private constructor();
  /** Loads the engine, or takes part in one that runs. */
  static create(options?: CreateOptions): Promise<EmotionRecognizer>;
  readonly model: ModelInfo;
  /** Listens to a microphone. Call it inside a click: browsers start sound only there. */
  listen(options?: ListenOptions): Promise<Session>;
  /** Listens to a stream or a media element, which go on when the session ends. */
  listen(source: MediaStream | HTMLMediaElement, options?: Omit<ListenOptions, "source" | "deviceId">): Promise<Session>;
  /** Opens a session that PCM is written to. */
  open(options: OpenOptions): PcmSession;
  /** Analyzes a file, a blob or an AudioBuffer of up to an hour, as fast as the device can. */
  analyze(input: Blob | AudioBuffer, options?: AnalyzeOptions): Promise<Analysis>;
  /** Judges this recognizer's sessions, those that run too, as one speaker's; null ends it. */
  setCalibration(calibration: string | "listening" | null): Promise<void>;
  /** Ends all sessions, with `close`, and with the last recognizer the worker. */
  dispose(): void;
  [Symbol.dispose](): void;
}
