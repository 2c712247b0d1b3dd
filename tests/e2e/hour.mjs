// A session of an hour, as the page saves it.

export const LABELS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];

/** The JSON of a session of an hour with two speakers and so many utterances; `change` alters it. */
export function hour(count, change = () => {}) {
  const utterances = Array.from({ length: count }, (_, index) => {
    const label = LABELS[(index * 7) % 8];
    const startMs = Math.round((index * 3_600_000) / count);
    return {
      id: index + 1,
      lane: index % 2,
      startMs,
      endMs: startMs + 1_900,
      speechMs: 1_500,
      label,
      confidence: 0.79,
      probabilities: Object.fromEntries(LABELS.map((other) => [other, other === label ? 0.79 : 0.03])),
      activation: null,
      correction: null,
    };
  });
  const session = {
    format: "speech-emotion-session",
    version: 1,
    judgedBy: "a machine",
    model: { name: "Speech Emotion", version: "0.1.0", sha256: "ab12", trainedOn: "voices" },
    labels: LABELS,
    sources: [{
      name: "interview.wav", kind: "file", startedMs: null, durationMs: 3_600_000,
      lanes: [{ name: "Anna" }, { name: "Ben" }], utterances,
      sections: [{ startMs: 60_000, endMs: 900_000, name: "question 1" }],
      notes: [{ atMs: 120_000, text: "laughs" }],
    }],
  };
  change(session);
  return JSON.stringify(session);
}
