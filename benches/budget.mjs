// What a visitor downloads: the page to first paint, the engine with its model, what is loaded when it is first
// needed, and the library's own code.
// Needs dist/.
// Usage: node benches/budget.mjs   (fails if a part is larger than benches/budget.json allows)

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url);
const PARTS = {
  page: /^(index\.html|style-.*\.css|page-.*\.(js|wasm))$/,
  engine: /^(worker(_.*)?\.(js|wasm)|model\.(onnx|json)|worklet.*\.js)$/,
  "engine with relaxed SIMD": /^(worker-relaxed.*\.(js|wasm)|model\.(onnx|json)|worklet.*\.js)$/,
  model: /^model\.(onnx|json)$/,
  "model.onnx": /^model\.onnx$/,
  "decoder of files": /^decoder.*\.(js|wasm)$/,
  "exports of sessions": /^records.*\.(js|wasm)$/,
  library: /^library\/(index\.js|client\.js|client_bg\.wasm)$/,
};

/** Bytes of each part, as they are and as a server sends them. */
export function downloads() {
  const files = readdirSync(DIST, { recursive: true });
  const sizes = {};
  for (const [part, pattern] of Object.entries(PARTS)) {
    const bodies = files.filter((name) => pattern.test(name)).map((name) => readFileSync(new URL(name, DIST)));
    sizes[part] = {
      raw: bodies.reduce((sum, body) => sum + body.length, 0),
      gzip: bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0),
    };
  }
  return sizes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const budget = JSON.parse(readFileSync(new URL("budget.json", import.meta.url)));
  const sizes = downloads();
  for (const [part, allowed] of Object.entries(budget)) {
    for (const [form, most] of Object.entries(allowed)) {
      const bytes = sizes[part][form];
      console.log(`${part}, ${form}: ${bytes} of ${most} bytes`);
      if (!(bytes > 0 && bytes <= most)) {
        console.error(`the ${part} is over its budget: make it smaller, or say in benches/budget.json why not`);
        process.exitCode = 1;
      }
    }
  }
}
