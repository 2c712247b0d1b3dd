//! Numbers as people read them.

/// A share of one as a whole percentage, "83 %".
pub fn percent(share: f32) -> String {
    // The cast takes what is below 0 as 0.
    let number = ((share * 100.0).round_ties_even() as u32).min(100);
    [&number.to_string(), "\u{202f}%"].concat()
}

/// Shares of one in thousandths, "830 85 85".
pub fn permille_list(shares: impl Iterator<Item = f32>) -> String {
    let mut list = String::new();
    for share in shares {
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(
            &((share * 1000.0).round_ties_even() as u32)
                .min(1000)
                .to_string(),
        );
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
    [&(count / 10).to_string(), ".", &(count % 10).to_string()].concat()
}

/// A count with its thousands set apart, "1,440".
pub fn thousands(count: u32) -> String {
    if count < 1000 {
        return count.to_string();
    }
    // With a leading 1, the last three digits keep their zeros.
    let last = (1000 + count % 1000).to_string();
    let last = last.strip_prefix('1').unwrap_or(&last);
    [&(count / 1000).to_string(), ",", last].concat()
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
        assert_eq!(tenths(71), "7.1");
        assert_eq!(tenths(4), "0.4");
        assert_eq!(thousands(1_440), "1,440");
        assert_eq!(thousands(11_011), "11,011");
        assert_eq!(thousands(12), "12");
    }
}
