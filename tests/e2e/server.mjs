// Serves dist/ as a project site in a subfolder, and can be told to fail, alter or add individual files.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const BASE = "/speech-emotion/";
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".onnx": "application/octet-stream",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** What `alter` gives for a file on whose way the network breaks. */
export const CUT = Symbol("cut");

/**
 * Starts a server; `server.alter.set(name, body => body | null | CUT)` changes a file, null makes it a 404;
 * `server.pages.set(name, text)` adds one. `headers` go with every answer.
 */
export async function serve(headers = {}) {
  const alter = new Map();
  const pages = new Map();
  const counts = new Map();
  const http = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    const name = normalize(path.slice(BASE.length) || "index.html");
    counts.set(name, (counts.get(name) ?? 0) + 1);
    let body = null;
    if (path.startsWith(BASE) && !name.startsWith("..")) {
      body = pages.has(name) ? Buffer.from(pages.get(name)) : await readFile(join(DIST, name)).catch(() => null);
      if (body && alter.has(name)) body = await alter.get(name)(body);
    }
    if (body === CUT) {
      request.socket.destroy();
      return;
    }
    if (body === null) {
      response.writeHead(404).end("not found");
      return;
    }
    response.writeHead(200, {
      "Content-Type": TYPES[extname(name)] ?? "application/octet-stream",
      "Content-Length": body.length,
      "Cache-Control": "max-age=600",
      ...headers,
    });
    response.end(body);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address();
  return {
    alter,
    pages,
    counts,
    origin: `http://127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}${BASE}`,
    insecureUrl: `http://insecure.test:${port}${BASE}`,
    close: () => new Promise((resolve) => { http.closeAllConnections(); http.close(resolve); }),
  };
}
