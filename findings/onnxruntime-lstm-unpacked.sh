#!/usr/bin/env bash
# onnxruntime unpacks the 4-bit weights of an LSTM again at every run.
#
# DequantizeLinear of constants is constant, but onnxruntime does not fold it, for the sake of operators that accept
# 4-bit weights. LSTM is not one of them. A model that is fed one frame per run, as sound comes in, spends nearly all
# its time unpacking the same weights. The session entry `session.disable_quant_qdq` = 1 folds them; the results are equal.
#
# Versions and output seen on 30 November 2026: onnxruntime 1.32.0 and onnx 1.23.2 on Python 3.11 with an LSTM of 512
# units, one frame per run, on one thread (3.5 ms against 0.11 ms):
#
#> disable_quant_qdq=0 runs DequantizeLinear DequantizeLinear LSTM
#> disable_quant_qdq=1 runs LSTM
#> results equal: True
#> more than 10 times as fast: True
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cat >"$dir/finding.py" <<'PYTHON'
import sys, time

import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper

UNITS, BLOCK = 512, 32
rng = np.random.default_rng(0)
weights, nodes = [], []
for name in "WR":
    shape = 1, 4 * UNITS, UNITS
    scale = rng.uniform(0.001, 0.01, (1, 4 * UNITS, UNITS // BLOCK)).astype("f4")
    weights.append(helper.make_tensor(name + "4", TensorProto.INT4, shape, rng.integers(-8, 8, shape).ravel()))
    weights.append(numpy_helper.from_array(scale, name + "s"))
    nodes.append(helper.make_node("DequantizeLinear", [name + "4", name + "s"], [name], axis=2, block_size=BLOCK))
nodes.append(helper.make_node("LSTM", ["frame", "W", "R"], ["states"], hidden_size=UNITS))
frame = helper.make_tensor_value_info("frame", TensorProto.FLOAT, (1, 1, UNITS))
states = helper.make_tensor_value_info("states", TensorProto.FLOAT, (1, 1, 1, UNITS))
graph = helper.make_graph(nodes, "lstm", [frame], [states], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model, full_check=True)


def session(disable, optimized):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.optimized_model_filepath = optimized
    options.add_session_config_entry("session.disable_quant_qdq", disable)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


feed = {"frame": rng.normal(size=(1, 1, UNITS)).astype("f4")}
times, results = [], []
for disable in "01":
    path = f"{sys.argv[1]}/{disable}.onnx"
    lstm = session(disable, path)
    runs = []
    for _ in range(50):
        start = time.perf_counter()
        results.append(lstm.run(None, feed)[0])
        runs.append(time.perf_counter() - start)
    times.append(min(runs))
    print(f"disable_quant_qdq={disable} runs", *(node.op_type for node in onnx.load(path).graph.node))
print("results equal:", np.allclose(results[0], results[-1], atol=1e-6))
print("more than 10 times as fast:", times[0] > 10 * times[1])
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
