//! ELAN's annotation format (EAF 3.0) for one recording.
//!
//! There are a tier of labels and one of confidences for each lane, one of corrections where there
//! are any, and a tier each for sections and notes where there are any. Every tier has its own
//! times: its linguistic type has no constraint; otherwise ELAN would drop them. A note, which has
//! no length, is shown for up to a second. The header and the tiers' annotator say who judged.

use std::ops::Range;

use super::{
    apart, lane_names, noted, spoken,
    wording::{identity, label, share, statement, xml},
};
use crate::record::{Record, Source, SourceKind, Utterance};

/// How long a note is shown, in ms.
const NOTE_MS: u64 = 1_000;

const PERSON: &str = "a person";

struct Tier {
    name: String,
    participant: Option<String>,
    annotator: String,
    /// In order of time without overlaps, none of them empty.
    annotations: Vec<(Range<u64>, String)>,
}

/// Writes the only source of a record.
pub fn write(record: &Record, source: &Source) -> String {
    let tiers = tiers(record, source);
    let mut eaf = head(record, source);
    eaf += "    <TIME_ORDER>\n";
    let annotations = tiers.iter().flat_map(|tier| &tier.annotations);
    let times = annotations.flat_map(|(ms, _)| [ms.start, ms.end]);
    for (slot, ms) in (1..).zip(times) {
        eaf += &format!("        <TIME_SLOT TIME_SLOT_ID=\"ts{slot}\" TIME_VALUE=\"{ms}\"/>\n");
    }
    eaf += "    </TIME_ORDER>\n";
    let mut id = 0;
    for tier in &tiers {
        eaf += &open(tier);
        for (_, value) in &tier.annotations {
            id += 1;
            let (from, to) = (2 * id - 1, 2 * id);
            eaf += &format!(
                "        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a{id}\" \
                 TIME_SLOT_REF1=\"ts{from}\" TIME_SLOT_REF2=\"ts{to}\">\n                \
                 <ANNOTATION_VALUE>{}</ANNOTATION_VALUE>\n            </ALIGNABLE_ANNOTATION>\n        \
                 </ANNOTATION>\n",
                xml(value)
            );
        }
        eaf += "    </TIER>\n";
    }
    eaf += "    <LINGUISTIC_TYPE GRAPHIC_REFERENCES=\"false\" LINGUISTIC_TYPE_ID=\"default-lt\" \
            TIME_ALIGNABLE=\"true\"/>\n</ANNOTATION_DOCUMENT>\n";
    eaf
}

fn head(record: &Record, source: &Source) -> String {
    let statement = xml(&statement(&record.model));
    let author = xml(&record.model.name);
    let date = date_time(source.started_ms.unwrap_or(0));
    let media = match source.kind {
        SourceKind::File => {
            let name = xml(&source.name);
            format!(
                "        <MEDIA_DESCRIPTOR MEDIA_URL=\"{name}\" MIME_TYPE=\"{}\"/>\n",
                mime_type(&source.name)
            )
        }
        SourceKind::Stream => String::new(),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ANNOTATION_DOCUMENT AUTHOR=\"{author}\" DATE=\"{date}\" FORMAT=\"3.0\" VERSION=\"3.0\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:noNamespaceSchemaLocation=\"http://www.mpi.nl/tools/elan/EAFv3.0.xsd\">\n    \
         <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\">\n{media}        \
         <PROPERTY NAME=\"judged by\">{statement}</PROPERTY>\n    </HEADER>\n"
    )
}

fn open(tier: &Tier) -> String {
    let participant = tier
        .participant
        .as_deref()
        .map_or_else(String::new, |participant| {
            format!(" PARTICIPANT=\"{}\"", xml(participant))
        });
    format!(
        "    <TIER ANNOTATOR=\"{}\" LINGUISTIC_TYPE_REF=\"default-lt\"{participant} TIER_ID=\"{}\">\n",
        xml(&tier.annotator),
        xml(&tier.name)
    )
}

fn tiers(record: &Record, source: &Source) -> Vec<Tier> {
    let machine = format!("a machine: {}", identity(&record.model));
    let mut tiers = Vec::new();
    for (index, lane) in lane_names(source).iter().enumerate() {
        let spoken = spoken(source, index);
        let mut add = |kind, annotator: &str, say: &dyn Fn(&Utterance) -> Option<String>| {
            let said = spoken.iter();
            tiers.push(Tier {
                name: format!("{lane} {kind}"),
                participant: Some(lane.clone()),
                annotator: annotator.to_owned(),
                annotations: said
                    .filter_map(|(ms, utterance)| Some((ms.clone(), say(utterance)?)))
                    .collect(),
            });
        };
        add("emotion", &machine, &|utterance| Some(label(utterance)));
        add("confidence", &machine, &|utterance| {
            Some(share(utterance.confidence))
        });
        if spoken
            .iter()
            .any(|(_, utterance)| utterance.correction.is_some())
        {
            add("correction", PERSON, &|utterance| {
                utterance.correction.clone()
            });
        }
    }
    let mut add = |name: &str, annotations: Vec<(Range<u64>, String)>| {
        if !annotations.is_empty() {
            tiers.push(Tier {
                name: name.to_owned(),
                participant: None,
                annotator: PERSON.to_owned(),
                annotations,
            });
        }
    };
    let sections = source.sections.iter();
    let named = sections.map(|section| (section.start_ms..section.end_ms, section.name.clone()));
    add("sections", apart(named));
    add("notes", notes(source));
    tiers
}

