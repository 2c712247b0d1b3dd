//! One's own recordings, or a corpus that is not known by name: a CSV says for each clip which file
//! it is, who speaks and what is expressed.
//!
//! The first line names the columns, in any order; `path`, `speaker` and `label` are required;
//! `corpus`, `sex` and `language` are optional. Paths are relative to the CSV. All errors are
//! reported at once, with their lines.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use speech_emotion::class::Labels;

use super::{
    Corpus, Kind, Sex,
    clip_list::{Found, LeftOut, Said},
    published::Published,
    ravdess::FileName,
    spelling::{self, find_file, normal},
};

/// Required columns, and optional ones.
const NEEDED: [&str; 3] = ["path", "speaker", "label"];
const FURTHER: [&str; 3] = ["corpus", "sex", "language"];

/// Problems listed individually; any more are counted.
const PROBLEMS_SHOWN: usize = 20;

struct Row {
    line: u64,
    path: String,
    speaker: String,
    label: String,
    /// These are empty if there is no such column.
    corpus: String,
    sex: String,
    language: String,
}

/// Reads a list of clips, without those whose label is to be left out.
///
/// `labels` are the labels allowed. `name` is what to call the recordings; by default the name of
/// the file. If a column `corpus` has other names, each of them is a corpus of its own; a name
/// known to the trainer stands for that corpus, with its title, licence and speakers.
///
/// # Errors
/// When the file cannot be read, is not a CSV with the required columns, lists no clips, names a
/// file that does not exist, leaves a label or speaker empty, has an invalid sex, or uses a label
/// that is not among those given.
pub(super) fn read(
    path: &Path,
    labels: Option<&[String]>,
    name: Option<&str>,
    leave_out: &[String],
) -> Result<Found> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut rows, remarks) = rows(path)?;
    let mut left_out = LeftOut::new(leave_out);
    ensure!(
        !rows.is_empty(),
        "{} lists no clips; add a line for each",
        path.display()
    );
    let names_corpora = rows.iter().any(|row| !row.corpus.is_empty());
    rows.retain(|row| !left_out.takes(&row.label));
    let mut problems = Problems::default();
    problems.lines(&mut rows, folder, labels);
    problems.refuse(path)?;

    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    let own = name.map_or_else(|| stem.unwrap_or_default().into_owned(), str::to_owned);
    let mut corpora: Vec<Corpus> = Vec::new();
    let mut clips = Vec::with_capacity(rows.len());
    for row in rows {
        let corpus = match &row.corpus[..] {
            "" => Corpus::manifest(own.clone(), own.clone(), folder.to_owned()),
            name => match Published::named(name) {
                Some(published) => Corpus::published(published, folder.to_owned()),
                None => Corpus::manifest(name.to_owned(), name.to_owned(), folder.to_owned()),
            },
        };
        let known = corpora.iter().position(|known| known.name == corpus.name);
        let ravdess = corpus.is_ravdess();
        let language = match corpus.kind {
            Kind::Published(published) if row.language.is_empty() => {
                Some(published.about().language.to_owned())
            }
            _ => Some(row.language).filter(|language| !language.is_empty()),
        };
        clips.push(Said {
            corpus: known.unwrap_or(corpora.len()),
            ravdess: FileName::of(Path::new(&row.path)).filter(|_| ravdess),
            path: row.path,
            label: row.label,
            speaker: row.speaker,
            sex: sex(&row.sex),
            language,
        });
        if known.is_none() {
            corpora.push(corpus);
        }
    }
    if corpora.is_empty() {
        corpora.push(Corpus::manifest(own.clone(), own, folder.to_owned()));
    }
    Ok(Found {
        corpora,
        clips,
        skipped: Vec::new(),
        remarks,
        left_out,
        names_corpora,
    })
}

/// The sex that a field stands for.
fn sex(field: &str) -> Option<Sex> {
    match &field.to_lowercase()[..] {
        "f" | "female" | "w" | "woman" => Some(Sex::Female),
        "m" | "male" | "man" => Some(Sex::Male),
        _ => None,
    }
}

