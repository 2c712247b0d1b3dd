// The example that talks to chat models, against a server of our own that behaves well and badly.

import assert from "node:assert/strict";
import { test } from "node:test";
import { looksRight, withPage } from "./browser.mjs";
import { chatServer } from "./chat-server.mjs";
import { speech } from "./sound.mjs";

const PATH = "examples/assistant/index.html";

/** Runs `body` on the example, with its server. */
async function withAssistant({ trusts = [], ...options }, body) {
  const chat = await chatServer();
  try {
    await withPage({ path: PATH, trusts: [chat.origin, ...trusts], ...options }, async (opened) => {
      const { page } = opened;
      const says = (id) => page.locator(`#${id}`);
      const send = async (words) => {
        await page.fill("#words", words);
        await page.getByRole("button", { name: "Send" }).click();
      };
      const connect = async () => {
        await page.fill("#address", chat.address);
        await page.getByRole("button", { name: "Connect" }).click();
        await says("connection").filter({ hasText: /\w[.] ?/ }).waitFor();
        return says("connection").innerText();
      };
      await page.locator("#speak:enabled").waitFor();
      await body({ ...opened, chat, says, send, connect, last: page.locator("#log > li").last() });
    });
  } finally {
    await chat.close();
  }
}

for (const [width, colorScheme] of [[320, "dark"], [390, "light"], [1280, "dark"], [1280, "light"]]) {
  test(`what is said goes with how it sounded, and the answer streams back (${width} px, ${colorScheme})`, async () => {
    const microphone = speech("03-01-05-02-01-01-03", `assistant-${width}-${colorScheme}.wav`);
    await withAssistant({ microphone, viewport: { width, height: 800 }, colorScheme }, async ({ page, chat, says, press, connect, last }) => {
      const look = (name) => looksRight(page, `assistant-${name}-${width}-${colorScheme}`);
      await look("1-ready");
      await page.fill("#key", "secret-key");
      assert.equal(await connect(), "Connected.");
      assert.deepEqual(await page.locator("#model option").allInnerTexts(), ["tiny", "large"]);
      await look("2-connected");
      await press("Speak");
      await says("heard").filter({ hasText: /Sounds|Listening\.$/ }).waitFor();
      await page.fill("#words", "Kids are talking by the door.");
      await page.waitForTimeout(4_000);
      await press("Send");
      await last.filter({ hasText: chat.state.answer }).waitFor();
      await page.locator("#stop").waitFor({ state: "hidden" });
      const [, { headers, body }] = chat.state.requests.filter(({ method }) => method !== "OPTIONS");
      assert.equal(headers.authorization, "Bearer secret-key");
      assert.deepEqual([body.model, body.stream], ["tiny", true]);
      assert.deepEqual(body.messages.at(-1), { role: "user", content: "Kids are talking by the door." });
      const told = /The voice sounds (\w+) \((0\.\d\d|1\.00)\)[^]*may be wrong/;
      assert.match(body.messages[0].content, told);
      assert.match(await page.locator("#log .told").innerText(), told);
      // The microphone is off.
      assert.equal(await page.evaluate(() => window.opened.tracks.filter((track) => track.readyState !== "ended").length), 0);
      await look("3-answered");
      // The next turn is typed, and nothing is told of the last one.
      await page.fill("#words", "Never mind.");
      await page.keyboard.press("Enter");
      await page.locator("#log > li").nth(3).filter({ hasText: chat.state.answer }).waitFor();
      const { messages } = chat.state.requests.at(-1).body;
      assert.doesNotMatch(JSON.stringify(messages), /The voice sounds/);
      assert.deepEqual(messages.map(({ role }) => role), ["system", "user", "assistant", "user"]);
      assert.equal(messages[2].content, chat.state.answer);
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
      assert.ok(!kept.includes("secret-key"));
    });
  });
}

