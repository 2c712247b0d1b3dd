//! How an answer came about, step by step: what a person who wants to look inside is shown.
//!
//! All of it is what the engine computed: the segment is the one that the network was given, states and
//! probabilities are of the network that judged it.

use serde::{Serialize, Serializer};

use crate::{
    features::{N_FEATURES, N_MFCC, PITCH, PITCH_REFERENCE_HZ, VOICING, dct_matrix},
    model::{Posterior, Trace},
    session::Heard,
};

/// The newest segment that was judged, from its sound to its probabilities. T frames, one every 16 ms; T' steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Where it begins, in seconds since the session began.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// `[4 T, 2]`: least and greatest sample of every 4 ms, full scale ±1.
    pub envelope: Floats,
    /// `[T, 64]`: log-mel energies less the level, in nats.
    pub log_mel: Floats,
    /// `[T, 64]`: their cosine transform.
    pub mfcc: Floats,
    /// `[T]`: pitch in Hz; 0 where there is none.
    pub pitch_hz: Floats,
    /// `[T', H]`: states of the LSTMs' hidden units, -1..=1.
    pub states: Floats,
    /// H.
    pub units: u32,
    /// `[T']`: how much each step counts; sums to 1.
    pub attention: Floats,
    /// The network's answer for this segment, before calibration.
    pub posterior: Posterior,
    /// Segments of the utterance that were judged, once it has ended; 0 before.
    pub segments: u32,
    /// What the utterance as a whole expresses; none while it goes on.
    pub answer: Option<Posterior>,
}

/// Numbers that are sent as the bytes of little-endian single precision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floats(pub Vec<f32>);

impl Floats {
    /// None of bytes that are no whole number of numbers.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks();
        let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        rest.is_empty().then(|| Self(numbers.collect()))
    }
}

impl Serialize for Floats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl Explanation {
    /// Puts together what was heard and what the network made of it.
    pub fn new(heard: Heard, trace: Trace) -> Self {
        let matrix = dct_matrix();
        let frames = heard.segment.len() / N_FEATURES;
        let mut log_mel = vec![0.0; frames * N_MFCC];
        let mut mfcc = Vec::with_capacity(frames * N_MFCC);
        let mut pitch_hz = Vec::with_capacity(frames);
        for (frame, bands) in heard
            .segment
            .chunks_exact(N_FEATURES)
            .zip(log_mel.chunks_exact_mut(N_MFCC))
        {
            let coefficients = &frame[..N_MFCC];
            mfcc.extend_from_slice(coefficients);
            for (coefficient, row) in coefficients.iter().zip(matrix.chunks_exact(N_MFCC)) {
                for (band, weight) in bands.iter_mut().zip(row) {
                    *band += coefficient * weight;
                }
            }
            pitch_hz.push(if frame[VOICING] > 0.0 {
                PITCH_REFERENCE_HZ * frame[PITCH].exp2()
            } else {
                0.0
            });
        }
        Self {
            start_s: heard.start_s,
            end_s: heard.end_s,
            envelope: Floats(heard.envelope),
            log_mel: Floats(log_mel),
            mfcc: Floats(mfcc),
            pitch_hz: Floats(pitch_hz),
            states: Floats(trace.states),
            units: trace.units as u32,
            attention: Floats(trace.attention),
            posterior: trace.posterior,
            segments: heard.segments,
            answer: heard.answer,
        }
    }
}
