// Writes down what is said, with the browser's own recogniser where there is one.

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

const REASONS = {
  "not-allowed": "The browser may not write down what you say here. Type it while you speak.",
  "service-not-allowed": "This browser does not write down speech here. Type what you say while you speak.",
  "network": "The browser's service that writes down speech cannot be reached. Type what you say while you speak.",
  "language-not-supported": "The browser cannot write down your language. Type what you say while you speak.",
  "audio-capture": "The browser's recogniser gets no sound. Type what you say while you speak.",
};

/** Starts to write; `stop` ends it. */
export function dictation({ onwords, onfail }) {
  const recognition = new Recognition();
  recognition.lang = navigator.language;
  recognition.continuous = true;
  recognition.interimResults = true;
  if (isHere) recognition.processLocally = true;
  let isOver = false;
  recognition.onresult = ({ results }) => onwords([...results].map(([best]) => best.transcript.trim()).join(" "));
  recognition.onerror = ({ error }) => {
    // Silence and an end that was asked for are no failures.
    if (error === "no-speech" || error === "aborted") return;
    isOver = true;
    onfail(REASONS[error] ?? "The browser's recogniser failed. Type what you say while you speak.");
  };
  try {
    recognition.start();
  } catch {
    onfail("The browser's recogniser could not be started. Type what you say while you speak.");
  }
  return { stop: () => { if (!isOver) recognition.stop(); } };
}

let isHere = false;

/** "here": on this device; "elsewhere": the sound may be sent to the browser's maker; nothing where there is no recogniser. */
dictation.where = async () => {
  if (!Recognition) return undefined;
  const asked = { langs: [navigator.language], processLocally: true };
  isHere = (await Recognition.available?.(asked).catch(() => undefined)) === "available";
  return isHere ? "here" : "elsewhere";
};
