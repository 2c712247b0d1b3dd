//! The session's sound, to be played again: 16-bit samples at 16 kHz, outside the page's WebAssembly memory. The
//! engine hands them over while it listens; each minute becomes a blob, which browsers may keep off memory.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, HtmlAudioElement, Url};

use super::Act;
use crate::{
    audio::SAMPLE_RATE_HZ,
    web::{
        object::{Callback, object},
        page::signal::{Mailbox, Signal},
    },
};

/// Bytes of a second.
const BYTES_PER_S: f64 = 2.0 * SAMPLE_RATE_HZ as f64;

/// Bytes that become a blob.
const BLOB_BYTES: u32 = 60 * 2 * SAMPLE_RATE_HZ;

/// Sound of one speaker of a recording.
pub struct Sound {
    /// Which recording.
    pub key: u32,
    /// Which of its lanes.
    pub lane: usize,
    /// Blobs of a minute each, then byte arrays.
    parts: Array,
    /// Of the byte arrays.
    loose_bytes: u32,
    /// Of all.
    pub bytes: f64,
}

impl Sound {
    /// Nothing yet.
    pub fn new(key: u32, lane: usize) -> Self {
        Self {
            key,
            lane,
            parts: Array::new(),
            loose_bytes: 0,
            bytes: 0.0,
        }
    }

    /// Of parts that were kept on this device; none of nothing.
    ///
    /// # Errors
    /// When the browser has no room for it.
    pub fn restored(key: u32, lane: usize, parts: &Array) -> Result<Option<Self>, JsValue> {
        let blob = Blob::new_with_blob_sequence(parts)?;
        let bytes = blob.size();
        Ok((bytes > 0.0).then(|| Self {
            parts: Array::of1(&blob),
            bytes,
            ..Self::new(key, lane)
        }))
    }

    /// Adds what comes next.
    pub fn push(&mut self, pcm: &[u8]) -> Result<(), JsValue> {
        self.parts.push(&Uint8Array::new_from_slice(pcm));
        self.bytes += pcm.len() as f64;
        self.loose_bytes += pcm.len() as u32;
        if self.loose_bytes >= BLOB_BYTES {
            self.gather()?;
        }
        Ok(())
    }

    /// Makes a blob of what is loose.
    pub fn gather(&mut self) -> Result<(), JsValue> {
        if self.loose_bytes == 0 {
            return Ok(());
        }
        let is_loose = |part: &JsValue| part.is_instance_of::<Uint8Array>();
        let parts = self.parts.to_vec();
        let (loose, blobs): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_loose);
        let blob = Blob::new_with_blob_sequence(&loose.into_iter().collect::<Array>())?;
        self.parts = blobs.into_iter().collect();
        self.parts.push(&blob);
        self.loose_bytes = 0;
        Ok(())
    }

    /// The blobs, once all is gathered.
    pub fn blobs(&self) -> &Array {
        &self.parts
    }

    /// A WAV of these seconds, as far as they are kept.
    pub fn wav(&self, start_s: f64, end_s: f64) -> Result<Blob, JsValue> {
        let byte = |at_s: f64| ((at_s * BYTES_PER_S / 2.0).round() * 2.0).clamp(0.0, self.bytes);
        let (start, end) = (byte(start_s), byte(end_s));
        let whole = Blob::new_with_blob_sequence(&self.parts)?;
        let part = whole.slice_with_f64_and_f64(start, end)?;
        let header = Uint8Array::new_from_slice(&header((end - start).max(0.0) as u32));
        let parts = Array::of2(&header, &part);
        let kind = object(&[("type", "audio/wav".into())]);
        Blob::new_with_blob_sequence_and_options(&parts, kind.unchecked_ref())
    }
}

/// Of a WAV file with so many bytes of samples.
fn header(bytes: u32) -> Vec<u8> {
    let rate_hz = SAMPLE_RATE_HZ;
    let mut header = Vec::with_capacity(44);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&(36 + bytes).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16_u32.to_le_bytes());
    // PCM of one channel.
    header.extend_from_slice(&[1, 0, 1, 0]);
    header.extend_from_slice(&rate_hz.to_le_bytes());
    header.extend_from_slice(&(2 * rate_hz).to_le_bytes());
    // Bytes of a frame, bits of a sample.
    header.extend_from_slice(&[2, 0, 16, 0]);
    header.extend_from_slice(b"data");
    header.extend_from_slice(&bytes.to_le_bytes());
    header
}

/// Plays one stretch at a time.
pub struct Player {
    audio: HtmlAudioElement,
    url: Option<String>,
    /// Where in the recording it began.
    from_s: f64,
}

impl Player {
    /// Plays nothing yet; tells how it goes on.
    pub fn new(mailbox: &Mailbox) -> Result<Self, JsValue> {
        let audio = HtmlAudioElement::new()?;
        for name in ["timeupdate", "ended", "error"] {
            let mailbox = mailbox.clone();
            let goes_on = Callback::new(move |_| mailbox.send(Signal::Session(Act::Playing)));
            let goes_on = goes_on.into_js_value();
            audio.add_event_listener_with_callback(name, goes_on.unchecked_ref())?;
        }
        Ok(Self {
            audio,
            url: None,
            from_s: 0.0,
        })
    }

    /// Plays a WAV that begins at a moment of its recording.
    pub fn play(&mut self, wav: &Blob, from_s: f64) -> Result<(), JsValue> {
        self.stop();
        let url = Url::create_object_url_with_blob(wav)?;
        self.audio.set_attribute("src", &url)?;
        self.url = Some(url);
        self.from_s = from_s;
        // A browser that will not play says so by an event.
        let _ = self.audio.play()?;
        Ok(())
    }

    /// Ends it.
    pub fn stop(&mut self) {
        if let Some(url) = self.url.take() {
            let _ = self.audio.pause();
            let _ = self.audio.remove_attribute("src");
            let _ = Url::revoke_object_url(&url);
        }
    }

    /// Where in the recording it is; none when it does not play.
    pub fn at_s(&self) -> Option<f64> {
        let is_over = self.audio.ended() || self.audio.error().is_some();
        let plays = self.url.is_some() && !is_over;
        plays.then(|| self.from_s + self.audio.current_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_that_of_16_bit_mono_at_16_khz() {
        let header = header(32_000);
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        assert_eq!(header.len(), 44);
        assert_eq!((number(4), number(40)), (32_036, 32_000));
        assert_eq!((number(24), number(28)), (16_000, 32_000));
        assert_eq!(header[20..24], [1, 0, 1, 0]);
        assert_eq!(header[32..36], [2, 0, 16, 0]);
    }
}
