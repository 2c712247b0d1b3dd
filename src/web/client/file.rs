//! An audio file as input, sent to the engine as fast as it listens: decoded block by block by the decoder's
//! worker, as the trainer's program does, or, where that has no decoder, as a whole by the browser.

use std::{
    cell::RefCell,
    ops::{Range, RangeInclusive},
    rc::Rc,
};

use js_sys::{Float32Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioBuffer, Blob, HtmlAudioElement, MessageEvent, MessagePort, OfflineAudioContext, Url,
    Worker,
};

use super::{
    chunk::{Chunk, post_end, returned},
    decoder::{Decoder, Ending, Refusal},
    header::{self, HEADER_BYTES},
};
use crate::{
    audio::{Lanes, Loudness, SAMPLE_RATE_HZ},
    web::{
        error::WebError,
        object::{Callback, later},
    },
};

/// Rates at which every browser can decode.
const DECODABLE_HZ: RangeInclusive<u32> = 8_000..=96_000;

/// How long a player may take for its next word about a file.
const PATIENCE_MS: i32 = 15_000;

/// Longest file that the browser decodes, in seconds. It decodes a file as a whole: an hour of stereo takes 1.4 GB while
/// it is decoded at 48 kHz.
const MAX_FILE_S: f64 = 3_600.0;

/// Samples per channel of a chunk.
const CHUNK_SAMPLES: u32 = 65_536;

/// Chunks under way at once: one being analysed, one waiting.
const BUFFERS: u32 = 2;

/// Anything quieter is digital silence (one step of 16 bits is 3e-5).
const SILENCE: f32 = 1e-5;

/// A decoded file.
pub struct Recording {
    /// Name of the file.
    pub name: String,
    /// Length in seconds.
    pub duration_s: f64,
    sound: Sound,
    senders: Vec<Rc<RefCell<Sender>>>,
}

enum Sound {
    /// In the decoder's worker.
    Streamed(Decoder),
    /// Decoded as a whole.
    Whole(AudioBuffer),
}

impl Recording {
    /// Opens a file of this name, decoded by the worker that `start` starts.
    ///
    /// # Errors
    /// When it is empty, cannot be read, is no audio, too long, or nothing but zeros.
    pub async fn decode(
        file: &Blob,
        name: String,
        start: impl AsyncFnOnce() -> Result<Worker, JsValue>,
    ) -> Result<Self, WebError> {
        if file.size() == 0.0 {
            // So has a file that was removed since it was chosen.
            return Err(match JsFuture::from(file.array_buffer()).await {
                Ok(_) => WebError::FileEmpty(name),
                Err(_) => WebError::FileGone(name),
            });
        }
        let refusal = match Decoder::open(file, start).await {
            Ok(decoder) if decoder.is_silent => return Err(WebError::FileSilent(name)),
            Ok(decoder) => {
                return Ok(Self {
                    name,
                    duration_s: decoder.duration_s,
                    sound: Sound::Streamed(decoder),
                    senders: Vec::new(),
                });
            }
            Err(refusal) => refusal,
        };
        Err(match refusal {
            Refusal::NoDecoder | Refusal::NotAudio => {
                return Self::decode_by_browser(file, name).await;
            }
            Refusal::Codec(codec) => {
                let unreadable = WebError::FileCodec {
                    name: name.clone(),
                    codec,
                };
                return match Self::decode_by_browser(file, name).await {
                    Err(WebError::FileNotAudio(_)) => Err(unreadable),
                    decoded => decoded,
                };
            }
            Refusal::Empty => WebError::FileEmpty(name),
            Refusal::NoIndex => WebError::FileCutOff(name),
            Refusal::Damaged => WebError::FileDamaged(name),
            Refusal::Gone => WebError::FileGone(name),
            Refusal::TooLong {
                duration_s,
                limit_s,
            } => WebError::FileTooLong {
                name,
                duration_s,
                limit_s,
            },
        })
    }

    async fn decode_by_browser(file: &Blob, name: String) -> Result<Self, WebError> {
        let not_audio = |_| WebError::FileNotAudio(name.clone());
        // A file that was moved or removed since it was chosen is no audio to a player either.
        let start = file
            .slice_with_i32_and_i32(0, HEADER_BYTES)
            .map_err(not_audio)?;
        let gone = |_| WebError::FileGone(name.clone());
        let header = JsFuture::from(start.array_buffer()).await.map_err(gone)?;
        let duration_s = metadata_duration_s(file)
            .await
            .map_err(|error| match error {
                Unopened::Refused => WebError::FileNotAudio(name.clone()),
                Unopened::Stalled => WebError::FileStalled(name.clone()),
            })?;
        // Headers round it.
        if duration_s.floor() > MAX_FILE_S {
            return Err(WebError::FileTooLong {
                name,
                duration_s,
                limit_s: MAX_FILE_S,
            });
        }
        let rate_hz = own_rate_hz(&header);
        let context = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate(
            1,
            1,
            rate_hz as f32,
        )
        .map_err(|_| WebError::Unsupported("audio decoding (OfflineAudioContext)"))?;
        let bytes = JsFuture::from(file.array_buffer()).await.map_err(gone)?;
        let decoding = context
            .decode_audio_data(bytes.unchecked_ref())
            .map_err(not_audio)?;
        let decoded = JsFuture::from(decoding).await.map_err(not_audio)?;
        Self::new(decoded.unchecked_into(), name)
    }