/// The lines with their fields, and remarks on the columns.
fn rows(path: &Path) -> Result<(Vec<Row>, Vec<String>)> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot open {name}"))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let line_of = |position: Option<&Position>| {
        position.map_or(1, |position| line_at(bytes, position.byte() as usize))
    };
    let told = |error: csv::Error| match error.kind() {
        ErrorKind::Utf8 { pos, .. } => {
            let line = line_of(pos.as_ref());
            anyhow::anyhow!(
                "line {line} of {name} is not UTF-8 text; save the file as CSV in UTF-8"
            )
        }
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = line_of(pos.as_ref());
            anyhow::anyhow!(
                "line {line} of {name} has {len} fields, the first line has {expected_len}; put \
                 fields that contain a comma in quotes"
            )
        }
        _ => anyhow::anyhow!("cannot read {name}: {error}"),
    };
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(told)?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|field| field.eq_ignore_ascii_case(name))
    };
    let [Some(path_at), Some(speaker_at), Some(label_at)] = NEEDED.map(column) else {
        let found: Vec<&str> = header.iter().collect();
        bail!(
            "the first line of {name} must name the columns {}, separated by commas; it is {:?}",
            NEEDED.join(", "),
            found.join(",")
        );
    };
    let further = FURTHER.map(column);
    let mut remarks = Vec::new();
    let ignored: Vec<&str> = (header.iter().enumerate())
        .filter(|(at, _)| {
            ![path_at, speaker_at, label_at].contains(at) && !further.contains(&Some(*at))
        })
        .map(|(_, column)| column)
        .collect();
    if !ignored.is_empty() {
        remarks.push(format!("columns that are not used: {}", ignored.join(", ")));
    }
    let row = |record: StringRecord| {
        let field = |at: Option<usize>| at.map_or(String::new(), |at| record[at].to_owned());
        let [corpus, sex, language] = further.map(field);
        Row {
            line: line_of(record.position()),
            path: record[path_at].to_owned(),
            speaker: normal(&record[speaker_at]),
            label: normal(&record[label_at]),
            corpus: normal(&corpus),
            sex,
            language,
        }
    };
    let rows: Result<_, _> = reader.records().map(|record| record.map(row)).collect();
    Ok((rows.map_err(told)?, remarks))
}

