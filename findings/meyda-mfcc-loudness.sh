#!/usr/bin/env bash
# All of Meyda's MFCC change with the loudness of the sound.
#
# Multiplying the sound by a factor adds the same constant to the logarithm of every mel band, which the cosine
# transform puts into coefficient 0 alone. Meyda takes the logarithm of the energy plus 1, so the quieter the voice, the
# smaller and the more distorted the other coefficients become too. A classifier trained on another library's MFCC hears
# a different voice.
#
# Versions and output seen on 30 November 2026: Meyda 5.6.3 on Node.js 20. Each line gives MFCC 1 to 4 of a voiced
# sound at 150 Hz, as it is or ten times quieter:
#
#> times 1: 67.4 8.9 -13.1 -1.8
#> times 0.1: 11.5 6.6 2.9 1.3
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" meyda@5.6.3
cat >"$dir/finding.cjs" <<'JS'
const Meyda = require("meyda");

Object.assign(Meyda, { sampleRate: 16000, bufferSize: 1024 });
const voice = new Float32Array(1024);
for (let harmonic = 1; harmonic <= 12; harmonic++) {
  voice.forEach((_, i) => (voice[i] += (0.1 / harmonic) * Math.sin((2 * Math.PI * 150 * harmonic * i) / 16000)));
}
for (const gain of [1, 0.1]) {
  const coefficients = Meyda.extract("mfcc", voice.map((sample) => gain * sample)).slice(1, 5);
  console.log(`times ${gain}:`, ...coefficients.map((value) => value.toFixed(1)));
}
JS
diff <(sed -n 's/^#> //p' "$0") <(node "$dir/finding.cjs")
