//! A CSV that `audformat.utils.read_csv` reads as a segmented table: `file`, `start`, `end` in
//! seconds.
//!
//! The file's name is written unchanged, since it is how the file is found. `emotion` is the
//! program's label, empty where it is not sure; `emotion.corrected` is what a person said.
//! Utterances without length are left out.

use super::{
    lane_names, spoken,
    wording::{cell, identity, one_line, seconds, share},
};
use crate::record::Record;

/// Writes a record.
pub fn write(record: &Record) -> String {
    let mut csv = String::from(
        "file,start,end,speaker,emotion,emotion.confidence,emotion.corrected,activation,rater\n",
    );
    let rater = cell(&format!("machine: {}", identity(&record.model)));
    for source in &record.sources {
        for (index, lane) in lane_names(source).iter().enumerate() {
            for (ms, utterance) in spoken(source, index) {
                let line =
                    |text: &Option<String>| text.as_deref().map_or_else(String::new, one_line);
                let activation = utterance.activation;
                let cells = [
                    cell(&source.name),
                    seconds(ms.start),
                    seconds(ms.end),
                    cell(lane),
                    cell(&line(&utterance.label)),
                    share(utterance.confidence),
                    cell(&line(&utterance.correction)),
                    activation.map_or_else(String::new, |activation| share(activation.value)),
                    rater.clone(),
                ];
                csv += &cells.join(",");
                csv.push('\n');
            }
        }
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{call, record, source, utterance};

    const HEADER: &str =
        "file,start,end,speaker,emotion,emotion.confidence,emotion.corrected,activation,rater\n";

    #[test]
    fn a_row_for_each_segment() {
        let rater = "machine: Speech Emotion 0.1.0 (SHA-256 ab12)";
        let expected = format!(
            "{HEADER}call.wav,0.5,2,Anna,angry,0.83,sad,0.71,{rater}\n\
             call.wav,1.5,3.25,Ben,,0.33333,,,{rater}\n"
        );
        assert_eq!(write(&call()), expected);
    }

    #[test]
    fn the_path_stays_as_it_is_and_empty_segments_are_left_out() {
        let mut heard = source(5_000, vec![utterance(1, 10, 10, None)]);
        assert_eq!(write(&record(vec![heard.clone()])), HEADER);
        heard.utterances = vec![utterance(1, 0, 1_000, None)];
        heard.name = "a  \"b\", c.wav".to_owned();
        let written = write(&record(vec![heard]));
        assert!(
            written.contains("\n\"a  \"\"b\"\", c.wav\",0,1,Anna,"),
            "{written}"
        );
    }
}
