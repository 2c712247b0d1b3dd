//! Text for MAXQDA, NVivo and ATLAS.ti: one line for each utterance, section and note, beginning
//! with its time as `[HH:MM:SS]`, rounded down. Square brackets in names become round ones, so that
//! only times have them.

use super::{
    listed,
    wording::{clock, one_line, statement},
};
use crate::record::Record;

/// Writes a record, one recording after another.
pub fn write(record: &Record) -> String {
    let mut text = without_brackets(&statement(&record.model)) + "\n";
    for source in &record.sources {
        let name = without_brackets(&one_line(&source.name));
        text += &format!("\nRecording: {name}\n");
        for (start_ms, _, line) in listed(source) {
            text += &format!("[{}] {}\n", clock(start_ms), without_brackets(&line));
        }
    }
    text
}

fn without_brackets(text: &str) -> String {
    text.replace('[', "(").replace(']', ")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::awkward,
        record::tests::{call, record, source, utterance},
    };

    #[test]
    fn every_line_begins_with_its_time() {
        let mut two = call();
        two.sources.push(source(
            4_000_000,
            vec![utterance(1, 3_661_900, 3_662_000, Some("sad"))],
        ));
        assert_eq!(
            write(&two),
            "Emotions estimated by a machine from the sound of the voice; they may be wrong. Model: \
             Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\n\
             \n\
             Recording: call.wav\n\
             [00:00:00] Section: question 1\n\
             [00:00:00] Anna: sad (corrected; machine: angry 83 %)\n\
             [00:00:01] Ben: unsure\n\
             [00:00:02] Note: looks away\n\
             \n\
             Recording: talk.wav\n\
             [01:01:01] Anna: sad 83 %\n"
        );
        assert_eq!(write(&record(vec![])).lines().count(), 1);
    }

    #[test]
    fn only_times_stand_in_brackets() {
        let text = write(&awkward());
        let timed = text.lines().filter(|line| line.contains('['));
        assert_eq!(timed.clone().count(), 4, "{text}");
        for line in timed {
            assert_eq!(
                (line.find('['), line.rfind('[')),
                (Some(0), Some(0)),
                "{line}"
            );
            assert!(line[10..].starts_with(' '), "{line}");
        }
    }
}
