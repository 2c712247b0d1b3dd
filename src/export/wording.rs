//! Wording that several formats share: numbers, names on one line, and what was said about an
//! utterance.

use crate::{
    model::Liveliness,
    record::{ModelIdentity, Utterance, rounded},
};

/// Written where the program is not sure.
pub(super) const UNSURE: &str = "unsure";

/// Says that a machine judged, and which one, on one line.
pub(super) fn statement(model: &ModelIdentity) -> String {
    let mut statement = format!(
        "Emotions estimated by a machine from the sound of the voice; they may be wrong. Model: {}",
        identity(model)
    );
    if !model.trained_on.is_empty() {
        statement += ", trained on ";
        statement += &one_line(&model.trained_on);
    }
    statement
}

/// Name, version and hash.
pub(super) fn identity(model: &ModelIdentity) -> String {
    let [name, version, sha256] = [&model.name, &model.version, &model.sha256].map(|s| one_line(s));
    format!("{name} {version} (SHA-256 {sha256})")
}

/// What was said about an utterance, in a few words; what a person said comes first and is marked.
pub(super) fn claim(utterance: &Utterance) -> String {
    let machine = match &utterance.label {
        Some(label) => format!("{} {:.0} %", one_line(label), 100.0 * utterance.confidence),
        None => UNSURE.to_owned(),
    };
    match &utterance.correction {
        Some(correction) => format!("{} (corrected; machine: {machine})", one_line(correction)),
        None => machine,
    }
}

/// The program's label, or that it is not sure.
pub(super) fn label(utterance: &Utterance) -> String {
    let label = utterance.label.as_deref();
    label.map_or_else(|| UNSURE.to_owned(), one_line)
}

/// How a voice sounds, in a word.
pub(super) const fn sounds(liveliness: Liveliness) -> &'static str {
    match liveliness {
        Liveliness::Lively => "lively",
        Liveliness::Quiet => "quiet",
        Liveliness::Unsure => UNSURE,
    }
}

/// Ms as seconds in plain decimals, such as `12.5`.
pub(super) fn seconds(ms: u64) -> String {
    let seconds = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    seconds
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// A probability in plain decimals; 0 for one that is not a number.
pub(super) fn share(share: f32) -> String {
    let finite = if share.is_finite() { share } else { 0.0 };
    rounded(finite).to_string()
}

/// Ms as `HH:MM:SS`, rounded down.
pub(super) fn clock(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

/// Removes line breaks, control characters, and characters that change the direction of the text
/// after them.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {}
            _ if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            _ => line.push(c),
        }
    }
    line.trim().to_owned()
}

/// One line, with XML's markup characters as entities.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A cell of a comma-separated table (RFC 4180).
pub(super) fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::AWKWARD,
        record::tests::{record, utterance},
    };

    #[test]
    fn numbers_are_plain_decimals() {
        for (ms, written) in [(0, "0"), (5, "0.005"), (1_500, "1.5"), (7_200_000, "7200")] {
            assert_eq!(seconds(ms), written);
        }
        let shares = [
            (0.0, "0"),
            (1.0, "1"),
            (1e-9, "0"),
            (0.000_05, "0.00005"),
            (0.83, "0.83"),
        ];
        for (number, written) in shares {
            assert_eq!(share(number), written);
        }
        assert_eq!(share(f32::NAN), "0");
        assert_eq!(clock(363_599_999), "100:59:59");
    }

    #[test]
    fn text_fits_on_one_line_and_into_xml_and_cells() {
        let line = "\"O'Neil\" <b>&amp; 5 --> 6 [00:00:01], שלום ;=1+1";
        assert_eq!(one_line(AWKWARD), line);
        assert_eq!(one_line("two  spaces.wav"), "two  spaces.wav");
        assert_eq!(
            xml(AWKWARD),
            "&quot;O'Neil&quot; &lt;b&gt;&amp;amp; 5 --&gt; 6 [00:00:01], שלום ;=1+1"
        );
        assert_eq!(cell("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(cell("a; b"), "a; b");
    }

    #[test]
    fn what_a_person_said_stands_apart_from_what_the_program_said() {
        let mut said = utterance(1, 0, 1_000, Some("angry"));
        assert_eq!(claim(&said), "angry 83 %");
        said.correction = Some("sad".to_owned());
        assert_eq!(claim(&said), "sad (corrected; machine: angry 83 %)");
        assert_eq!(label(&said), "angry");
        assert_eq!(claim(&utterance(1, 0, 1_000, None)), "unsure");
    }

    #[test]
    fn the_statement_names_the_model() {
        let mut model = record(vec![]).model;
        let said = "Emotions estimated by a machine from the sound of the voice; they may be wrong. \
                    Model: Speech Emotion 0.1.0 (SHA-256 ab12)";
        assert_eq!(
            statement(&model),
            format!("{said}, trained on a few voices")
        );
        model.trained_on.clear();
        assert_eq!(statement(&model), said);
    }
}
