// onnxruntime-web on one thread with SIMD, at its best: else it unpacks the LSTM's weights at every run.

import * as ort from "./ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

/** A function from a segment `[T, F]` to its logits. */
export async function load(model) {
  const session = await ort.InferenceSession.create(new Uint8Array(model), {
    executionProviders: ["wasm"],
    extra: { session: { disable_quant_qdq: "1" } },
  });
  return async (segment, features) => {
    const shape = [1, segment.length / features, features];
    const { logits } = await session.run({ features: new ort.Tensor("float32", segment, shape) });
    return logits.data;
  };
}
