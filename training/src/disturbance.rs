//! Sounds around the voice and rooms between it and the microphone, for training.
//!
//! All are synthesised: talkers without words, tones, gusts and clatter. None of them is a noise that
//! the evaluation adds (recorded voices, mains hum, traffic). Everything random is drawn from the clip's
//! path and the number of the copy, so that features come out the same every time.

use std::f32::consts::{PI, TAU};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

use crate::sound::{Biquad, Sound, add_noise, decibels, power, reverberated, scaled};

/// Signal-to-noise ratios, in dB.
const SNR_DB: std::ops::Range<f32> = 3.0..25.0;
/// Share of copies in a room, and with only a part of the spectrum.
const ROOM_PROBABILITY: f32 = 0.3;
const BAND_PROBABILITY: f32 = 0.25;

/// The clip in noise, in a room or through a narrow channel, as drawn for this `copy` of it.
pub fn disturbed(clip: &Sound, path: &str, copy: usize) -> Sound {
    let digest = Sha256::digest(format!("disturbance {copy} {path}"));
    let rng = &mut ChaCha8Rng::from_seed(digest.into());
    let mut sound = clip.clone();
    if rng.random::<f32>() < ROOM_PROBABILITY {
        let (rt60_s, level_db) = (rng.random_range(0.2..0.8), rng.random_range(-8.0..0.0));
        sound.samples = reverberated(&sound, rt60_s, level_db, rng);
    }
    let (n, rate_hz) = (sound.samples.len(), sound.rate_hz as f32);
    let noise = match rng.random_range(0..5) {
        0 | 1 => talkers(n, rate_hz, rng),
        2 => tones(n, rate_hz, rng),
        3 => gusts(n, rate_hz, rng),
        _ => clatter(n, rate_hz, rng),
    };
    sound.samples = add_noise(&sound, &noise, rng.random_range(SNR_DB));
    if rng.random::<f32>() < BAND_PROBABILITY {
        let low = Biquad::high_pass(rng.random_range(100.0..450.0), rate_hz);
        let high = Biquad::low_pass(rng.random_range(2_500.0..6_000.0), rate_hz);
        for _ in 0..2 {
            sound.samples = high.filter(&low.filter(&sound.samples));
        }
    }
    sound
}

fn white(n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..n).map(|_| rng.sample(StandardNormal)).collect()
}

fn unit(samples: &[f32]) -> Vec<f32> {
    scaled(samples, 1.0 / power(samples).sqrt().max(1e-10))
}

/// A frequency between two, all octaves equally often.
fn frequency(low_hz: f32, high_hz: f32, rng: &mut ChaCha8Rng) -> f32 {
    low_hz * (high_hz / low_hz).powf(rng.random())
}

/// One to six talkers without words: syllables of voiced pulses and of hiss through moving resonances.
fn talkers(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = vec![0.0; n];
    for _ in 0..rng.random_range(1..=6) {
        let pitch_hz = frequency(80.0, 320.0, rng);
        let mut samples = vec![0.0; n];
        let mut at = rng.random_range(0..(0.3 * rate_hz) as usize + 1);
        while at < n {
            let length = (rng.random_range(0.08..0.3) * rate_hz) as usize + 1;
            let syllable = syllable(length, pitch_hz, rate_hz, rng);
            for (sample, sound) in samples[at..].iter_mut().zip(syllable) {
                *sample += sound;
            }
            // Now and then a pause.
            let pause_s = if rng.random::<f32>() < 0.2 {
                rng.random_range(0.1..0.6)
            } else {
                rng.random_range(-0.02..0.06)
            };
            at += ((length as f32 + pause_s * rate_hz) as usize).max(1);
        }
        let loudness = decibels(rng.random_range(-8.0..0.0));
        for (sum, sample) in sum.iter_mut().zip(unit(&samples)) {
            *sum += loudness * sample;
        }
    }
    sum
}

