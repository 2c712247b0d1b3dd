//! Labels for Audacity of one recording (File, Import, Labels): start, end and text, divided by tabs; times
//! in seconds. The first label says who judged. A label of no length is a point.

use super::{
    listed,
    wording::{seconds, statement},
};
use crate::record::{Record, Source};

/// Writes a record's only source.
pub fn write(record: &Record, source: &Source) -> String {
    let first = std::iter::once((0, 0, statement(&record.model)));
    let line =
        |(start_ms, end_ms, text)| format!("{}\t{}\t{text}\n", seconds(start_ms), seconds(end_ms));
    first.chain(listed(source)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::awkward,
        record::tests::{call, record, source},
    };

    #[test]
    fn a_label_for_each_utterance_section_and_note_in_order() {
        let call = call();
        assert_eq!(
            write(&call, &call.sources[0]),
            "0\t0\tEmotions estimated by a machine from the sound of the voice; they may be wrong. Model: \
             Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\n\
             0\t1.75\tSection: question 1\n\
             0.5\t2\tAnna: sad (corrected; machine: angry 83 %)\n\
             1.5\t3.25\tBen: unsure\n\
             2.5\t2.5\tNote: looks away\n"
        );
        assert_eq!(
            write(&record(vec![]), &source(0, vec![])).lines().count(),
            1
        );
    }

    #[test]
    fn every_line_has_two_tabs() {
        let awkward = awkward();
        let labels = write(&awkward, &awkward.sources[0]);
        assert_eq!(labels.lines().count(), 5);
        for line in labels.lines() {
            assert_eq!(line.matches('\t').count(), 2, "{line}");
        }
    }
}
