#!/usr/bin/env bash
# webvtt-py does not decode WebVTT's character references in cue text and voices.
#
# In the standard (W3C WebVTT, cue text parsing rules) "&amp;", "&lt;" and "&gt;" stand for "&", "<" and ">", and a file
# must use them; browsers show "R&D <b>". A program that shows what webvtt-py returns shows the references, and a
# program that writes it to another format keeps them there.
#
# Seen on 30 November 2026 with webvtt-py 0.6.0, Python 3.11:
#   voice 'A &amp; B', text 'R&amp;D &lt;b&gt;'
# Expected: voice 'A & B', text 'R&D <b>'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check webvtt-py==0.6.0
printf 'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v A &amp; B>R&amp;D &lt;b&gt;\n' >"$folder/talk.vtt"
found=$("$folder/venv/bin/python3" - "$folder/talk.vtt" <<'PYTHON'
import sys
import webvtt
cue = webvtt.read(sys.argv[1]).captions[0]
print(f"voice {cue.voice!r}, text {cue.text!r}")
PYTHON
)
echo "$found"
[ "$found" = "voice 'A &amp; B', text 'R&amp;D &lt;b&gt;'" ] || { echo "this has changed"; exit 1; }
