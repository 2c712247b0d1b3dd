// Talks to any server that speaks OpenAI's chat protocol: Ollama, LM Studio, llama.cpp, vLLM and those of the net.
// Nothing here knows of the page.

/** So long may a server stay silent, in ms: one that loads a large model first takes a minute or more. */
const PATIENCE_MS = 120_000;

/** What went wrong, in a sentence, and what to do about it. */
export class ChatError extends Error {
  constructor(code, message, advice) {
    super(message);
    Object.assign(this, { name: "ChatError", code, advice });
  }
}

/** Names of the models that a server has. */
export async function models(server, signal) {
  const watch = watched(signal);
  try {
    const answer = await ask(server, "models", undefined, watch);
    const { data } = await json(answer, watch);
    if (!Array.isArray(data)) throw notChat(answer.url);
    return data.map(({ id }) => String(id));
  } finally {
    watch.end();
  }
}

/** The pieces of a reply, as they come. Returns why it ended: "stop", "length" or what else the server says. */
export async function* reply(server, messages, signal) {
  const watch = watched(signal);
  try {
    const body = JSON.stringify({ model: server.model, messages, stream: true });
    const answer = await ask(server, "chat/completions", body, watch);
    const type = answer.headers.get("Content-Type") ?? "";
    if (/^application\/json/i.test(type)) {
      // A server that does not stream.
      const [choice] = (await json(answer, watch)).choices ?? [];
      if (!choice) throw notChat(answer.url);
      yield choice.message?.content ?? "";
      return choice.finish_reason ?? "stop";
    }
    if (/^text\/html/i.test(type)) throw notChat(answer.url);
    let reason;
    let isEmpty = true;
    for await (const data of events(answer.body, watch)) {
      if (data === "[DONE]") return reason ?? "stop";
      isEmpty = false;
      let piece;
      try {
        piece = JSON.parse(data);
      } catch {
        throw new ChatError("not-chat", "The server sends something that is not part of a chat.", "Check that the address ends with /v1, or with what your server's documentation says.");
      }
      if (piece.error) throw failed(words(piece));
      const [choice] = piece.choices ?? [];
      if (choice?.delta?.content) yield choice.delta.content;
      reason = choice?.finish_reason ?? reason;
    }
    if (reason) return reason;
    // Some servers end so when a conversation is longer than the model takes.
    throw isEmpty
      ? new ChatError("empty", "The server began to answer and sent nothing.", "The conversation may be longer than the model takes: start a new one, or say less at once. Otherwise look at the server's own window.")
      : brokenOff();
  } finally {
    watch.end();
  }
}

/** The `data` of each event of a stream, however it is cut. */
async function* events(body, watch) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  for (;;) {
    const { value, done } = await watch.over(reader.read(), brokenOff);
    rest += done ? "\n\n" : value;
    // A carriage return at the end may be half of a line's end.
    for (let end; (end = /\r\n|\n|\r(?=[^])/.exec(rest));) {
      const line = rest.slice(0, end.index);
      rest = rest.slice(end.index + end[0].length);
      if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
      } else if (line === "" && data.length > 0) {
        yield data.join("\n");
        data = [];
      }
    }
    if (done) return;
  }
}

/** A signal that is aborted by `outer`, and when nothing happens for too long. */
function watched(outer) {
  const aborter = new AbortController();
  const { signal } = aborter;
  const stop = () => aborter.abort(outer.reason);
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => aborter.abort(new ChatError("no-answer", "The server does not answer.",
      "It may be busy with something else, or the model too large for the computer. Look at the server's own window, then try again.")), PATIENCE_MS);
  };
  if (outer?.aborted) stop();
  outer?.addEventListener("abort", stop);
  wait();
  return {
    signal,
    /** What `promise` gives; where it fails for no other reason than the connection, `otherwise` is thrown. */
    async over(promise, otherwise) {
      try {
        const result = await promise;
        wait();
        return result;
      } catch {
        signal.throwIfAborted();
        throw await otherwise();
      }
    },
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", stop);
      aborter.abort();
    },
  };
}

async function ask({ address, key }, path, body, watch) {
  const url = endpoint(address, path);
  if (!/^[\x21-\x7e]*$/.test(key)) {
    throw new ChatError("bad-key", "The key contains characters that no key has.", "Copy it again, without spaces or line breaks.");
  }
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers.Authorization = `Bearer ${key}`;
  const options = { method: body ? "POST" : "GET", headers, body, signal: watch.signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };
  const answer = await watch.over(fetch(url, options), () => unreachable(url));
  if (!answer.ok) throw await refused(answer, key, watch);
  return answer;
}

