//! Labels for Audacity from one recording (File, Import, Labels): start, end and text, separated by
//! tabs. Times are in seconds with six decimals, as Audacity writes them: some readers need a
//! decimal point in each. Double quotes become single ones, since some readers take them for the
//! delimiters of a text over several lines. The first label says who judged. A label without length
//! is a point.

use super::{listed, wording::statement};
use crate::record::{Record, Source};

/// Writes the only source of a record.
pub fn write(record: &Record, source: &Source) -> String {
    let first = std::iter::once((0, 0, statement(&record.model)));
    let line = |(start_ms, end_ms, text): (u64, u64, String)| {
        let (start, end) = (seconds(start_ms), seconds(end_ms));
        format!("{start}\t{end}\t{}\n", text.replace('"', "'"))
    };
    first.chain(listed(source)).map(line).collect()
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}000", ms / 1_000, ms % 1_000)
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
            "0.000000\t0.000000\tEmotions estimated by a machine from the sound of the voice; they may be wrong. Model: \
             Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\n\
             0.000000\t1.750000\tSection: question 1\n\
             0.500000\t2.000000\tAnna: sad (corrected; machine: angry 83 %)\n\
             1.500000\t3.250000\tBen: unsure\n\
             2.500000\t2.500000\tNote: looks away\n"
        );
        assert_eq!(
            write(&record(vec![]), &source(0, vec![])).lines().count(),
            1
        );
    }

    #[test]
    fn every_line_has_two_tabs_and_no_quotes() {
        let awkward = awkward();
        let labels = write(&awkward, &awkward.sources[0]);
        assert_eq!(labels.lines().count(), 5);
        for line in labels.lines() {
            assert_eq!(line.matches('\t').count(), 2, "{line}");
            assert!(!line.contains('"'), "{line}");
        }
    }
}
