//! Praat's TextGrid for one recording, in its long text format, UTF-8.
//!
//! There are a tier of labels and one of confidences for each lane, one of corrections where there
//! are any, a tier each for sections and notes where there are any, and a last tier that says who
//! judged. The intervals of a tier follow each other from 0 to the end without gaps, with empty
//! text between utterances. A recording without length is 1 ms long, since Praat does not allow 0.

use std::{fmt::Write, ops::Range};

use super::{
    apart, lane_names, noted, spoken,
    wording::{label, one_line, seconds, share, statement},
};
use crate::record::{Record, Source, Utterance};

/// Writes the only source of a record.
pub fn write(record: &Record, source: &Source) -> String {
    let end_ms = source.end_ms().max(1);
    let mut tiers = Vec::new();
    for (index, lane) in lane_names(source).iter().enumerate() {
        let of = |kind, say: fn(&Utterance) -> String| {
            let spoken = spoken(source, index).into_iter();
            let said = spoken.map(|(ms, utterance)| (ms, say(utterance)));
            intervals(&format!("{lane} {kind}"), said, end_ms)
        };
        tiers.push(of("emotion", label));
        tiers.push(of("confidence", |utterance| share(utterance.confidence)));
        let corrected = |u: &Utterance| u.lane == index && u.correction.is_some();
        if source.utterances.iter().any(corrected) {
            tiers.push(of("correction", |utterance| {
                utterance.correction.clone().unwrap_or_default()
            }));
        }
    }
    if !source.sections.is_empty() {
        let sections = source.sections.iter();
        let named = apart(sections.map(|section| {
            let ms = section.start_ms..section.end_ms;
            (ms, section.name.clone())
        }));
        tiers.push(intervals("sections", named.into_iter(), end_ms));
    }
    if !source.notes.is_empty() {
        tiers.push(points(source, end_ms));
    }
    let statement = std::iter::once((0..end_ms, statement(&record.model)));
    tiers.push(intervals("judged by", statement, end_ms));

    let mut grid = String::from("File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n");
    let end = seconds(end_ms);
    let count = tiers.len();
    grid += &format!("xmin = 0\nxmax = {end}\ntiers? <exists>\nsize = {count}\nitem []:\n");
    for (i, tier) in tiers.iter().enumerate() {
        grid += &format!("    item [{}]:\n{tier}", i + 1);
    }
    grid
}

/// A tier of these stretches, which are in order and do not overlap, with empty intervals between
/// them.
fn intervals(
    name: &str,
    stretches: impl Iterator<Item = (Range<u64>, String)>,
    end_ms: u64,
) -> String {
    let mut filled = Vec::new();
    let mut at = 0;
    for (ms, text) in stretches.chain([(end_ms..end_ms, String::new())]) {
        if at < ms.start {
            filled.push((at..ms.start, String::new()));
        }
        at = ms.end;
        if !ms.is_empty() {
            filled.push((ms, text));
        }
    }
    let mut tier = head("IntervalTier", name, end_ms, "intervals", filled.len());
    for (i, (ms, text)) in filled.iter().enumerate() {
        let (start, end, text) = (seconds(ms.start), seconds(ms.end), quoted(text));
        let i = i + 1;
        let _ = write!(
            tier,
            "        intervals [{i}]:\n            xmin = {start}\n            xmax = {end}\n            \
             text = {text}\n"
        );
    }
    tier
}

/// A tier for the notes.
fn points(source: &Source, end_ms: u64) -> String {
    let notes = noted(source);
    let mut tier = head("TextTier", "notes", end_ms, "points", notes.len());
    for (i, (at_ms, text)) in notes.iter().enumerate() {
        let (at, text, i) = (seconds(*at_ms), quoted(text), i + 1);
        let _ = write!(
            tier,
            "        points [{i}]:\n            number = {at}\n            mark = {text}\n"
        );
    }
    tier
}

