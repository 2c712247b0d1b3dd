//! EmotionML 1.0 (W3C Recommendation, 22 May 2014): one `emotion` for each utterance and another
//! for a person's correction.
//!
//! Its categories are the model's labels, in a vocabulary defined in the document, since none of
//! the published ones has neutral or calm; their `confidence` is the probability. Names in the
//! vocabulary are NMTOKENs: characters that these cannot contain become `_`, and the label itself
//! is in the item's `info`. Times are ms from the beginning of the recording, which `time-ref-uri`
//! names.

use super::{
    lane_names,
    wording::{claim, one_line, share, statement, xml},
};
use crate::record::{Record, Source, SourceKind, Utterance};

/// Labels and their names in the document's vocabulary, all different.
struct Vocabulary(Vec<(String, String)>);

impl Vocabulary {
    /// The model's labels and people's corrections.
    fn of(record: &Record) -> Self {
        let mut vocabulary = Self(Vec::new());
        for label in record.labels.names() {
            vocabulary.add(label);
        }
        let utterances = record.sources.iter().flat_map(|source| &source.utterances);
        for correction in utterances.filter_map(|utterance| utterance.correction.as_ref()) {
            vocabulary.add(correction);
        }
        vocabulary
    }

    fn add(&mut self, label: &str) {
        if self.name(label).is_some() {
            return;
        }
        let token = one_line(label).replace(|c| !is_name_character(c), "_");
        let token = if token.is_empty() {
            "_".to_owned()
        } else {
            token
        };
        let mut name = token.clone();
        for n in 2.. {
            if self.0.iter().all(|(_, taken)| *taken != name) {
                break;
            }
            name = format!("{token}_{n}");
        }
        self.0.push((label.to_owned(), name));
    }

    fn name(&self, label: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == label);
        found.map(|(_, name)| name.as_str())
    }
}

/// Writes a record.
pub fn write(record: &Record) -> String {
    let vocabulary = Vocabulary::of(record);
    let mut xml_text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <emotionml version=\"1.0\" xmlns=\"http://www.w3.org/2009/10/emotionml\" \
         category-set=\"#labels\" dimension-set=\"#dimensions\">\n  <info>{}",
        xml(&statement(&record.model))
    );
    for (index, source) in record.sources.iter().enumerate() {
        xml_text += &format!(
            "\n    <recording xmlns=\"urn:speech-emotion\" id=\"recording{}\">{}</recording>",
            index + 1,
            xml(&source.name)
        );
    }
    xml_text += "\n  </info>\n  <vocabulary type=\"category\" id=\"labels\">\n";
    for (label, name) in &vocabulary.0 {
        xml_text += &if label == name {
            format!("    <item name=\"{name}\"/>\n")
        } else {
            format!(
                "    <item name=\"{name}\"><info>{}</info></item>\n",
                xml(label)
            )
        };
    }
    xml_text += "  </vocabulary>\n  <vocabulary type=\"dimension\" id=\"dimensions\">\n    \
                 <item name=\"activation\"/>\n  </vocabulary>\n";
    for (index, source) in record.sources.iter().enumerate() {
        let lanes = lane_names(source);
        let recording = format!("recording{}", index + 1);
        for (n, utterance) in (1..).zip(&source.utterances) {
            let emotion = Emotion {
                id: format!("{recording}-{n}"),
                lane: lanes.get(utterance.lane).map_or("", String::as_str),
                recording: &recording,
                source,
                utterance,
                vocabulary: &vocabulary,
            };
            xml_text += &emotion.of_machine();
            xml_text += &emotion.of_person();
        }
    }
    xml_text + "</emotionml>\n"
}

struct Emotion<'a> {
    id: String,
    lane: &'a str,
    /// Its id.
    recording: &'a str,
    source: &'a Source,
    utterance: &'a Utterance,
    vocabulary: &'a Vocabulary,
}

impl Emotion<'_> {
    fn of_machine(&self) -> String {
        let mut inside = String::new();
        for (label, probability) in &self.utterance.probabilities.0 {
            if let Some(name) = self.vocabulary.name(label) {
                let confidence = share(*probability);
                inside += &format!("    <category name=\"{name}\" confidence=\"{confidence}\"/>\n");
            }
        }
        if let Some(activation) = self.utterance.activation {
            let value = share(activation.value);
            inside += &format!("    <dimension name=\"activation\" value=\"{value}\"/>\n");
        }
        let mut said = self.utterance.clone();
        said.correction = None;
        self.element(
            "",
            &format!("Estimated by a machine: {}", claim(&said)),
            &inside,
        )
    }

    fn of_person(&self) -> String {
        let Some(correction) = &self.utterance.correction else {
            return String::new();
        };
        let name = self.vocabulary.name(correction).unwrap_or_default();
        let inside = format!("    <category name=\"{name}\"/>\n");
        self.element(
            "-corrected",
            &format!("Corrected by a person: {correction}"),
            &inside,
        )
    }

    fn element(&self, suffix: &str, info: &str, inside: &str) -> String {
        let (start_ms, end_ms) = (self.utterance.start_ms, self.utterance.end_ms);
        let uri = match self.source.kind {
            SourceKind::File => uri(&self.source.name),
            SourceKind::Stream => format!("#{}", self.recording),
        };
        format!(
            "  <emotion id=\"{}{suffix}\" expressed-through=\"voice\" time-ref-uri=\"{uri}\" \
             offset-to-start=\"{start_ms}\" duration=\"{}\">\n    <info>{}</info>\n{inside}  </emotion>\n",
            self.id,
            end_ms.saturating_sub(start_ms),
            xml(&format!("{}. {info}", self.lane)),
        )
    }
}

