//! Exported files as read by the usual readers of their formats, and emotional context checked
//! against its schemas.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, process::Command, sync::LazyLock};

use serde_json::{Value, json};
use speech_emotion::{
    class::Labels,
    context::{
        ANNOTATED_TRANSCRIPT_SCHEMA, AnnotateOptions, PROMPT_CONTEXT_SCHEMA, PromptOptions,
        annotate, read_transcript, to_prompt_context,
    },
    export::Format,
    model::{Activation, Liveliness},
    record::{Lane, ModelIdentity, Note, Probabilities, Record, Section, Source, Utterance},
};

const NAMES: [&str; 3] = ["neutral", "angry", "sad"];

fn utterance(id: u64, lane: usize, start_ms: u64, end_ms: u64, label: Option<&str>) -> Utterance {
    let shares = match label {
        Some(label) => NAMES.map(|name| if name == label { 0.99996 } else { 0.00002 }),
        None => [0.25, 0.5, 0.25],
    };
    let probabilities = NAMES.map(str::to_owned).into_iter().zip(shares).collect();
    Utterance {
        id,
        lane,
        start_ms,
        end_ms,
        speech_ms: (end_ms - start_ms) / 2,
        label: label.map(str::to_owned),
        confidence: label.map_or(0.5, |_| 0.99996),
        probabilities: Probabilities(probabilities),
        activation: Some(Activation {
            value: 0.00001,
            sounds: Liveliness::Quiet,
        }),
        correction: None,
        evidence: None,
    }
}

/// Two people who talk over each other; their names and notes are `text`.
fn session(text: &str) -> Record {
    let mut corrected = utterance(1, 0, 512, 2_016, Some("angry"));
    corrected.correction = Some("bored".to_owned());
    let lanes = ["Anna", "Ben"].map(|name| Lane {
        name: format!("{name}{text}"),
    });
    let source = Source {
        name: format!("call{text}.wav"),
        duration_ms: 3_600_001,
        lanes: lanes.into(),
        utterances: vec![
            corrected,
            utterance(2, 1, 1_500, 3_250, None),
            utterance(3, 0, 2_016, 2_016, Some("sad")),
            utterance(4, 0, 2_016, 3_600_000, Some("sad")),
        ],
        sections: vec![Section {
            start_ms: 0,
            end_ms: 2_000,
            name: format!("question 1{text}"),
        }],
        notes: vec![Note {
            at_ms: 2_500,
            text: format!("looks away{text}"),
        }],
        ..Source::default()
    };
    Record {
        model: ModelIdentity {
            name: "Speech Emotion".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "ab12".to_owned(),
            trained_on: "a few voices".to_owned(),
        },
        labels: Labels::new(NAMES.map(str::to_owned).into()).unwrap(),
        sources: vec![source],
    }
}

/// A session in which nobody spoke.
fn silence() -> Record {
    let mut record = session("");
    let source = &mut record.sources[0];
    source.duration_ms = 0;
    source.utterances.clear();
    source.sections.clear();
    source.notes.clear();
    record
}

/// What the readers found in the files of every session, by name, and the results of the checks
/// against schemas; none if the readers are not installed. They run only once: Python takes seconds
/// to load them.
static FOUND: LazyLock<Option<Value>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".tools/readers/bin/python3");
    if !python.is_file() {
        eprintln!("skipped: needs readers of exported files (scripts/setup installs them)");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(root.join("tests/readers.py"));
    let mut add = |session: &str, reader: &str, extension: &str, text: String| {
        let name = format!("{session}-{reader}.{extension}");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).unwrap();
        command.arg(format!("{session}/{reader}={}", path.display()));
    };
    let sessions = [
        ("plain", session("")),
        ("awkward", session(AWKWARD)),
        ("silence", silence()),
    ];
    for (name, record) in sessions {
        for (reader, format) in [
            ("csv", Format::Csv),
            ("webvtt", Format::WebVtt),
            ("textgrid", Format::TextGrid),
            ("praatio", Format::TextGrid),
            ("elan", Format::Elan),
            ("audacity", Format::Audacity),
            ("emotionml", Format::EmotionMl),
            ("audformat", Format::Audformat),
        ] {
            add(
                name,
                reader,
                format.extension(),
                format.write(&record).unwrap(),
            );
        }
    }
    add("valid", "schemas", "json", json!(checks()).to_string());
    add(
        "broken",
        "schemas",
        "json",
        json!(broken_checks()).to_string(),
    );
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
});

