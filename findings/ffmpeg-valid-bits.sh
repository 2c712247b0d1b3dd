#!/usr/bin/env bash
# FFmpeg goes by the valid bits of an extensible WAV instead of the size of its samples.
#
# Sound cards record 24 bits in samples of 32. Such a file says so in WAVE_FORMAT_EXTENSIBLE: wBitsPerSample is the size
# of a sample, wValidBitsPerSample how many of its upper bits are used. libsndfile reads them all as they were written.
# FFmpeg takes 24-in-32-bit integers for floats, and cuts 20 in 32, 16 in 32 and 16 in 24 into samples of the wrong
# size: the length is wrong and the sound is noise. It gives no warning. Debian 12's ffmpeg 5.1.9 does the same, and so
# does Chromium 156's decodeAudioData, except that it refuses 24 in 32.
#
# Versions and output seen on 30 November 2026: PyAV 18.1.0 and soundfile 0.14.0 on Python 3.11. The sound is a tone of
# one second at 16 kHz with an RMS of 0.354. Each line names the bits, the samples and RMS from libsndfile, then the
# codec, samples and RMS from FFmpeg:
#
#> 24 in 24: 16000 0.354, pcm_s24le 16000 0.354
#> 20 in 24: 16000 0.354, pcm_s24le 16000 0.354
#> 24 in 32: 16000 0.354, pcm_f24le 16000 2.33e+30
#> 20 in 32: 16000 0.354, pcm_s24le 21328 0.446
#> 16 in 32: 16000 0.354, pcm_s16le 32000 0.25
#> 16 in 24: 16000 0.354, pcm_s16le 24000 0.367
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: av==18.1.0 numpy==2.4.6 soundfile==0.14.0
cat >"$dir/finding.py" <<'PYTHON'
import struct, sys

import av, numpy as np, soundfile

RATE = 16000
TONE = 0.5 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
FULL_SCALE = {"int16": 2**15, "int32": 2**31, "float32": 1}


def wav(valid, container):
    """The tone as an extensible WAV whose samples use the upper `valid` of `container` bits."""
    samples = np.round(TONE * (2 ** (valid - 1) - 1)).astype("<i4") << (container - valid)
    data = samples.view("u1").reshape(-1, 4)[:, : container // 8].tobytes()
    size = container // 8
    pcm = bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, RATE * size, size, container, 22, valid, 4) + pcm
    chunks = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def ffmpeg(path):
    with av.open(path) as file:
        codec = file.streams.audio[0].codec_context.name
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    return codec, samples.astype(float) / FULL_SCALE[str(samples.dtype)]


def rms(samples):
    return np.sqrt(np.mean(np.square(samples)))


path = sys.argv[1] + "/tone.wav"
for valid, container in [(24, 24), (20, 24), (24, 32), (20, 32), (16, 32), (16, 24)]:
    open(path, "wb").write(wav(valid, container))
    right, _ = soundfile.read(path)
    codec, read = ffmpeg(path)
    print(f"{valid} in {container}: {len(right)} {rms(right):.3f}, {codec} {len(read)} {rms(read):.3g}")
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
