// A small server that speaks OpenAI's chat protocol, and can be told to behave as others do.

import { createServer } from "node:http";

/**
 * Starts a server. `mode` says how it answers:
 *
 * - "stream": in events that are cut after every `cut` bytes, in the middle of characters and line ends too.
 * - "json": as a whole. "html": it is a web server of another kind.
 * - 401, 403, 404, 429, 500: refuses so.
 * - "closed": refuses what comes from pages, as Ollama does: no answer may be read.
 * - "breaks": cuts the connection in the middle. "ends": ends without saying so. "fails": tells of an error in the middle.
 * - "empty": begins a stream and ends it, as llama-cpp-python's server does with what is too long for its model.
 * - "stalls": sends a piece and nothing more. "silent": never answers.
 */
export async function chatServer() {
  const state = { mode: "stream", cut: 1, answer: "Grüß dich! 😀 What happened?", requests: [], preflights: 0, aborted: 0 };
  const http = createServer(async (request, response) => {
    const { mode } = state;
    const cors = mode === "closed" ? {} : {
      "Access-Control-Allow-Origin": request.headers.origin ?? "*",
      "Access-Control-Allow-Headers": "authorization, content-type",
      "Access-Control-Expose-Headers": "Retry-After",
    };
    const answer = (status, body, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/json", ...cors, ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    if (request.method === "OPTIONS") {
      state.preflights += 1;
      answer(mode === "closed" ? 403 : 204, "");
      return;
    }
    let text = "";
    for await (const piece of request) text += piece;
    const path = new URL(request.url, "http://host").pathname;
    state.requests.push({ path, method: request.method, headers: request.headers, body: text && JSON.parse(text) });
    response.on("close", () => { if (!response.writableFinished) state.aborted += 1; });
    if (mode === "closed") return answer(403, "");
    if (mode === "html") return answer(200, "<!doctype html><title>A router</title>", { "Content-Type": "text/html" });
    if (mode === "silent") return;
    if (typeof mode === "number") {
      const says = { 401: "invalid key", 403: "not for you", 404: "model 'tiny' not found", 429: "slow down", 500: "out of memory" }[mode];
      return answer(mode, { error: { message: says } }, mode === 429 ? { "Retry-After": "7" } : {});
    }
    if (path.endsWith("/models")) return answer(200, { object: "list", data: [{ id: "tiny" }, { id: "large" }] });
    if (!path.endsWith("/v1/chat/completions")) return answer(404, { error: { message: "no such page" } });
    if (mode === "json") return answer(200, { choices: [{ message: { role: "assistant", content: state.answer }, finish_reason: "stop" }] });
    const event = (delta, finish_reason = null) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\r\n\r\n`;
    const pieces = [...state.answer].map((content) => event({ content }));
    const half = pieces.slice(0, 8).join("");
    const events = {
      stream: [": a comment\n\n", event({ role: "assistant", content: "" }), ...pieces, event({}, state.finish ?? "stop"), "data: [DONE]\n\n"].join(""),
      breaks: half,
      ends: half,
      empty: "",
      stalls: half,
      fails: `${half}data: {"error": {"message": "the model fell over"}}\n\n`,
    }[mode];
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", ...cors });
    const bytes = Buffer.from(events);
    for (let at = 0; at < bytes.length; at += state.cut) {
      response.write(bytes.subarray(at, at + state.cut));
      // A piece of its own on the way.
      if (state.cut > 16 || at % 64 === 0) await new Promise((resolve) => { setTimeout(resolve, 1); });
    }
    if (mode === "breaks") response.destroy();
    else if (mode !== "stalls") response.end();
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${http.address().port}`;
  return {
    state,
    origin,
    address: `${origin}/v1`,
    close: () => new Promise((resolve) => { http.closeAllConnections(); http.close(resolve); }),
  };
}
