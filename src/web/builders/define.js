// Defines <speech-emotion>: a button, what the voice expresses, and how that went on, for each speaker.

import { EmotionRecognizer } from "./index.js";

/** How much time the timeline shows, in ms. */
const SPAN_MS = 60_000;

const STYLE = `
:host {
  --ground: #fff; --text: #1d1c20; --muted: #625f69; --track: #eeebe6; --accent: #4b3fc4; --button: #1d1c20; --button-text: #fff;
  --neutral: #68707f; --calm: #087a71; --happy: #9c6200; --sad: #2c68c8; --angry: #c93030; --fearful: #7747d1; --disgust: #56781a; --surprised: #c23383; --other: #625f69;
  display: block;
  container-type: inline-size;
  box-sizing: border-box;
  padding: 1.25rem;
  border: 1px solid var(--speech-emotion-line, var(--track));
  border-radius: var(--speech-emotion-radius, 1rem);
  background: var(--speech-emotion-background, var(--ground));
  color: var(--speech-emotion-text, var(--text));
  font: var(--speech-emotion-font, 100%/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  font-feature-settings: "tnum";
}
@supports (color: light-dark(#000, #fff)) {
  :host {
    --ground: light-dark(#fff, #1b1b20); --text: light-dark(#1d1c20, #f3f1ed); --muted: light-dark(#625f69, #aba7b4); --track: light-dark(#eeebe6, #2a2a31);
    --accent: light-dark(#4b3fc4, #b3a9ff); --button: light-dark(#1d1c20, #f3f1ed); --button-text: light-dark(#fff, #131316);
    --neutral: light-dark(#68707f, #9ba4b4); --calm: light-dark(#087a71, #3fc4b6); --happy: light-dark(#9c6200, #f0b53d); --sad: light-dark(#2c68c8, #6fa8ff);
    --angry: light-dark(#c93030, #ff7d73); --fearful: light-dark(#7747d1, #b598ff); --disgust: light-dark(#56781a, #a9c95c); --surprised: light-dark(#c23383, #ff87c4); --other: light-dark(#625f69, #aba7b4);
  }
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; margin: 0; padding: 0; }
ul, ol { list-style: none; }
[hidden] { display: none !important; }
button {
  padding: 0.65rem 1.35rem; border: 0; border-radius: 999px; cursor: pointer; font: inherit; font-weight: 600;
  background: var(--speech-emotion-button, var(--button)); color: var(--speech-emotion-button-text, var(--button-text));
}
button:disabled { opacity: 0.6; cursor: default; }
:focus-visible { outline: 3px solid var(--speech-emotion-accent, var(--accent)); outline-offset: 3px; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 0.75rem 1rem; }
.level { flex: 1 1 6rem; max-width: 14rem; height: 0.4rem; border-radius: 1rem; background: var(--track); overflow: hidden; }
.level > i { display: block; height: 100%; width: 0; background: var(--speech-emotion-accent, var(--accent)); }
.note, .detail, .name { color: var(--muted); font-size: 0.875rem; }
.note { margin-top: 1rem; }
.error { margin-top: 1rem; padding: 0.75rem 1rem; border-left: 4px solid var(--angry); background: var(--track); border-radius: 0.25rem; }
.error b { display: block; }
.lanes { display: grid; gap: 1.5rem; margin-top: 1.25rem; }
@container (min-width: 40rem) { .lanes { grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); } }
.verdict { font-size: 1.6rem; font-weight: 650; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.lane, .note { max-width: 44rem; }
.bars { margin-top: 0.9rem; display: grid; gap: 0.3rem; font-size: 0.9rem; }
.bars li { display: grid; grid-template-columns: minmax(5.5rem, max-content) 1fr 3.2rem; gap: 0.6rem; align-items: center; }
.bars span:last-child { text-align: right; }
.bar { height: 0.5rem; border-radius: 1rem; background: var(--track); overflow: hidden; }
.bar i { display: block; height: 100%; width: 0; border-radius: 1rem; background: var(--colour); }
.timeline { position: relative; height: 1.4rem; margin-top: 0.9rem; border-radius: 0.3rem; background: var(--track); overflow: hidden; }
.timeline li { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: 0.2rem; background: var(--colour); }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) {
  .bar i, .level > i, .timeline li { forced-color-adjust: none; background: CanvasText; }
  .bar, .level, .timeline { border: 1px solid CanvasText; }
}`;

