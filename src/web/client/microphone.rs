//! The microphone, or a stream that somebody else has opened: permission, device, audio context and the
//! worklet that forwards its samples.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioContext, AudioContextState, AudioNode, AudioWorkletNode, MediaStream, MediaStreamTrack,
    MediaStreamTrackState, MessagePort, PermissionState, PermissionStatus, Window,
};

use crate::{
    protocol::Fields,
    web::{
        error::WebError,
        object::{Callback, object, window},
    },
};

/// An open microphone. Dropping it switches the microphone off; a stream of somebody else's goes on.
pub struct Microphone {
    context: AudioContext,
    track: MediaStreamTrack,
    stream: MediaStream,
    is_own: bool,
    /// What the browser said of the permission when it was opened.
    permission: Option<PermissionState>,
    /// What the source is connected to: outputs and nodes. Kept: of a context that does not run yet, browsers
    /// collect nodes that nobody holds.
    source: Option<AudioNode>,
    sinks: Vec<AudioNode>,
    splitter: Option<AudioNode>,
    on_change: Callback,
}

/// What becomes of an open microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The device was unplugged, or the stream has ended.
    Ended,
    /// A call or another program took the sound.
    Interrupted,
    /// Sound flows, again or for the first time.
    Running,
}

/// A microphone that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// For [`Wish::Device`].
    pub id: String,
    /// What the system calls it.
    pub name: String,
}

/// What is to be listened to.
pub enum Wish {
    /// The microphone of this id, or whichever the browser and the person choose.
    Device(Option<String>),
    /// A stream that is open.
    Stream(MediaStream),
}

/// What the device does to the sound although it was asked not to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processing {
    /// Removes echo.
    pub echo_cancellation: bool,
    /// Removes noise.
    pub noise_suppression: bool,
    /// Evens out loudness, a main cue of arousal.
    pub automatic_gain: bool,
}

impl Microphone {
    /// Asks for the microphone. Must be called inside a click: browsers start sound only there.
    ///
    /// `worklet` is the address of worklet.js, `channels` the number that is wished for. `changed` is
    /// called when the device is unplugged, the stream ends or something else takes the sound.
    ///
    /// # Errors
    /// Each refusal is its own [`WebError`]; [`WebError::NoMicrophone`] for a stream without sound.
    pub fn open(
        wish: Wish,
        worklet: String,
        channels: u32,
        changed: impl Fn(Change) + 'static,
    ) -> impl Future<Output = Result<Self, WebError>> {
        let context = AudioContext::new();
        if let Ok(context) = &context {
            // Its promise settles when sound starts; a context that stays suspended shows in its state.
            let _ = context.resume();
        }
        async move {
            let window = window();
            if !window.is_secure_context() {
                // A secure page in one that is not.
                let is_https = window
                    .location()
                    .protocol()
                    .is_ok_and(|name| name == "https:");
                return Err(match is_https {
                    true => WebError::MicrophoneNotPassedOn,
                    false => WebError::NotSecure,
                });
            }
            let context = context.map_err(|_| WebError::Unsupported("Web Audio"))?;
            match Self::connect(context.clone(), wish, &worklet, channels, changed).await {
                Ok(microphone) => Ok(microphone),
                Err(error) => {
                    close(&context);
                    Err(error)
                }
            }
        }
    }

    async fn connect(
        context: AudioContext,
        wish: Wish,
        worklet: &str,
        channels: u32,
        changed: impl Fn(Change) + 'static,
    ) -> Result<Self, WebError> {
        let is_own = matches!(wish, Wish::Device(_));
        let stream = match wish {
            Wish::Device(id) => request(id, channels).await?,
            Wish::Stream(stream) => stream,
        };
        let track = track_of(&stream)?;
        let permission = permission(&window()).await;
        let state_of = context.clone();
        let on_change = Callback::new(move |event: JsValue| {
            changed(match state_of.state() {
                _ if event.text("type").as_deref() == Some("ended") => Change::Ended,
                AudioContextState::Running => Change::Running,
                AudioContextState::Closed => return,
                _ => Change::Interrupted,
            });
        });
        let microphone = Self {
            context,
            track,
            stream,
            is_own,
            permission,
            source: None,
            sinks: Vec::new(),
            splitter: None,
            on_change,
        };
        let added = microphone
            .context
            .audio_worklet()
            .and_then(|scope| scope.add_module(worklet))
            .map_err(|_| WebError::Unsupported("AudioWorklet"))?;
        JsFuture::from(added).await.map_err(|_| {
            WebError::EngineUnavailable([worklet, " could not be fetched"].concat())
        })?;
        Ok(microphone)
    }

