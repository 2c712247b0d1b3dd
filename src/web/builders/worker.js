// Runs the engine. Its program, which is compiled for browsers with relaxed SIMD or for others, comes in the
// first message.
addEventListener("message", ({ data: { program, relaxed } }) => {
  const started = (relaxed ? relaxedEngine : engine)()({ module_or_path: program });
  // Where nobody catches it, the page hears of it.
  started.catch((error) => setTimeout(() => { throw error; }));
}, { once: true });
postMessage("loaded");
