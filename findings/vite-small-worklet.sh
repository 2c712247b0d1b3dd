#!/usr/bin/env bash
# Vite turns the file of an AudioWorklet into a data: URL if it is small.
#
# To Vite, `new URL("./recorder.js", import.meta.url)` is an asset, and its build inlines assets under 4,096 bytes. Under
# the policy `script-src 'self'` the worklet then loads in development but is refused in the build (by Chromium 156 with
# an AbortError that does not name the policy), perhaps just because a comment was removed. An equally small Worker stays
# a file.
#
# Versions and output seen on 30 November 2026: Vite 8.4.0 on Node.js 20. The lines say what the build makes of a small
# worklet, a large one and a small worker:
#
#> data:text/javascript
#> /assets/large
#> /assets/worker
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" vite@8.4.0
worklet='registerProcessor("recorder", class extends AudioWorkletProcessor { process() { return true; } });'
echo "$worklet" >"$dir/small.js"
printf '%s\n//%4096s\n' "$worklet" >"$dir/large.js"
echo 'onmessage = ({ data }) => postMessage(data);' >"$dir/worker.js"
cat >"$dir/main.js" <<'JS'
const audio = new AudioContext();
audio.audioWorklet.addModule(new URL("./small.js", import.meta.url));
audio.audioWorklet.addModule(new URL("./large.js", import.meta.url));
new Worker(new URL("./worker.js", import.meta.url));
JS
echo '<script type="module" src="/main.js"></script>' >"$dir/index.html"
(cd "$dir" && npx vite build --logLevel error)
diff <(sed -n 's/^#> //p' "$0") <(cat "$dir"/dist/assets/index-*.js | grep -oE '(data:text/javascript|/assets/[a-z]+)')
