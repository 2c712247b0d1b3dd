// An assistant that gets, with the words, a sentence about how they were said.

import { EmotionRecognizer } from "speech-emotion";
import { toPromptContext } from "speech-emotion/context.js";
import { models, reply } from "./chat.js";
import { dictation } from "./dictation.js";

const INSTRUCTION = "You are a friendly assistant in a spoken conversation. Answer briefly, in the language of the person.";
/** A server that is silent for so long is told of, in ms. */
const SLOW_MS = 10_000;

/** Failures that are mended there. */
const SETTINGS = ["bad-address", "bad-key", "forbidden", "no-server", "not-chat", "not-found", "refused", "unauthorized"];

const at = (id) => document.getElementById(id);
const sentence = ({ message, advice }) => [message, advice].filter(Boolean).join(" ");
const fail = (error) => {
  at("error").textContent = sentence(error);
  at("error").hidden = false;
};

/** What was said and answered; `context` is how a turn of the person's sounded. */
const turns = [];
let recognizer;
let session;
let writing;
let heard = [];
let answering;

const server = () => ({ address: at("address").value, key: at("key").value.trim(), model: at("model").value });

// The server

async function connect() {
  at("connection").textContent = "Connecting…";
  at("connect").disabled = true;
  try {
    const names = await models(server());
    at("model").replaceChildren(...names.map((name) => new Option(name)));
    at("model-line").hidden = names.length === 0;
    at("connection").textContent = names.length > 0 ? "Connected." : "Connected, but the server has no model yet. Load one there, and connect again.";
    at("chosen").textContent = at("model").value;
    return names.length > 0;
  } catch (error) {
    at("model-line").hidden = true;
    at("model").replaceChildren();
    at("chosen").textContent = "";
    at("connection").textContent = sentence(error);
    return false;
  } finally {
    at("connect").disabled = false;
  }
}

// The voice

async function speak() {
  at("error").hidden = true;
  at("speak").disabled = true;
  heard = [];
  try {
    session = await recognizer.listen();
  } finally {
    at("speak").disabled = false;
  }
  at("speak").textContent = "Stop speaking";
  at("heard").textContent = "Listening. Press Send when you have said it.";
  session.addEventListener("prediction", ({ detail }) => { at("heard").textContent = detail.label ? `Sounds ${detail.label} so far.` : "Listening."; });
  session.addEventListener("utterance", ({ detail }) => heard.push(detail));
  session.addEventListener("warning", ({ detail }) => { at("heard").textContent = detail.message; });
  session.addEventListener("error", ({ detail }) => fail(detail));
  session.addEventListener("close", () => {
    session = undefined;
    writing?.stop();
    writing = undefined;
    at("speak").textContent = "Speak";
    at("heard").textContent = heard.length > 0 ? "Heard. Write or correct the words, and press Send." : "No speech was heard.";
  });
  if (at("dictation").checked) {
    const before = at("words").value;
    writing = dictation({
      onwords: (words) => { at("words").value = [before, words].filter(Boolean).join(" "); },
      onfail: (message) => { at("heard").textContent = message; },
    });
  }
}

// The conversation

async function send(event) {
  event.preventDefault();
  if (answering) return;
  at("error").hidden = true;
  // The last words are judged when listening ends.
  await session?.stop();
  const words = at("words").value.trim();
  if (!words) {
    at("heard").textContent = "Say something and write it here first.";
    at("words").focus();
    return;
  }
  if (!at("model").value && !(await connect())) {
    at("settings").open = true;
    at("connection").scrollIntoView({ block: "nearest" });
    fail(new Error(`Your words are kept. ${at("connection").textContent}`));
    return;
  }
  const context = toPromptContext(heard, { turnStartMs: 0 });
  heard = [];
  at("words").value = "";
  at("heard").textContent = "";
  at("settings").open = false;
  const turn = { role: "user", content: words };
  show("mine", words, context.text && `Told with it: ${context.text}`);
  await answer(turn, context.text);
}

/** An entry of the log: its paragraph, to which more can be written. */
function show(kind, words, told) {
  const entry = document.createElement("li");
  entry.className = kind;
  const name = document.createElement("span");
  name.className = "visually-hidden";
  name.textContent = kind === "mine" ? "You: " : "Assistant: ";
  const said = document.createElement("p");
  said.textContent = words;
  entry.append(name, said);
  if (told) note(entry, told);
  at("log").append(entry);
  entry.scrollIntoView({ block: "nearest" });
  return { entry, said };
}

function note(entry, text) {
  const line = document.createElement("p");
  line.className = "told";
  line.textContent = text;
  entry.append(line);
  return line;
}

/** Asks for an answer to `turn`; the sentence about the voice is of this turn and goes with no other. */
async function answer(turn, told) {
  const { entry, said } = show("theirs", "…");
  const aborter = new AbortController();
  answering = aborter;
  at("send").disabled = true;
  at("stop").hidden = false;
  at("anew").hidden = true;
  const slow = setTimeout(() => { said.textContent = "The server has not answered yet. The first answer of a model can take a minute."; }, SLOW_MS);
  const system = [INSTRUCTION, told].filter(Boolean).join(" ");
  const messages = [{ role: "system", content: system }, ...turns, turn];
  let content = "";
  try {
    const pieces = reply(server(), messages, aborter.signal);
    let piece = await pieces.next();
    for (; !piece.done; piece = await pieces.next()) {
      clearTimeout(slow);
      content += piece.value;
      said.textContent = content;
    }
    if (piece.value === "length") note(entry, "The server's length limit cut the answer off here.");
    if (!content) said.textContent = "(The answer is empty.)";
    turns.push(turn, { role: "assistant", content });
  } catch (error) {
    said.textContent = content;
    said.hidden = !content;
    if (aborter.signal.aborted) note(entry, "Stopped.");
    else note(entry, sentence(error)).className = "failure";
    if (SETTINGS.includes(error.code)) at("settings").open = true;
    again(entry, turn, told);
  } finally {
    clearTimeout(slow);
    answering = undefined;
    at("send").disabled = false;
    at("stop").hidden = true;
    at("anew").hidden = false;
  }
}

/** A button that asks once more. */
function again(entry, turn, told) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Try again";
  button.addEventListener("click", () => {
    if (answering) return;
    entry.remove();
    answer(turn, told);
  });
  entry.append(button);
}

at("connect").addEventListener("click", connect);
at("model").addEventListener("change", () => { at("chosen").textContent = at("model").value; });
for (const id of ["address", "key"]) {
  at(id).addEventListener("input", () => {
    // Of another server.
    at("model").replaceChildren();
    at("model-line").hidden = true;
    at("chosen").textContent = "";
    at("connection").textContent = "";
  });
}
at("composer").addEventListener("submit", send);
at("stop").addEventListener("click", () => answering?.abort());
at("anew").addEventListener("click", () => {
  turns.length = 0;
  at("log").replaceChildren();
  at("anew").hidden = true;
  at("words").focus();
});
at("speak").addEventListener("click", () => (session ? session.stop() : speak().catch(fail)));
at("words").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("composer").requestSubmit();
});

const where = await dictation.where();
at("dictation-line").hidden = !where;
if (where) {
  at("where").textContent = where === "here" ? "It does so on this device." : "Most browsers send the sound to their maker for that.";
  at("dictation").checked = where === "here";
}
try {
  recognizer = await EmotionRecognizer.create();
  at("speak").disabled = false;
} catch (error) {
  // Typing goes on to work.
  fail({ message: `Your voice cannot be listened to: ${error.message}`, advice: error.advice });
}
