//! Lists of clips: several corpora and lists of one's own recordings put together.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
};

use anyhow::{Context, Result, bail, ensure};
use speech_emotion::class::{Class, Labels};

use super::{
    Corpus, Kind, Listed, Sex, Skipped, Speaker, find, manifest,
    published::Published,
    ravdess::{Emotion, FileName},
    spelling::normal,
    title,
};

/// Names listed in a remark; any more are counted.
const NAMES_SHOWN: usize = 5;

/// Clips that are available for use.
#[derive(Debug)]
pub struct ClipList {
    /// What the clips may express, in class order.
    pub labels: Labels,
    /// Where they come from.
    pub corpora: Vec<Corpus>,
    /// The clips, corpus by corpus, in their order.
    pub clips: Vec<Listed>,
    /// Audio files that are not clips.
    pub skipped: Vec<Skipped>,
    /// What a person should know but need not change.
    pub remarks: Vec<String>,
}

/// A source of clips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A published corpus in a folder.
    Published(Published, PathBuf),
    /// A CSV of recordings, and what to call them; if not given, the name of the file.
    Manifest(PathBuf, Option<String>),
}

/// What one source provides.
pub(super) struct Found {
    pub corpora: Vec<Corpus>,
    pub clips: Vec<Said>,
    pub skipped: Vec<Skipped>,
    pub remarks: Vec<String>,
    pub left_out: LeftOut,
    /// Whether it says itself which corpus each clip belongs to.
    pub names_corpora: bool,
}

/// A clip and what its source says about it, in the source's own words.
pub(super) struct Said {
    pub path: String,
    /// Position among the source's corpora.
    pub corpus: usize,
    pub label: String,
    pub speaker: String,
    pub sex: Option<Sex>,
    pub language: Option<String>,
    pub ravdess: Option<FileName>,
}

/// Labels that are left out, and how many clips had them.
pub(super) struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    pub fn new(labels: &[String]) -> Self {
        Self(labels.iter().map(|label| (label.clone(), 0)).collect())
    }

    /// Whether clips with a label are left out; counts them.
    pub fn takes(&mut self, label: &str) -> bool {
        let count = self.0.get_mut(label);
        count.map(|count| *count += 1).is_some()
    }
}

impl ClipList {
    /// The clips of all `sources`, without those whose labels are in `leave_out`.
    ///
    /// With a published corpus among the sources, the labels are the eight emotions. Otherwise they
    /// are `labels`, in class order, or those of the lists, in order of first appearance.
    ///
    /// # Errors
    /// When a source cannot be read or holds no clips, when a clip has a label that it may not
    /// have, when two corpora have the same name, and when the labels are such that no model can
    /// have them or that nothing separates them from the voices.
    pub fn of(sources: &[Source], labels: Option<&[String]>, leave_out: &[String]) -> Result<Self> {
        let spelt = |labels: &[String]| -> Vec<String> {
            labels.iter().map(|label| normal(label)).collect()
        };
        let (labels, leave_out) = (labels.map(spelt), &spelt(leave_out)[..]);
        let labels = labels.as_deref();
        let is_published = |source: &Source| matches!(source, Source::Published(..));
        let published = sources.iter().any(is_published);
        ensure!(
            !published || labels.is_none(),
            "a published corpus has the eight emotions as labels ({}); leave --labels out",
            Emotion::labels().names().join(", ")
        );
        let mut found = Vec::new();
        for source in sources {
            found.push(match source {
                Source::Published(corpus, folder) => find::find(*corpus, folder, leave_out)?,
                Source::Manifest(csv, name) => {
                    manifest::read(csv, labels, name.as_deref(), leave_out)?
                }
            });
        }
        let labels = if published {
            let labels = Emotion::labels();
            refuse_others(&found, &labels)?;
            labels
        } else {
            own_labels(&found, labels)?
        };
        let mut list = join(found, labels, leave_out)?;
        if !sources.iter().all(is_published) {
            let title = list.title();
            voices(&list.clips, &list.labels, &mut list.remarks)
                .with_context(|| format!("{title} cannot be learned from"))?;
        }
        Ok(list)
    }

    /// What it is called: the titles of its corpora.
    pub fn title(&self) -> String {
        title(&self.corpora)
    }

    /// How a person finds a clip: by its path, with its corpus if there are several.
    pub fn named(&self, clip: &Listed) -> String {
        match &self.corpora[..] {
            [_] => clip.path.clone(),
            corpora => format!("{}: {}", corpora[clip.corpus].name, clip.path),
        }
    }
}

