//! The whole front end as one streaming object: PCM of any rate and shape in, frames out.

use crate::audio::{AudioError, Resampler, mix};

use super::framer::{CONTEXT_SAMPLES, Framer};
use super::{
    ENERGY, FRAME_SAMPLES, HOP_SAMPLES, Mfcc, N_FEATURES, N_MFCC, PITCH, PitchTracker, VOICING,
    log_energy,
};

/// Frequency at which the pitch feature is 0.
pub const PITCH_REFERENCE_HZ: f32 = 100.0;

const MIX_SAMPLES: usize = 256;

/// Everything computed for one hop of audio.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `[F]`: 64 MFCC, then log energy, pitch and voicing at their index constants.
    pub features: [f32; N_FEATURES],
    /// The 16 kHz samples `256 n .. 256 n + 256` of frame `n`, zeros after the end.
    pub samples: [f32; HOP_SAMPLES],
}

/// Turns a stream of PCM into [`Frame`]s, one every 16 ms.
///
/// The result does not depend on how the stream is cut into chunks, to the last bit, and nothing is
/// allocated after construction. A frame appears 32 ms after its centre has been pushed, plus the
/// resampler's delay (at most 8 ms for a block and half the length of its filter) if the rate is
/// not 16 kHz.
pub struct FrontEnd {
    resampler: Resampler,
    framer: Framer,
    analysis: Analysis,
    mono: [f32; MIX_SAMPLES],
    nonfinite_samples: u64,
}

impl FrontEnd {
    /// A front end for audio at `sample_rate_hz`.
    ///
    /// # Errors
    /// When the rate is not in 8,000 to 192,000 Hz.
    pub fn new(sample_rate_hz: u32) -> Result<Self, AudioError> {
        Ok(Self {
            resampler: Resampler::new(sample_rate_hz)?,
            framer: Framer::new(),
            analysis: Analysis::new(),
            mono: [0.0; MIX_SAMPLES],
            nonfinite_samples: 0,
        })
    }

    /// Takes in a chunk of planar audio, full scale ±1, and hands every frame that it completes to
    /// `sink`.
    ///
    /// Channels are mixed by averaging; if their lengths differ, only the part common to all
    /// counts. Samples that are not finite count as 0; those beyond ±1,000 are limited.
    pub fn push(&mut self, channels: &[&[f32]], mut sink: impl FnMut(&Frame)) {
        let samples = channels
            .iter()
            .map(|channel| channel.len())
            .min()
            .unwrap_or(0);
        for start in (0..samples).step_by(MIX_SAMPLES) {
            let mono = &mut self.mono[..MIX_SAMPLES.min(samples - start)];
            self.nonfinite_samples += mix(channels, start, mono);
            self.resampler.push(mono, |samples| {
                self.framer
                    .push(samples, |context| sink(self.analysis.frame(context)));
            });
        }
    }

    /// Ends the stream: hands out the frames still waiting for audio, as if silence followed, and
    /// is then ready for a new stream. [`nonfinite_samples`](Self::nonfinite_samples) keeps
    /// counting.
    ///
    /// By then N samples at 16 kHz (at other rates `ceil(n · 16000 / rate)`) have given
    /// `1 + floor(N / 256)` frames; without samples there are no frames.
    pub fn finish(&mut self, mut sink: impl FnMut(&Frame)) {
        self.resampler.finish(|samples| {
            self.framer
                .push(samples, |context| sink(self.analysis.frame(context)));
        });
        self.framer
            .finish(|context| sink(self.analysis.frame(context)));
    }

    /// Forgets everything; the same as a new front end.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.framer.reset();
        self.nonfinite_samples = 0;
    }

    /// How many samples, over all channels, have not been finite since construction or the last
    /// reset.
    pub fn nonfinite_samples(&self) -> u64 {
        self.nonfinite_samples
    }
}

/// The per-frame computation; it holds tables and working space but no state.
struct Analysis {
    mfcc: Mfcc,
    pitch: PitchTracker,
    frame: Frame,
}

impl Analysis {
    fn new() -> Self {
        Self {
            mfcc: Mfcc::new(),
            pitch: PitchTracker::new(),
            frame: Frame {
                features: [0.0; N_FEATURES],
                samples: [0.0; HOP_SAMPLES],
            },
        }
    }

    fn frame(&mut self, context: &[f32; CONTEXT_SAMPLES]) -> &Frame {
        const CENTRE: usize = CONTEXT_SAMPLES / 2;
        let mut samples = [0.0; FRAME_SAMPLES];
        samples.copy_from_slice(&context[CENTRE - FRAME_SAMPLES / 2..CENTRE + FRAME_SAMPLES / 2]);

        let features = &mut self.frame.features;
        features[..N_MFCC].copy_from_slice(&self.mfcc.mfcc(&samples));
        features[ENERGY] = log_energy(self.mfcc.last_power());
        (features[PITCH], features[VOICING]) = match self.pitch.pitch(context) {
            Some(pitch) => ((pitch.f0_hz / PITCH_REFERENCE_HZ).log2(), pitch.voicing),
            None => (0.0, 0.0),
        };
        self.frame
            .samples
            .copy_from_slice(&context[CENTRE..CENTRE + HOP_SAMPLES]);
        &self.frame
    }
}
