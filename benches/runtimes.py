"""Which runtimes open the exported files: the table runtime x file, with the difference of the logits and the time of
the fastest run on one thread. Outside CI: the packages take a gigabyte.

Usage: runtimes.py FILE.onnx...
Packages: numpy onnxruntime==1.32.0 openvino==2026.4.1 tract==0.23.9 MNN==3.6.1; for onnxruntime-web node and
`npm ci` in this folder; for rten cargo; for LiteRT a Python of its own, whose path LITERT_PYTHON holds, with
ai-edge-litert==2.3.0 onnx2tf==1.28.8 tensorflow==2.21.0 tf-keras onnx onnx-graphsurgeon psutil sng4onnx
onnxruntime==1.32.0 (and no onnxsim: LSTMs that it has simplified cannot be converted)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
import onnxruntime

from turns import fastest

FRAMES = 124
HERE = Path(__file__).parent
SEGMENT = np.random.default_rng(1).uniform(-8, 3, (1, FRAMES, 67)).astype(np.float32)


def with_onnxruntime(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Else weights of 4 bits are unpacked at every run, and products with them rounded.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    return lambda: session.run(None, {"features": SEGMENT})[0]


def with_openvino(path):
    import openvino

    core = openvino.Core()
    # Else bfloat16 where the processor has it.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(path, "CPU", settings).create_infer_request()
    return lambda: request.infer({"features": SEGMENT})[0]


def with_tract(path):
    import tract

    model = tract.onnx().load(path)
    model.set_input_fact(0, f"1,{FRAMES},67,f32")
    model = model.into_model().into_runnable()
    return lambda: model.run([SEGMENT])[0].to_numpy()


def with_mnn(path):
    import MNN

    with tempfile.TemporaryDirectory() as folder:
        converted = f"{folder}/model.mnn"
        command = [Path(sys.executable).parent / "mnnconvert", "-f", "ONNX", "--modelFile", path, "--MNNModel", converted,
                   "--bizCode", "MNN", "--useOriginRNNImpl"]
        said = subprocess.run(command, capture_output=True, text=True)
        if not Path(converted).exists():
            raise RuntimeError((said.stdout + said.stderr).strip().splitlines()[-1])
        manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "numThread": 1, "precision": "high"},))
        module = MNN.nn.load_module_from_file(converted, ["features"], ["logits"], runtime_manager=manager)
    features = MNN.expr.placeholder(list(SEGMENT.shape), MNN.expr.NCHW)
    features.write(SEGMENT.ravel().tolist())
    if not module.forward([features]):
        raise RuntimeError("it cannot compute the model")
    return lambda: np.array(module.forward([features])[0].read()).reshape(1, -1)


def elsewhere(command, path, folder=None):
    """Of a program that is given file and segment and prints logits and milliseconds."""
    with tempfile.NamedTemporaryFile(suffix=".f32") as segment:
        segment.write(SEGMENT.tobytes())
        segment.flush()
        said = subprocess.run([*command, os.path.abspath(path), segment.name], capture_output=True, text=True, cwd=folder)
    lines = [line for line in (said.stdout + said.stderr).strip().splitlines() if "rror" in line] or ["it failed"]
    if said.returncode:
        raise RuntimeError(lines[0])
    result = json.loads(said.stdout.splitlines()[-1])
    return np.array(result["logits"]), result["ms"]


WEB = """
import * as ort from "onnxruntime-web/wasm";
import { readFileSync } from "node:fs";
const [model, segment] = process.argv.slice(-2).map((path) => readFileSync(path));
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(model, { extra: { session: { disable_quant_qdq: "1" } } });
const numbers = new Float32Array(segment.buffer.slice(segment.byteOffset, segment.byteOffset + segment.byteLength));
const features = new ort.Tensor("float32", numbers, [1, numbers.length / 67, 67]);
const took = [];
let logits;
for (let round = 0; round < 300; round++) {
  const begun = performance.now();
  ({ logits } = await session.run({ features }));
  took.push(performance.now() - begun);
}
took.sort((a, b) => a - b);
console.log(JSON.stringify({ logits: [...logits.data], ms: took[0] }));
"""

RTEN = """
use std::{fs, time::Instant};
use rten::{Model, NodeId, RunOptions, ValueOrView};
use rten_tensor::{NdTensor, prelude::*};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [model, segment] = [1, 2].map(|n| std::env::args().nth(n).unwrap());
    let model = Model::load_file(model)?;
    let numbers: Vec<f32> = fs::read(segment)?.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let features = NdTensor::from_data([1, numbers.len() / 67, 67], numbers);
    let (input, output): (NodeId, NodeId) = (model.node_id("features")?, model.node_id("logits")?);
    let options = RunOptions::default();
    let mut took = vec![];
    let mut logits = vec![];
    for _ in 0..300 {
        let begun = Instant::now();
        let inputs: Vec<(NodeId, ValueOrView)> = vec![(input, features.view().into())];
        let [result] = model.run_n(inputs, [output], Some(options.clone()))?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        let result: NdTensor<f32, 2> = result.try_into()?;
        logits = result.to_vec();
    }
    took.sort_by(f64::total_cmp);
    println!("{{\\"logits\\": {logits:?}, \\"ms\\": {}}}", took[0]);
    Ok(())
}
"""


LITERT = """
import json, sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter
model, segment = sys.argv[1:]
interpreter = Interpreter(model, num_threads=1)
interpreter.allocate_tensors()
[features], [logits] = interpreter.get_input_details(), interpreter.get_output_details()
# onnx2tf puts the frames last.
_, coefficients, frames = features["shape"]
segment = np.fromfile(segment, np.float32).reshape(1, frames, coefficients).transpose(0, 2, 1)
interpreter.set_tensor(features["index"], segment.copy())
took = []
for _ in range(300):
    begun = time.perf_counter()
    interpreter.invoke()
    took.append(time.perf_counter() - begun)
