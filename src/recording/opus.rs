//! Opus for symphonia, which reads its containers and has no decoder of its own.

use opus_decoder::OpusMultistreamDecoder;
// By the name that the macro below uses.
use symphonia::core as symphonia_core;
use symphonia::core::{
    audio::{
        AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
        layouts,
    },
    codecs::{
        CodecInfo,
        audio::{
            AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult,
            well_known::CODEC_ID_OPUS,
        },
        registry::{RegisterableAudioDecoder, SupportedAudioCodec},
    },
    errors::{Error, Result},
    packet::PacketRef,
    support_audio_codec,
};

/// Opus always decodes at this rate.
const RATE_HZ: u32 = 48_000;

/// Longest packet, 120 ms.
const PACKET_FRAMES: usize = 5_760;

/// A decoder of one stream of packets.
pub struct OpusDecoder {
    parameters: AudioCodecParameters,
    decoder: OpusMultistreamDecoder,
    channels: usize,
    /// Samples at the beginning that the encoder put there.
    skip: usize,
    interleaved: Vec<f32>,
    buffer: AudioBuffer<f32>,
}

impl OpusDecoder {
    fn new(parameters: &AudioCodecParameters) -> Result<Self> {
        let head = Head::read(parameters.extra_data.as_deref().unwrap_or_default())
            .ok_or(Error::Unsupported("opus: identification header"))?;
        let channels = head.mapping.len();
        let layout = match channels {
            1 => layouts::CHANNEL_LAYOUT_MONO,
            2 => layouts::CHANNEL_LAYOUT_STEREO,
            count => Channels::Discrete(count as u16),
        };
        let decoder = OpusMultistreamDecoder::new(
            RATE_HZ,
            channels,
            head.streams,
            head.coupled,
            &head.mapping,
        )
        .map_err(|_| Error::Unsupported("opus: channel mapping"))?;
        Ok(Self {
            parameters: parameters.clone(),
            decoder,
            channels,
            skip: head.skip,
            interleaved: vec![0.0; PACKET_FRAMES * channels],
            buffer: AudioBuffer::new(AudioSpec::new(RATE_HZ, layout), PACKET_FRAMES),
        })
    }
}

impl AudioDecoder for OpusDecoder {
    fn codec_info(&self) -> &CodecInfo {
        &Self::supported_codecs()[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn reset(&mut self) {
        self.decoder.reset();
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.buffer.clear();
        let frames = self
            .decoder
            .decode_float(packet.data, &mut self.interleaved, false)
            .map_err(|_| Error::DecodeError("opus: packet"))?;
        self.buffer.render_uninit(Some(frames));
        let samples = &self.interleaved[..frames * self.channels];
        self.buffer.copy_from_slice_interleaved(&samples);
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let trimmed = skipped.max(packet.trim_start.get() as usize);
        self.buffer.trim(trimmed, packet.trim_end.get() as usize);
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

impl RegisterableAudioDecoder for OpusDecoder {
    fn try_registry_new(
        parameters: &AudioCodecParameters,
        _options: &AudioDecoderOptions,
    ) -> Result<Box<dyn AudioDecoder>> {
        Ok(Box::new(Self::new(parameters)?))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        &[support_audio_codec!(CODEC_ID_OPUS, "opus", "Opus")]
    }
}

/// The identification header, RFC 7845 section 5.1.
#[derive(Debug, PartialEq)]
struct Head {
    skip: usize,
    streams: usize,
    coupled: usize,
    /// Of each channel, among the streams' channels.
    mapping: Vec<u8>,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"OpusHead")?;
        let channels = *bytes.get(1)?;
        let skip = bytes.get(2..4)?;
        let family = *bytes.get(10)?;
        // MP4 keeps the same numbers with the first byte first; its version is another.
        let skip = match bytes.first()? {
            0 => u16::from_be_bytes([skip[0], skip[1]]),
            _ => u16::from_le_bytes([skip[0], skip[1]]),
        };
        let (streams, coupled, mapping) = match (family, channels) {
            (0, 1) => (1, 0, vec![0]),
            (0, 2) => (1, 1, vec![0, 1]),
            (0, _) | (_, 0) => return None,
            _ => {
                let mapping = bytes.get(13..13 + usize::from(channels))?;
                (*bytes.get(11)?, *bytes.get(12)?, mapping.to_vec())
            }
        };
        Some(Self {
            skip: usize::from(skip),
            streams: usize::from(streams),
            coupled: usize::from(coupled),
            mapping,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identification_header_tells_streams_and_channels() {
        let mut head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
        let read = Head::read(&head).unwrap();
        assert_eq!((read.skip, read.streams, read.coupled), (312, 1, 1));
        assert_eq!(read.mapping, [0, 1]);
        head[9] = 3;
        head[18] = 1;
        head.extend([2, 1, 0, 2, 1]);
        let read = Head::read(&head).unwrap();
        assert_eq!((read.streams, read.coupled), (2, 1));
        assert_eq!(read.mapping, [0, 2, 1]);
        assert_eq!(Head::read(b"OpusTags"), None);
        assert_eq!(Head::read(&head[..20]), None);
    }
}
