//! Commands, as the page writes them.

use super::{Command, Speaker};
use crate::session::Pacing;

/// The building blocks of a message.
pub trait Value: Sized {
    /// A whole number.
    fn number(number: u32) -> Self;
    /// A fraction.
    fn fraction(number: f32) -> Self;
    /// A text.
    fn text(text: &str) -> Self;
    /// Bytes.
    fn bytes(bytes: &[u8]) -> Self;
    /// An object with these fields.
    fn object(fields: &[(&str, Self)]) -> Self;
}

impl Command {
    /// Writes what serde can read.
    pub fn write<V: Value>(&self) -> V {
        let of_session = |session: &u32| V::object(&[("session", V::number(*session))]);
        let (tag, body) = match self {
            Self::Load { model, manifest } => {
                let fields = [("model", V::bytes(model)), ("manifest", V::text(manifest))];
                ("load", V::object(&fields))
            }
            Self::Start {
                owner,
                session,
                sample_rate_hz,
                pacing,
                claims,
            } => {
                let pacing = match pacing {
                    Pacing::Live => "live",
                    Pacing::Recorded => "recorded",
                };
                let claims = V::object(&[
                    ("at_least", V::fraction(claims.at_least)),
                    ("among", V::number(claims.among)),
                ]);
                let fields = [
                    ("owner", V::number(*owner)),
                    ("session", V::number(*session)),
                    ("sample_rate_hz", V::number(*sample_rate_hz)),
                    ("pacing", V::text(pacing)),
                    ("claims", claims),
                ];
                ("start", V::object(&fields))
            }
            Self::Stop { session } => ("stop", of_session(session)),
            Self::Fit { session } => ("fit", of_session(session)),
            Self::Explain { session } => ("explain", of_session(session)),
            Self::Adapt { owner, speaker } => {
                let speaker = match speaker {
                    Speaker::Unknown => V::text("unknown"),
                    Speaker::Calibrated(json) => V::object(&[("calibrated", V::text(json))]),
                    Speaker::Listening => V::text("listening"),
                };
                let fields = [("owner", V::number(*owner)), ("speaker", speaker)];
                ("adapt", V::object(&fields))
            }
        };
        V::object(&[(tag, body)])
    }
}