/// Whether XML allows it in names; of the rarer characters not all are accepted.
const fn is_name_character(c: char) -> bool {
    matches!(
        c,
        '-' | '.' | '_' | '0'..='9' | 'A'..='Z' | 'a'..='z'
            | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{37d}'
            | '\u{37f}'..='\u{1fff}' | '\u{3001}'..='\u{d7ff}'
    )
}

/// A path as a relative URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        class::tests::labels,
        export::tests::awkward,
        record::tests::{call, record, source, utterance},
    };

    #[test]
    fn an_emotion_for_each_utterance_and_another_for_a_correction() {
        assert_eq!(
            write(&call()),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <emotionml version=\"1.0\" xmlns=\"http://www.w3.org/2009/10/emotionml\" \
             category-set=\"#labels\" dimension-set=\"#dimensions\">\n  \
             <info>Emotions estimated by a machine from the sound of the voice; they may be wrong. \
             Model: Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\n    \
             <recording xmlns=\"urn:speech-emotion\" id=\"recording1\">call.wav</recording>\n  </info>\n  \
             <vocabulary type=\"category\" id=\"labels\">\n    <item name=\"neutral\"/>\n    \
             <item name=\"angry\"/>\n    <item name=\"sad\"/>\n  </vocabulary>\n  \
             <vocabulary type=\"dimension\" id=\"dimensions\">\n    <item name=\"activation\"/>\n  \
             </vocabulary>\n  \
             <emotion id=\"recording1-1\" expressed-through=\"voice\" time-ref-uri=\"call.wav\" \
             offset-to-start=\"500\" duration=\"1500\">\n    \
             <info>Anna. Estimated by a machine: angry 83 %</info>\n    \
             <category name=\"neutral\" confidence=\"0.085\"/>\n    \
             <category name=\"angry\" confidence=\"0.83\"/>\n    \
             <category name=\"sad\" confidence=\"0.085\"/>\n    \
             <dimension name=\"activation\" value=\"0.71\"/>\n  </emotion>\n  \
             <emotion id=\"recording1-1-corrected\" expressed-through=\"voice\" \
             time-ref-uri=\"call.wav\" offset-to-start=\"500\" duration=\"1500\">\n    \
             <info>Anna. Corrected by a person: sad</info>\n    <category name=\"sad\"/>\n  </emotion>\n  \
             <emotion id=\"recording1-2\" expressed-through=\"voice\" time-ref-uri=\"call.wav\" \
             offset-to-start=\"1500\" duration=\"1750\">\n    \
             <info>Ben. Estimated by a machine: unsure</info>\n    \
             <category name=\"neutral\" confidence=\"0.33333\"/>\n    \
             <category name=\"angry\" confidence=\"0.33333\"/>\n    \
             <category name=\"sad\" confidence=\"0.33333\"/>\n  </emotion>\n\
             </emotionml>\n"
        );
    }

    #[test]
    fn labels_become_names_that_the_vocabulary_allows() {
        let mut spaced = record(vec![]);
        spaced.labels = labels(&["très content", "tres/gut", "tres gut", "<&>"]);
        let names = Vocabulary::of(&spaced).0.into_iter().map(|(_, name)| name);
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["très_content", "tres_gut", "tres_gut_2", "___"]
        );
        let written = write(&spaced);
        assert!(
            written.contains("<item name=\"___\"><info>&lt;&amp;&gt;</info></item>"),
            "{written}"
        );
    }

    #[test]
    fn a_correction_that_the_model_does_not_know_joins_the_vocabulary() {
        let written = write(&awkward());
        let person = "-corrected\" expressed-through=\"voice\"";
        assert_eq!(written.matches(person).count(), 1, "{written}");
        let item = "<item name=\"_O_Neil___b__amp";
        assert!(written.contains(item), "{written}");
    }

    #[test]
    fn a_stream_is_named_by_its_place_and_a_path_is_a_uri() {
        let mut live = source(1_000, vec![utterance(1, 0, 1_000, None)]);
        live.kind = SourceKind::Stream;
        let written = write(&record(vec![live]));
        assert!(
            written.contains("time-ref-uri=\"#recording1\""),
            "{written}"
        );
        assert_eq!(uri("a b/ü#\".wav"), "a%20b/%C3%BC%23%22.wav");
    }
}
