//! What the front end makes of one recording, stage by stage, for other programs to draw and compute with.

use std::{fmt::Write, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use speech_emotion::{
    audio::SAMPLE_RATE_HZ,
    features::{self, FrontEnd, FrontEndConfig, HOP_SAMPLES, N_FEATURES, N_MFCC, dct_matrix},
};

use super::tensor_file::TensorFile;
use crate::recording::audio::Recording;

/// The stages of one recording; each is a tensor of the [file](Stages::write).
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// `[N]`: mono at 16 kHz, full scale ±1.
    pub samples: Vec<f32>,
    /// `[T, F]`: every frame of the recording.
    pub features: Vec<f32>,
    /// `[T, F]`: what the network is given; none of a recording that is silent throughout.
    pub segment: Option<Vec<f32>>,
    /// Samples of the recording that are NaN or infinite; they count as 0.
    pub nonfinite_samples: u64,
}

/// Name, what follows the length in its shape, and meaning of each tensor.
const TENSORS: [(&str, &[usize], &str); 4] = [
    (
        "samples",
        &[],
        "the recording at 16,000 Hz, mono, full scale is 1",
    ),
    (
        "mel",
        &[N_MFCC],
        "64 mel bands from 50 to 8,000 Hz, ln of mean power",
    ),
    (
        "features",
        &[N_FEATURES],
        "64 MFCC in nats, then ln of mean power, log2(f0 / 100 Hz) and voicing (0 to 1)",
    ),
    (
        "segment",
        &[N_FEATURES],
        "features as the network is given them: silence around the speech trimmed, level subtracted",
    ),
];

/// The JSON beside the tensors.
#[derive(Serialize)]
struct About<'a> {
    sample_rate_hz: u32,
    /// Frame t is centred on sample t times this.
    hop_samples: usize,
    front_end: FrontEndConfig,
    tensors: Vec<Tensor<'a>>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    shape: Vec<usize>,
    meaning: &'a str,
}

impl Stages {
    /// Those of an audio file.
    ///
    /// # Errors
    /// Those of [`Recording::decode`], and when the front end does not take its sample rate.
    pub fn of(path: &Path) -> Result<Self> {
        let recording = Recording::open(path)?;
        let rate_hz = recording.sample_rate_hz();
        let mut front_end =
            FrontEnd::new(rate_hz).with_context(|| format!("cannot use {}", path.display()))?;
        let (mut samples, mut features) = (Vec::new(), Vec::new());
        let mut recorded = 0_u64;
        let mut keep = |frame: &features::Frame| {
            samples.extend_from_slice(&frame.samples);
            features.extend_from_slice(&frame.features);
        };
        let decoded = recording.decode(|channels| {
            recorded += channels.first().map_or(0, |channel| channel.len()) as u64;
            front_end.push(channels, &mut keep);
            Ok(())
        })?;
        front_end.finish(&mut keep);
        // The last frame is filled up with zeros.
        let length = (recorded * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(rate_hz));
        samples.truncate(length as usize);
        Ok(Self {
            segment: features::segment(&features),
            samples,
            features,
            nonfinite_samples: decoded.nonfinite_samples,
        })
    }

    /// `[T, M]`: log-mel energies, which the MFCC are a rotation of.
    pub fn mel(&self) -> Vec<f32> {
        let matrix = dct_matrix();
        let frames = self.features.chunks_exact(N_FEATURES);
        let bands = frames.flat_map(|frame| {
            let band = |m: usize| (0..N_MFCC).map(|k| frame[k] * matrix[k * N_MFCC + m]).sum();
            (0..N_MFCC).map(band).collect::<Vec<f32>>()
        });
        bands.collect()
    }

    /// Writes them as a safetensors file of 32-bit numbers, whole or not at all, with their shapes and meanings
    /// as JSON in its metadata, and returns these as lines of text.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, path: &Path) -> Result<String> {
        let mel = self.mel();
        let values = [
            Some(&self.samples),
            Some(&mel),
            Some(&self.features),
            self.segment.as_ref(),
        ];
        let mut file = TensorFile::default();
        let mut tensors = Vec::new();
        let mut told = String::new();
        for ((name, row, meaning), values) in TENSORS.into_iter().zip(values) {
            let Some(values) = values else {
                continue;
            };
            let length = values.len() / row.iter().product::<usize>();
            let shape = [&[length], row].concat();
            file.insert(name.to_owned(), &shape, values);
            let _ = writeln!(told, "{:<9} {:<12} {meaning}", name, format!("{shape:?}"));
            tensors.push(Tensor {
                name,
                shape,
                meaning,
            });
        }
        file.json = serde_json::to_string(&About {
            sample_rate_hz: SAMPLE_RATE_HZ,
            hop_samples: HOP_SAMPLES,
            front_end: FrontEndConfig::default(),
            tensors,
        })?;
        file.write(path)?;
        Ok(told)
    }
}
