//! The front end's constants as data: written with every model and every set of features, so that
//! neither is ever used with another front end.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audio;

use super::{
    FRAME_SAMPLES, HOP_SAMPLES, N_FEATURES, N_MFCC, energy, framer, front_end, level, mfcc, pitch,
    trim,
};

/// Everything that determines the features. [`Default`] is this program's front end; any other
/// value comes from a file and means that the file belongs to another front end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FrontEndConfig {
    pub sample_rate_hz: u32,
    pub resampler: ResamplerConfig,
    pub frame_samples: usize,
    pub hop_samples: usize,
    /// Window of frames and pitch, and how frames are placed: `hann_periodic_centred`.
    pub window: String,
    pub n_features: usize,
    pub mel: MelConfig,
    pub n_mfcc: usize,
    pub energy: EnergyConfig,
    pub pitch: PitchConfig,
    pub trim: TrimConfig,
    pub level_quantile: f32,
    pub level_offset: f32,
}

/// See [`crate::audio::Resampler`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ResamplerConfig {
    pub window: String,
    pub sinc_taps: u32,
    pub cutoff: f32,
}

/// See [`super::Mfcc`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct MelConfig {
    pub scale: String,
    pub n_mels: usize,
    pub min_hz: f32,
    pub max_hz: f32,
    pub log_floor: f32,
}

/// See [`super::log_energy`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct EnergyConfig {
    pub min_hz: f32,
    pub max_hz: f32,
    pub floor: f32,
}

/// See [`super::PitchTracker`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PitchConfig {
    pub window_samples: usize,
    pub n_fft: usize,
    pub highpass_hz: f32,
    pub lowpass_hz: f32,
    pub min_lag: usize,
    pub max_lag: usize,
    pub octave_cost: f32,
    pub reference_hz: f32,
}

/// See [`super::trim`](fn@super::trim).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TrimConfig {
    pub silence_dbfs: f32,
    pub range_db: f32,
    pub above_noise_db: f32,
    pub loud_range_db: f32,
    pub loud_quantile: f32,
    pub noise_quantile: f32,
    pub majority_frames: usize,
    pub margin_frames: usize,
}

impl Default for FrontEndConfig {
    fn default() -> Self {
        Self {
            sample_rate_hz: audio::SAMPLE_RATE_HZ,
            resampler: ResamplerConfig {
                window: "blackman".into(),
                sinc_taps: audio::SINC_TAPS,
                cutoff: audio::CUTOFF,
            },
            frame_samples: FRAME_SAMPLES,
            hop_samples: HOP_SAMPLES,
            window: "hann_periodic_centred".into(),
            n_features: N_FEATURES,
            mel: MelConfig {
                scale: "htk".into(),
                n_mels: mfcc::N_MELS,
                min_hz: mfcc::MIN_HZ,
                max_hz: mfcc::MAX_HZ,
                log_floor: mfcc::LOG_FLOOR,
            },
            n_mfcc: N_MFCC,
            energy: EnergyConfig {
                min_hz: energy::ENERGY_MIN_HZ,
                max_hz: energy::ENERGY_MAX_HZ,
                floor: energy::ENERGY_FLOOR,
            },
            pitch: PitchConfig {
                window_samples: framer::CONTEXT_SAMPLES,
                n_fft: pitch::N_FFT,
                highpass_hz: pitch::HIGHPASS_HZ,
                lowpass_hz: pitch::LOWPASS_HZ,
                min_lag: pitch::MIN_LAG,
                max_lag: pitch::MAX_LAG,
                octave_cost: pitch::OCTAVE_COST,
                reference_hz: front_end::PITCH_REFERENCE_HZ,
            },
            trim: TrimConfig {
                silence_dbfs: trim::SILENCE_DBFS,
                range_db: trim::RANGE_DB,
                above_noise_db: trim::ABOVE_NOISE_DB,
                loud_range_db: trim::LOUD_RANGE_DB,
                loud_quantile: trim::LOUD_QUANTILE,
                noise_quantile: trim::NOISE_QUANTILE,
                majority_frames: trim::MAJORITY_FRAMES,
                margin_frames: trim::MARGIN_FRAMES,
            },
            level_quantile: level::LEVEL_QUANTILE,
            level_offset: level::LEVEL_OFFSET,
        }
    }
}

impl FrontEndConfig {
    /// Short name of this configuration: the first 16 hex digits of the SHA-256 of its JSON, with
    /// the fields in order of declaration and without white space.
    pub fn fingerprint(&self) -> String {
        let json = match serde_json::to_vec(self) {
            Ok(json) => json,
            Err(error) => unreachable!("numbers and strings have a JSON form: {error}"),
        };
        Sha256::digest(json)[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_configuration_and_its_fingerprint() {
        let config = FrontEndConfig::default();
        let json = serde_json::to_string_pretty(&config).unwrap();
        let read: FrontEndConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(read, config);
        assert_eq!(read.fingerprint(), config.fingerprint());
        assert_eq!(config.fingerprint().len(), 16);
    }

    #[test]
    fn any_other_constant_gives_another_fingerprint() {
        let config = FrontEndConfig::default();
        let mut other = config.clone();
        other.mel.log_floor = 1e-9;
        assert_ne!(other.fingerprint(), config.fingerprint());
        let mut other = config.clone();
        other.pitch.max_lag += 1;
        assert_ne!(other.fingerprint(), config.fingerprint());
    }
}
