//! Lists of clips. Somebody's own recordings are listed by a CSV that tells for each clip its file, who
//! speaks and what is expressed.
//!
//! The first line names the columns; `path`, `speaker` and `label` are needed, in any order. Paths are
//! relative to the CSV. Everything that is wrong is told at once, with its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use speech_emotion::class::{Class, Labels};

use super::{Corpus, Listed, Skipped, Speaker, title};

const COLUMNS: [&str; 3] = ["path", "speaker", "label"];

/// Problems named one by one; further ones are counted.
const PROBLEMS_SHOWN: usize = 20;
/// Names given for a remark; further ones are counted.
const NAMES_SHOWN: usize = 5;

/// Clips that are there to be used.
#[derive(Debug)]
pub struct ClipList {
    /// What the clips may express, in class order.
    pub labels: Labels,
    /// Where they come from.
    pub corpora: Vec<Corpus>,
    /// The clips, in their order.
    pub clips: Vec<Listed>,
    /// Audio files that are none.
    pub skipped: Vec<Skipped>,
    /// What a person should know, but need not change.
    pub remarks: Vec<String>,
}

impl ClipList {
    /// What it is called: the titles of its corpora.
    pub fn title(&self) -> String {
        title(&self.corpora)
    }
}

struct Row {
    line: u64,
    path: String,
    speaker: Speaker,
    label: String,
}

/// Reads a list of clips.
///
/// `labels` are the labels there may be, in class order; without them it is those of the list, in the
/// order in which they first appear. `data_set` is what the recordings are called; without it, the name
/// of the file.
///
/// # Errors
/// When the file cannot be read, is not a CSV with the three columns, names a file that is not there,
/// leaves a label or speaker empty, uses a label that is not among those given, or has labels that no
/// model can have or that nothing tells from voices.
pub fn read(path: &Path, labels: Option<&[String]>, data_set: Option<&str>) -> Result<ClipList> {
    let name = path.display();
    let folder = path.parent().unwrap_or(Path::new(""));
    let (rows, mut remarks) = rows(path)?;
    let mut problems = Problems::default();
    problems.lines(&rows, folder, labels);
    problems.refuse(path)?;
    ensure!(
        !rows.is_empty(),
        "{name} lists no clips; add a line for each"
    );

    let mut found: Vec<String> = Vec::new();
    for row in &rows {
        if !found.contains(&row.label) {
            found.push(row.label.clone());
        }
    }
    if let Some(unused) = labels
        .into_iter()
        .flatten()
        .find(|label| !found.contains(label))
    {
        bail!(
            "no clip of {name} has the label {unused:?}; add clips of it, or leave it out of --labels"
        );
    }
    let names = labels.map_or(found, <[String]>::to_vec);
    let labels = Labels::new(names).with_context(|| format!("{name} cannot be learned from"))?;
    let clips: Vec<Listed> = rows
        .into_iter()
        .filter_map(|row| {
            let class = labels.class(&row.label)?;
            Some(Listed::new(row.path, class, row.speaker))
        })
        .collect();
    voices(&clips, &labels, &mut remarks)
        .with_context(|| format!("{name} cannot be learned from"))?;
    let stem = || {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let data_set = data_set.map(str::to_owned).or_else(stem);
    let data_set = data_set.unwrap_or_default();
    Ok(ClipList {
        labels,
        corpora: vec![Corpus::manifest(
            data_set.clone(),
            data_set,
            folder.to_owned(),
        )],
        clips,
        skipped: Vec::new(),
        remarks,
    })
}

/// The lines with their three fields, and what is to be said of the columns.
fn rows(path: &Path) -> Result<(Vec<Row>, Vec<String>)> {
    let name = path.display();
    let told = |error: csv::Error| match error.kind() {
        ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(1, |position| position.line());
            anyhow::anyhow!(
                "line {line} of {name} is not UTF-8 text; save the file as CSV in UTF-8"
            )
        }
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(1, |position| position.line());
            anyhow::anyhow!(
                "line {line} of {name} has {len} fields, the first line has {expected_len}; put \
                 fields that hold a comma into quotes"
            )
        }
        _ => anyhow::anyhow!("cannot read {name}: {error}"),
    };
    let reader = ReaderBuilder::new().trim(Trim::All).from_path(path);
    let mut reader = reader.with_context(|| format!("cannot open {name}"))?;
    let header = reader.headers().map_err(told)?.clone();
    let columns = COLUMNS.map(|column| {
        header
            .iter()
            .position(|field| field.eq_ignore_ascii_case(column))
    });
    let [Some(path_at), Some(speaker_at), Some(label_at)] = columns else {
        let found: Vec<&str> = header.iter().collect();
        bail!(
            "the first line of {name} must name the columns {}, with commas between them; it is {:?}",
            COLUMNS.join(", "),
            found.join(",")
        );
    };
    let mut remarks = Vec::new();
    let ignored: Vec<&str> = (header.iter().enumerate())
        .filter(|(at, _)| ![path_at, speaker_at, label_at].contains(at))
        .map(|(_, column)| column)
        .collect();
    if !ignored.is_empty() {
        remarks.push(format!("columns that are not used: {}", ignored.join(", ")));
    }
    let row = |record: StringRecord| Row {
        line: record.position().map_or(0, |position| position.line()),
        path: record[path_at].to_owned(),
        speaker: Speaker::new(&record[speaker_at]),
        label: record[label_at].to_owned(),
    };
    let rows: Result<_, _> = reader.records().map(|record| record.map(row)).collect();
    Ok((rows.map_err(told)?, remarks))
}