    /// Of what is decoded already.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_FILE_S`], or nothing but zeros.
    pub fn new(audio: AudioBuffer, name: String) -> Result<Self, WebError> {
        let duration_s = f64::from(audio.length()) / f64::from(audio.sample_rate());
        if audio.length() == 0 {
            return Err(WebError::FileEmpty(name));
        }
        if duration_s.floor() > MAX_FILE_S {
            return Err(WebError::FileTooLong {
                name,
                duration_s,
                limit_s: MAX_FILE_S,
            });
        }
        match is_silent(&audio) {
            Ok(true) => Err(WebError::FileSilent(name)),
            Err(_) => Err(WebError::FileNotAudio(name)),
            Ok(false) => Ok(Self {
                name,
                duration_s,
                sound: Sound::Whole(audio),
                senders: Vec::new(),
            }),
        }
    }

    /// Rate of the samples to come.
    pub fn sample_rate_hz(&self) -> u32 {
        match &self.sound {
            Sound::Streamed(decoder) => decoder.rate_hz,
            Sound::Whole(audio) => audio.sample_rate() as u32,
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> u32 {
        match &self.sound {
            Sound::Streamed(decoder) => decoder.channels,
            Sound::Whole(audio) => audio.number_of_channels(),
        }
    }

    /// What of it was missing, once all of it is sent.
    pub fn ending(&self) -> Ending {
        match &self.sound {
            Sound::Streamed(decoder) => decoder.ending().unwrap_or_default(),
            Sound::Whole(_) => Ending::default(),
        }
    }

    /// How many lanes it has: one, or one for each channel.
    pub fn lanes(&self, lanes: Lanes) -> u32 {
        let is_apart = match lanes {
            Lanes::Mix => false,
            Lanes::Channels => true,
            // A channel that cannot be read is no speaker.
            Lanes::Auto => self.channels() > 1 && self.speaks_apart().unwrap_or(false),
        };
        if is_apart { self.channels() } else { 1 }
    }

    fn speaks_apart(&self) -> Result<bool, JsValue> {
        let audio = match &self.sound {
            Sound::Streamed(decoder) => return Ok(decoder.speaks_apart),
            Sound::Whole(audio) => audio,
        };
        let channels = self.channels();
        let mut loudness = Loudness::new(self.sample_rate_hz(), channels as usize);
        let mut planes = vec![vec![0.0; CHUNK_SAMPLES as usize]; channels as usize];
        for start in (0..audio.length()).step_by(CHUNK_SAMPLES as usize) {
            for (channel, plane) in (0..).zip(&mut planes) {
                audio.copy_from_channel_with_start_in_channel(plane, channel, start)?;
            }
            let length = (audio.length() - start).min(CHUNK_SAMPLES) as usize;
            let planes: Vec<&[f32]> = planes.iter().map(|plane| &plane[..length]).collect();
            loudness.push(&planes);
        }
        Ok(loudness.speaks_apart())
    }

    /// Starts sending to the engine: all channels to one port, or each of the first to one of several.
    pub fn send(&mut self, ports: &[MessagePort]) -> Result<(), JsValue> {
        let audio = match &self.sound {
            Sound::Streamed(decoder) => return decoder.send(ports),
            Sound::Whole(audio) => audio,
        };
        for (lane, port) in (0..).zip(ports) {
            let channels = match ports.len() {
                1 => 0..audio.number_of_channels(),
                _ => lane..lane + 1,
            };
            let sender = Sender::start(audio.clone(), channels, port.clone())?;
            self.senders.push(sender);
        }
        Ok(())
    }
}

struct Sender {
    audio: AudioBuffer,
    channels: Range<u32>,
    port: MessagePort,
    seq: u32,
    ended: bool,
    on_return: Option<Callback>,
}

impl Sender {
    fn start(
        audio: AudioBuffer,
        channels: Range<u32>,
        port: MessagePort,
    ) -> Result<Rc<RefCell<Self>>, JsValue> {
        let size = CHUNK_SAMPLES * channels.len() as u32;
        let sender = Rc::new(RefCell::new(Self {
            audio,
            channels,
            port,
            seq: 0,
            ended: false,
            on_return: None,
        }));
        let there = Rc::downgrade(&sender);
        let on_return = Callback::new(move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            if let Some(sender) = there.upgrade() {
                // A port that is closed belongs to a session that is over.
                let _ = sender.borrow_mut().send(&returned(&event.data()));
            }
        });
        {
            let mut sender = sender.borrow_mut();
            sender
                .port
                .set_onmessage(Some(on_return.as_ref().unchecked_ref()));
            sender.on_return = Some(on_return);
            for _ in 0..BUFFERS {
                sender.send(&Float32Array::new_with_length(size))?;
            }
        }
        Ok(sender)
    }

    /// Sends the next second in `buffer`, or the end.
    fn send(&mut self, buffer: &Float32Array) -> Result<(), JsValue> {
        let start = self.seq * CHUNK_SAMPLES;
        let Some(left) = self
            .audio
            .length()
            .checked_sub(start)
            .filter(|&left| left > 0)
        else {
            // Every buffer that is left comes back here.
            if std::mem::replace(&mut self.ended, true) {
                return Ok(());
            }
            return post_end(&self.port);
        };
        let length = left.min(CHUNK_SAMPLES);
        let channels = self.channels.len() as u32;
        let samples = buffer.subarray(0, length * channels);
        for (plane, channel) in (0..).zip(self.channels.clone()) {
            let plane = samples.subarray(plane * length, (plane + 1) * length);
            self.audio
                .copy_from_channel_with_f32_array_and_start_in_channel(
                    &plane,
                    channel as i32,
                    start,
                )?;
        }
        let chunk = Chunk {
            seq: self.seq,
            channels: channels as usize,
            samples,
        };
        self.seq += 1;
        chunk.post(&self.port)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}

fn is_silent(audio: &AudioBuffer) -> Result<bool, JsValue> {
    let mut scratch = vec![0.0; CHUNK_SAMPLES as usize];
    for channel in 0..audio.number_of_channels() as i32 {
        let mut start = 0;
        while start < audio.length() {
            audio.copy_from_channel_with_start_in_channel(&mut scratch, channel, start)?;
            if scratch.iter().any(|sample| sample.abs() > SILENCE) {
                return Ok(false);
            }
            start += CHUNK_SAMPLES;
        }
    }
    Ok(true)
}

/// The file's own rate where its header tells and it can be decoded at, else that of the front end.
fn own_rate_hz(header: &JsValue) -> u32 {
    header::sample_rate_hz(&Uint8Array::new(header).to_vec())
        .filter(|rate_hz| DECODABLE_HZ.contains(rate_hz))
        .unwrap_or(SAMPLE_RATE_HZ)
}

/// Why a player does not tell a file's length.
enum Unopened {
    Refused,
    /// Nothing happens.
    Stalled,
}

/// The length that the file's own header tells, before anything is decoded.
async fn metadata_duration_s(file: &Blob) -> Result<f64, Unopened> {
    let refused = |_| Unopened::Refused;
    let player = HtmlAudioElement::new().map_err(refused)?;
    let url = Url::create_object_url_with_blob(file).map_err(refused)?;
    let duration_s = told_duration_s(&player, &url).await;
    // Neither fails for an address that was made here.
    let _ = player.set_attribute("src", "");
    let _ = Url::revoke_object_url(&url);
    match duration_s {
        Ok(Some(duration_s)) => Ok(duration_s),
        Ok(None) => Err(Unopened::Stalled),
        Err(_) => Err(Unopened::Refused),
    }
}

/// None when the player says nothing for a while.
async fn told_duration_s(player: &HtmlAudioElement, url: &str) -> Result<Option<f64>, JsValue> {
    player.set_attribute("preload", "metadata")?;
    let loaded = happens(player, "loadedmetadata");
    player.set_attribute("src", url)?;
    if loaded.await?.is_null() {
        return Ok(None);
    }
    if player.duration().is_infinite() {
        // A recorder's file tells its length only at its end.
        let changed = happens(player, "durationchange");
        Reflect::set(player, &"currentTime".into(), &1e7.into())?;
        if changed.await?.is_null() {
            return Ok(None);
        }
    }
    Ok(Some(player.duration()))
}

/// Resolves with the first such event, with null after a while, and fails when the player does before.
fn happens(player: &HtmlAudioElement, event: &str) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        for (event, then) in [(event, &resolve), ("error", &reject)] {
            // Fails only where an event's name is no text.
            let _ = player.add_event_listener_with_callback(event, then);
        }
        later(PATIENCE_MS, move || {
            // A promise's own function does not throw.
            let _ = resolve.call1(&JsValue::NULL, &JsValue::NULL);
        });
    }))
}
