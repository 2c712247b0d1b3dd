import type { Utterance } from "./index.js";

/** An utterance as events, analyses and exported JSON have it. */
export type HeardUtterance = Pick<Utterance, "id" | "startMs" | "endMs" | "speechMs" | "label" | "confidence" | "probabilities"> &
  Partial<Pick<Utterance, "lane">> & { activation?: { value: number; sounds: string | null } | null };

export interface PromptOptions {
  /**
   * When the person's present turn began, in ms of the session's clock, as `endMs` and `atMs` are: nothing that
   * ended before it is told.
   */
  turnStartMs: number;
  /** Confidence from which something is said, 0 to 1; 0.6 by default. */
  minConfidence?: number;
  /** The lane of the person whom the assistant talks with; all of them by default. */
  lane?: number | null;
}

/** What an assistant may know of how a turn sounded. Its JSON schema is prompt-context.schema.json. */
export interface PromptContext {
  version: 1;
  /** The utterance that the label is of; null without a label. */
  utteranceId: number | null;
  /** What the voice sounds like; null where nothing is sure enough. */
  label: string | null;
  /** Probability of the label, 0 to 1; null without one. */
  confidence: number | null;
  /** How the label's probability moved since the utterance before it in this turn; null without one. */
  trend: "rising" | "falling" | "steady" | null;
  /** Speech in the turn. */
  heardMs: number;
  /** What to bear in mind. */
  note: string;
  /** For the prompt: at most 300 characters on one line; empty without a label. */
  text: string;
}

export interface AnnotateOptions {
  /** Confidence from which an emotion is written, 0 to 1; by default every label is. */
  minConfidence?: number;
  /** Names of the lanes, in order: a sentence whose speaker has the name of one is joined with that lane only. */
  lanes?: string[];
}

/** A sentence of a transcript of one's own. */
export interface Sentence {
  startMs: number;
  endMs: number;
  speaker?: string | null;
  text: string;
}

/**
 * The text of a WebVTT or SRT file, or of the JSON of whisper and its relatives, or that JSON parsed: objects with
 * `segments`, `transcription`, `chunks` or `sentences`, or a list of these.
 */
export type Transcript = string | Sentence[] | object;

/** A transcript with what its sentences sounded like. Its JSON schema is annotated-transcript.schema.json. */
export interface AnnotatedTranscript {
  version: 1;
  /** What to bear in mind. */
  note: string;
  /** All of the transcript's, in its order and with its words. */
  sentences: {
    startMs: number;
    endMs: number;
    speaker: string | null;
    text: string;
    /** What it sounded like; null where nothing is sure enough or nothing was heard. */
    label: string | null;
    /** Mean probability of the label, weighted by overlap, 0 to 1; null without one. */
    confidence: number | null;
    /** The utterances that the label is from. */
    utteranceIds: number[];
  }[];
}

/** What can be said of how the present turn sounded. Throws an `EmotionError` when something given is none. */
export function toPromptContext(utterances: readonly HeardUtterance[], options: PromptOptions): PromptContext;

/**
 * Joins a transcript with the utterances that its sentences overlap in time; the words stay as they are. Throws an
 * `EmotionError` when something given is none.
 */
export function annotate(transcript: Transcript, utterances: readonly HeardUtterance[], options?: AnnotateOptions): AnnotatedTranscript;

/** The same as text, a line for each sentence: `[angry 0.83] I waited an hour.` */
export function annotateAsText(transcript: Transcript, utterances: readonly HeardUtterance[], options?: AnnotateOptions): string;
