//! The microphone, or a stream that somebody else has opened: permission, device, audio context and the
//! worklet that forwards its samples.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioContext, AudioContextState, AudioNode, AudioWorkletNode, MediaStream, MediaStreamTrack,
    MessagePort, PermissionState, PermissionStatus, Window,
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
    /// Kept: of a context that does not run yet, browsers collect nodes that nobody holds.
    nodes: Vec<AudioNode>,
    on_loss: Callback,
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
    /// `worklet` is the address of worklet.js, `channels` the number that is wished for. `lost` is called
    /// when the device is unplugged, the stream ends or something else takes the sound.
    ///
    /// # Errors
    /// Each refusal is its own [`WebError`]; [`WebError::NoMicrophone`] for a stream without sound.
    pub fn open(
        wish: Wish,
        worklet: String,
        channels: u32,
        lost: impl Fn(WebError) + Clone + 'static,
    ) -> impl Future<Output = Result<Self, WebError>> {
        let context = AudioContext::new();
        if let Ok(context) = &context {
            // Its promise settles when sound starts; a context that stays suspended shows in its state.
            let _ = context.resume();
        }
        async move {
            let window = window();
            if !window.is_secure_context() {
                return Err(WebError::NotSecure);
            }
            let context = context.map_err(|_| WebError::Unsupported("Web Audio"))?;
            match Self::connect(&window, context.clone(), wish, &worklet, channels, lost).await {
                Ok(microphone) => Ok(microphone),
                Err(error) => {
                    close(&context);
                    Err(error)
                }
            }
        }
    }

    async fn connect(
        window: &Window,
        context: AudioContext,
        wish: Wish,
        worklet: &str,
        channels: u32,
        lost: impl Fn(WebError) + Clone + 'static,
    ) -> Result<Self, WebError> {
        let is_own = matches!(wish, Wish::Device(_));
        let stream = match wish {
            Wish::Device(id) => request(window, id, channels).await?,
            Wish::Stream(stream) => stream,
        };
        let tracks = stream.get_audio_tracks();
        let track: MediaStreamTrack = tracks
            .object("0")
            .ok_or(WebError::NoMicrophone)?
            .unchecked_into();
        let state_of = context.clone();
        let on_loss = Callback::new({
            // `track.clone()` would be the browser's own: a second open track.
            let track = Clone::clone(&track);
            move |_| match (track.ready_state(), state_of.state()) {
                (web_sys::MediaStreamTrackState::Ended, _) => lost(WebError::MicrophoneLost),
                (_, AudioContextState::Running | AudioContextState::Closed) => {}
                _ => lost(WebError::MicrophoneInterrupted),
            }
        });
        let microphone = Self {
            context,
            track,
            stream,
            is_own,
            nodes: Vec::new(),
            on_loss,
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
        let mut source: AudioNode = self
            .context
            .create_media_stream_source(&self.stream)?
            .into();
        if ports.len() > 1 {
            let split: Function =
                Reflect::get(&self.context, &"createChannelSplitter".into())?.unchecked_into();
            let splitter = split.call1(&self.context, &(ports.len() as u32).into())?;
            let splitter: AudioNode = splitter.unchecked_into();
            source.connect_with_audio_node(&splitter)?;
            self.nodes.push(std::mem::replace(&mut source, splitter));
        }
        for (output, port) in (0..).zip(ports) {
            let node = AudioWorkletNode::new_with_options(&self.context, "pcm-forwarder", options)?;
            node.port()?
                .post_message_with_transferable(&JsValue::NULL, &Array::of1(port))?;
            source.connect_with_audio_node_and_output(&node, output)?;
            self.nodes.push(node.into());
        }
        self.nodes.push(source);
        let on_loss = self.on_loss.as_ref().unchecked_ref();
        self.track
            .add_event_listener_with_callback("ended", on_loss)?;
        self.context.set_onstatechange(Some(on_loss));
        Ok(())
    }

    /// Whether it is a microphone that was opened here, not somebody else's stream.
    pub fn is_own(&self) -> bool {
        self.is_own
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
        let on_loss = self.on_loss.as_ref().unchecked_ref();
        // Fails only where an event's name is no text.
        let _ = self
            .track
            .remove_event_listener_with_callback("ended", on_loss);
        self.context.set_onstatechange(None);
        if self.is_own {
            self.track.stop();
        }
        close(&self.context);
    }
}

/// Closes a context that may be closed already, which browsers take for an error.
fn close(context: &AudioContext) {
    if context.state() != AudioContextState::Closed {
        let _ = context.close();
    }
}

async fn request(
    window: &Window,
    device: Option<String>,
    channels: u32,
) -> Result<MediaStream, WebError> {
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
            WebError::PermissionDenied if may_ask_again(window).await => {
                Err(WebError::PermissionDismissed)
            }
            error => Err(error),
        },
    }
}

/// Whether the browser would ask again: the question was closed rather than answered.
async fn may_ask_again(window: &Window) -> bool {
    let Ok(permissions) = window.navigator().permissions() else {
        return false;
    };
    let query = object(&[("name", "microphone".into())]);
    let Ok(asked) = permissions.query(&query) else {
        return false;
    };
    JsFuture::from(asked).await.is_ok_and(|status| {
        status.unchecked_ref::<PermissionStatus>().state() == PermissionState::Prompt
    })
}
