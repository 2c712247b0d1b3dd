#!/usr/bin/env bash
# OpenVINO refuses blocked weights whose last block is not full.
#
# DequantizeLinear (opset 21) allows a dimension that is not a multiple of the block size: the number of scales is the
# quotient rounded up. onnx.checker, onnx.reference and onnxruntime accept 387 rows in blocks of 32 and agree. OpenVINO
# does not load the model at all. It accepts 416 rows.
#
# Versions and output seen on 30 November 2026: OpenVINO 2026.4.1, onnxruntime 1.32.0 and onnx 1.23.2 on Python 3.11:
#
#> 387 rows: onnxruntime agrees with onnx.reference: True
#> 387 rows: OpenVINO: dimension of X at axis 0 (387) cannot be divided by block_size (32)
#> 416 rows: onnxruntime agrees with onnx.reference: True
#> 416 rows: OpenVINO: loaded
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: \
    numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
cat >"$dir/finding.py" <<'PYTHON'
import io, re

import numpy as np, onnxruntime, openvino
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

BLOCK, COLUMNS = 32, 8
rng = np.random.default_rng(0)
for rows in (387, 416):
    weights = helper.make_tensor("packed", TensorProto.INT4, (rows, COLUMNS), rng.integers(-8, 8, rows * COLUMNS))
    scale = numpy_helper.from_array(rng.uniform(0.1, 1, (-(-rows // BLOCK), COLUMNS)).astype("f4"), "scale")
    node = helper.make_node("DequantizeLinear", ["packed", "scale"], ["y"], axis=0, block_size=BLOCK)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (rows, COLUMNS))
    graph = helper.make_graph([node], "unpack", [], [y], [weights, scale])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    checker.check_model(model, full_check=True)
    file = model.SerializeToString()

    (right,) = ReferenceEvaluator(model).run(None, {})
    (result,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {})
    print(f"{rows} rows: onnxruntime agrees with onnx.reference: {np.array_equal(result, right)}")
    try:
        openvino.Core().read_model(io.BytesIO(file))
        print(f"{rows} rows: OpenVINO: loaded")
    except RuntimeError as error:
        print(f"{rows} rows: OpenVINO:", *re.findall("dimension of X .*", str(error)))
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
