import type { Analysis, SessionEvents } from "./index.js";

/** `<speech-emotion>`; importing this module defines it. */
export class SpeechEmotionElement extends HTMLElement {
  /** Whether it listens or analyzes. */
  readonly active: boolean;
  /** One speaker's calibration, as of `EmotionRecognizer.create`. */
  calibration: string | "listening" | null;
  readonly form: HTMLFormElement | null;
  readonly name: string;
  /** Listens to the microphone; call it inside a click. Resolves when it has ended. */
  start(): Promise<void>;
  /** Ends what it listens to, or gives up an analysis. */
  stop(): void;
  /** Analyzes a file, a blob or an AudioBuffer and shows it. */
  analyze(input: Blob | AudioBuffer): Promise<Analysis>;
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: (this: SpeechEmotionElement, event: SessionEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "speech-emotion": SpeechEmotionElement;
  }
}
