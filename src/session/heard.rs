//! The newest segment that was judged, kept for those who want to see how.

use crate::{features::HOP_SAMPLES, model::Posterior};

/// Parts of a hop, each with its least and its greatest sample.
pub const PARTS: usize = 4;

/// `[PARTS, 2]`: least and greatest sample of each part of a hop.
pub(super) type Envelope = [f32; 2 * PARTS];

/// The newest segment that was judged in a review. Nothing is allocated when it is replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Where its first frame begins, in seconds since the session began.
    pub start_s: f64,
    /// Where its last frame ends.
    pub end_s: f64,
    /// `[T, F]`: what the network was given.
    pub segment: Vec<f32>,
    /// `[T, PARTS, 2]`: least and greatest sample of each part of a frame's hop, full scale ±1.
    pub envelope: Vec<f32>,
    /// Segments of the utterance that were judged, once it has ended; 0 before.
    pub segments: u32,
    /// What the utterance as a whole expresses, once it has ended.
    pub answer: Option<Posterior>,
}

impl Heard {
    pub(super) fn new(max_segment_frames: usize, n_features: usize) -> Self {
        Self {
            start_s: 0.0,
            end_s: 0.0,
            segment: Vec::with_capacity(max_segment_frames * n_features),
            envelope: Vec::with_capacity(max_segment_frames * 2 * PARTS),
            segments: 0,
            answer: None,
        }
    }

    pub(super) fn replace(
        &mut self,
        [start_s, end_s]: [f64; 2],
        segment: &[f32],
        envelopes: &[Envelope],
    ) {
        (self.start_s, self.end_s) = (start_s, end_s);
        self.segment.clear();
        self.segment.extend_from_slice(segment);
        self.envelope.clear();
        self.envelope.extend_from_slice(envelopes.as_flattened());
        (self.segments, self.answer) = (0, None);
    }
}

/// Least and greatest sample of each part of a hop.
pub(super) fn envelope(samples: &[f32; HOP_SAMPLES]) -> Envelope {
    let mut envelope = [0.0; 2 * PARTS];
    for (range, part) in envelope
        .chunks_exact_mut(2)
        .zip(samples.chunks_exact(HOP_SAMPLES / PARTS))
    {
        let (mut least, mut greatest) = (f32::INFINITY, f32::NEG_INFINITY);
        for &sample in part {
            least = if sample < least { sample } else { least };
            greatest = if sample > greatest { sample } else { greatest };
        }
        range.copy_from_slice(&[least, greatest]);
    }
    envelope
}
