//! The sample rate that a file's own header tells.
//!
//! The browser resamples a file while decoding it, with another filter than ours. Decoding at the file's
//! own rate leaves the resampling to the front end, so that the page answers as the trainer's program
//! does. Browsers do not tell that rate, so it is read here for the lossless formats; for the others the
//! coding itself changes the sound more than a filter does.

/// Bytes from the beginning of a file that are needed.
pub const HEADER_BYTES: i32 = 4096;

/// The sample rate in Hz of a WAV or FLAC file, from its first bytes; none for any other format.
pub fn sample_rate_hz(header: &[u8]) -> Option<u32> {
    match header.get(..4)? {
        b"RIFF" if header.get(8..12)? == b"WAVE" => wav(header.get(12..)?),
        b"fLaC" => {
            // The first block is STREAMINFO; the rate is 20 bits wide.
            let bytes: [u8; 3] = header.get(18..21)?.try_into().ok()?;
            Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 4)
        }
        _ => None,
    }
}

fn wav(mut chunks: &[u8]) -> Option<u32> {
    loop {
        let size = u32::from_le_bytes(chunks.get(4..8)?.try_into().ok()?) as usize;
        if chunks.get(..4)? == b"fmt " {
            return Some(u32::from_le_bytes(chunks.get(12..16)?.try_into().ok()?));
        }
        // Chunks begin on even bytes.
        chunks = chunks.get(8usize.checked_add(size.checked_next_multiple_of(2)?)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut chunk = name.to_vec();
        chunk.extend((body.len() as u32).to_le_bytes());
        chunk.extend(body);
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    }

    fn format(rate_hz: u32) -> Vec<u8> {
        let mut body = vec![1, 0, 1, 0];
        body.extend(rate_hz.to_le_bytes());
        body.extend([0; 8]);
        chunk(b"fmt ", &body)
    }

    #[test]
    fn a_wav_tells_its_rate_wherever_the_format_chunk_stands() {
        let plain = [b"RIFF\0\0\0\0WAVE".as_slice(), &format(8_000)].concat();
        assert_eq!(sample_rate_hz(&plain), Some(8_000));
        let odd = chunk(b"LIST", b"odd");
        let later = [b"RIFF\0\0\0\0WAVE".as_slice(), &odd, &format(44_100)].concat();
        assert_eq!(sample_rate_hz(&later), Some(44_100));
    }

    #[test]
    fn a_flac_tells_its_rate() {
        let mut flac = b"fLaC".to_vec();
        flac.resize(18, 0);
        // 48,000 Hz, two channels, 16 bits.
        flac.extend([0x0b, 0xb8, 0x02, 0xf0]);
        assert_eq!(sample_rate_hz(&flac), Some(48_000));
    }

    #[test]
    fn other_and_broken_files_tell_none() {
        for bytes in [
            b"".as_slice(),
            b"ID3\x04",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\xff",
            b"RIFF\0\0\0\0AVI fmt \0\0\0\0",
            b"fLaC\0\0",
        ] {
            assert_eq!(sample_rate_hz(bytes), None, "{bytes:?}");
        }
    }
}
