//! Mixing planar channels to mono, and the one place where bad sample values are made harmless.

/// Samples beyond this, 60 dB over full scale, are limited to it, so that no power overflows.
pub const MAX_AMPLITUDE: f32 = 1_000.0;

/// Writes the mean over the channels of sample `start + i` to `mono[i]`.
///
/// A value that is not finite counts as 0; one beyond ±[`MAX_AMPLITUDE`] is limited. Returns how many
/// values were not finite. Every channel must reach to `start + mono.len()`.
pub fn mix(channels: &[&[f32]], start: usize, mono: &mut [f32]) -> u64 {
    let mut nonfinite = 0;
    mono.fill(0.0);
    for channel in channels {
        for (sum, &sample) in mono.iter_mut().zip(&channel[start..]) {
            if sample.is_finite() {
                *sum += sample.clamp(-MAX_AMPLITUDE, MAX_AMPLITUDE);
            } else {
                nonfinite += 1;
            }
        }
    }
    if channels.len() > 1 {
        let scale = 1.0 / channels.len() as f32;
        for sample in mono {
            *sample *= scale;
        }
    }
    nonfinite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_is_the_mean_of_the_channels_from_start_on() {
        let mut mono = [9.0; 2];
        let nonfinite = mix(&[&[0.0, 1.0, -1.0], &[0.0, 0.5, 0.5]], 1, &mut mono);
        assert_eq!(mono, [0.75, -0.25]);
        assert_eq!(nonfinite, 0);
    }

    #[test]
    fn values_that_are_not_finite_become_zero_and_are_counted() {
        let mut mono = [9.0; 4];
        let nonfinite = mix(
            &[&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30]],
            0,
            &mut mono,
        );
        assert_eq!(mono, [0.0, 0.0, 0.0, MAX_AMPLITUDE]);
        assert_eq!(nonfinite, 3);
    }
}