function endpoint(address, path) {
  let url;
  try {
    url = new URL(address.trim());
  } catch {
    throw new ChatError("bad-address", "This is not the address of a server.", "An address begins with http:// or https:// and usually ends with /v1, such as http://localhost:11434/v1.");
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw new ChatError("bad-address", `An address that begins with ${url.protocol} is not that of a server.`, "A server's begins with http:// or https://, such as http://localhost:11434/v1.");
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path}`;
  return url.href;
}

async function json(answer, watch) {
  try {
    return JSON.parse(await watch.over(answer.text(), brokenOff));
  } catch (error) {
    throw error instanceof SyntaxError ? notChat(answer.url) : error;
  }
}

const brokenOff = () => new ChatError("broken-off", "The answer broke off.", "What came before that is kept. Try again; if it happens again, look at the server's own window.");
const failed = (said) => new ChatError("server-failed", `The server could not answer${said && `: ${said}`}.`, "Try again, or another model.");
const notChat = (url) => new ChatError("not-chat", `Something answers at ${new URL(url).origin}, but it is not a chat server.`, "Check the address: it usually ends with /v1.");

/** What a server says of its refusal, in at most a line. */
function words(body) {
  const said = body?.error?.message ?? body?.error ?? body?.detail ?? body?.message ?? "";
  return typeof said === "string" ? said.replace(/\s+/g, " ").replace(/[.\s]+$/, "").slice(0, 200) : "";
}

/** Of an answer that is none. */
async function refused(answer, key, watch) {
  const said = await watch.over(answer.text(), () => brokenOff()).then((text) => words(JSON.parse(text))).catch(() => "");
  const quoted = said && ` It says: ${said}.`;
  switch (answer.status) {
    case 401:
      return key
        ? new ChatError("unauthorized", `The server does not know this key.${quoted}`, "Copy the key again, and check that it is one for this server.")
        : new ChatError("unauthorized", `The server wants a key.${quoted}`, "Enter the key that its provider gave you.");
    case 403:
      return new ChatError("forbidden", `The server forbids it.${quoted}`,
        `The key may not use this model, or the server does not take requests from pages of ${location.origin}: Ollama must be started with OLLAMA_ORIGINS=${location.origin}.`);
    case 404:
      return new ChatError("not-found", `The server has no such model, or nothing at this address.${quoted}`, "Choose a model from the list; the address usually ends with /v1.");
    case 429: {
      const seconds = Number(answer.headers.get("Retry-After"));
      return new ChatError("too-many", `The server gets too many requests, or what was paid for is used up.${quoted}`,
        seconds > 0 ? `Try again in ${Math.ceil(seconds)} seconds.` : "Wait a minute and try again.");
    }
    default:
      return answer.status >= 500 ? failed(said) : new ChatError("refused", `The server refuses the request (${answer.status}).${quoted}`, "Check the model's name and the address.");
  }
}

/** Browsers give the page one and the same error for every cause: this finds out which it was. */
async function unreachable(url) {
  const { hostname, origin, protocol } = new URL(url);
  const isLoopback = isThisComputer(hostname);
  const isLocal = isLoopback || /^(10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254)\./.test(hostname) || hostname.endsWith(".local");
  if (location.protocol === "https:" && protocol === "http:" && !(isLoopback && !isSafari())) {
    return new ChatError("mixed-content", `This page came over https://, and the browser lets it reach no server at ${origin} over http://.`,
      isLoopback ? "Safari never allows it: use another browser, or open a copy of this page from localhost." : "Give the server's https:// address, or open a copy of this page from localhost.");
  }
  // An answer that nobody may read tells that somebody is there.
  const isThere = await fetch(url, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(5_000) }).then(() => true, () => false);
  if (isThere) {
    return new ChatError("cors", `A server is at ${origin}, but it does not let pages of ${location.origin} read its answers.`,
      `Allow this origin there: Ollama with OLLAMA_ORIGINS=${location.origin}, LM Studio with “Enable CORS” in its server's settings; others call it CORS or allowed origins.`);
  }
  if (isLocal) {
    const where = isLoopback ? "programs on this computer" : "devices on your network";
    const state = await permission(isLoopback ? ["loopback-network", "local-network-access"] : ["local-network", "local-network-access"]);
    if (state === "denied") {
      return window.top === window
        ? new ChatError("network-denied", `This page may not reach ${where}.`, "Allow it in the browser's settings for this site, left of the address (“Local network access”, or “Apps on device”), and try again.")
        : new ChatError("network-denied", `The frame that this page is in may not reach ${where}.`, "Open the page in a tab of its own, or give the frame allow=\"local-network-access; loopback-network; local-network\".");
    }
    // A page that comes from this computer itself is never asked for.
    if (state === "prompt" && !isThisComputer(location.hostname)) {
      return new ChatError("network-prompt", `The browser asked whether this page may reach ${where}, and got no answer.`, "Try again, and allow it when the browser asks.");
    }
  } else if (!navigator.onLine) {
    return new ChatError("offline", "There is no connection to the internet.", "Connect, and try again; a server on this computer works without it.");
  }
  return new ChatError("no-server", `Nothing answers at ${origin}.`, isLocal ? "Start the server, and check the number after the colon." : "Check the address, and whether the server is running.");
}

const isThisComputer = (hostname) => /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

const isSafari = () => /^((?!chrom|android).)*safari/i.test(navigator.userAgent);

/** "granted", "denied" or "prompt" by the first of these names that the browser knows. */
async function permission(names) {
  for (const name of names) {
    const status = await navigator.permissions?.query({ name }).catch(() => undefined);
    if (status) return status.state;
  }
  return undefined;
}
