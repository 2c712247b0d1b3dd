//! Numbers and verdicts in words.

use crate::session::Verdict;

/// A share of one as a whole percentage, "83 %".
pub fn percent(share: f32) -> String {
    let number = (share.clamp(0.0, 1.0) * 100.0).round() as u32;
    [&number.to_string(), "\u{202f}%"].concat()
}

/// Seconds as "m:ss", or "h:mm:ss" from an hour on.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u32;
    let two = |n: u32| [if n < 10 { "0" } else { "" }, &n.to_string()].concat();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        [&hours.to_string(), ":", &two(minutes), ":", &two(seconds)].concat()
    } else {
        [&minutes.to_string(), ":", &two(seconds)].concat()
    }
}

/// Seconds for reading aloud, "42 s" or "3 min 20 s".
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u32;
    if seconds < 60 {
        return [&seconds.to_string(), "\u{202f}s"].concat();
    }
    let minutes = [&(seconds / 60).to_string(), "\u{202f}min"].concat();
    match seconds % 60 {
        0 => minutes,
        rest => [&minutes, " ", &rest.to_string(), "\u{202f}s"].concat(),
    }
}

/// Bytes as millions with one digit, "7.1".
pub fn megabytes(bytes: u32) -> String {
    let tenths = bytes / 100_000;
    [&(tenths / 10).to_string(), ".", &(tenths % 10).to_string()].concat()
}

/// A count with its thousands set apart, "1,440".
pub fn thousands(count: u32) -> String {
    let digits = count.to_string();
    let (head, tail) = digits.split_at(digits.len().saturating_sub(3));
    if head.is_empty() {
        digits
    } else {
        [head, ",", tail].concat()
    }
}

/// A verdict as one word, for lists and labels.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoSpeech => "no speech",
        Verdict::Unsure => "not sure",
        Verdict::Emotion(emotion) => emotion.label(),
    }
}

/// A verdict as the name of a style, the value of `data-verdict`.
pub fn slug(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoSpeech => "no-speech",
        Verdict::Unsure => "unsure",
        Verdict::Emotion(emotion) => emotion.label(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(percent(0.834), "83\u{202f}%");
        assert_eq!(percent(1.2), "100\u{202f}%");
        assert_eq!(clock(5.9), "0:05");
        assert_eq!(clock(3_661.0), "1:01:01");
        assert_eq!(duration(42.4), "42\u{202f}s");
        assert_eq!(duration(200.0), "3\u{202f}min 20\u{202f}s");
        assert_eq!(duration(120.0), "2\u{202f}min");
        assert_eq!(megabytes(7_140_000), "7.1");
        assert_eq!(thousands(1_440), "1,440");
        assert_eq!(thousands(12), "12");
    }
}
