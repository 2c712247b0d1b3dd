#!/usr/bin/env bash
# crowsetta refuses a file of Audacity labels if all its times are whole seconds without decimals, and takes a
# quote at the beginning of a label for the start of a quoted text that may run over several lines: the labels
# up to the next quote become part of it.
#
# According to Audacity's manual ("Importing and Exporting Labels") a line has the start and end in seconds and the
# label, separated by tabs, and labels are not quoted: a quote is a character of the label.
#
# Seen on 30 November 2026 with crowsetta 5.1.2, pandas 3.1.1 and pandera 0.35.0, Python 3.11:
#   whole seconds: SchemaError: expected series 'start_time' to have type float64, got int64
#   quotes: 2 of 3 labels: ['yes\n1.000000\t2.000000\tno he said', 'maybe']
# So label files are written with six decimals and without double quotes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crowsetta==5.1.2 pandas==3.1.1 pandera==0.35.0
printf '0\t1\tyes\n1\t2\tno\n' >"$folder/whole.txt"
printf '0.000000\t1.000000\t"yes\n1.000000\t2.000000\tno" he said\n2.000000\t3.000000\tmaybe\n' >"$folder/quotes.txt"
found=$("$folder/venv/bin/python3" -W ignore - "$folder" <<'PYTHON'
import sys
import crowsetta
try:
    print("whole seconds:", len(crowsetta.formats.seq.AudSeq.from_file(f"{sys.argv[1]}/whole.txt").labels))
except Exception as error:
    print(f"whole seconds: {type(error).__name__}: {error}")
labels = crowsetta.formats.seq.AudSeq.from_file(f"{sys.argv[1]}/quotes.txt").labels
print(f"quotes: {len(labels)} of 3 labels: {list(labels)!r}")
PYTHON
)
echo "$found"
expected="whole seconds: SchemaError: expected series 'start_time' to have type float64, got int64
quotes: 2 of 3 labels: ['yes\\n1.000000\\t2.000000\\tno he said', 'maybe']"
[ "$found" = "$expected" ] || { echo "this has changed"; exit 1; }