const EVENTS = ["speechstart", "speechend", "prediction", "utterance", "level", "gap", "warning", "error", "close"];
const KNOWN = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];

const percent = (share) => `${Math.min(100, Math.round(100 * share))}\u202f%`;
const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, "0")}`;
/** Some classes cannot follow "sounds"; those of the shipped model can. */
const sounds = (verb, label) => (KNOWN.includes(label) ? `${verb} ${label}` : label);

/** A new element with a class, which is its part's name too, and text. */
function make(name, part = "", text = "") {
  const element = document.createElement(name);
  if (part) {
    element.className = part;
    element.setAttribute("part", part);
  }
  element.textContent = text;
  return element;
}

/** What one speaker expresses. */
class Lane {
  constructor(labels, name) {
    this.root = make("section", "lane");
    this.verdict = make("p", "verdict");
    this.detail = make("p", "detail");
    this.list = make("ul", "bars");
    this.timeline = make("ol", "timeline");
    this.bars = new Map();
    this.root.setAttribute("aria-label", name || "What the voice expresses");
    if (name) this.root.append(make("p", "name", name));
    for (const label of labels) {
      const item = make("li");
      const [bar, share] = [make("span", "bar"), make("span")];
      bar.append(make("i"));
      bar.setAttribute("aria-hidden", "true");
      item.append(make("span", "", label), bar, share);
      item.style.setProperty("--colour", this.colour(label));
      this.list.append(item);
      this.bars.set(label, { fill: bar.firstChild, share });
    }
    this.timeline.setAttribute("aria-label", "The last minute");
    this.root.append(this.verdict, this.detail, this.list, this.timeline);
    this.judge(null);
  }

  colour(label) {
    const own = KNOWN.includes(label) ? label : "other";
    return `var(--speech-emotion-${own}, var(--${own}))`;
  }

  /** Shows an answer; null before anything was heard. */
  judge(answer, verb = "Sounds") {
    const label = answer?.label;
    const liveliness = answer?.activation?.sounds;
    if (!answer) this.verdict.textContent = "\u2013";
    else if (!answer.probabilities) this.verdict.textContent = "No speech heard";
    else if (label) this.verdict.textContent = sounds(verb, label);
    else if (liveliness) this.verdict.textContent = `${verb} ${liveliness}, emotion unclear`;
    else this.verdict.textContent = "Not sure";
    this.detail.textContent = label ? `${percent(answer.confidence)} confident` : "\u00a0";
    for (const [name, { fill, share }] of this.bars) {
      const value = answer?.probabilities?.[name] ?? 0;
      fill.style.width = `${100 * value}%`;
      share.textContent = percent(value);
    }
  }

  /** Adds an utterance to the timeline. */
  add({ startMs, endMs, label, confidence }) {
    const item = make("li");
    const word = label ? `${label}, ${percent(confidence)}` : "not sure";
    item.title = `${clock(startMs)}–${clock(endMs)} ${word}`;
    item.append(make("span", "visually-hidden", item.title));
    item.style.setProperty("--colour", label ? this.colour(label) : "var(--muted)");
    item.times = [startMs, endMs];
    this.timeline.append(item);
    this.move(endMs);
  }

  /** The timeline ends at this time. */
  move(atMs) {
    const from = Math.max(0, atMs - SPAN_MS);
    for (const item of [...this.timeline.children]) {
      const [startMs, endMs] = item.times;
      if (endMs < from) item.remove();
      item.style.left = `${(100 * (startMs - from)) / SPAN_MS}%`;
      item.style.width = `${(100 * (endMs - startMs)) / SPAN_MS}%`;
    }
  }
}

/** Where a server renders there are no elements; importing this works there all the same, and defines nothing. */
const Base = globalThis.HTMLElement ?? class {};

/** A button and what the voice expresses; see the documentation for attributes, parts and events. */
export class SpeechEmotionElement extends Base {
  static formAssociated = true;
  static observedAttributes = ["assets", "labels", "lanes", "minimum-confidence", "src", "disabled"];
  static #sheet;

  #internals = this.attachInternals();
  #recognizer;
  #session;
  #aborter;
  #calibration = null;
  #labels = [];
  #lanes = [];
  #busy = false;
  #parts;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    SpeechEmotionElement.#sheet ??= new CSSStyleSheet();
    SpeechEmotionElement.#sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [SpeechEmotionElement.#sheet];
    const controls = make("div", "controls");
    const [button, level, lanes, error, status] = [make("button", "button"), make("span", "level"), make("div", "lanes"), make("div", "error"), make("p", "visually-hidden")];
    const note = make("p", "note", "Computed on this device; no sound leaves it. It estimates what a voice expresses, not what anyone feels.");
    button.type = "button";
    button.addEventListener("click", () => this.#press());
    level.append(make("i"));
    level.setAttribute("aria-hidden", "true");
    level.hidden = true;
    error.setAttribute("role", "alert");
    error.hidden = true;
    status.setAttribute("role", "status");
    controls.append(button, level);
    root.append(controls, error, lanes, note, status);
    this.#parts = { button, level, lanes, error, status };
    this.#say();
  }

  /** Whether it listens or analyzes. */
  get active() {
    return this.#busy;
  }

  /** One speaker's calibration, as of `EmotionRecognizer.create`. */
  get calibration() {
    return this.#calibration;
  }

  set calibration(calibration) {
    this.#calibration = calibration;
    this.#recognizer?.then((recognizer) => recognizer.setCalibration(calibration)).catch((error) => this.#fail(error));
  }

  get form() {
    return this.#internals.form;
  }

  get name() {
    return this.getAttribute("name") ?? "";
  }

  connectedCallback() {
    if (!this.hasAttribute("lazy")) this.#load().catch((error) => this.#fail(error));
  }

  disconnectedCallback() {
    this.#unload();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "disabled" || name === "src") return this.#say();
    this.#unload();
    if (this.isConnected) this.connectedCallback();
  }

  formResetCallback() {
    this.#internals.setFormValue(null);
    this.#show();
  }

  formDisabledCallback() {
    this.#say();
  }

  /** Listens to the microphone; call it inside a click. */
  async start() {
    await this.#run(async (signal) => {
      const recognizer = await this.#load();
      const session = await recognizer.listen({ lanes: this.#number("lanes") ?? 1, signal });
      this.#session = session;
      this.#begin();
      for (const name of EVENTS) session.addEventListener(name, ({ detail }) => this.#hear(name, detail));
      this.#finish(await session.closed);
    });
  }

  /** Ends what it listens to, or gives up an analysis. */
  stop() {
    if (this.#session) this.#session.stop();
    else this.#aborter?.abort();
  }

  /** Analyzes a file, a blob or an AudioBuffer and shows it; gives what `EmotionRecognizer.analyze` gives. */
  async analyze(input) {
    let analysis;
    await this.#run(async (signal) => {
      const recognizer = await this.#load();
      this.#say("Analysing…");
      const several = (this.#number("lanes") ?? 1) > 1;
      analysis = await recognizer.analyze(input, { lanes: several ? "auto" : "mix", signal });
      this.#show(analysis.lanes.length);
      for (const utterance of analysis.utterances) this.#hear("utterance", utterance);
      this.#finish(analysis);
      this.#dispatch("close", { summary: analysis });
    }, true);
    return analysis;
  }

  async #press() {
    if (this.#busy) return this.stop();
    const src = this.getAttribute("src");
    try {
      if (!src) return await this.start();
      const answer = await fetch(src);
      if (!answer.ok) throw Object.assign(new Error(`${src} could not be fetched: the server answered ${answer.status}.`), { code: "file-unavailable", advice: "Check the address.", retryable: true });
      await this.analyze(await answer.blob());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One thing at a time; what goes wrong is shown, and thrown where somebody called. */
  async #run(act, throws = false) {
    this.stop();
    const aborter = new AbortController();
    this.#aborter = aborter;
    this.#busy = true;
    this.#parts.error.hidden = true;
    this.#say();
    try {
      await act(aborter.signal);
    } catch (error) {
      if (!aborter.signal.aborted) this.#fail(error);
      if (throws) throw error;
    } finally {
      if (this.#aborter === aborter) {
        this.#session = undefined;
        this.#busy = false;
        this.#parts.level.hidden = true;
        this.#say();
      }
    }
  }

  /** The recognizer, which is loaded once. */
  #load() {
    if (!this.#recognizer) {
      const labels = this.getAttribute("labels");
      const options = {
        assets: this.getAttribute("assets"),
        minConfidence: this.#number("minimum-confidence"),
        labels: labels && labels.split(",").map((label) => label.trim()),
        calibration: this.#calibration,
      };
      const loading = EmotionRecognizer.create(options);
      this.#recognizer = loading;
      loading.then(
        (recognizer) => {
          if (this.#recognizer !== loading) return recognizer.dispose();
          this.#labels = options.labels ?? recognizer.model.labels;
          if (this.#lanes.length === 0) this.#show();
        },
        () => { if (this.#recognizer === loading) this.#recognizer = undefined; },
      );
    }
    return this.#recognizer;
  }

  /** The next use loads another recognizer. */
  #forget() {
    this.#recognizer?.then((recognizer) => recognizer.dispose(), () => {});
    this.#recognizer = undefined;
  }

  #unload() {
    this.stop();
    this.#forget();
    this.#lanes = [];
    this.#parts.lanes.replaceChildren();
  }

  #number(name) {
    const text = this.getAttribute(name);
    return text === null ? undefined : Number(text);
  }

  #begin() {
    this.#show(this.#number("lanes") ?? 1);
    this.#parts.level.hidden = false;
    this.#say();
  }

  /** Empty answers of so many speakers. */
  #show(count = this.#number("lanes") ?? 1) {
    const name = (i) => (count > 1 ? `Speaker ${i + 1}` : "");
    this.#lanes = Array.from({ length: count }, (_, i) => new Lane(this.#labels, name(i)));
    this.#parts.lanes.replaceChildren(...this.#lanes.map(({ root }) => root));
  }

  #hear(name, detail) {
    const lane = this.#lanes[detail.lane];
    if (name === "prediction") lane.judge(detail);
    if (name === "utterance") {
      lane.judge(detail, "Sounded");
      lane.add(detail);
      this.#parts.status.textContent = lane.verdict.textContent;
    }
    if (name === "level") {
      this.#parts.level.firstChild.style.width = `${Math.max(0, Math.min(100, (100 * (detail.dbfs + 60)) / 60))}%`;
      lane.move(detail.atMs);
    }
    if (name === "error") {
      if (detail.code === "engine-crashed") this.#forget();
      return this.#fail(detail);
    }
    this.#dispatch(name, detail);
  }

  #finish(summary) {
    for (const answer of summary.lanes) this.#lanes[answer.lane]?.judge(answer, "Sounded");
    this.#parts.status.textContent = this.#lanes.map((lane) => lane.verdict.textContent).join(", ");
    const { startedAt, durationMs, lanes } = summary;
    this.#internals.setFormValue(JSON.stringify({ startedAt, durationMs, lanes }));
  }

  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #fail(error) {
    if (error.name === "AbortError") return;
    const { error: box } = this.#parts;
    box.replaceChildren(make("b", "", error.message), error.advice ?? "");
    box.hidden = false;
    this.#say();
    this.#dispatch("error", error);
  }

  /** What the button says. */
  #say(busy = this.#session ? "Stop" : "Cancel") {
    const { button } = this.#parts;
    const idle = this.hasAttribute("src") ? "Analyse the recording" : "Start listening";
    button.textContent = this.#busy ? busy : idle;
    button.disabled = this.matches(":disabled") || this.hasAttribute("disabled");
  }
}

if (globalThis.customElements && !customElements.get("speech-emotion")) customElements.define("speech-emotion", SpeechEmotionElement);