test("a stream is read however it is cut, and an answer that is none too", async () => {
  await withAssistant({}, async ({ page, chat, send, connect, last }) => {
    await connect();
    for (const cut of [1, 2, 3, 7, 64, 100_000]) {
      chat.state.cut = cut;
      await send(`Cut by ${cut}.`);
      await last.filter({ hasText: chat.state.answer }).waitFor();
      await page.locator("#stop").waitFor({ state: "hidden" });
      assert.equal(await last.locator("p").first().innerText(), chat.state.answer);
    }
    chat.state.mode = "json";
    chat.state.answer = "All at once.";
    await send("And whole?");
    await last.filter({ hasText: "All at once." }).waitFor();
    chat.state.mode = "stream";
    chat.state.finish = "length";
    await send("And cut short?");
    await last.filter({ hasText: "length limit" }).waitFor();
    // Without a key none is sent, and simple words need no other header.
    assert.ok(chat.state.requests.every(({ headers }) => headers.authorization === undefined && headers.cookie === undefined));
    assert.ok(chat.state.preflights > 0);
  });
});

test("each failure has its own sentence, loses nothing, and can be tried again", async () => {
  const gone = await chatServer();
  await gone.close();
  await withAssistant({ trusts: [gone.origin] }, async ({ page, chat, send, connect, last, says, press }) => {
    await connect();
    for (const [mode, pattern, kept] of [
      [401, /wants a key\. It says: invalid key\. Enter the key/],
      [403, /forbids it\. It says: not for you\.[^]*OLLAMA_ORIGINS=http:\/\/127\.0\.0\.1:\d+/],
      [404, /no such model[^]*model 'tiny' not found\. Choose a model/],
      [429, /too many requests[^]*slow down\. Try again in 7 seconds/],
      [500, /could not answer: out of memory\. Try again/],
      ["html", /not a chat server\. Check the address/],
      ["closed", /does not let pages of http:\/\/127[^]*OLLAMA_ORIGINS=http:\/\/127[^]*Enable CORS/],
      ["breaks", /broke off\. What came before that is kept/, "Grüß"],
      ["ends", /broke off\. What came before that is kept/, "Grüß"],
      ["empty", /began to answer and sent nothing\. The conversation may be longer/],
      ["fails", /could not answer: the model fell over/, "Grüß"],
    ]) {
      chat.state.mode = mode;
      await send(`Words for ${mode}.`);
      await last.getByRole("button", { name: "Try again" }).waitFor();
      const said = await last.innerText();
      assert.match(said, pattern, mode);
      if (kept) assert.ok(said.includes(kept), said);
      if (await page.locator("#settings").evaluate((settings) => settings.open)) await page.locator("summary").click();
      chat.state.mode = "stream";
      await press("Try again");
      await last.filter({ hasText: chat.state.answer }).waitFor();
      await page.locator("#stop").waitFor({ state: "hidden" });
      assert.equal(chat.state.requests.at(-1).body.messages.at(-1).content, `Words for ${mode}.`);
      assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
    }
    assert.ok(await page.locator("#settings").evaluate((settings) => !settings.open), "nobody needs it now");
    chat.state.mode = 401;
    await send("Without a key.");
    await last.filter({ hasText: /wants a key/ }).waitFor();
    await page.fill("#key", "wrong");
    chat.state.mode = "stream";
    await connect();
    chat.state.mode = 401;
    await send("With a key.");
    await last.filter({ hasText: /does not know this key/ }).waitFor();
    await looksRight(page, "assistant-failure");
    // No server, and no address.
    await page.fill("#address", gone.address);
    await press("Connect");
    await says("connection").filter({ hasText: `Nothing answers at ${gone.origin}. Start the server` }).waitFor();
    await send("Nobody hears this.");
    await page.getByRole("alert").filter({ hasText: /Your words are kept\. Nothing answers/ }).waitFor();
    assert.equal(await page.inputValue("#words"), "Nobody hears this.");
    for (const [address, pattern] of [["localhost", /not the address of a server/], ["file:///etc", /begins with file:/]]) {
      await page.fill("#address", address);
      await press("Connect");
      await says("connection").filter({ hasText: pattern }).waitFor();
    }
    await page.fill("#key", "k\u00e9y");
    await page.fill("#address", chat.address);
    await press("Connect");
    await says("connection").filter({ hasText: /characters that no key has/ }).waitFor();
  });
});