    /// Rate of the samples to come.
    pub fn sample_rate_hz(&self) -> u32 {
        self.context.sample_rate() as u32
    }

    /// Starts sending to the engine: all channels mixed to one port, or each of the first to one of several.
    pub fn send(&mut self, ports: &[MessagePort]) -> Result<(), JsValue> {
        let options = object(&[
            ("numberOfInputs", 1.into()),
            ("numberOfOutputs", 0.into()),
            ("channelCount", 1.into()),
            ("channelCountMode", "explicit".into()),
        ]);
        let options = options.unchecked_ref();
        if ports.len() > 1 {
            let split: Function =
                Reflect::get(&self.context, &"createChannelSplitter".into())?.unchecked_into();
            let splitter = split.call1(&self.context, &(ports.len() as u32).into())?;
            self.splitter = Some(splitter.unchecked_into());
        }
        for port in ports {
            let node = AudioWorkletNode::new_with_options(&self.context, "pcm-forwarder", options)?;
            node.port()?
                .post_message_with_transferable(&JsValue::NULL, &Array::of1(port))?;
            self.sinks.push(node.into());
        }
        if let Some(splitter) = &self.splitter {
            for (output, sink) in (0..).zip(&self.sinks) {
                splitter.connect_with_audio_node_and_output(sink, output)?;
            }
        }
        self.connect_source()?;
        let on_change = self.on_change.as_ref().unchecked_ref();
        self.context.set_onstatechange(Some(on_change));
        Ok(())
    }

    /// Goes on with another device; what it gives comes at the same rate to the same ports.
    ///
    /// # Errors
    /// [`WebError::NoMicrophone`] for a stream without sound; then nothing has changed.
    pub fn replace(&mut self, stream: MediaStream) -> Result<(), WebError> {
        let track = track_of(&stream)?;
        self.disconnect_source();
        self.track = track;
        self.stream = stream;
        self.connect_source()
            .map_err(|error| WebError::from_microphone(&error))
    }

    /// Asks the browser to let sound flow again; a browser that refuses says so by its state.
    pub fn resume(&self) {
        if self.context.state() != AudioContextState::Running {
            let _ = self.context.resume();
        }
    }

    fn connect_source(&mut self) -> Result<(), JsValue> {
        let source = self.context.create_media_stream_source(&self.stream)?;
        let sinks = self
            .splitter
            .as_ref()
            .map_or(&self.sinks[..], std::slice::from_ref);
        for sink in sinks {
            source.connect_with_audio_node(sink)?;
        }
        self.source = Some(source.into());
        let on_change = self.on_change.as_ref().unchecked_ref();
        self.track
            .add_event_listener_with_callback("ended", on_change)
    }

    fn disconnect_source(&mut self) {
        let on_change = self.on_change.as_ref().unchecked_ref();
        // Fails only where an event's name is no text.
        let _ = self
            .track
            .remove_event_listener_with_callback("ended", on_change);
        if let Some(source) = self.source.take() {
            // Fails only for what is not connected.
            let _ = source.disconnect();
        }
        if self.is_own {
            self.track.stop();
        }
    }

    /// Whether it is a microphone that was opened here, not somebody else's stream.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The permission it was opened with, where the browser tells it.
    pub fn permission(&self) -> Option<PermissionState> {
        self.permission
    }

    /// Whether the device gives sound, as far as the browser knows.
    pub fn is_there(&self) -> bool {
        self.track.ready_state() == MediaStreamTrackState::Live
    }

    /// Which device it is.
    pub fn device(&self) -> Option<Device> {
        let id = self.track.get_settings().text("deviceId")?;
        let name = self.track.label();
        Some(Device { id, name })
    }

    /// What the device says it does to the sound.
    pub fn processing(&self) -> Processing {
        let settings = self.track.get_settings();
        let is_on =
            |name: &str| Reflect::get(&settings, &name.into()).is_ok_and(|value| value.is_truthy());
        Processing {
            echo_cancellation: is_on("echoCancellation"),
            noise_suppression: is_on("noiseSuppression"),
            automatic_gain: is_on("autoGainControl"),
        }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.context.set_onstatechange(None);
        self.disconnect_source();
        close(&self.context);
    }
}

/// Closes a context that may be closed already, which browsers take for an error.
fn close(context: &AudioContext) {
    if context.state() != AudioContextState::Closed {
        let _ = context.close();
    }
}

fn track_of(stream: &MediaStream) -> Result<MediaStreamTrack, WebError> {
    let track = stream.get_audio_tracks().object("0");
    track
        .map(JsCast::unchecked_into)
        .ok_or(WebError::NoMicrophone)
}

