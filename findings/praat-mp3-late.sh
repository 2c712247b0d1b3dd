#!/usr/bin/env bash
# Praat plays an MP3 later than other programs do, and stops before its end.
#
# An MP3 encoder puts padding in front of the sound and notes its length in the first frame. libsndfile, FFmpeg and
# miniaudio remove it. Praat and pedalboard keep it: a boundary set in Praat is 66 ms too late for every other program at
# 16 kHz, 37 ms at 44.1 kHz. Praat also stops early: its sound shifts by more samples than it grows, and the last 401 of
# the recording (277 at 44.1 kHz) are missing.
#
# Versions and output seen on 30 November 2026: praat-parselmouth 0.4.7 (Praat 6.1.38), pedalboard 0.9.26, soundfile
# 0.14.0, PyAV 18.1.0 and miniaudio 1.71 on Python 3.11. soundfile encodes one second with a click in its middle. Each
# line gives the rate, the program, by how many samples the click is late, and how many samples there are too many:
#
#> 16000 Hz, libsndfile: 0 0
#> 16000 Hz, FFmpeg: 0 0
#> 16000 Hz, miniaudio: 0 0
#> 16000 Hz, pedalboard: 1105 1280
#> 16000 Hz, Praat: 1056 655
#> 44100 Hz, libsndfile: 0 0
#> 44100 Hz, FFmpeg: 0 0
#> 44100 Hz, miniaudio: 0 0
#> 44100 Hz, pedalboard: 1105 1980
#> 44100 Hz, Praat: 1632 1355
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile --only-binary :all: \
    av==18.1.0 miniaudio==1.71 numpy==2.4.6 pedalboard==0.9.26 praat-parselmouth==0.4.7 soundfile==0.14.0
cat >"$dir/finding.py" <<'PYTHON'
import sys

import av, miniaudio, numpy as np, parselmouth, soundfile
from pedalboard.io import AudioFile


def ffmpeg(path):
    with av.open(path) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def pedalboard(path):
    with AudioFile(path) as file:
        return file.read(file.frames)[0]


READERS = {
    "libsndfile": lambda path: soundfile.read(path)[0],
    "FFmpeg": ffmpeg,
    "miniaudio": lambda path: miniaudio.mp3_read_file_f32(path).samples,
    "pedalboard": pedalboard,
    "Praat": lambda path: parselmouth.Sound(path).values[0],
}

path = sys.argv[1] + "/click.mp3"
for rate in (16000, 44100):
    sound = np.zeros(rate)
    sound[rate // 2 - 4 : rate // 2 + 5] = 0.9 * np.hanning(9)
    soundfile.write(path, sound, rate)
    for name, read in READERS.items():
        samples = np.abs(read(path))
        print(f"{rate} Hz, {name}: {np.argmax(samples) - rate // 2} {len(samples) - rate}")
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