#[test]
fn praat_and_praatio_read_contiguous_tiers() {
    let Some(read) = FOUND.as_ref().map(|found| &found["plain"]) else {
        return;
    };
    let end = 3_600_001;
    for reader in ["textgrid", "praatio"] {
        let grid = &read[reader];
        assert_eq!(grid["end"], end);
        let tiers = grid["tiers"].as_array().unwrap();
        let anna = |first: &str, second: &str| {
            json!([
                [0, 512, ""],
                [512, 2_016, first],
                [2_016, 3_600_000, second],
                [3_600_000, end, ""]
            ])
        };
        let ben = |text: &str| json!([[0, 1_500, ""], [1_500, 3_250, text], [3_250, end, ""]]);
        let expected = [
            json!(["Anna emotion", anna("angry", "sad")]),
            json!(["Anna confidence", anna("0.99996", "0.99996")]),
            json!(["Anna correction", anna("bored", "")]),
            json!(["Ben emotion", ben("unsure")]),
            json!(["Ben confidence", ben("0.5")]),
            json!(["sections", [[0, 2_000, "question 1"], [2_000, end, ""]]]),
            json!(["notes", [[2_500, null, "looks away"]]]),
        ];
        assert_eq!(tiers[..7], expected, "{reader}");
        assert_eq!(tiers[7][0], "judged by");
        assert_eq!(tiers.len(), 8);
    }
}

#[test]
fn elan_s_reader_reads_times_labels_and_who_said_them() {
    let Some(read) = FOUND.as_ref().map(|found| &found["plain"]) else {
        return;
    };
    let elan = &read["elan"];
    let machine = "a machine: Speech Emotion 0.1.0 (SHA-256 ab12)";
    let expected = json!([
        [
            "Anna emotion",
            machine,
            [[512, 2_016, "angry"], [2_016, 3_600_000, "sad"]]
        ],
        [
            "Anna confidence",
            machine,
            [[512, 2_016, "0.99996"], [2_016, 3_600_000, "0.99996"]]
        ],
        ["Anna correction", "a person", [[512, 2_016, "bored"]]],
        ["Ben emotion", machine, [[1_500, 3_250, "unsure"]]],
        ["Ben confidence", machine, [[1_500, 3_250, "0.5"]]],
        ["sections", "a person", [[0, 2_000, "question 1"]]],
        ["notes", "a person", [[2_500, 3_500, "looks away"]]],
    ]);
    assert_eq!(elan["tiers"], expected);
    assert_eq!(elan["media"], json!(["call.wav"]));
    assert_eq!(elan["properties"][0][0], "judged by");
}

#[test]
fn webvtt_and_audacity_s_labels_read_as_written() {
    let Some(read) = FOUND.as_ref().map(|found| &found["plain"]) else {
        return;
    };
    let corrected = "bored (corrected; machine: angry 100 %)";
    assert_eq!(
        read["webvtt"]["cues"],
        json!([
            ["00:00:00.512", "00:00:02.016", "Anna", corrected],
            ["00:00:01.500", "00:00:03.250", "Ben", "unsure"],
            ["00:00:02.016", "01:00:00.000", "Anna", "sad 100 %"],
        ])
    );
    let labels = read["audacity"].as_array().unwrap();
    assert!(
        labels[0][2].as_str().unwrap().contains("a machine"),
        "{labels:?}"
    );
    assert_eq!(
        labels[1..],
        [
            json!([0, 2_000, "Section: question 1"]),
            json!([512, 2_016, format!("Anna: {corrected}")]),
            json!([1_500, 3_250, "Ben: unsure"]),
            json!([2_016, 2_016, "Anna: sad 100 %"]),
            json!([2_016, 3_600_000, "Anna: sad 100 %"]),
            json!([2_500, 2_500, "Note: looks away"]),
        ]
    );
}