/// The microphones that can be chosen; browsers name them once one was allowed.
pub async fn devices() -> Vec<Device> {
    let Ok(media) = window().navigator().media_devices() else {
        return Vec::new();
    };
    let listed = media.enumerate_devices().map(JsFuture::from);
    let Ok(Ok(list)) = (match listed {
        Ok(listing) => Ok::<_, JsValue>(listing.await),
        Err(error) => Err(error),
    }) else {
        return Vec::new();
    };
    let list: Array = list.unchecked_into();
    let microphones = list
        .iter()
        .filter(|device| device.text("kind").as_deref() == Some("audioinput"));
    let named = microphones.filter_map(|device| {
        let (id, name) = (device.text("deviceId")?, device.text("label")?);
        (!id.is_empty() && !name.is_empty()).then_some(Device { id, name })
    });
    named.collect()
}

/// Asks for a microphone of this id, or any.
///
/// # Errors
/// Each refusal is its own [`WebError`].
pub async fn request(device: Option<String>, channels: u32) -> Result<MediaStream, WebError> {
    let window = window();
    let navigator = window.navigator();
    let devices = navigator
        .media_devices()
        .map_err(|_| WebError::Unsupported("access to microphones"))?;
    let wishes = object(&[
        ("echoCancellation", false.into()),
        ("noiseSuppression", false.into()),
        ("autoGainControl", false.into()),
    ]);
    if channels > 1 {
        // A plain object takes every field.
        let _ = Reflect::set(&wishes, &"channelCount".into(), &channels.into());
    }
    if let Some(device) = device {
        let exactly = object(&[("exact", device.into())]);
        let _ = Reflect::set(&wishes, &"deviceId".into(), &exactly);
    }
    let constraints = object(&[("audio", wishes.into())]);
    let asked: Promise = devices
        .get_user_media_with_constraints(constraints.unchecked_ref())
        .map_err(|error| WebError::from_microphone(&error))?;
    match JsFuture::from(asked).await {
        Ok(stream) => Ok(stream.unchecked_into()),
        Err(error) => match WebError::from_microphone(&error) {
            WebError::PermissionDenied => Err(who_denies(&window, &error).await),
            error => Err(error),
        },
    }
}

/// Who it is that does not allow the microphone: each can be helped in another place.
async fn who_denies(window: &Window, error: &JsValue) -> WebError {
    let field = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let is_framed =
        matches!((field(window, "top"), field(window, "self")), (Ok(top), Ok(here)) if top != here);
    if window.text("origin").as_deref() == Some("null") {
        return WebError::MicrophoneSandboxed;
    }
    // Only Chromium tells.
    let policy = field(window, "document").and_then(|document| field(&document, "featurePolicy"));
    let allows = policy.and_then(|policy| {
        let allows: Function = field(&policy, "allowsFeature")?.dyn_into()?;
        allows.call1(&policy, &"microphone".into())
    });
    let allows = allows.ok().and_then(|allows| allows.as_bool());
    if allows == Some(false) {
        return match is_framed {
            true => WebError::MicrophoneNotPassedOn,
            false => WebError::MicrophonePolicy,
        };
    }
    let message = error.text("message").unwrap_or_default();
    match permission(window).await {
        _ if message.contains("system") => WebError::MicrophoneSystem,
        // The person and the browser do allow it.
        Some(PermissionState::Granted) => WebError::MicrophoneSystem,
        Some(PermissionState::Prompt) | None if is_framed && allows.is_none() => {
            WebError::MicrophoneNotPassedOn
        }
        // The question was closed rather than answered.
        Some(PermissionState::Prompt) => WebError::PermissionDismissed,
        _ => WebError::PermissionDenied,
    }
}

/// Why a microphone has ended that was opened with this permission: [`WebError::PermissionWithdrawn`] or
/// [`WebError::MicrophoneLost`].
pub async fn why_ended(before: Option<PermissionState>) -> WebError {
    match permission(&window()).await {
        Some(PermissionState::Denied) => WebError::PermissionWithdrawn,
        // Some browsers say "prompt" of what was allowed for once, all the time.
        now if now != before => WebError::PermissionWithdrawn,
        _ => WebError::MicrophoneLost,
    }
}

/// What the browser would answer.
async fn permission(window: &Window) -> Option<PermissionState> {
    let permissions = window.navigator().permissions().ok()?;
    let query = object(&[("name", "microphone".into())]);
    let status = JsFuture::from(permissions.query(&query).ok()?).await.ok()?;
    Some(status.unchecked_ref::<PermissionStatus>().state())
}
