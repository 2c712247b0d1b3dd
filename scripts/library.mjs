// Writes the parts of dist/library/ that are derived from other files, and checks that the worker's glue
// fits the page's engines. Called by scripts/library: node scripts/library.mjs LIBRARY GLUE

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [library, glue] = process.argv.slice(2);
const size = (name) => statSync(join(library, name)).size;

const manifest = readFileSync("dist/model.json", "utf8");
const bytes = { model: size("model.onnx"), engine: size("engine.wasm"), relaxed: size("engine-relaxed.wasm") };
writeFileSync(join(library, "model.json.js"), `// The text of model.json, and the sizes of the files that are fetched.
export default ${JSON.stringify(JSON.stringify(JSON.parse(manifest)))};
export const bytes = ${JSON.stringify(bytes)};
`);

// wasm-opt has given short names to what the page's side takes and gives.
const names = JSON.parse(readFileSync(join(glue, "names.json"), "utf8"));
const taken = new Map(names.imports.map(([, long, short]) => [long, short]));
const given = new Map(names.exports);
const client = readFileSync(join(glue, "client.js"), "utf8")
  .replaceAll(/^(\s+)(__wb\w+)(?=: function)/gm, (whole, indent, name) => (taken.has(name) ? indent + taken.get(name) : whole))
  .replaceAll(/\bwasm\.(\w+)/g, (whole, name) => (given.has(name) ? `wasm.${given.get(name)}` : whole))
  .replace('"./client_bg.js": import0', "a: import0");
writeFileSync(join(library, "client.js"), client);
const module = new WebAssembly.Module(readFileSync(join(library, "client_bg.wasm")));
const lost = WebAssembly.Module.imports(module).filter(({ module, name }) => module !== "a" || !client.includes(`\n        ${name}: function`));
const found = [...client.matchAll(/\bwasm\.([$\w]+)/g)].map(([, name]) => name);
const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
if (lost.length > 0 || found.some((name) => !exported.includes(name))) {
  console.error("library: client.js and client_bg.wasm have different names:", lost, found.filter((name) => !exported.includes(name)));
  process.exit(1);
}

const program = readFileSync(join(glue, "context_bg.wasm")).toString("base64");
writeFileSync(join(library, "context-program.js"), `${readFileSync(join(glue, "context.js"), "utf8")}export const program = "${program}";\n`);

const version = readFileSync("Cargo.toml", "utf8").match(/^version = "(.*)"$/m)[1];
const description = JSON.parse(readFileSync("src/web/builders/package.json", "utf8"));
writeFileSync(join(library, "package.json"), `${JSON.stringify({ ...description, version }, null, 2)}\n`);

for (const [program, file] of [["worker", "engine.wasm"], ["worker-relaxed", "engine-relaxed.wasm"], ["decoder", "decoder.wasm"]]) {
  const code = readFileSync(join(glue, `${program}.js`), "utf8");
  const engine = readFileSync(join(library, file), "latin1");
  const calls = [...code.matchAll(/^\s+(__wb\w+): function/gm)].map(([, name]) => name);
  const missing = calls.filter((name) => !engine.includes(name));
  if (calls.length === 0 || missing.length > 0) {
    console.error(`library: ${file} is not of the build that its glue is of; run scripts/build (${missing})`);
    process.exit(1);
  }
}