/// Each lasts at most until the next begins.
fn notes(source: &Source) -> Vec<(Range<u64>, String)> {
    let notes = noted(source);
    let next = notes.iter().skip(1).map(|(at_ms, _)| *at_ms);
    let ends: Vec<u64> = next.chain([u64::MAX]).collect();
    let shown = notes.into_iter().zip(ends);
    shown
        .map(|((at_ms, text), end_ms)| (at_ms..at_ms.saturating_add(NOTE_MS).min(end_ms), text))
        .collect()
}

/// By the file's extension, as ELAN names them.
fn mime_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "wav" => "audio/x-wav",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "m4a" | "mp4" => "audio/mp4",
        _ => "unknown",
    }
}

/// Date and time (UTC) in XML Schema's form, from ms since 1970. The calendar is Gregorian; see H.
/// Hinnant, "chrono-compatible low-level date algorithms".
fn date_time(ms: u64) -> String {
    let (days, s) = (ms / 86_400_000, ms / 1_000 % 86_400);
    let since_march = days + 719_468;
    let (era, day_of_era) = (since_march / 146_097, since_march % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year_of_era + next_year;
    let (hour, minute, second) = (s / 3_600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
    fn tiers_hold_times_of_their_own() {
        let talk = record(vec![source(
            3_000,
            vec![utterance(1, 500, 2_016, Some("angry"))],
        )]);
        let annotation = |id, from, to, value: &str| {
            format!(
                "        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a{id}\" \
                 TIME_SLOT_REF1=\"ts{from}\" TIME_SLOT_REF2=\"ts{to}\">\n                \
                 <ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>\n            \
                 </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>\n    </TIER>\n"
            )
        };
        let tier = |kind| {
            format!(
                "    <TIER ANNOTATOR=\"a machine: Speech Emotion 0.1.0 (SHA-256 ab12)\" \
                 LINGUISTIC_TYPE_REF=\"default-lt\" PARTICIPANT=\"Anna\" TIER_ID=\"Anna {kind}\">\n"
            )
        };
        let slot =
            |id, ms| format!("        <TIME_SLOT TIME_SLOT_ID=\"ts{id}\" TIME_VALUE=\"{ms}\"/>\n");
        let expected = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT AUTHOR=\"Speech Emotion\" \
             DATE=\"1970-01-01T00:00:00Z\" FORMAT=\"3.0\" VERSION=\"3.0\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:noNamespaceSchemaLocation=\"http://www.mpi.nl/tools/elan/EAFv3.0.xsd\">\n    \
             <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\">\n        \
             <MEDIA_DESCRIPTOR MEDIA_URL=\"talk.wav\" MIME_TYPE=\"audio/x-wav\"/>\n        \
             <PROPERTY NAME=\"judged by\">Emotions estimated by a machine from the sound of the voice; \
             they may be wrong. Model: Speech Emotion 0.1.0 (SHA-256 ab12), trained on a few voices\
             </PROPERTY>\n    </HEADER>\n    <TIME_ORDER>\n"
                .to_owned(),
            slot(1, 500),
            slot(2, 2_016),
            slot(3, 500),
            slot(4, 2_016),
            "    </TIME_ORDER>\n".to_owned(),
            tier("emotion"),
            annotation(1, 1, 2, "angry"),
            tier("confidence"),
            annotation(2, 3, 4, "0.83"),
            "    <LINGUISTIC_TYPE GRAPHIC_REFERENCES=\"false\" LINGUISTIC_TYPE_ID=\"default-lt\" \
             TIME_ALIGNABLE=\"true\"/>\n</ANNOTATION_DOCUMENT>\n"
                .to_owned(),
        ];
        assert_eq!(write(&talk, &talk.sources[0]), expected.concat());
    }

    #[test]
    fn what_a_person_said_is_theirs() {
        let call = call();
        let eaf = write(&call, &call.sources[0]);
        let by = |tier: &str| {
            let line = eaf
                .lines()
                .find(|line| line.contains(&format!("TIER_ID=\"{tier}\"")));
            line.unwrap().contains("ANNOTATOR=\"a person\"")
        };
        assert!(
            by("Anna correction") && by("sections") && by("notes"),
            "{eaf}"
        );
        assert!(!by("Anna emotion") && !by("Ben confidence"), "{eaf}");
        assert!(!eaf.contains("Ben correction"), "{eaf}");
    }

    #[test]
    fn notes_are_shown_until_the_next_and_never_for_no_time() {
        let mut source = source(0, vec![]);
        let note = |at_ms, text: &str| Note {
            at_ms,
            text: text.to_owned(),
        };
        source.notes = vec![note(900, "c"), note(100, "a"), note(100, "b")];
        let shown = [(100..900, "a; b".to_owned()), (900..1_900, "c".to_owned())];
        assert_eq!(notes(&source), shown);
    }

    #[test]
    fn markup_in_names_is_text_and_a_stream_is_no_file() {
        let mut awkward = awkward();
        let eaf = write(&awkward, &awkward.sources[0]);
        assert!(
            eaf.contains("<ANNOTATION_VALUE>&quot;O'Neil&quot; &lt;b&gt;&amp;amp; 5"),
            "{eaf}"
        );
        assert!(eaf.contains("MEDIA_DESCRIPTOR"), "{eaf}");
        awkward.sources[0].kind = SourceKind::Stream;
        assert!(!write(&awkward, &awkward.sources[0]).contains("MEDIA_DESCRIPTOR"));
    }

    #[test]
    fn dates_are_of_the_calendar() {
        for (ms, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_000, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_796_029_445_678, "2026-11-30T09:04:05Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date_time(ms), date);
        }
    }
}
