//! WebVTT for one recording: a cue for each utterance, with its lane as the voice; cues of
//! different lanes overlap.
//!
//! Sections and notes are written as comments (`NOTE`) with their times. Utterances without length
//! are left out.

use super::{
    lane_names, spoken,
    wording::{claim, one_line, statement},
};
use crate::record::{Record, Source};

/// Writes the only source of a record.
pub fn write(record: &Record, source: &Source) -> String {
    let mut vtt = String::from("WEBVTT\n\n");
    let mut comment = |text: String| {
        // An arrow would end the comment.
        vtt += &format!("NOTE {}\n\n", text.replace("-->", "->"));
    };
    comment(statement(&record.model));
    comment(format!("Recording: {}", one_line(&source.name)));
    for section in &source.sections {
        let (start, end) = (timestamp(section.start_ms), timestamp(section.end_ms));
        comment(format!(
            "Section from {start} to {end}: {}",
            one_line(&section.name)
        ));
    }
    for note in &source.notes {
        comment(format!(
            "At {}: {}",
            timestamp(note.at_ms),
            one_line(&note.text)
        ));
    }
    let mut cues = Vec::new();
    for (index, lane) in lane_names(source).iter().enumerate() {
        for (ms, utterance) in spoken(source, index) {
            cues.push((ms, format!("<v {}>{}", text(lane), text(&claim(utterance)))));
        }
    }
    cues.sort_by_key(|(ms, _)| ms.start);
    for (ms, cue) in cues {
        let (start, end) = (timestamp(ms.start), timestamp(ms.end));
        vtt += &format!("{start} --> {end}\n{cue}\n\n");
    }
    vtt.pop();
    vtt
}

fn timestamp(ms: u64) -> String {
    let s = ms / 1_000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        s / 3_600,
        s / 60 % 60,
        s % 60,
        ms % 1_000
    )
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::awkward,
        record::tests::{call, record, source, utterance},
    };

    #[test]
    fn a_cue_for_each_utterance() {
        let said = call();
        assert_eq!(
            write(&said, &said.sources[0]),
            "WEBVTT\n\n\
             NOTE Emotions estimated by a machine from the sound of the voice; they may be wrong. Model: \
             Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\n\n\
             NOTE Recording: call.wav\n\n\
             NOTE Section from 00:00:00.000 to 00:00:01.750: question 1\n\n\
             NOTE At 00:00:02.500: looks away\n\n\
             00:00:00.500 --> 00:00:02.000\n<v Anna>sad (corrected; machine: angry 83 %)\n\n\
             00:00:01.500 --> 00:00:03.250\n<v Ben>unsure\n"
        );
    }

    #[test]
    fn arrows_and_markup_in_names_are_no_markup() {
        let awkward = awkward();
        let vtt = write(&awkward, &awkward.sources[0]);
        assert_eq!(vtt.matches("-->").count(), 1, "{vtt}");
        assert!(
            vtt.contains("<v \"O'Neil\" &lt;b&gt;&amp;amp; 5 --&gt; 6 "),
            "{vtt}"
        );
    }

    #[test]
    fn hours_and_nameless_lanes() {
        let mut long = source(9_000_000, vec![utterance(1, 3_599_999, 7_322_004, None)]);
        long.lanes[0].name.clear();
        let vtt = write(&record(vec![]), &long);
        assert!(
            vtt.ends_with("\n00:59:59.999 --> 02:02:02.004\n<v speaker 1>unsure\n"),
            "{vtt}"
        );
    }
}