#[test]
fn tables_read_as_numbers_and_segments() {
    let Some(read) = FOUND.as_ref().map(|found| &found["plain"]) else {
        return;
    };
    let rows = read["csv"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let first = json!({
        "source": "call.wav", "lane": "Anna", "id": 1, "start_s": 0.512, "end_s": 2.016,
        "speech_s": 0.752, "machine_label": "angry", "machine_confidence": 0.99996,
        "person_label": "bored", "activation": 0.00001, "sounds": "quiet", "section": "question 1",
        "p_neutral": 0.00002, "p_angry": 0.99996, "p_sad": 0.00002,
        "model": "machine: Speech Emotion 0.1.0 (SHA-256 ab12)",
    });
    assert_eq!(rows[0], first);
    let rater = "machine: Speech Emotion 0.1.0 (SHA-256 ab12)";
    let row = |start: u64, end: u64, speaker: &str, label: Value, share: f64, correction: Value| {
        json!([
            "call.wav", start, end, speaker, label, share, correction, 0.00001, rater
        ])
    };
    assert_eq!(
        read["audformat"]["rows"],
        json!([
            row(512, 2_016, "Anna", json!("angry"), 0.99996, json!("bored")),
            row(2_016, 3_600_000, "Anna", json!("sad"), 0.99996, Value::Null),
            row(1_500, 3_250, "Ben", Value::Null, 0.5, Value::Null),
        ])
    );
}

#[test]
fn emotionml_names_only_what_its_vocabularies_have() {
    for session in ["plain", "awkward"] {
        let Some(read) = FOUND.as_ref().map(|found| &found[session]) else {
            return;
        };
        let emotionml = &read["emotionml"];
        let root = &emotionml["root"][1];
        assert_eq!(
            emotionml["root"][0],
            "{http://www.w3.org/2009/10/emotionml}emotionml"
        );
        assert_eq!(root["version"], "1.0");
        let names = |set: &str| {
            let vocabulary = &emotionml["vocabularies"][root[set].as_str().unwrap()];
            vocabulary.as_array().unwrap().clone()
        };
        assert_eq!(names("category-set"), ["neutral", "angry", "sad", "bored"]);
        let emotions = emotionml["emotions"].as_array().unwrap();
        assert_eq!(emotions.len(), 5);
        for emotion in emotions {
            for (kind, set) in [(4, "category-set"), (5, "dimension-set")] {
                for named in emotion[kind].as_array().unwrap() {
                    assert!(names(set).contains(&named[0]), "{named}");
                }
            }
        }
        assert_eq!(
            (&emotions[0][1], &emotions[0][2]),
            (&json!(512), &json!(2_016))
        );
        let shares = json!([
            ["neutral", "0.00002"],
            ["angry", "0.99996"],
            ["sad", "0.00002"]
        ]);
        assert_eq!(emotions[0][4], shares);
        assert_eq!(emotions[1][4], json!([["bored", null]]));
        let ids: Vec<&Value> = emotions.iter().map(|emotion| &emotion[0]).collect();
        assert!(
            (1..ids.len()).all(|i| !ids[..i].contains(&ids[i])),
            "{ids:?}"
        );
    }
}

/// What people type and what files are called.
const AWKWARD: &str = " \"O'Neil\" <b>&amp; --> text = [00:00:01], \u{202e}שלום\n\n1.5\t;";

#[test]
fn awkward_names_change_no_time_and_no_label() {
    let Some(found) = &*FOUND else {
        return;
    };
    let (plain, awkward) = (&found["plain"], &found["awkward"]);
    // Tiers, cues and rows without their names.
    let unnamed = |read: &Value| {
        let labels = |of: &Value, column: usize| -> Vec<Value> {
            let rows = of.as_array().unwrap().iter();
            rows.map(|row| json!([row[0], row[1], row[column]]))
                .collect()
        };
        let tiers = |reader: &str, column: usize| -> Vec<Value> {
            let tiers = read[reader]["tiers"].as_array().unwrap();
            tiers
                .iter()
                .take(5)
                .flat_map(|tier| labels(&tier[column], 2))
                .collect()
        };
        let times = |rows: &Value, from: usize| -> Vec<Value> {
            let rows = rows.as_array().unwrap().iter();
            rows.map(|row| json!([row[from], row[from + 1]])).collect()
        };
        json!([
            tiers("textgrid", 1),
            tiers("praatio", 1),
            tiers("elan", 2),
            labels(&read["webvtt"]["cues"], 3),
            times(&read["audacity"], 0),
            times(&read["audformat"]["rows"], 1),
            times(&read["emotionml"]["emotions"], 1),
        ])
    };
    assert_eq!(unnamed(awkward), unnamed(plain));
    let name = "Anna \"O'Neil\" <b>&amp; --> text = [00:00:01], שלום 1.5 ;";
    assert_eq!(awkward["csv"]["rows"][0]["lane"], name);
    assert_eq!(awkward["elan"]["tiers"][0][0], format!("{name} emotion"));
    let in_praat = name.replace('"', "'").replace(" = ", "=");
    for reader in ["textgrid", "praatio"] {
        assert_eq!(
            awkward[reader]["tiers"][0][0],
            format!("{in_praat} emotion")
        );
    }
    let label = awkward["audacity"][2][2].as_str().unwrap();
    assert!(label.starts_with(&name.replace('"', "'")), "{label}");
    assert_eq!(
        awkward["audformat"]["rows"][0][0],
        format!("call{AWKWARD}.wav")
    );
}

#[test]
fn a_session_without_speech_is_read() {
    let Some(read) = FOUND.as_ref().map(|found| &found["silence"]) else {
        return;
    };
    for (reader, list) in [("csv", "rows"), ("audformat", "rows"), ("webvtt", "cues")] {
        assert_eq!(read[reader][list], json!([]), "{reader}");
    }
    assert_eq!(read["textgrid"], read["praatio"]);
    assert_eq!(read["textgrid"]["end"], 1);
    assert_eq!(read["elan"]["tiers"][0][2], json!([]));
    assert_eq!(read["emotionml"]["emotions"], json!([]));
    assert_eq!(read["audacity"].as_array().unwrap().len(), 1);
}

/// What the schemas describe, each with its schema.
fn checks() -> [Value; 3] {
    let record = session("");
    let heard = &record.sources[0].utterances;
    let prompt = |turn_start_ms| {
        let options = PromptOptions {
            turn_start_ms,
            min_confidence: 0.6,
            lane: Some(0),
        };
        json!({
            "schema": serde_json::from_str::<Value>(PROMPT_CONTEXT_SCHEMA).unwrap(),
            "instance": to_prompt_context(heard, &options),
        })
    };
    let transcript = "WEBVTT\n\n00:00.500 --> 00:02.000\n<v Anna>I waited.\n\n\
                      00:02.001 --> 00:02.100\nBye.\n\n01:00:00.000 --> 01:00:01.000\nBye.\n";
    let sentences = read_transcript(transcript).unwrap();
    let annotated = annotate(&sentences, heard, &AnnotateOptions::default());
    let transcript = json!({
        "schema": serde_json::from_str::<Value>(ANNOTATED_TRANSCRIPT_SCHEMA).unwrap(),
        "instance": annotated,
    });
    [prompt(0.0), prompt(4e6), transcript]
}

fn broken_checks() -> [Value; 3] {
    let mut broken = checks();
    broken[0]["instance"]["text"] = "a".repeat(301).into();
    broken[1]["instance"]
        .as_object_mut()
        .unwrap()
        .remove("trend");
    broken[2]["instance"]["sentences"][0]["confidence"] = 1.5.into();
    broken
}

#[test]
fn context_and_annotated_transcripts_are_valid_by_their_schemas() {
    let Some(found) = &*FOUND else {
        return;
    };
    assert_eq!(found["valid"]["schemas"], json!(["", "", ""]));
    for error in found["broken"]["schemas"].as_array().unwrap() {
        assert_ne!(error, "");
    }
}
