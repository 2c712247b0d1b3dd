//! Options as builders give them: read by name, checked by range.

use std::ops::RangeInclusive;

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::failure::Failure;
use crate::{
    audio::{Lanes, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ},
    class::Class,
    protocol::Fields,
    session::Claims,
    web::client::chunk::MAX_CHANNELS,
};

/// What the sessions of a recognizer may claim.
pub fn claims(options: &JsValue, labels: &[String]) -> Result<Claims, Failure> {
    let mut claims = Claims::default();
    if let Some(least) = number(options, "minConfidence", 0.0..=1.0, "a number from 0 to 1")? {
        claims.at_least = least as f32;
    }
    let chosen = get(options, "labels");
    if !is_missing(&chosen) {
        let refusal = || Failure::Option {
            name: "labels",
            expected: ["a list of two or more of ", &labels.join(", ")].concat(),
            found: shown(&chosen),
        };
        let list: &Array = chosen.dyn_ref().ok_or_else(refusal)?;
        claims.among = 0;
        for label in list.iter() {
            let label = label.as_string().ok_or_else(refusal)?;
            let class = labels.iter().position(|known| *known == label);
            let class = class.and_then(Class::new).ok_or_else(refusal)?;
            claims.among |= 1 << class.index();
        }
        if claims.among.count_ones() < 2 {
            return Err(refusal());
        }
    }
    Ok(claims)
}

/// How many speakers there are, each on a channel of their own.
pub fn lanes(options: &JsValue) -> Result<u32, Failure> {
    let (range, expected) = (1.0..=MAX_CHANNELS as f64, "a whole number from 1 to 32");
    Ok(whole(options, "lanes", range, expected)?.unwrap_or(1))
}

/// Rate of PCM, which has no default.
pub fn sample_rate_hz(options: &JsValue) -> Result<u32, Failure> {
    let range = f64::from(MIN_SAMPLE_RATE_HZ)..=f64::from(MAX_SAMPLE_RATE_HZ);
    let expected = "a whole number of Hz from 8000 to 192000";
    whole(options, "sampleRate", range, expected)?.ok_or_else(|| Failure::Option {
        name: "sampleRate",
        expected: expected.into(),
        found: "missing".into(),
    })
}

/// What the channels of a recording are said to be.
pub fn channels(options: &JsValue) -> Result<Lanes, Failure> {
    let value = get(options, "lanes");
    if is_missing(&value) {
        return Ok(Lanes::Auto);
    }
    let chosen = value.as_string().and_then(|name| name.parse().ok());
    chosen.ok_or_else(|| Failure::Option {
        name: "lanes",
        expected: "\"auto\", \"mix\" or \"channels\"".into(),
        found: shown(&value),
    })
}

/// A text, if it is there.
pub fn text(options: &JsValue, name: &'static str) -> Result<Option<String>, Failure> {
    let value = get(options, name);
    if is_missing(&value) {
        return Ok(None);
    }
    value.as_string().map(Some).ok_or_else(|| Failure::Option {
        name,
        expected: "a text".into(),
        found: shown(&value),
    })
}

/// The value of an option; undefined where it is not there.
pub fn get(options: &JsValue, name: &str) -> JsValue {
    Reflect::get(options, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Whether the default holds.
pub fn is_missing(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

fn number(
    options: &JsValue,
    name: &'static str,
    range: RangeInclusive<f64>,
    expected: &str,
) -> Result<Option<f64>, Failure> {
    let value = get(options, name);
    if is_missing(&value) {
        return Ok(None);
    }
    match value.as_f64() {
        Some(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(Failure::Option {
            name,
            expected: expected.into(),
            found: shown(&value),
        }),
    }
}

fn whole(
    options: &JsValue,
    name: &'static str,
    range: RangeInclusive<f64>,
    expected: &str,
) -> Result<Option<u32>, Failure> {
    match number(options, name, range, expected)? {
        Some(number) if number.fract() != 0.0 => Err(Failure::Option {
            name,
            expected: expected.into(),
            found: decimal(number),
        }),
        number => Ok(number.map(|number| number as u32)),
    }
}

/// By JavaScript: Rust's own writer of fractions would be a tenth of this program.
fn decimal(number: f64) -> String {
    let text = js_sys::Number::from(number).to_string_with_radix(10);
    text.map_or_else(|_| String::new(), String::from)
}

/// A value as JavaScript would write it, or what kind it is of.
pub fn shown(value: &JsValue) -> String {
    if let Some(text) = value.as_string() {
        return ["\"", &text, "\""].concat();
    }
    if let Some(list) = value.dyn_ref::<Array>() {
        let items: Vec<String> = list.iter().map(|item| shown(&item)).collect();
        return ["[", &items.join(", "), "]"].concat();
    }
    if let Some(number) = value.as_f64() {
        return decimal(number);
    }
    if value.is_object() || value.is_function() {
        let kind = get(value, "constructor").text("name");
        return kind.unwrap_or_else(|| "an object".into());
    }
    value
        .as_bool()
        .map_or("nothing", |flag| if flag { "true" } else { "false" })
        .into()
}