print(json.dumps({"logits": interpreter.get_tensor(logits["index"]).tolist(), "ms": min(took) * 1e3}))
"""


def litert(path):
    python = os.environ.get("LITERT_PYTHON")
    if not python:
        raise RuntimeError("not tried: no LITERT_PYTHON")
    # It reads no ONNX, and onnx2tf no file with an unknown number of frames.
    steps = [
        ["onnxruntime.tools.make_dynamic_shape_fixed", "--input_name", "features", "--input_shape", f"1,{FRAMES},67",
         os.path.abspath(path), "fixed.onnx"],
        ["onnx2tf", "-n", "-i", "fixed.onnx", "-o", "."],
    ]
    with tempfile.TemporaryDirectory() as folder:
        for module, *options in steps:
            said = subprocess.run([python, "-m", module, *options], capture_output=True, text=True, cwd=folder)
        converted = Path(folder, "fixed_float32.tflite")
        if not converted.exists():
            errors = [line for line in said.stderr.splitlines() if "Error" in line]
            raise RuntimeError(f"onnx2tf: {errors[-1] if errors else 'nothing comes of it'}")
        return elsewhere([python, "-c", LITERT], converted)


def web(path):
    script = HERE / "node_modules" / "runtimes.mjs"
    if not script.parent.exists():
        raise RuntimeError("not tried: npm ci")
    script.write_text(WEB)
    return elsewhere(["node", script], path, HERE)


def rten(path):
    if not shutil.which("cargo"):
        raise RuntimeError("not tried: no cargo")
    folder = Path(tempfile.gettempdir()) / "speech-emotion-rten"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "main.rs").write_text(RTEN)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "runtimes"\nedition = "2024"\n[dependencies]\n'
        'rten = { version = "=0.27.0", features = ["onnx_format"] }\nrten-tensor = "=0.27.0"\n')
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=folder, check=True)
    os.environ["RTEN_NUM_THREADS"] = "1"
    return elsewhere([folder / "target" / "release" / "runtimes"], path)


def here(load):
    def measure(path):
        run = load(path)
        return np.asarray(run()), fastest(run, 2)
    return measure


RUNTIMES = {
    "onnxruntime": here(with_onnxruntime),
    "onnxruntime-web": web,
    "OpenVINO": here(with_openvino),
    "tract": here(with_tract),
    "rten": rten,
    "MNN": here(with_mnn),
    "LiteRT": litert,
}


def main():
    files = sys.argv[1:]
    print(f"| {FRAMES} frames | " + " | ".join(Path(file).name for file in files) + " |")
    print("|---|" + "---|" * len(files))
    for name, measure in RUNTIMES.items():
        cells = []
        for file in files:
            expected = with_onnxruntime(file)()
            try:
                logits, ms = measure(file)
                cells.append(f"{np.abs(logits - expected).max():.0e}, {ms:.2f} ms")
            except Exception as error:
                cells.append("no: " + str(error).strip().splitlines()[0][:100])
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


main()