/// What is wrong with lines.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn lines(&mut self, rows: &[Row], folder: &Path, labels: Option<&[String]>) {
        let mut spellings = BTreeMap::<String, &Row>::new();
        for row in rows {
            let mut add = |problem: String| self.0.push(format!("line {}: {problem}", row.line));
            if row.path.is_empty() {
                add("the path is empty".to_owned());
            } else if !folder.join(&row.path).is_file() {
                add(format!(
                    "there is no file {}",
                    folder.join(&row.path).display()
                ));
            }
            if row.speaker == Speaker::new("") {
                add("the speaker is empty".to_owned());
            }
            if let Err(error) = Labels::check_name(&row.label) {
                add(error.to_string());
                continue;
            }
            if let Some(labels) = labels
                && !labels.contains(&row.label)
            {
                add(format!(
                    "{:?} is none of the labels given: {}",
                    row.label,
                    labels.join(", ")
                ));
            }
            let first = spellings.entry(row.label.to_lowercase()).or_insert(row);
            if first.label != row.label {
                let (label, other) = (&row.label, &first.label);
                add(format!(
                    "{label:?} is spelt {other:?} in line {}",
                    first.line
                ));
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

/// Looks at who expresses what: where all speakers of a label express nothing else, nothing tells the
/// label from their voices. Single speakers of one label do no harm beside others and are only told of.
fn voices(clips: &[Listed], labels: &Labels, remarks: &mut Vec<String>) -> Result<()> {
    let mut classes = BTreeMap::<&Speaker, BTreeSet<Class>>::new();
    for clip in clips {
        classes.entry(&clip.speaker).or_default().insert(clip.class);
    }
    let of = |class: Class| {
        classes
            .iter()
            .filter(move |(_, classes)| classes.contains(&class))
    };
    for class in labels.classes() {
        let speakers = || of(class).map(|(speaker, _)| speaker.to_string());
        ensure!(
            of(class).any(|(_, classes)| classes.len() > 1),
            "everyone who expresses {:?} ({}) expresses nothing else, so their voices would be learned \
             instead of it; add clips of these speakers with other labels, or of {0:?} by speakers who \
             have others",
            labels.name(class),
            listed(speakers())
        );
        if of(class).count() == 1 {
            remarks.push(format!(
                "{:?} is expressed by one speaker only ({}): it can be trained, but evaluate will \
                 refuse, since it cannot be tested on an unseen speaker",
                labels.name(class),
                listed(speakers())
            ));
        }
    }
    let single: Vec<String> = (classes.iter())
        .filter(|(_, classes)| classes.len() == 1)
        .map(|(speaker, _)| speaker.to_string())
        .collect();
    if !single.is_empty() {
        remarks.push(format!(
            "{} of {} speakers have clips of one label only, which teaches a little of their voices \
             with it: {}",
            single.len(),
            classes.len(),
            listed(single.into_iter())
        ));
    }
    Ok(())
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
            read(&self.0.path().join("clips.csv"), labels.as_deref(), None)
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
    fn labels_that_were_not_given_or_are_not_used_are_named() {
        let error = Folder::with(GOOD).refused(Some(&["tired", "alert"]));
        assert!(
            error.contains("line 3: \"awake\" is none of the labels given: tired, alert"),
            "{error}"
        );
        let error = Folder::with(GOOD).refused(Some(&["tired", "awake", "alert"]));
        assert!(error.contains("has the label \"alert\""), "{error}");
    }

    #[test]
    fn files_that_are_no_list_are_named() {
        let error = Folder::with("path;speaker;label\na.wav;anna;tired\n").refused(None);
        assert!(
            error.contains("must name the columns path, speaker, label, with commas"),
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
        let error = read(&folder.0.path().join("nothing.csv"), None, None).unwrap_err();
        assert!(format!("{error:#}").contains("cannot open"), "{error:#}");
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