fn syllable(n: usize, pitch_hz: f32, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let hiss = rng.random::<f32>() < 0.2;
    let source = if hiss {
        Biquad::high_pass(frequency(1_000.0, 4_000.0, rng), rate_hz).filter(&white(n, rng))
    } else {
        let (from, to) = (rng.random_range(0.8..1.25), rng.random_range(0.8..1.25));
        let mut phase = 0.0;
        let pulses: Vec<f32> = (0..n)
            .map(|i| {
                phase += pitch_hz * (from + (to - from) * i as f32 / n as f32) / rate_hz;
                // A sharp fall once a period, as the glottis closes.
                let share: f32 = phase % 1.0;
                share * share - 1.0 / 3.0
            })
            .collect();
        let resonance = |hz: f32, samples: &[f32]| {
            let band = Biquad::low_pass(hz * 1.15, rate_hz).filter(samples);
            unit(&Biquad::high_pass(hz * 0.85, rate_hz).filter(&band))
        };
        let first = resonance(frequency(250.0, 900.0, rng), &pulses);
        let second = resonance(frequency(900.0, 2_600.0, rng), &pulses);
        let third = resonance(frequency(2_300.0, 3_800.0, rng), &pulses);
        let (b, c) = (
            decibels(rng.random_range(-14.0..-2.0)),
            decibels(rng.random_range(-24.0..-8.0)),
        );
        let formants = first.iter().zip(second).zip(third);
        formants
            .map(|((first, second), third)| first + b * second + c * third)
            .collect()
    };
    let loudness = decibels(rng.random_range(-12.0..0.0) - if hiss { 10.0 } else { 0.0 });
    unit(&source)
        .iter()
        .enumerate()
        .map(|(i, sample)| loudness * sample * (PI * i as f32 / n as f32).sin())
        .collect()
}

/// One to three steady or pulsing sounds of some partials each: machines, signals, music held.
fn tones(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = vec![0.0; n];
    for _ in 0..rng.random_range(1..=3) {
        let fundamental_hz = frequency(60.0, 1_500.0, rng);
        let decay = rng.random_range(0.3..2.0);
        let depth = rng.random_range(0.0..1.0);
        let (pulse_hz, pulse_phase) = (frequency(0.5, 12.0, rng), rng.random_range(0.0..TAU));
        for partial in 1..=rng.random_range(1..=12) {
            let hz = fundamental_hz * partial as f32;
            if hz > 0.45 * rate_hz {
                break;
            }
            let amplitude = rng.random_range(0.3..1.0) * (partial as f32).powf(-decay);
            let phase = rng.random_range(0.0..TAU);
            for (i, sum) in sum.iter_mut().enumerate() {
                let at_s = i as f32 / rate_hz;
                let pulse = 1.0 + depth * (TAU * (pulse_hz * at_s).fract() + pulse_phase).sin();
                *sum += amplitude * pulse * (TAU * (hz * at_s).fract() + phase).sin();
            }
        }
    }
    sum
}

/// Coloured noise in up to three bands, each of which swells and fades by itself.
fn gusts(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = vec![0.0; n];
    for _ in 0..rng.random_range(1..=3) {
        let edge_hz = frequency(100.0, 6_000.0, rng);
        let filter = if rng.random::<bool>() {
            Biquad::low_pass(edge_hz, rate_hz)
        } else {
            Biquad::high_pass(edge_hz, rate_hz)
        };
        let mut samples = unit(&filter.filter(&white(n, rng)));
        let swing_db = rng.random_range(0.0..15.0);
        let swell = Swell::new(frequency(0.3, 4.0, rng), rng);
        for (i, sample) in samples.iter_mut().enumerate() {
            *sample *= decibels(swing_db * swell.at(i as f32 / rate_hz));
        }
        let loudness = decibels(rng.random_range(-10.0..0.0));
        for (sum, sample) in sum.iter_mut().zip(unit(&samples)) {
            *sum += loudness * sample;
        }
    }
    sum
}