/// Names the labels that are not among these, with their numbers of clips.
fn refuse_others(found: &[Found], labels: &Labels) -> Result<()> {
    let mut others = BTreeMap::<(&str, &str), usize>::new();
    for source in found {
        for clip in &source.clips {
            if labels.class(&clip.label).is_none() {
                let corpus = source.corpora[clip.corpus].name.as_str();
                *others.entry((corpus, &clip.label)).or_default() += 1;
            }
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let counts = others.iter();
    let counts = counts.map(|((corpus, label), count)| format!("\n  {corpus}: {count} {label}"));
    let names: BTreeSet<&str> = others.keys().map(|(_, label)| *label).collect();
    bail!(
        "clips have other labels than the eight emotions ({}) and nothing was saved; correct them, or leave \
         them out with --leave-out {}:{}",
        labels.names().join(", "),
        names.into_iter().collect::<Vec<_>>().join(","),
        counts.collect::<String>()
    )
}

/// The labels of one's own clips.
fn own_labels(found: &[Found], labels: Option<&[String]>) -> Result<Labels> {
    let of = |source: &Found| title(&source.corpora);
    let all: Vec<String> = found.iter().map(of).collect();
    let all = all.join("; ");
    let mut met: Vec<&str> = Vec::new();
    let mut known = HashSet::new();
    for clip in found.iter().flat_map(|source| &source.clips) {
        if known.insert(clip.label.as_str()) {
            met.push(&clip.label);
        }
    }
    if let Some(unused) = labels
        .into_iter()
        .flatten()
        .find(|label| !known.contains(label.as_str()))
    {
        bail!(
            "no clip of {all} has the label {unused:?}; add clips with it, or leave it out of --labels"
        );
    }
    let mut spellings = BTreeMap::new();
    for label in &met {
        if let Some(other) = spellings.insert(label.to_lowercase(), label) {
            bail!("{label:?} is spelt {other:?} elsewhere in {all}; spell both the same way");
        }
    }
    let names = labels.map_or_else(
        || met.iter().map(|&label| label.to_owned()).collect(),
        <[String]>::to_vec,
    );
    Labels::new(names).with_context(|| format!("{all} cannot be learned from"))
}

fn join(found: Vec<Found>, labels: Labels, leave_out: &[String]) -> Result<ClipList> {
    let several = found
        .iter()
        .map(|source| source.corpora.len())
        .sum::<usize>()
        > 1;
    let mut left_out = BTreeMap::<String, usize>::new();
    let mut list = ClipList {
        labels,
        corpora: Vec::new(),
        clips: Vec::new(),
        skipped: Vec::new(),
        remarks: Vec::new(),
    };
    for source in found {
        let first = list.corpora.len();
        let qualified = several || source.names_corpora;
        for clip in source.clips {
            let Some(class) = list.labels.class(&clip.label) else {
                continue;
            };
            list.clips.push(Listed {
                path: clip.path,
                corpus: first + clip.corpus,
                class,
                speaker: speaker(&source.corpora[clip.corpus], &clip.speaker, qualified),
                sex: clip.sex,
                language: clip.language,
                ravdess: clip.ravdess,
            });
        }
        for mut file in source.skipped {
            if let (true, [corpus]) = (several, &source.corpora[..]) {
                file.detail = format!("{}: {}", corpus.name, file.detail);
            }
            list.skipped.push(file);
        }
        list.remarks.extend(source.remarks);
        for corpus in source.corpora {
            let doubled = list.corpora.iter().any(|other| other.name == corpus.name);
            ensure!(
                !doubled,
                "{0} is named twice; leave one out or, if they are different recordings, give one another \
                 name with --name or in the column corpus",
                corpus.name
            );
            list.corpora.push(corpus);
        }
        for (label, count) in source.left_out.0 {
            *left_out.entry(label).or_default() += count;
        }
    }
    if !leave_out.is_empty() {
        let counts: Vec<String> = (left_out.iter())
            .map(|(label, count)| format!("{count} {label}"))
            .collect();
        list.remarks.push(format!(
            "clips left out by their label: {}",
            counts.join(", ")
        ));
    }
    ensure!(
        !list.clips.is_empty(),
        "no clip of {} is left with --leave-out {}",
        list.title(),
        leave_out.join(",")
    );
    Ok(list)
}

/// A speaker by a name that is unique across corpora; this is not needed if all clips are one's
/// own.
fn speaker(corpus: &Corpus, name: &str, qualified: bool) -> Speaker {
    match corpus.kind {
        Kind::Published(published) => published.speaker(name),
        Kind::Manifest if qualified => Speaker::new(format!("{}-{name}", corpus.name)),
        Kind::Manifest => Speaker::new(name),
    }
}

/// Looks at who expresses what: if none of a label's speakers expresses anything else, nothing
/// separates the label from their voices. Single speakers with only one label do no harm among
/// others and are only mentioned.
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
    for class in labels.classes().filter(|&class| of(class).count() > 0) {
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
            "{} of {} speakers have clips of one label only, so that a little of their voices is learned \
             with it: {}",
            single.len(),
            classes.len(),
            listed(single.into_iter())
        ));
    }
    Ok(())
}

