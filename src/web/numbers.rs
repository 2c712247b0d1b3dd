//! Numbers as people read them.

use super::words::{tell, tr};

/// A share of one as a whole percentage, "83 %".
pub fn percent(share: f32) -> String {
    // The cast turns anything below 0 into 0.
    let number = ((share * 100.0).round_ties_even() as u32).min(100);
    [&number.to_string(), "\u{202f}%"].concat()
}

/// Speech in so much sound, "1.6 s of speech in 0:03.4": both rounded alike, and never more speech than sound.
pub fn speech_in(speech_s: f64, length_s: f64) -> String {
    let length = if is_short(length_s) {
        ["0:0", &tenths(tenth(length_s))].concat()
    } else {
        clock(length_s.round_ties_even())
    };
    tell(
        "{0} of speech in {1}",
        &[&speech_of(speech_s, length_s), &length],
    )
}

/// The same without the length.
pub fn speech_of(speech_s: f64, length_s: f64) -> String {
    let speech_s = speech_s.min(length_s);
    if is_short(length_s) {
        [&tenths(tenth(speech_s)), "\u{202f}s"].concat()
    } else {
        duration(speech_s)
    }
}

/// Whether tenths of seconds count.
fn is_short(length_s: f64) -> bool {
    tenth(length_s) < 100
}

fn tenth(seconds: f64) -> u32 {
    (10.0 * seconds.max(0.0)).round_ties_even() as u32
}

/// Keeps a name apart from the words around it, whatever direction it is written in: between marks that the
/// page's setters turn into an element (`bdi`).
pub fn isolated(name: &str) -> String {
    let [first, last] = ISOLATES;
    [
        first.encode_utf8(&mut [0; 4]),
        name,
        last.encode_utf8(&mut [0; 4]),
    ]
    .concat()
}

/// A text without these marks.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !ISOLATES.contains(c)).collect()
}

/// First strong isolate, pop directional isolate.
pub const ISOLATES: [char; 2] = ['\u{2068}', '\u{2069}'];

/// A share of one in thousandths.
pub fn permille(share: f32) -> u32 {
    // The cast takes what is below 0 as 0.
    ((share * 1000.0).round_ties_even() as u32).min(1000)
}

/// Shares of one in thousandths, "830 85 85".
pub fn permille_list(shares: impl Iterator<Item = f32>) -> String {
    let mut list = String::new();
    for share in shares {
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(&permille(share).to_string());
    }
    list
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
    let seconds = seconds.max(0.0).round_ties_even() as u32;
    if seconds < 60 {
        return [&seconds.to_string(), "\u{202f}s"].concat();
    }
    let minutes = [&(seconds / 60).to_string(), "\u{202f}min"].concat();
    match seconds % 60 {
        0 => minutes,
        rest => [&minutes, " ", &rest.to_string(), "\u{202f}s"].concat(),
    }
}

/// A number of tenths, "7.1".
pub fn tenths(count: u32) -> String {
    [(count / 10).to_string(), tr("."), (count % 10).to_string()].concat()
}

/// A count with its thousands separated, "1,440".
pub fn thousands(count: u32) -> String {
    if count < 1000 {
        return count.to_string();
    }
    // With a leading 1, the last three digits keep their zeros.
    let last = (1000 + count % 1000).to_string();
    let last = last.strip_prefix('1').unwrap_or(&last);
    [&(count / 1000).to_string(), tr(",").as_str(), last].concat()
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
        assert_eq!(speech_in(0.44, 0.5), "0.4\u{202f}s of speech in 0:00.5");
        assert_eq!(speech_in(3.3, 3.2), "3.2\u{202f}s of speech in 0:03.2");
        assert_eq!(speech_in(42.6, 42.7), "43\u{202f}s of speech in 0:43");
        assert_eq!(plain(&isolated("a")), "a");
        assert_eq!(duration(42.4), "42\u{202f}s");
        assert_eq!(duration(200.0), "3\u{202f}min 20\u{202f}s");
        assert_eq!(duration(120.0), "2\u{202f}min");
        assert_eq!(tenths(71), "7.1");
        assert_eq!(tenths(4), "0.4");
        assert_eq!(thousands(1_440), "1,440");
        assert_eq!(thousands(11_011), "11,011");
        assert_eq!(thousands(12), "12");
    }
}
