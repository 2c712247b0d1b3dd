#!/usr/bin/env bash
# onnx.reference ignores an LSTM's sequence lengths, and its attributes clip, activations and input_forget.
#
# onnx.reference is meant to show what a model should return. On a batch of utterances padded to the longest, it runs on
# into the padding, and it returns the same result with the three attributes as without them. It raises no error, and
# the model passes onnx.checker. onnxruntime respects all four.
#
# Versions and output seen on 30 November 2026: onnx 1.23.2 and onnxruntime 1.32.0 on Python 3.11. Each line gives what
# is added to a plain LSTM, and whether it changes each runtime's result (without any addition the two agree):
#
#> sequence_lens [6, 3]: onnx.reference False, onnxruntime True
#> clip 0.1: onnx.reference False, onnxruntime True
#> activations HardSigmoid, Relu, Tanh: onnx.reference False, onnxruntime True
#> input_forget 1: onnx.reference False, onnxruntime True
#> direction reverse: onnx.reference True, onnxruntime True
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cat >"$dir/finding.py" <<'PYTHON'
import numpy as np, onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FRAMES, BATCH, INPUTS, UNITS = 6, 2, 3, 4
rng = np.random.default_rng(0)
x = rng.normal(size=(FRAMES, BATCH, INPUTS)).astype("f4")
WEIGHTS = {
    "W": rng.normal(size=(1, 4 * UNITS, INPUTS)).astype("f4"),
    "R": rng.normal(size=(1, 4 * UNITS, UNITS)).astype("f4"),
    "B": rng.normal(size=(1, 8 * UNITS)).astype("f4"),
}


def answers(lengths=None, **attributes):
    inputs = WEIGHTS if lengths is None else WEIGHTS | {"lengths": np.array(lengths, "i4")}
    node = helper.make_node("LSTM", ["x", *inputs], ["y"], hidden_size=UNITS, **attributes)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, (FRAMES, 1, BATCH, UNITS))
    constants = [numpy_helper.from_array(array, name) for name, array in inputs.items()]
    graph = helper.make_graph([node], "lstm", [given], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return ReferenceEvaluator(model).run(None, {"x": x})[0], session.run(None, {"x": x})[0]


plain = answers()
assert np.allclose(*plain, atol=1e-6)
for what, added in {
    "sequence_lens [6, 3]": {"lengths": [6, 3]},
    "clip 0.1": {"clip": 0.1},
    "activations HardSigmoid, Relu, Tanh": {"activations": ["HardSigmoid", "Relu", "Tanh"]},
    "input_forget 1": {"input_forget": 1},
    "direction reverse": {"direction": "reverse"},
}.items():
    reference, runtime = (not np.array_equal(*pair) for pair in zip(answers(**added), plain))
    print(f"{what}: onnx.reference {reference}, onnxruntime {runtime}")
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
