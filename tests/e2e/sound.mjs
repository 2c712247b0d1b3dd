// Sounds for tests: recordings from the data set if it is there, otherwise generated speech.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "speech-emotion-e2e-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** A folder of its own that is gone after the tests. */
export const emptyFolder = () => mkdtempSync(join(folder, "folder-"));

const dataSet = process.env.SPEECH_EMOTION_RAVDESS ?? join(ROOT, "../shared/ravdess");

/** A recording as a WAV with two seconds of silence after it; `options` are further ones for ffmpeg. */
export function speech(clip, name, ...options) {
  const path = join(folder, name);
  execFileSync("ffmpeg", ["-v", "error", "-y", "-i", source(clip), "-af", "apad=pad_dur=2", ...options, path]);
  return path;
}

const recording = (clip) => ["flac", "wav"]
  .map((extension) => join(dataSet, `Actor_${clip.slice(-2)}`, `${clip}.${extension}`))
  .find((candidate) => existsSync(candidate));

/** Whether a recording of the data set is there; generated speech expresses nothing. */
export const isRecorded = (clip) => recording(clip) !== undefined;

/** A recording of the data set, or generated speech. */
function source(clip) {
  if (isRecorded(clip)) return recording(clip);
  const spoken = join(folder, `${clip}-spoken.wav`);
  execFileSync("espeak-ng", ["-s", "130", "-w", spoken, "Kids are talking by the door."]);
  return spoken;
}

/** About 12 seconds of one person's neutral speech with short pauses, and silence after it. */
export function reading(actor, name) {
  const path = join(folder, name);
  const clips = ["01-01", "01-02", "02-01", "02-02"].map((take) => source(`03-01-01-01-${take}-${actor}`));
  const inputs = [...clips, ...clips].flatMap((clip) => ["-i", clip]);
  const filter = `concat=n=${2 * clips.length}:v=0:a=1,volume=12dB,silenceremove=stop_periods=-1:stop_duration=0.3:stop_threshold=-45dB,apad=pad_dur=5`;
  execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-filter_complex", filter, path]);
  return path;
}

/** A tone, silence or anything else that ffmpeg's lavfi can make. */
export function generated(source, name, ...options) {
  const path = join(folder, name);
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", source, ...options, path]);
  return path;
}

/** A file with these bytes. */
export function bytes(content, name) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs the trainer's own program and gives what it prints. */
export function train(...words) {
  const program = process.env.SPEECH_EMOTION_TRAINER;
  const [command, ...first] = program
    ? [program]
    : ["cargo", "run", "--quiet", "--release", "--locked", "-p", "training", "--"];
  return execFileSync(command, [...first, ...words], { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** What the trainer's own program answers for each file, in order. */
export function predict(...files) {
  return train("predict", "--json", ...files).trim().split("\n").map((line) => JSON.parse(line));
}

/** The largest difference between two posteriors by label. */
export function distance(a, b) {
  return Math.max(...Object.keys(b).map((label) => Math.abs(a[label] - b[label])));
}
