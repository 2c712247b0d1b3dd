#!/usr/bin/env bash
# FFmpeg loses the end of a short Ogg Vorbis recording, or adds to it.
#
# A recording of one second fits in one Ogg page, whose granule position says where the sound ends. libsndfile and
# miniaudio return exactly that many samples. FFmpeg returns 256 or 128 too few (16 ms of sound at 16 kHz), or 192 too
# many at 8 kHz. Debian 12's ffmpeg 5.1.9 does so too, even with a page that it encoded itself, and decodeAudioData in
# Chromium 156 loses just as much.
#
# Versions and output seen on 30 November 2026: PyAV 18.1.0, soundfile 0.14.0 and miniaudio 1.71 on Python 3.11.
# soundfile encodes a tone of one second with an amplitude of 0.3. Each line gives the rate, the samples from
# libsndfile, miniaudio and FFmpeg, and the amplitude of what FFmpeg left out:
#
#> 8000 Hz: 8000 8000 8192, 0.0
#> 16000 Hz: 16000 16000 15744, 0.3
#> 22050 Hz: 22050 22050 21794, 0.3
#> 44100 Hz: 44100 44100 43972, 0.3
#> 48000 Hz: 48000 48000 47872, 0.3
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: \
    av==18.1.0 miniaudio==1.71 numpy==2.4.6 soundfile==0.14.0
cat >"$dir/finding.py" <<'PYTHON'
import sys

import av, miniaudio, numpy as np, soundfile

path = sys.argv[1] + "/tone.ogg"
for rate in (8000, 16000, 22050, 44100, 48000):
    soundfile.write(path, 0.3 * np.sin(np.arange(rate) / 9), rate)
    sound, _ = soundfile.read(path)
    with av.open(path) as file:
        ffmpeg = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    common = min(len(sound), len(ffmpeg))
    assert np.allclose(sound[:common], ffmpeg[:common], atol=1e-5)
    left_out = np.max(np.abs(sound[common:]), initial=0)
    print(f"{rate} Hz: {len(sound)} {len(miniaudio.vorbis_read_file(path).samples)} {len(ffmpeg)}, {left_out:.1f}")
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
