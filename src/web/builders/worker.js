// Runs the engine, whose program is compiled for browsers with relaxed SIMD or for others, or the decoder of
// files. The program comes in the first message.
addEventListener("message", ({ data: { program, relaxed, decodes } }) => {
  const start = decodes ? decoder() : relaxed ? relaxedEngine() : engine();
  const started = start({ module_or_path: program });
  // Where nobody catches it, the page hears of it.
  started.catch((error) => setTimeout(() => { throw error; }));
}, { once: true });
postMessage("loaded");