test("a server that never answers is given up, in words, and an answer can be stopped", async () => {
  await withAssistant({}, async ({ page, chat, send, connect, last, press }) => {
    await connect();
    await page.clock.install();
    for (const [mode, kept] of [["silent", ""], ["stalls", "Grüß dic"]]) {
      chat.state.mode = mode;
      await send(`Words for ${mode}.`);
      if (kept) await last.filter({ hasText: kept }).waitFor();
      else while (chat.state.requests.at(-1).body?.messages?.at(-1).content !== `Words for ${mode}.`) await page.waitForTimeout(20);
      await page.clock.runFor(11_000);
      if (!kept) await last.filter({ hasText: "The first answer of a model can take a minute." }).waitFor();
      await page.clock.runFor(120_000);
      await last.getByRole("button", { name: "Try again" }).waitFor();
      assert.match(await last.innerText(), /The server does not answer\. It may be busy/);
      assert.ok((await last.innerText()).includes(kept));
    }
    await send("Stop this.");
    await last.filter({ hasText: "Grüß dic" }).waitFor();
    await press("Stop the answer");
    await last.filter({ hasText: "Stopped." }).waitFor();
    assert.ok((await last.innerText()).includes("Grüß dic"));
    await press("New conversation");
    assert.equal(await page.locator("#log > li").count(), 0);
    // The server is told each time.
    while (chat.state.aborted < 3) await page.waitForTimeout(20);
  });
});

test("a public page that may not reach this computer says so, and works once it may", async () => {
  // Without a question that somebody could answer, the browser refuses.
  await withAssistant({ isPublic: true }, async ({ connect, chat, context }) => {
    const asked = chat.state.requests.length;
    assert.match(await connect(), /^This page may not reach programs on this computer\. Allow it in the browser's settings/);
    assert.equal(chat.state.requests.length, asked, "the request never leaves the browser");
    await context.grantPermissions(["local-network-access"]);
    assert.equal(await connect(), "Connected.");
  });
});

test("where the browser writes down what is said, its words can be corrected, and its failures are told", async () => {
  const script = () => {
    window.SpeechRecognition = class {
      start() { window.recognition = this; }
      stop() { window.recognitionStopped = true; }
    };
  };
  const microphone = speech("03-01-03-02-02-01-12", "assistant-dictation.wav");
  await withAssistant({ microphone, script }, async ({ page, says, press }) => {
    const box = page.getByRole("checkbox");
    assert.equal(await box.isChecked(), false, "the sound may leave the device, so it is for the person to say");
    assert.match(await page.locator("#where").innerText(), /send the sound to their maker/);
    await box.check();
    await page.fill("#words", "Well,");
    await press("Speak");
    await page.waitForFunction(() => window.recognition);
    await page.evaluate(() => {
      const best = (transcript) => [{ transcript }];
      recognition.onresult({ results: [best("kids are"), best(" talking")] });
    });
    assert.equal(await page.inputValue("#words"), "Well, kids are talking");
    await page.evaluate(() => recognition.onerror({ error: "network" }));
    await says("heard").filter({ hasText: "cannot be reached. Type what you say" }).waitFor();
    await press("Stop speaking");
    await page.getByRole("button", { name: "Speak", exact: true }).waitFor();
    assert.equal(await page.inputValue("#words"), "Well, kids are talking");
  });
});

test("without an engine one can type", async () => {
  await withPage({ path: PATH, alter: { "library/model.onnx": () => null } }, async ({ page }) => {
    await page.getByRole("alert").filter({ hasText: "Your voice cannot be listened to: " }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Speak", exact: true }).isDisabled());
    assert.ok(await page.getByRole("button", { name: "Send" }).isEnabled());
    await looksRight(page, "assistant-no-engine");
  });
});
