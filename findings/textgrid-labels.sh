#!/usr/bin/env bash
# What Praat saves in a TextGrid is not always what Python readers find there.
#
# Praat doubles the quotation marks in a label, writes everything else unchanged, and writes a very small time with an
# exponent. tgt cuts a label at an equals sign, even between quotation marks, and fails on a line break. praatio looks
# for the format's own keywords inside labels, and does not understand exponents. pympi-ling takes 5e-05 for 5 s.
# textgrid reads everything correctly.
#
# Versions and output seen on 30 November 2026: praat-parselmouth 0.4.7 (Praat 6.1.38), tgt 1.5, praatio 6.2.2,
# pympi-ling 1.71 and textgrid 1.6.1 on Python 3.11. Each line gives the start and label that Praat saved; the lines
# below it name the readers that found something else:
#
#> (1, 'angry')
#> (1, 'angry, f0 = 210 Hz')
#>     tgt: (1.0, 'angry, f')
#> (1, 'angry\nthen sad')
#>     tgt: IndexError: list index out of range
#> (1, 'item [2]: sad')
#>     praatio: ParsingError: Expected field in Textgrid missing.
#> (5e-05, 'sad')
#>     praatio: ParsingError: Expected field in Textgrid missing.
#>     pympi: (5.0, 'sad')
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --no-compile \
    numpy==2.4.6 praat-parselmouth==0.4.7 praatio==6.2.2 pympi-ling==1.71 tgt==1.5 textgrid==1.6.1
cat >"$dir/finding.py" <<'PYTHON'
import sys

import praatio.textgrid, pympi, textgrid, tgt
from parselmouth.praat import call


def with_tgt(path):
    interval = tgt.io.read_textgrid(path, include_empty_intervals=True).tiers[0][1]
    return interval.start_time, interval.text


def with_praatio(path):
    entry = praatio.textgrid.openTextgrid(path, includeEmptyIntervals=True).tiers[0].entries[1]
    return entry.start, entry.label


def with_pympi(path):
    (tier,) = pympi.TextGrid(path).get_tiers()
    start, _, label = list(tier.get_all_intervals())[1]
    return start, label


def with_textgrid(path):
    interval = textgrid.TextGrid.fromFile(path)[0][1]
    return interval.minTime, interval.mark


READERS = {"tgt": with_tgt, "praatio": with_praatio, "pympi": with_pympi, "textgrid": with_textgrid}

LABELS = [(1, "angry"), (1, "angry, f0 = 210 Hz"), (1, "angry\nthen sad"), (1, "item [2]: sad"), (5e-5, "sad")]

path = sys.argv[1] + "/emotion.TextGrid"
for start, label in LABELS:
    grid = call("Create TextGrid", 0, 8, "emotion", "")
    call(grid, "Insert boundary", 1, start)
    call(grid, "Set interval text", 1, 2, label)
    call(grid, "Save as text file", path)
    print((start, label))
    for name, read in READERS.items():
        try:
            found = read(path)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found != (start, label):
            print(f"    {name}: {found}")
PYTHON
diff <(sed -n 's/^#> //p' "$0") <("$dir/venv/bin/python" "$dir/finding.py" "$dir")
