//! Mel filterbank: triangles evenly spaced on the HTK mel scale, each summing to 1 over the bins.
//!
//! The same as `librosa.filters.mel(htk=True, norm=1)`. The scale is O'Shaughnessy's as used by HTK,
//! `2595 log10(1 + f / 700)`.

/// Triangular bands over the bins of a power spectrum.
#[derive(Clone, Debug)]
pub struct Filterbank {
    bands: Vec<Band>,
}

/// Weights that are added up side by side.
const LANES: usize = 4;

#[derive(Clone, Debug)]
struct Band {
    first_bin: usize,
    /// Weights of the bins from there on, padded with zeros to fill the last lanes.
    weights: Vec<[f32; LANES]>,
}

impl Filterbank {
    /// `n_mels` triangles between `min_hz` and `max_hz` for spectra of `n_fft / 2 + 1` bins.
    ///
    /// The frequencies must rise, and the bands must be wide enough for each to contain a bin; one
    /// that contains none gives 0.
    pub fn new(sample_rate_hz: u32, n_fft: usize, n_mels: usize, min_hz: f32, max_hz: f32) -> Self {
        let (low, high) = (hz_to_mel(min_hz.into()), hz_to_mel(max_hz.into()));
        let edge = |i: usize| mel_to_hz(low + (high - low) * i as f64 / (n_mels + 1) as f64);
        let bin_hz = f64::from(sample_rate_hz) / n_fft as f64;
        let bands = (0..n_mels)
            .map(|m| {
                let (left, centre, right) = (edge(m), edge(m + 1), edge(m + 2));
                let triangle = |bin: usize| {
                    let hz = bin as f64 * bin_hz;
                    ((hz - left) / (centre - left)).min((right - hz) / (right - centre))
                };
                let bins: Vec<usize> = (0..=n_fft / 2).filter(|&bin| triangle(bin) > 0.0).collect();
                let sum: f64 = bins.iter().map(|&bin| triangle(bin)).sum();
                let weight = |bin: usize| (triangle(bin) / sum).max(0.0) as f32;
                let blocks = bins.len().div_ceil(LANES);
                let last_start = (n_fft / 2 + 1).saturating_sub(blocks * LANES);
                let first_bin = bins.first().copied().unwrap_or(0).min(last_start);
                let block = |i| std::array::from_fn(|lane| weight(first_bin + i * LANES + lane));
                Band {
                    first_bin,
                    weights: (0..blocks).map(block).collect(),
                }
            })
            .collect();
        Self { bands }
    }

    /// Weighted mean power per band: from `power` of `n_fft / 2 + 1` bins to `mel` of M bands.
    #[inline(always)]
    pub fn apply(&self, power: &[f32], mel: &mut [f32]) {
        for (mel, band) in mel.iter_mut().zip(&self.bands) {
            let bins = power[band.first_bin..].as_chunks::<LANES>().0;
            let mut sums = [0.0; LANES];
            for (bins, weights) in bins.iter().zip(&band.weights) {
                for lane in 0..LANES {
                    sums[lane] += bins[lane] * weights[lane];
                }
            }
            *mel = (sums[0] + sums[2]) + (sums[1] + sums[3]);
        }
    }
}

/// Mel of a frequency.
pub fn hz_to_mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

/// Frequency of a mel.
pub fn mel_to_hz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_spectrum_gives_one_in_every_band() {
        let filterbank = Filterbank::new(16_000, 512, 64, 50.0, 8_000.0);
        let mut mel = [0.0; 64];
        filterbank.apply(&[1.0; 257], &mut mel);
        for (band, value) in mel.into_iter().enumerate() {
            assert!((value - 1.0).abs() < 1e-6, "band {band}: {value}");
        }
    }

    #[test]
    fn a_line_excites_only_the_bands_around_it() {
        let filterbank = Filterbank::new(16_000, 512, 64, 50.0, 8_000.0);
        let mut power = [0.0; 257];
        power[32] = 1.0;
        let mut mel = [0.0; 64];
        filterbank.apply(&power, &mut mel);
        let excited: Vec<usize> = (0..64).filter(|&band| mel[band] > 0.0).collect();
        // 1000 Hz is mel 1000; band m is centred on mel 77.8 + 42.5 (m + 1).
        assert_eq!(excited, [20, 21]);
    }
}
