// The types, the documentation and the program name the same things: what the one says, the others do.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { MERGED, SITUATIONS, failure, refused } from "../../src/web/builders/errors.js";
import { tools } from "./browser.mjs";

const ts = tools("typescript");
const ROOT = new URL("../../", import.meta.url);
const text = (path) => readFileSync(new URL(path, ROOT), "utf8");
const sorted = (names) => [...new Set(names)].sort();

const documentation = text("docs/builders.md");
/** What index.js is made of. */
const [index, ...others] = ["index", "engine", "session", "options"].map((name) => text(`src/web/builders/${name}.js`));
const modules = [index, ...others].join("\n");
const declared = (file) => ts.createSourceFile(file, text(`src/web/builders/${file}`), ts.ScriptTarget.Latest).statements;
const types = declared("index.d.ts");
const named = (statements, name) => statements.find((statement) => statement.name?.text === name);
const members = (name, statements = types) => named(statements, name).members;
const names = (list) => list.filter(({ name }) => name?.text).map(({ name }) => name.text);
const literals = (type) => (type.types ?? [type]).map((part) => part.literal.text);
/** Rows of the tables of the documentation whose heads begin so. */
const rows = (head) => documentation.split(/\n\n/)
  .filter((part) => part.startsWith(head))
  .flatMap((part) => part.split("\n").slice(2));
const quoted = (cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name);

test("every option is typed, documented and known by name", () => {
  const known = new Map([...index.matchAll(/known\(\w+, \[([^\]]+)\], "([\w.]+)"\)/g)]
    .map(([, list, of]) => [of.replace("EmotionRecognizer.", ""), [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name)]));
  assert.deepEqual([...known.keys()].sort(), ["analyze", "create", "listen", "open"]);
  for (const [of, options] of known) {
    const type = `${of[0].toUpperCase()}${of.slice(1)}Options`;
    assert.deepEqual(sorted(names(members(type))), sorted(options), type);
    const table = rows(of === "create" ? "| `EmotionRecognizer.create`" : `| \`${of}\``);
    const told = table.flatMap((row) => quoted(row.split("|")[1]));
    assert.deepEqual(sorted(told), sorted(options), `documentation of ${of}`);
  }
});

