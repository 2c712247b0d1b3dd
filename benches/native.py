"""onnxruntime and librosa on one core, run alternately with this project's own benchmark.

Usage: native.py BENCH OUT, where BENCH is the built `live` benchmark; writes medians as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import librosa
import numpy as np
import onnxruntime

from turns import in_turns, fastest

SECONDS = 6
FRAMES = [60, 124, 188]
ROOT = Path(__file__).parent.parent
CRITERION = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "criterion"


def ours(bench, name):
    """Milliseconds of one of our own benchmarks, at its fastest."""
    folder = CRITERION / name
    subprocess.run([bench, "--bench", "--quiet", "--noplot", "--warm-up-time", "0.5", "--measurement-time", "2",
                    "--sample-size", "1000", "--nresamples", "1000", f"^{name}$"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sample = json.loads((folder / "new" / "sample.json").read_text())
    return min(time / calls for time, calls in zip(sample["times"], sample["iters"])) / 1e6


def compare(bench, name, call):
    call()
    return in_turns(lambda: ours(bench, name), lambda: fastest(call, 1))


def main():
    bench, out = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # At its best: else it unpacks the LSTM's weights at every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(ROOT / "assets/model.onnx", options, ["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    results = {"inference": {}}
    for frames in FRAMES:
        segment = rng.uniform(-8, 3, (1, frames, 67)).astype(np.float32)
        results["inference"][frames] = compare(
            bench, f"inference/{frames} frames", lambda: session.run(None, {"features": segment}))

    samples = np.fromfile(ROOT / "tests/golden/speech.s16", "<i2").astype(np.float32) / 32768
    samples = np.resize(samples, SECONDS * 16_000)

    def features():
        librosa.feature.mfcc(y=samples, sr=16_000, n_mfcc=64, n_mels=64, n_fft=512, hop_length=256, htk=True, fmin=50)

    for name, ours in {"mfcc": "MFCC alone", "features": "features at 16 kHz"}.items():
        results[name] = compare(bench, f"{SECONDS} s of audio/{ours}", features)
    Path(out).write_text(json.dumps(results))


main()
