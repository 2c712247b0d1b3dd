//! The microphone: permission, device, audio context and the worklet that forwards its samples.

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioContext, AudioContextState, AudioWorkletNode, MediaStream, MediaStreamAudioSourceNode,
    MediaStreamTrack, MessagePort, PermissionState, PermissionStatus, Window,
};

use crate::{
    protocol::{BUILD, Fields},
    web::{
        error::WebError,
        object::{Callback, object, window},
    },
};

/// An open microphone. Dropping it switches the microphone off.
pub struct Microphone {
    context: AudioContext,
    track: MediaStreamTrack,
    stream: MediaStream,
    /// Kept: of a context that does not run yet, browsers collect nodes that nobody holds.
    nodes: Option<(MediaStreamAudioSourceNode, AudioWorkletNode)>,
    on_loss: Callback,
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
    /// `lost` is called when the device is unplugged or something else takes the sound.
    ///
    /// # Errors
    /// Each refusal is its own [`WebError`].
    pub fn open(
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
            match Self::connect(&window, context.clone(), lost).await {
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
        lost: impl Fn(WebError) + Clone + 'static,
    ) -> Result<Self, WebError> {
        let stream = request(window).await?;
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
            nodes: None,
            on_loss,
        };
        let worklet = microphone
            .context
            .audio_worklet()
            .and_then(|worklet| worklet.add_module(&["worklet.js?", BUILD].concat()))
            .map_err(|_| WebError::Unsupported("AudioWorklet"))?;
        JsFuture::from(worklet).await.map_err(|_| {
            WebError::EngineUnavailable("worklet.js could not be fetched".to_owned())
        })?;
        Ok(microphone)
    }

    /// Rate of the samples to come.
    pub fn sample_rate_hz(&self) -> u32 {
        self.context.sample_rate() as u32
    }

    /// Starts sending to the engine.
    pub fn send(&mut self, port: &MessagePort) -> Result<(), JsValue> {
        let options = object(&[
            ("numberOfInputs", 1.into()),
            ("numberOfOutputs", 0.into()),
            ("channelCount", 1.into()),
            ("channelCountMode", "explicit".into()),
        ]);
        let options = options.unchecked_ref();
        let node = AudioWorkletNode::new_with_options(&self.context, "pcm-forwarder", options)?;
        node.port()?
            .post_message_with_transferable(&JsValue::NULL, &Array::of1(port))?;
        let source = self.context.create_media_stream_source(&self.stream)?;
        source.connect_with_audio_node(&node)?;
        self.nodes = Some((source, node));
        let on_loss = Some(self.on_loss.as_ref().unchecked_ref());
        self.track.set_onended(on_loss);
        self.context.set_onstatechange(on_loss);
        Ok(())
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
        self.track.set_onended(None);
        self.context.set_onstatechange(None);
        self.track.stop();
        close(&self.context);
    }
}

/// Closes a context that may be closed already, which browsers take for an error.
fn close(context: &AudioContext) {
    if context.state() != AudioContextState::Closed {
        let _ = context.close();
    }
}

async fn request(window: &Window) -> Result<MediaStream, WebError> {
    let navigator = window.navigator();
    let devices = navigator
        .media_devices()
        .map_err(|_| WebError::Unsupported("access to microphones"))?;
    let wishes = object(&[
        ("echoCancellation", false.into()),
        ("noiseSuppression", false.into()),
        ("autoGainControl", false.into()),
    ]);
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