test("every code of an error is typed, documented, told in a sentence and thrown somewhere", () => {
  // Of what the page says, what the client tells.
  const folders = ["src/web/client/", "src/web/builders/"];
  const errors = text("src/web/error.rs");
  const ofBrowser = errors.match(/fn from_exception_name[^]*?\n {4}}\n/)[0].replaceAll("Self::", "WebError::");
  const client = ofBrowser + folders.flatMap((folder) => readdirSync(new URL(folder, ROOT)).filter((file) => file.endsWith(".rs")).map((file) => text(folder + file))).join("\n");
  const rejected = [...errors.match(/pub fn id[^]*?\n {4}}\n/)[0].matchAll(/Self::(\w+).* => "([\w-]+)"/g)]
    .filter(([, variant]) => new RegExp(`WebError::${variant}\\b`).test(client))
    .map(([, , code]) => MERGED[code] ?? code);
  assert.ok(rejected.length > 18, rejected.join());
  const inModules = Object.keys(SITUATIONS).filter((key) => modules.includes(`"${key}"`));
  assert.deepEqual(sorted([...rejected, ...inModules]), sorted(Object.keys(SITUATIONS)));
  for (const [, code] of modules.matchAll(/(?:failure|#fail)\("([\w:-]+)"/g)) assert.ok(code in SITUATIONS, code);
  const codes = Object.keys(SITUATIONS).map((key) => key.split(":")[0]);
  const ofContext = [...text("src/web/builders/context.js").matchAll(/failure\("([\w-]+)"/g)].map(([, code]) => code);
  const typed = literals(named(types, "ErrorCode").type);
  assert.deepEqual(sorted(typed), sorted([...codes, ...ofContext]));
  const documented = rows("| code | cause").flatMap((row) => quoted(row.split("|")[1]));
  assert.deepEqual(sorted(documented), sorted(typed));
});

test("an error has its gaps filled", () => {
  for (const [key, [message, advice]] of Object.entries(SITUATIONS)) {
    const error = failure(key, "one", "two", "three");
    assert.equal(error.code, key.split(":")[0]);
    assert.doesNotMatch(`${error.message} ${error.advice}`, /\{\d\}|undefined/, key);
    assert.ok(message.length > 3 && advice.length > 10, key);
  }
  assert.equal(failure("bad-option", "minConfidence", "a number from 0 to 1", "{0}").message, "`minConfidence` must be a number from 0 to 1, not {0}.");
  const long = refused(["file-too-long", "talk.mp3", 10_805.4, 3_600]);
  assert.equal(long.message, "“talk.mp3” is too long: 3:00:05.");
  assert.equal(long.advice, "Files may be up to 1:00:00 long. Cut it into parts and choose one.");
  assert.equal(refused(["file-too-long", "talk.mp3", 125, 65]).message, "“talk.mp3” is too long: 2:05.");
  assert.equal(refused(["no-microphone"], true).code, "no-audio-track");
  assert.equal(refused(["microphone-not-passed-on"]).code, "permissions-policy");
});

test("every warning and event is typed, documented and told", () => {
  const code = members("SessionWarning").find(({ name }) => name.text === "code");
  const told = rows("| warning").flatMap((row) => quoted(row.split("|")[1]));
  assert.deepEqual(sorted(told), sorted(literals(code.type)));
  for (const warning of told) assert.ok(`${modules}${text("src/web/builders/mod.rs")}`.split(`"${warning}"`).length > 2, warning);
  const events = rows("| event").flatMap((row) => quoted(row.split("|")[1]));
  assert.deepEqual(sorted(events), sorted(names(members("SessionEvents"))));
  for (const event of events) assert.ok(modules.includes(`"${event}"`), event);
});

test("the modules have what the types say, and no more", async () => {
  for (const file of ["index", "context"]) {
    const statements = declared(`${file}.d.ts`);
    const module = await import(pathToFileURL(new URL(`dist/library/${file}.js`, ROOT).pathname).href);
    const values = statements.filter(({ kind }) => [ts.SyntaxKind.ClassDeclaration, ts.SyntaxKind.FunctionDeclaration].includes(kind));
    assert.deepEqual(sorted(Object.keys(module)), sorted(values.map(({ name }) => name.text)), file);
    for (const { kind, name, members: list } of values) {
      if (kind !== ts.SyntaxKind.ClassDeclaration) continue;
      const isStatic = ({ modifiers }) => modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.StaticKeyword);
      const inherited = ["addEventListener", "removeEventListener"];
      const typed = names(list.filter((member) => !isStatic(member))).filter((member) => !inherited.includes(member));
      const real = Object.getOwnPropertyNames(module[name.text].prototype).filter((member) => member !== "constructor");
      assert.deepEqual(sorted(real), sorted(typed), name.text);
      for (const member of names(list.filter(isStatic))) assert.equal(typeof module[name.text][member], "function");
    }
  }
});

test("what is fetched is as large as the documentation says", () => {
  const size = (file) => gzipSync(readFileSync(new URL(`dist/library/${file}`, ROOT)), { level: 9 }).length / 1000;
  const table = rows("| file | kB");
  assert.ok(table.length >= 7);
  for (const row of table) {
    const [, files, told] = row.split("|").map((cell) => cell.trim());
    // Of the engines a browser fetches one.
    const named = files.split(/, or /)[0].split(", ");
    const real = named.map(size).reduce((sum, one) => sum + one, 0);
    assert.ok(Math.abs(real - Number(told)) <= 0.03 * real + 0.5, `${files}: ${real.toFixed(1)} kB, not ${told}`);
  }
});
