// <speech-emotion> in a frame: options come in the address, events go to the page around it as messages.
//
// Nothing is sent or obeyed unless the address names the origin of the page around, `?origin=https://…`.

import "./define.js";

/** Version of the messages. */
const VERSION = 1;
const EVENTS = ["speechstart", "speechend", "prediction", "utterance", "level", "gap", "warning", "error", "close"];
const COMMANDS = {
  start: (element) => element.start(),
  stop: (element) => element.stop(),
  analyze: (element, { file }) => element.analyze(file).catch(() => {}),
};

const options = new URLSearchParams(location.search);
const origin = options.get("origin");
const element = document.querySelector("speech-emotion");
for (const name of ["lanes", "minimum-confidence", "labels", "lazy"]) {
  if (options.has(name)) element.setAttribute(name, options.get(name));
}

if (parent !== window && origin) {
  const tell = (type, detail) => parent.postMessage({ "speech-emotion": VERSION, type, detail }, origin);
  for (const name of EVENTS) {
    element.addEventListener(name, ({ detail }) => {
      // What an error says besides its message does not pass by itself.
      const { code, message, advice, retryable } = detail;
      tell(name, name === "error" ? { code, message, advice, retryable } : detail);
    });
  }
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== parent || from !== origin || data?.["speech-emotion"] !== VERSION) return;
    if (Object.hasOwn(COMMANDS, data.type)) COMMANDS[data.type](element, data);
    else tell("error", { code: "bad-option", message: `There is no command ${data.type}.`, advice: `Send ${Object.keys(COMMANDS).join(", ")}.`, retryable: false });
  });
  tell("ready");
}
