#!/usr/bin/env bash
# Meyda keeps using the mel bands of an earlier sample rate and buffer size.
#
# A page that listens at 44.1 kHz and then opens a file at 16 kHz sets Meyda.sampleRate and Meyda.bufferSize again. Meyda
# makes its mel bands at the first extraction and again only when their number changes: a new rate has no effect on the
# MFCC, and a longer buffer turns them into NaN. Setting Meyda.melFilterBank to undefined makes it rebuild them.
#
# Versions and output seen on 30 November 2026: Meyda 5.6.3 on Node.js 20. Each line gives the sample rate, the buffer
# size and the first four MFCC of the same noise, first one after another, then each with newly made mel bands:
#
#> then 44100/512: 301.8 -36.2 4.0 0.3
#> then 16000/512: 301.8 -36.2 4.0 0.3
#> then 16000/1024: NaN NaN NaN NaN
#> fresh 44100/512: 301.8 -36.2 4.0 0.3
#> fresh 16000/512: 313.1 -27.5 2.4 -0.1
#> fresh 16000/1024: 388.2 -26.9 -1.7 -4.7
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" meyda@5.6.3
cat >"$dir/finding.cjs" <<'JS'
const Meyda = require("meyda");

let seed = 1;
const noise = Float32Array.from({ length: 1024 }, () => (seed = (seed * 16807) % 2147483647) / 2 ** 30 - 1);

function mfcc(label, sampleRate, bufferSize) {
  Object.assign(Meyda, { sampleRate, bufferSize });
  const coefficients = Meyda.extract("mfcc", noise.slice(0, bufferSize)).slice(0, 4);
  console.log(`${label} ${sampleRate}/${bufferSize}:`, ...coefficients.map((value) => value.toFixed(1)));
}

for (const [rate, size] of [[44100, 512], [16000, 512], [16000, 1024]]) {
  mfcc("then", rate, size);
}
for (const [rate, size] of [[44100, 512], [16000, 512], [16000, 1024]]) {
  Meyda.melFilterBank = undefined;
  mfcc("fresh", rate, size);
}
JS
diff <(sed -n 's/^#> //p' "$0") <(node "$dir/finding.cjs")