/// A slow curve within ±1: three sines of random phase.
struct Swell([(f32, f32); 3]);

impl Swell {
    fn new(hz: f32, rng: &mut ChaCha8Rng) -> Self {
        Self([0.37, 0.71, 1.0].map(|ratio| (ratio * hz, rng.random_range(0.0..TAU))))
    }

    fn at(&self, at_s: f32) -> f32 {
        let sines = self
            .0
            .iter()
            .map(|(hz, phase)| (TAU * hz * at_s + phase).sin());
        sines.sum::<f32>() / 3.0
    }
}

/// Things that fall, click and ring, two to fifteen a second, over a faint hiss.
fn clatter(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = scaled(&white(n, rng), 0.01);
    let per_second = rng.random_range(2.0..15.0);
    for _ in 0..(n as f32 / rate_hz * per_second).ceil() as usize {
        let start = rng.random_range(0..n.max(1));
        let hz = frequency(200.0, 6_000.0, rng);
        let decay_s = frequency(0.005, 0.15, rng);
        let loudness = decibels(rng.random_range(-20.0..0.0));
        let noisiness: f32 = rng.random();
        let length = (6.0 * decay_s * rate_hz) as usize;
        for (i, sum) in sum[start..].iter_mut().take(length).enumerate() {
            let at_s = i as f32 / rate_hz;
            let noise: f32 = rng.sample(StandardNormal);
            let ring = (TAU * (hz * at_s).fract()).sin();
            *sum +=
                loudness * (-at_s / decay_s).exp() * (noisiness * noise + (1.0 - noisiness) * ring);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 16_000;

    fn voice() -> Sound {
        let samples = (0..RATE_HZ)
            .map(|i| 0.1 * (TAU * (440.0 * i as f32 / RATE_HZ as f32).fract()).sin())
            .collect();
        Sound {
            samples,
            rate_hz: RATE_HZ,
        }
    }

    #[test]
    fn a_copy_comes_out_the_same_every_time_and_unlike_any_other() {
        let voice = voice();
        let copies: Vec<Sound> = (0..12)
            .map(|copy| disturbed(&voice, "a.wav", copy))
            .collect();
        for (copy, sound) in copies.iter().enumerate() {
            assert_eq!(&disturbed(&voice, "a.wav", copy), sound);
            assert_ne!(&disturbed(&voice, "b.wav", copy), sound);
            assert_eq!(sound.samples.len(), voice.samples.len());
            assert!(sound.samples.iter().all(|sample| sample.is_finite()));
            assert!(!copies[..copy].contains(sound));
        }
    }

    #[test]
    fn the_voice_stays_louder_than_what_disturbs_it() {
        let voice = voice();
        for copy in 0..40 {
            let sound = disturbed(&voice, "a.wav", copy);
            // How much of the sound is the tone of the voice, in whatever phase.
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (i, sample) in sound.samples.iter().enumerate() {
                let angle = TAU * (440.0 * i as f32 / RATE_HZ as f32).fract();
                sine += sample * angle.sin();
                cosine += sample * angle.cos();
            }
            let n = sound.samples.len() as f32;
            let share = 2.0 * (sine * sine + cosine * cosine) / (n * n) / power(&sound.samples);
            assert!(share > 0.3, "copy {copy}: {share}");
        }
    }

    #[test]
    fn every_noise_lasts_from_beginning_to_end_and_is_no_other() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let (n, rate_hz) = (3 * RATE_HZ as usize, RATE_HZ as f32);
        for noise in [talkers, tones, gusts, clatter] {
            let sound = noise(n, rate_hz, rng);
            assert_eq!(sound.len(), n);
            for second in sound.chunks(RATE_HZ as usize) {
                let share = power(second) / power(&sound);
                assert!((0.01..2.9).contains(&share), "{share}");
            }
        }
    }
}