fn head(class: &str, name: &str, end_ms: u64, elements: &str, count: usize) -> String {
    let (name, end) = (quoted(name), seconds(end_ms));
    format!(
        "        class = \"{class}\"\n        name = {name}\n        xmin = 0\n        xmax = {end}\n        \
         {elements}: size = {count}\n"
    )
}

/// In double quotes; those inside become single, and spaces around an equals sign are removed,
/// since some readers take either for the end of the text.
fn quoted(text: &str) -> String {
    let text = one_line(text).replace('"', "'").replace(" = ", "=");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::awkward,
        record::{
            Note,
            tests::{call, record, source, utterance},
        },
    };

    #[test]
    fn intervals_follow_each_other_from_beginning_to_end() {
        let talk = record(vec![source(
            3_000,
            vec![utterance(1, 500, 2_016, Some("angry"))],
        )]);
        let judged = statement(&talk.model);
        let interval = |i, start, end, text: &str| {
            format!(
                "        intervals [{i}]:\n            xmin = {start}\n            xmax = {end}\n            \
                 text = \"{text}\"\n"
            )
        };
        let tier = |item, name, size| {
            format!(
                "    item [{item}]:\n        class = \"IntervalTier\"\n        name = \"{name}\"\n        \
                 xmin = 0\n        xmax = 3\n        intervals: size = {size}\n"
            )
        };
        let expected = [
            "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = 3\n\
             tiers? <exists>\nsize = 3\nitem []:\n"
                .to_owned(),
            tier(1, "Anna emotion", 3),
            interval(1, "0", "0.5", ""),
            interval(2, "0.5", "2.016", "angry"),
            interval(3, "2.016", "3", ""),
            tier(2, "Anna confidence", 3),
            interval(1, "0", "0.5", ""),
            interval(2, "0.5", "2.016", "0.83"),
            interval(3, "2.016", "3", ""),
            tier(3, "judged by", 1),
            interval(1, "0", "3", &judged),
        ];
        assert_eq!(write(&talk, &talk.sources[0]), expected.concat());
    }

    #[test]
    fn corrections_sections_and_notes_have_tiers_of_their_own() {
        let mut call = call();
        let source = &mut call.sources[0];
        source.notes.insert(
            0,
            Note {
                at_ms: 2_500,
                text: "first".to_owned(),
            },
        );
        let grid = write(&call, &call.sources[0]);
        let names: Vec<&str> = grid
            .lines()
            .filter(|line| line.contains("name = "))
            .map(str::trim)
            .collect();
        assert_eq!(
            names,
            [
                "name = \"Anna emotion\"",
                "name = \"Anna confidence\"",
                "name = \"Anna correction\"",
                "name = \"Ben emotion\"",
                "name = \"Ben confidence\"",
                "name = \"sections\"",
                "name = \"notes\"",
                "name = \"judged by\"",
            ]
        );
        assert!(
            grid.contains("number = 2.5\n            mark = \"first; looks away\"\n"),
            "{grid}"
        );
    }

    #[test]
    fn nothing_has_no_length_and_no_text_ends_early() {
        let awkward = awkward();
        let grid = write(&awkward, &awkward.sources[0]);
        for line in grid.lines().filter(|line| line.contains('"')) {
            assert_eq!(line.matches('"').count(), 2, "{line}");
        }
        let empty = source(0, vec![]);
        let grid = write(&record(vec![]), &empty);
        assert!(
            grid.contains("xmin = 0\n            xmax = 0.001\n            text = \"\"\n"),
            "{grid}"
        );
        let touching = vec![utterance(1, 0, 500, None), utterance(2, 500, 1_000, None)];
        let grid = write(&record(vec![]), &source(1_000, touching));
        assert_eq!(grid.matches("intervals: size = 2\n").count(), 2, "{grid}");
        assert_eq!(quoted("say text = \"5\""), "\"say text='5'\"");
    }
}
