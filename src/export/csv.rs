//! CSV for spreadsheets and statistics (RFC 4180, UTF-8): a row for each utterance, times in seconds.
//!
//! `machine_label` and `machine_confidence` are the program's; `person_label` is a person's
//! correction; `p_…` are the probabilities of all labels, 0..=1. `section` is the section in which
//! the utterance begins. A cell of text that a spreadsheet would take for a formula begins with an
//! apostrophe. Notes are left out.

use super::{
    lane_names,
    wording::{cell, identity, label, one_line, seconds, share, sounds},
};
use crate::record::{Record, Source, Utterance};

/// Writes a record.
pub fn write(record: &Record) -> String {
    let mut csv = String::from(
        "source,lane,id,start_s,end_s,speech_s,machine_label,machine_confidence,person_label,\
         activation,sounds,section",
    );
    for name in record.labels.names() {
        csv += ",";
        csv += &text(&format!("p_{name}"));
    }
    csv += ",model\n";
    let model = text(&format!("machine: {}", identity(&record.model)));
    for source in &record.sources {
        let lanes = lane_names(source);
        for utterance in &source.utterances {
            let lane = lanes.get(utterance.lane).map_or("", String::as_str);
            let mut cells = described(source, lane, utterance);
            let shares = record.labels.names().iter();
            cells.extend(shares.map(|name| share(utterance.probabilities.get(name))));
            cells.push(model.clone());
            csv += &cells.join(",");
            csv.push('\n');
        }
    }
    csv
}

/// The cells up to the probabilities.
fn described(source: &Source, lane: &str, utterance: &Utterance) -> Vec<String> {
    let begins_in = source
        .sections
        .iter()
        .find(|section| (section.start_ms..section.end_ms).contains(&utterance.start_ms));
    let or_empty = |found: Option<&String>| found.map_or_else(String::new, |found| text(found));
    let activation = utterance.activation;
    vec![
        text(&source.name),
        text(lane),
        utterance.id.to_string(),
        seconds(utterance.start_ms),
        seconds(utterance.end_ms),
        seconds(utterance.speech_ms),
        text(&label(utterance)),
        share(utterance.confidence),
        or_empty(utterance.correction.as_ref()),
        activation.map_or_else(String::new, |activation| share(activation.value)),
        activation.map_or_else(String::new, |activation| {
            sounds(activation.sounds).to_owned()
        }),
        or_empty(begins_in.map(|section| &section.name)),
    ]
}

fn text(text: &str) -> String {
    let text = one_line(text);
    if text.starts_with(['=', '+', '-', '@']) {
        cell(&format!("'{text}"))
    } else {
        cell(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{call, record, source, utterance};

    const HEADER: &str = "source,lane,id,start_s,end_s,speech_s,machine_label,machine_confidence,\
         person_label,activation,sounds,section,p_neutral,p_angry,p_sad,model\n";

    #[test]
    fn a_row_for_each_utterance() {
        let model = "machine: Speech Emotion 0.1.0 (SHA-256 ab12)";
        let expected = format!(
            "{HEADER}\
             call.wav,Anna,1,0.5,2,0.75,angry,0.83,sad,0.71,lively,question 1,0.085,0.83,0.085,{model}\n\
             call.wav,Ben,2,1.5,3.25,0.875,unsure,0.33333,,,,question 1,0.33333,0.33333,0.33333,{model}\n"
        );
        assert_eq!(write(&call()), expected);
        assert_eq!(write(&record(vec![source(5, vec![])])), HEADER);
    }

    #[test]
    fn formulas_quotes_and_commas_stay_text() {
        let mut heard = source(5_000, vec![utterance(1, 0, 1_000, None)]);
        heard.name = "=1+1, \"a\"".to_owned();
        heard.lanes[0].name = "@you".to_owned();
        let written = write(&record(vec![heard]));
        assert!(
            written.contains("\n\"'=1+1, \"\"a\"\"\",'@you,1,"),
            "{written}"
        );
    }
}