/// The line, from 1, that a record begins in which was looked for from `byte` on, whatever its line ends.
fn line_at(bytes: &[u8], byte: usize) -> u64 {
    let rest = bytes.get(byte..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let before = &bytes[..(byte + blank.count()).min(bytes.len())];
    let ends = (before.iter().enumerate()).filter(|&(at, &byte)| {
        byte == b'\n' || byte == b'\r' && before.get(at + 1) != Some(&b'\n')
    });
    ends.count() as u64 + 1
}

/// Problems with lines.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    /// Checks the lines, and puts the paths of the files that are meant into them.
    fn lines(&mut self, rows: &mut [Row], folder: &Path, labels: Option<&[String]>) {
        let mut spellings = BTreeMap::<String, (String, u64)>::new();
        for row in rows {
            let line = row.line;
            let mut add = |problem: String| self.0.push(format!("line {line}: {problem}"));
            if row.path.is_empty() {
                add("the path is empty".to_owned());
            } else {
                match find_file(folder, &row.path) {
                    spelling::Found::File(path) => row.path = path,
                    spelling::Found::Near(near) => {
                        let place = folder.join(&row.path);
                        let meant = match near.is_empty() {
                            true => String::new(),
                            false => format!("; did you mean {}?", near.join(" or ")),
                        };
                        add(format!("there is no file {}{meant}", place.display()));
                    }
                }
            }
            if row.speaker.is_empty() {
                add("the speaker is empty".to_owned());
            }
            if !row.sex.is_empty() && sex(&row.sex).is_none() {
                add(format!(
                    "the sex is {:?}; write F or M, or leave it empty",
                    row.sex
                ));
            }
            if let Err(error) = Labels::check_name(&row.label) {
                add(error.to_string());
                continue;
            }
            if let Some(labels) = labels
                && !labels.contains(&row.label)
            {
                add(format!(
                    "{:?} is not one of the labels given: {}",
                    row.label,
                    labels.join(", ")
                ));
            }
            let label = &row.label;
            let (other, first) = spellings
                .entry(label.to_lowercase())
                .or_insert_with(|| (label.clone(), line));
            if other != label {
                add(format!("{label:?} is spelt {other:?} in line {first}"));
            }
        }
    }

    fn refuse(&self, path: &Path) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut lines = self.0[..self.0.len().min(PROBLEMS_SHOWN)].join("\n  ");
        if self.0.len() > PROBLEMS_SHOWN {
            lines += &format!("\n  and {} more", self.0.len() - PROBLEMS_SHOWN);
        }
        bail!(
            "{} cannot be used and nothing was saved; correct it and run the same command again:\n  {lines}",
            path.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::corpus::{
        Speaker,
        clip_list::{ClipList, Source},
    };

    /// A folder with the files a.wav to f.wav and a CSV of these bytes.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(csv: impl AsRef<[u8]>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["a.wav", "b.wav", "c.wav", "d.wav", "très, bien.wav"] {
                fs::write(folder.path().join(name), b"").unwrap();
            }
            fs::write(folder.path().join("clips.csv"), csv).unwrap();
            Self(folder)
        }

        fn read(&self, labels: Option<&[&str]>) -> Result<ClipList> {
            let labels: Option<Vec<String>> =
                labels.map(|labels| labels.iter().map(|&label| label.to_owned()).collect());
            self.read_without(labels.as_deref(), &[])
        }

        fn read_without(
            &self,
            labels: Option<&[String]>,
            leave_out: &[String],
        ) -> Result<ClipList> {
            let csv = Source::Manifest(self.0.path().join("clips.csv"), None);
            ClipList::of(&[csv], labels, leave_out)
        }

        fn refused(&self, labels: Option<&[&str]>) -> String {
            format!("{:#}", self.read(labels).unwrap_err())
        }
    }

    const GOOD: &str = "path,speaker,label\na.wav,anna,tired\nb.wav,anna,awake\nc.wav,ben,awake\nd.wav,ben,tired\n";

    #[test]
    fn clips_are_listed_with_labels_in_the_order_of_their_first_appearance() {
        let list = Folder::with(GOOD).read(None).unwrap();
        assert_eq!(list.labels.names(), ["tired", "awake"]);
        assert_eq!(list.corpora[0].data_set, "clips");
        assert_eq!((list.clips.len(), list.remarks.len()), (4, 0));
        assert_eq!(list.clips[2].speaker, Speaker::new("ben"));
        assert_eq!(list.labels.name(list.clips[2].class), "awake");
        let list = Folder::with(GOOD).read(Some(&["awake", "tired"])).unwrap();
        assert_eq!(list.labels.names(), ["awake", "tired"]);
    }

    #[test]
    fn quotes_spaces_a_byte_order_mark_and_further_columns_are_understood() {
        let csv = "\u{feff}Label, age ,PATH,speaker\r\n\"tired\",31,\"très, bien.wav\",anna\r\nawake,,a.wav,anna\r\n\
                   tired,,b.wav,ben\r\nawake,,c.wav,ben\r\n";
        let list = Folder::with(csv).read(None).unwrap();
        assert_eq!(list.clips[0].path, "très, bien.wav");
        assert_eq!(list.remarks, ["columns that are not used: age"]);
    }

    #[test]
    fn every_line_that_is_wrong_is_named_at_once() {
        let csv = "path,speaker,label\na.wav,anna,tired\nnowhere.wav,anna,awake\n,ben,awake\nc.wav,,tired\n\
                   d.wav,ben,\nb.wav,ben,Tired\na.wav,ben,no speech\n";
        let error = Folder::with(csv).refused(None);
        for line in [
            "clips.csv cannot be used and nothing was saved",
            "line 3: there is no file ",
            "nowhere.wav",
            "line 4: the path is empty",
            "line 5: the speaker is empty",
            "line 6: labels hold an empty name",
            "line 7: \"Tired\" is spelt \"tired\" in line 2",
            "line 8: labels hold \"no speech\"",
        ] {
            assert!(error.contains(line), "{line:?} is not in {error}");
        }
        let many = format!("path,speaker,label\n{}", "x.wav,anna,tired\n".repeat(30));
        let error = Folder::with(many).refused(None);
        assert!(error.ends_with("and 10 more"), "{error}");
    }

    #[test]
    fn lines_are_counted_alike_whatever_ends_them() {
        let csv = "path,speaker,label\na.wav,anna,tired\n\nnowhere.wav,\"ben\nsmith\",awake\n,ben,awake\n";
        for end in ["\n", "\r\n", "\r"] {
            let csv = ["\u{feff}", &csv.replace('\n', end)].concat();
            let error = Folder::with(csv).refused(None);
            assert!(
                error.contains("line 4: there is no file"),
                "{end:?}: {error}"
            );
            assert!(
                error.contains("line 6: the path is empty"),
                "{end:?}: {error}"
            );
            let short = "path,speaker,label\na.wav,anna,tired\nb.wav,anna\n".replace('\n', end);
            let error = Folder::with(short).refused(None);
            assert!(error.contains("line 3 of "), "{end:?}: {error}");
        }
    }

    #[test]
    fn labels_and_speakers_that_look_alike_are_the_same() {
        let csv = "path,speaker,label\na.wav,jo\u{308}rg,fr\u{f6}h\nb.wav,j\u{f6}rg,fro\u{308}h\n\
                   c.wav,j\u{f6}rg\u{200b},sehr  m\u{fc}de\nd.wav,ben,sehr m\u{fc}de\na.wav,ben,fr\u{f6}h\u{ad}\n";
        let list = Folder::with(csv).read(None).unwrap();
        assert_eq!(list.labels.names(), ["fröh", "sehr müde"]);
        let speakers: Vec<String> = list.clips.iter().map(|c| c.speaker.to_string()).collect();
        assert_eq!(speakers, ["jörg", "jörg", "jörg", "ben", "ben"]);
        let list = Folder::with(csv)
            .read(Some(&["sehr  müde", "fro\u{308}h"]))
            .unwrap();
        assert_eq!(list.labels.names(), ["sehr müde", "fröh"]);
        for reserved in ["Not sure", "No  Speech", "UNSURE"] {
            let csv = format!("{GOOD}a.wav,ben,{reserved}\n");
            let error = Folder::with(csv).refused(None);
            assert!(error.contains("line 6: labels hold "), "{error}");
            assert!(error.contains("expected another name"), "{error}");
        }
    }

    #[test]
    fn files_are_found_by_other_spellings_of_their_names_or_named() {
        let csv = "path,speaker,label\nA.WAV,anna,tired\n.\\b.wav,anna,awake\nc.wav,ben,awake\n\
                   tre\u{300}s, bien.wav,ben,tired\n";
        let csv = csv.replace("tre\u{300}s, bien.wav", "\"tre\u{300}s, bien.wav\"");
        let list = Folder::with(csv).read(None).unwrap();
        let paths: Vec<&str> = list.clips.iter().map(|clip| clip.path.as_str()).collect();
        assert_eq!(paths, ["a.wav", "./b.wav", "c.wav", "très, bien.wav"]);
        let error = Folder::with(format!("{GOOD}a.flac,ben,tired\n")).refused(None);
        assert!(error.contains("a.flac; did you mean a.wav?"), "{error}");
    }

    #[test]
    fn labels_that_were_not_given_or_are_not_used_are_named() {
        let error = Folder::with(GOOD).refused(Some(&["tired", "alert"]));
        assert!(
            error.contains("line 3: \"awake\" is not one of the labels given: tired, alert"),
            "{error}"
        );
        let error = Folder::with(GOOD).refused(Some(&["tired", "awake", "alert"]));
        assert!(error.contains("has the label \"alert\""), "{error}");
    }

    #[test]
    fn clips_of_labels_that_are_left_out_need_not_be_there_and_are_counted() {
        let csv = format!("{GOOD}nowhere.wav,ben,bored\n");
        let folder = Folder::with(csv);
        let list = folder.read_without(None, &["bored".to_owned()]).unwrap();
        assert_eq!(list.labels.names(), ["tired", "awake"]);
        assert_eq!(list.remarks, ["clips left out by their label: 1 bored"]);
    }

    #[test]
    fn a_sex_that_is_none_is_named() {
        let csv = "path,speaker,label,sex\na.wav,anna,tired,x\n";
        let error = Folder::with(csv).refused(None);
        assert!(
            error.contains("line 2: the sex is \"x\"; write F or M"),
            "{error}"
        );
    }

    #[test]
    fn files_that_are_no_list_are_named() {
        let error = Folder::with("path;speaker;label\na.wav;anna;tired\n").refused(None);
        assert!(
            error.contains("must name the columns path, speaker, label, separated by commas"),
            "{error}"
        );
        assert!(error.contains("path;speaker;label"), "{error}");
        let error = Folder::with(b"path,speaker,label\na.wav,Ren\xe9,tired\n").refused(None);
        assert!(
            error.contains("line 2 of ") && error.contains("is not UTF-8"),
            "{error}"
        );
        let error = Folder::with("path,speaker,label\na.wav,anna\n").refused(None);
        assert!(
            error.contains("has 2 fields, the first line has 3"),
            "{error}"
        );
        let error = Folder::with("path,speaker,label\n").refused(None);
        assert!(error.contains("lists no clips"), "{error}");
        let error = Folder::with("").refused(None);
        assert!(error.contains("must name the columns"), "{error}");
        let folder = Folder::with("");
        let error = read(&folder.0.path().join("nothing.csv"), None, None, &[]);
        let error = format!("{:#}", error.err().unwrap());
        assert!(error.contains("cannot open"), "{error}");
    }

    #[test]
    fn too_few_and_too_many_labels_are_refused() {
        let csv = "path,speaker,label\na.wav,anna,tired\nb.wav,ben,tired\n";
        let error = Folder::with(csv).refused(None);
        assert!(error.contains("labels are 1, expected 2 to 32"), "{error}");
        let lines: String = (0..33).map(|n| format!("a.wav,anna,label {n}\n")).collect();
        let error = Folder::with(format!("path,speaker,label\n{lines}")).refused(None);
        assert!(error.contains("labels are 33, expected 2 to 32"), "{error}");
    }

    #[test]
    fn speakers_of_one_label_are_told_of_and_a_label_that_is_only_theirs_is_refused() {
        let csv = format!("{GOOD}a.wav,carl,tired\na.wav,dora,tired\n");
        let remarks = Folder::with(csv).read(None).unwrap().remarks;
        assert!(
            remarks[0].contains("2 of 4 speakers have clips of one label only")
                && remarks[0].ends_with("carl, dora"),
            "{remarks:?}"
        );
        let csv = format!("{GOOD}a.wav,carl,bored\na.wav,dora,bored\n");
        let error = Folder::with(csv).refused(None);
        assert!(
            error.contains("everyone who expresses \"bored\" (carl, dora) expresses nothing else"),
            "{error}"
        );
        let csv = format!("{GOOD}a.wav,anna,bored\n");
        let remarks = Folder::with(csv).read(None).unwrap().remarks;
        assert!(
            remarks[0].contains("\"bored\" is expressed by one speaker only (anna)"),
            "{remarks:?}"
        );
    }
}