/// Names separated by commas, limited to the first few.
pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    /// Empty files named as in two corpora, and a list of two people's own.
    fn files() -> (tempfile::TempDir, [Source; 4]) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [
            "speech/03-01-02-01-01-01-05.wav",
            "song/03-02-05-01-01-01-05.wav",
            "berlin/03a01Fa.wav",
            "berlin/03a01La.wav",
            "own/a.wav",
            "own/b.wav",
            "own/c.wav",
        ] {
            touch(&path(name));
        }
        let csv = "path,speaker,label,sex,language\na.wav,5,happy,F,fr\nb.wav,5,sad,f,\nc.wav,anna,sad,,fr\n";
        fs::write(path("own/club.csv"), csv).unwrap();
        let sources = [
            Source::Published(Published::Ravdess, path("speech")),
            Source::Published(Published::RavdessSong, path("song")),
            Source::Published(Published::Emodb, path("berlin")),
            Source::Manifest(path("own/club.csv"), None),
        ];
        (folder, sources)
    }

    fn refused(sources: &[Source], labels: Option<&[String]>, leave_out: &[String]) -> String {
        let list = ClipList::of(sources, labels, leave_out);
        format!("{:#}", list.err().unwrap())
    }

    #[test]
    fn corpora_and_lists_make_one_list_in_which_only_actors_who_speak_and_sing_are_the_same() {
        let (_folder, sources) = files();
        let list = ClipList::of(&sources, None, &["boredom".to_owned()]).unwrap();
        let names: Vec<&str> = list.corpora.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["ravdess", "ravdess-song", "emodb", "club"]);
        assert_eq!(list.labels, Emotion::labels());
        let clips: Vec<(usize, &str, String)> = (list.clips.iter())
            .map(|c| (c.corpus, list.labels.name(c.class), c.speaker.to_string()))
            .collect();
        assert_eq!(
            clips,
            [
                (0, "calm", "5".to_owned()),
                (1, "angry", "5".to_owned()),
                (2, "happy", "emodb-03".to_owned()),
                (3, "happy", "club-5".to_owned()),
                (3, "sad", "club-5".to_owned()),
                (3, "sad", "club-anna".to_owned()),
            ]
        );
        let (german, french) = (&list.clips[2], &list.clips[3]);
        assert_eq!(
            (german.sex, german.language.as_deref()),
            (Some(Sex::Male), Some("de"))
        );
        assert_eq!(
            (french.sex, french.language.as_deref()),
            (Some(Sex::Female), Some("fr"))
        );
        assert_eq!(list.clips[5].sex, None);
        assert!(list.clips[1].ravdess.is_some() && german.ravdess.is_none());
        assert_eq!(list.named(german), "emodb: 03a01Fa.wav");
        let told = "clips left out by their label: 1 boredom".to_owned();
        assert!(list.remarks.contains(&told), "{:?}", list.remarks);
    }

    #[test]
    fn labels_outside_of_the_eight_are_counted_and_left_out_on_request_only() {
        let (_folder, sources) = files();
        let error = refused(&sources, None, &[]);
        assert!(
            error.contains("--leave-out boredom:\n  emodb: 1 boredom"),
            "{error}"
        );
        let error = refused(&sources, Some(&["happy".to_owned()]), &[]);
        assert!(error.contains("leave --labels out"), "{error}");
        let error = refused(&sources[3..], None, &["sad".to_owned(), "happy".to_owned()]);
        assert!(
            error.contains("labels are 0") || error.contains("no clip of club is left"),
            "{error}"
        );
    }

    #[test]
    fn a_corpus_that_comes_twice_is_refused() {
        let (_folder, sources) = files();
        let twice = [sources[2].clone(), sources[2].clone()];
        let error = refused(&twice, None, &["boredom".to_owned()]);
        assert!(error.contains("emodb is named twice"), "{error}");
    }

    #[test]
    fn a_column_tells_corpora_apart_and_those_known_by_name_are_known() {
        let (folder, _) = files();
        let csv = "path,speaker,label,corpus\na.wav,ravdess05,happy,ravdess_song\nb.wav,05,sad,RAVDESS\n\
                   c.wav,anna,happy,radio play\na.wav,anna,sad,radio play\n";
        let path = folder.path().join("own/all.csv");
        fs::write(&path, csv).unwrap();
        let list = ClipList::of(&[Source::Manifest(path, None)], None, &[]).unwrap();
        let corpora: Vec<(&str, &str)> = (list.corpora.iter())
            .map(|c| (c.name.as_str(), c.licence.as_str()))
            .collect();
        let licence = "CC-BY-NC-SA-4.0";
        assert_eq!(
            corpora,
            [
                ("ravdess-song", licence),
                ("ravdess", licence),
                ("radio play", "NOASSERTION")
            ]
        );
        let speakers: Vec<String> = list.clips.iter().map(|c| c.speaker.to_string()).collect();
        assert_eq!(speakers, ["5", "5", "radio play-anna", "radio play-anna"]);
        assert_eq!(list.clips[0].language.as_deref(), Some("en"));
        assert_eq!(list.labels.names(), ["happy", "sad"]);
    }
}
