#!/usr/bin/env bash
# With onnxsim installed, onnx2tf converts no LSTM whose initial states are given as zeros, even if told not to simplify.
#
# onnx2tf, the usual way from ONNX to LiteRT, lists onnxsim among the tools it needs. The simplifier leaves out initial
# states that are zero, which ONNX allows; onnx2tf then stops at the LSTM. Its option -n (do not use onnxsim) changes
# nothing, and onnx2tf overwrites the file that it is given, so that a second try without onnxsim fails too. A fresh
# copy converts where onnxsim is not installed.
#
# Versions and output seen on 30 November 2026: onnx2tf 1.28.8, onnxsim 0.8.1, tensorflow 2.21.0, onnx 1.23.2 on
# Python 3.11. The download takes 700 MB.
#
#> without onnxsim: converted True, its input file overwritten True
#> with onnxsim, -n: converted False, its input file overwritten True
#> the same file, onnxsim removed: converted False, its input file overwritten False
#> a fresh file, onnxsim removed: converted True, its input file overwritten True
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: onnx2tf==1.28.8 tensorflow==2.21.0 tf-keras==2.21.0 \
  onnx==1.23.2 onnxruntime==1.32.0 onnx-graphsurgeon==0.6.1 psutil sng4onnx ai-edge-litert==2.3.0
cat >"$dir/finding.py" <<'PYTHON'
import hashlib, subprocess, sys
from pathlib import Path
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FRAMES, INPUTS, UNITS = 6, 3, 4
folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
given = {
    "W": rng.normal(size=(1, 4 * UNITS, INPUTS)),
    "R": rng.normal(size=(1, 4 * UNITS, UNITS)),
    "B": rng.normal(size=(1, 8 * UNITS)),
    "h": np.zeros((1, 1, UNITS)),
    "c": np.zeros((1, 1, UNITS)),
}
node = helper.make_node("LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y"], hidden_size=UNITS)
graph = helper.make_graph(
    [node], "lstm",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, (FRAMES, 1, INPUTS))],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, (FRAMES, 1, 1, UNITS))],
    [numpy_helper.from_array(array.astype("f4"), name) for name, array in given.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)


def convert(what, *options, path):
    before = hashlib.sha256(path.read_bytes()).digest()
    out = folder / "out"
    subprocess.run(["rm", "-rf", out])
    subprocess.run([sys.executable, "-m", "onnx2tf", "-i", path, "-o", out, *options], capture_output=True)
    is_changed = hashlib.sha256(path.read_bytes()).digest() != before
    print(f"{what}: converted {any(out.glob('*_float32.tflite'))}, its input file overwritten {is_changed}")


def fresh(name):
    save(model, folder / name)
    return folder / name


convert("without onnxsim", "-n", "-kat", "x", path=fresh("without.onnx"))
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "onnxsim==0.8.1"], check=True)
path = fresh("with.onnx")
convert("with onnxsim, -n", "-n", "-kat", "x", path=path)
subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", "onnxsim"], check=True)
convert("the same file, onnxsim removed", "-n", "-kat", "x", path=path)
convert("a fresh file, onnxsim removed", "-n", "-kat", "x", path=fresh("fresh.onnx"))
PYTHON
diff <(sed -n "s/^#> //p" "$0") <(PATH="$dir/venv/bin:$PATH" "$dir/venv/bin/python" "$dir/finding.py" "$dir")
