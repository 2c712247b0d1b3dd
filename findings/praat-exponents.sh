#!/usr/bin/env bash
# Praat writes times below 0.0001 s with an exponent; pympi reads 5e-05 as 5.0, so that an interval ends before
# it begins, and praatio refuses the file.
#
# Seen on 30 November 2026 with Praat as in praat-parselmouth 0.4.7, pympi-ling 1.71 and praatio 6.2.2,
# Python 3.11:
#   Praat writes: ['xmax = 5e-05', 'xmin = 5e-05']
#   pympi reads: [(0.0, 5.0, ''), (5.0, 1.0, 'hello')]
#   praatio: ParsingError: Expected field in Textgrid missing.
# Expected: the intervals 0 to 0.00005 and 0.00005 to 1 from both. So times are written as plain decimals.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check praat-parselmouth==0.4.7 pympi-ling==1.71 praatio==6.2.2
found=$("$folder/venv/bin/python3" -W ignore - "$folder/short.TextGrid" <<'PYTHON'
import sys
import parselmouth
import pympi
from praatio import textgrid
path = sys.argv[1]
grid = parselmouth.praat.call("Create TextGrid", 0, 1, "words", "")
parselmouth.praat.call(grid, "Insert boundary", 1, 0.00005)
parselmouth.praat.call(grid, "Set interval text", 1, 2, "hello")
grid.save(path)
text = open(path, encoding="utf-8").read()
print("Praat writes:", [line.strip() for line in text.splitlines() if "e-" in line])
try:
    print("pympi reads:", list(pympi.Praat.TextGrid(path).get_tier("words").get_intervals()))
except Exception as error:
    print(f"pympi: {type(error).__name__}: {error}")
try:
    print("praatio reads:", [tuple(e) for e in textgrid.openTextgrid(path, True).tiers[0].entries])
except Exception as error:
    print(f"praatio: {type(error).__name__}: {error}")
PYTHON
)
echo "$found"
expected="Praat writes: ['xmax = 5e-05', 'xmin = 5e-05']
pympi reads: [(0.0, 5.0, ''), (5.0, 1.0, 'hello')]
praatio: ParsingError: Expected field in Textgrid missing."
[ "$found" = "$expected" ] || { echo "this has changed"; exit 1; }
