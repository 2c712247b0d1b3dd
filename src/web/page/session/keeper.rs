//! The session as data: recordings with their utterances, and what a person made of them, with undo.

use crate::{
    class::Labels,
    record::{Lane, ModelIdentity, Note, Section, Source, SourceKind, Utterance},
    web::{
        numbers::isolated,
        page::session::history::History,
        words::{tell, tr},
    },
};

/// A recording of the session: a microphone from start to stop, or a file.
pub struct Kept {
    /// Unlike that of any other recording, whatever becomes of their order; given when it is added.
    pub key: u32,
    /// What judged it.
    pub model: ModelIdentity,
    /// What that tells apart.
    pub labels: Labels,
    /// What was heard, and what a person made of it.
    pub source: Source,
    /// Predictions of each lane; none of a session that was opened.
    pub histories: Vec<History>,
    /// Whether more is to come.
    pub is_running: bool,
    /// The longest utterance, in ms.
    longest_ms: u64,
}

impl Kept {
    /// A recording that has just begun.
    pub fn begun(
        model: ModelIdentity,
        labels: Labels,
        name: String,
        kind: SourceKind,
        lanes: Vec<String>,
        started_ms: u64,
    ) -> Self {
        let histories = lanes.iter().map(|_| History::default()).collect();
        let source = Source {
            name,
            kind,
            started_ms: Some(started_ms),
            lanes: lanes.into_iter().map(|name| Lane { name }).collect(),
            ..Source::default()
        };
        Self {
            histories,
            is_running: true,
            ..Self::opened(model, labels, source)
        }
    }

    /// A recording of a session that was opened.
    pub fn opened(model: ModelIdentity, labels: Labels, source: Source) -> Self {
        let lengths = source.utterances.iter().map(length_ms);
        Self {
            key: 0,
            longest_ms: lengths.max().unwrap_or(0),
            histories: source.lanes.iter().map(|_| History::default()).collect(),
            model,
            labels,
            source,
            is_running: false,
        }
    }

    /// Adds an utterance; they stay in order of their beginnings.
    pub fn add(&mut self, utterance: Utterance) {
        self.longest_ms = self.longest_ms.max(length_ms(&utterance));
        self.reach(utterance.end_ms);
        let before = |other: &Utterance| other.start_ms <= utterance.start_ms;
        let at = self.source.utterances.partition_point(before);
        self.source.utterances.insert(at, utterance);
    }

    /// The recording is at least so long.
    pub fn reach(&mut self, at_ms: u64) {
        let before_ms = self.source.duration_ms;
        self.source.duration_ms = before_ms.max(at_ms);
        // A section that reached to the end still does.
        if let Some(last) = self.source.sections.last_mut()
            && last.end_ms == before_ms
        {
            last.end_ms = self.source.duration_ms;
        }
    }

    /// The id of the next utterance.
    pub fn next_id(&self) -> u64 {
        let ids = self.source.utterances.iter().map(|utterance| utterance.id);
        ids.max().map_or(1, |id| id + 1)
    }

    /// Where the utterances stand that may be heard from `start_ms` to `end_ms`.
    pub fn between(&self, start_ms: u64, end_ms: u64) -> &[Utterance] {
        let utterances = &self.source.utterances;
        let from_ms = start_ms.saturating_sub(self.longest_ms);
        let first = utterances.partition_point(|utterance| utterance.start_ms < from_ms);
        let last = utterances.partition_point(|utterance| utterance.start_ms <= end_ms);
        utterances.get(first..last).unwrap_or_default()
    }

    /// Where the utterance with this id stands.
    pub fn position(&self, id: u64) -> Option<usize> {
        let mut utterances = self.source.utterances.iter();
        utterances.position(|utterance| utterance.id == id)
    }

    /// The utterance with this id.
    pub fn utterance(&self, id: u64) -> Option<&Utterance> {
        self.source.utterances.get(self.position(id)?)
    }

    /// Begins a section at a moment, to the next one or to the end; what was there ends.
    fn mark(&mut self, at_ms: u64, name: String) -> usize {
        let sections = &mut self.source.sections;
        let at = sections.partition_point(|section| section.start_ms <= at_ms);
        if let Some(before) = at.checked_sub(1).and_then(|at| sections.get_mut(at)) {
            before.end_ms = before.end_ms.min(at_ms);
        }
        let next = sections.get(at).map(|section| section.start_ms);
        let section = Section {
            start_ms: at_ms,
            end_ms: next.unwrap_or(self.source.duration_ms).max(at_ms),
            name,
        };
        sections.insert(at, section);
        at
    }
}

fn length_ms(utterance: &Utterance) -> u64 {
    utterance.end_ms.saturating_sub(utterance.start_ms)
}

/// All recordings.
#[derive(Default)]
pub struct Keeper {
    /// In the order in which they were made or opened.
    pub recordings: Vec<Kept>,
    /// What can be taken back, the newest last.
    undoable: Vec<Undo>,
    /// Whether something is not in any file yet.
    pub is_unsaved: bool,
    keys: u32,
}

/// How things were before a change.
struct Undo {
    /// What was done, in words.
    what: String,
    before: Before,
}

enum Before {
    Correction(usize, u64, Option<String>),
    Sections(usize, Vec<Section>),
    Notes(usize, Vec<Note>),
    Recording(usize, Box<Kept>),
    All(Vec<Kept>),
}

/// Most that can be taken back.
const UNDOABLE: usize = 50;

impl Keeper {
    /// Adds a recording; gives its place.
    pub fn begin(&mut self, mut recording: Kept) -> usize {
        self.keys += 1;
        recording.key = self.keys;
        self.recordings.push(recording);
        self.recordings.len() - 1
    }

    /// Adds a recording that had this key before, which no other may have had.
    pub fn restore(&mut self, mut recording: Kept, key: u32) {
        self.keys = self.keys.max(key);
        recording.key = key;
        self.recordings.push(recording);
    }

    /// The highest key that was given so far.
    pub fn last_key(&self) -> u32 {
        self.keys
    }

    /// Whether the recording with this key is there or can come back.
    pub fn holds(&self, key: u32) -> bool {
        self.place(key).is_some()
            || self.undoable.iter().any(|undo| match &undo.before {
                Before::Recording(_, kept) => kept.key == key,
                Before::All(all) => all.iter().any(|kept| kept.key == key),
                _ => false,
            })
    }

    /// Where the recording with this key stands.
    pub fn place(&self, key: u32) -> Option<usize> {
        self.recordings.iter().position(|kept| kept.key == key)
    }

    /// A person says what an utterance expresses, or nothing of it any more.
    pub fn correct(&mut self, at: usize, id: u64, label: Option<String>) {
        let Some(recording) = self.recordings.get_mut(at) else {
            return;
        };
        let Some(position) = recording.position(id) else {
            return;
        };
        let Some(utterance) = recording.source.utterances.get_mut(position) else {
            return;
        };
        if utterance.correction == label {
            return;
        }
        let before = std::mem::replace(&mut utterance.correction, label);
        self.changed(
            &tr("Correction changed"),
            Before::Correction(at, id, before),
        );
    }

    /// Begins a section at a moment; gives its place.
    pub fn mark(&mut self, at: usize, at_ms: u64) -> Option<usize> {
        let recording = self.recordings.get_mut(at)?;
        let before = recording.source.sections.clone();
        let number = (before.len() as u32 + 1).to_string();
        let place = recording.mark(at_ms, tell("question {0}", &[&number]));
        self.changed(&tr("Section added"), Before::Sections(at, before));
        Some(place)
    }

    /// Changes a section's name, which can be taken back.
    pub fn rename_section(&mut self, at: usize, place: usize, name: String) {
        let Some(recording) = self.recordings.get_mut(at) else {
            return;
        };
        let before = recording.source.sections.clone();
        if let Some(section) = recording.source.sections.get_mut(place)
            && section.name != name
        {
            section.name = name;
            self.changed(&tr("Section renamed"), Before::Sections(at, before));
        }
    }

    /// Takes a section away.
    pub fn delete_section(&mut self, at: usize, place: usize) {
        if let Some(recording) = self.recordings.get_mut(at)
            && place < recording.source.sections.len()
        {
            let before = recording.source.sections.clone();
            let gone = recording.source.sections.remove(place);
            let what = tell("Section “{0}” deleted", &[&isolated(&gone.name)]);
            self.changed(&what, Before::Sections(at, before));
        }
    }

    /// Adds a note at a moment; gives its place.
    pub fn note(&mut self, at: usize, at_ms: u64) -> Option<usize> {
        let recording = self.recordings.get_mut(at)?;
        let before = recording.source.notes.clone();
        let place = before.partition_point(|note| note.at_ms <= at_ms);
        let text = String::new();
        recording.source.notes.insert(place, Note { at_ms, text });
        self.changed(&tr("Note added"), Before::Notes(at, before));
        Some(place)
    }

    /// Changes a note's text.
    pub fn rewrite_note(&mut self, at: usize, place: usize, text: String) {
        let Some(recording) = self.recordings.get_mut(at) else {
            return;
        };
        let before = recording.source.notes.clone();
        if let Some(note) = recording.source.notes.get_mut(place)
            && note.text != text
        {
            note.text = text;
            self.changed(&tr("Note changed"), Before::Notes(at, before));
        }
    }

    /// Takes a note away.
    pub fn delete_note(&mut self, at: usize, place: usize) {
        if let Some(recording) = self.recordings.get_mut(at)
            && place < recording.source.notes.len()
        {
            let before = recording.source.notes.clone();
            recording.source.notes.remove(place);
            self.changed(&tr("Note deleted"), Before::Notes(at, before));
        }
    }

    /// Changes what a speaker is called.
    pub fn rename_lane(&mut self, at: usize, lane: usize, name: String) {
        let recording = self.recordings.get_mut(at);
        let lanes = recording.map(|recording| &mut recording.source.lanes);
        if let Some(lane) = lanes.and_then(|lanes| lanes.get_mut(lane)) {
            lane.name = name;
            self.is_unsaved = true;
        }
    }

    /// Takes a recording that is over out of the session.
    pub fn delete_recording(&mut self, at: usize) {
        if self.recordings.get(at).is_some_and(|kept| !kept.is_running) {
            let gone = self.recordings.remove(at);
            let what = tell("“{0}” deleted", &[&isolated(&gone.source.name)]);
            // The places in what was undoable before have moved.
            self.undoable.clear();
            self.changed(&what, Before::Recording(at, Box::new(gone)));
        }
    }

    /// Begins anew, with nothing.
    pub fn clear(&mut self) {
        let all = std::mem::take(&mut self.recordings);
        self.undoable.clear();
        self.changed(&tr("Session cleared"), Before::All(all));
        self.is_unsaved = false;
    }

    /// What was done last and can be taken back.
    pub fn last_change(&self) -> Option<&str> {
        self.undoable.last().map(|undo| undo.what.as_str())
    }

    /// Takes the last change back.
    pub fn undo(&mut self) {
        let Some(Undo { before, .. }) = self.undoable.pop() else {
            return;
        };
        self.is_unsaved = true;
        match before {
            Before::Correction(at, id, correction) => {
                if let Some(recording) = self.recordings.get_mut(at)
                    && let Some(position) = recording.position(id)
                    && let Some(utterance) = recording.source.utterances.get_mut(position)
                {
                    utterance.correction = correction;
                }
            }
            Before::Sections(at, sections) => {
                if let Some(recording) = self.recordings.get_mut(at) {
                    recording.source.sections = sections;
                }
            }
            Before::Notes(at, notes) => {
                if let Some(recording) = self.recordings.get_mut(at) {
                    recording.source.notes = notes;
                }
            }
            Before::Recording(at, recording) => {
                let at = at.min(self.recordings.len());
                self.recordings.insert(at, *recording);
            }
            Before::All(mut all) => {
                all.append(&mut self.recordings);
                self.recordings = all;
            }
        }
    }

    fn changed(&mut self, what: &str, before: Before) {
        self.is_unsaved = true;
        if self.undoable.len() == UNDOABLE {
            self.undoable.remove(0);
        }
        self.undoable.push(Undo {
            what: what.to_owned(),
            before,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{record, utterance};

    fn kept() -> Kept {
        let labels = record(vec![]).labels;
        let model = record(vec![]).model;
        let lanes = vec!["Anna".to_owned(), "Ben".to_owned()];
        Kept::begun(model, labels, "talk".into(), SourceKind::Stream, lanes, 0)
    }

    #[test]
    fn utterances_of_several_lanes_are_kept_in_order_and_found_by_time() {
        let mut kept = kept();
        for (id, start_ms, end_ms) in [(1, 1_000, 2_000), (2, 500, 9_000), (3, 10_000, 11_000)] {
            kept.add(utterance(id, start_ms, end_ms, None));
        }
        let ids = |utterances: &[Utterance]| -> Vec<u64> {
            utterances.iter().map(|utterance| utterance.id).collect()
        };
        assert_eq!(ids(&kept.source.utterances), [2, 1, 3]);
        assert_eq!(ids(kept.between(8_900, 9_500)), [2, 1]);
        assert_eq!(ids(kept.between(9_600, 10_000)), [3]);
        assert_eq!(kept.next_id(), 4);
        assert_eq!(kept.source.duration_ms, 11_000);
    }

    #[test]
    fn a_section_ends_where_the_next_begins_and_the_last_with_the_recording() {
        let mut keeper = Keeper::default();
        let at = keeper.begin(kept());
        keeper.recordings[at].reach(4_000);
        keeper.mark(at, 4_000);
        keeper.recordings[at].reach(9_000);
        keeper.mark(at, 9_000);
        keeper.recordings[at].reach(12_000);
        let sections = |keeper: &Keeper| -> Vec<(u64, u64, String)> {
            let sections = &keeper.recordings[at].source.sections;
            let part = |section: &Section| (section.start_ms, section.end_ms, section.name.clone());
            sections.iter().map(part).collect()
        };
        let two = [
            (4_000, 9_000, "question 1".to_owned()),
            (9_000, 12_000, "question 2".to_owned()),
        ];
        assert_eq!(sections(&keeper), two);
        keeper.mark(at, 6_000);
        assert_eq!(sections(&keeper)[0].1, 6_000);
        assert_eq!(sections(&keeper)[1], (6_000, 9_000, "question 3".into()));
        keeper.undo();
        assert_eq!(sections(&keeper), two);
        keeper.rename_section(at, 0, "why".into());
        keeper.delete_section(at, 0);
        assert_eq!(
            keeper.last_change(),
            Some("Section “\u{2068}why\u{2069}” deleted")
        );
        keeper.undo();
        assert_eq!(sections(&keeper)[0].2, "why");
    }

    #[test]
    fn whatever_was_deleted_or_corrected_comes_back() {
        let mut keeper = Keeper::default();
        let at = keeper.begin(kept());
        keeper.recordings[at].add(utterance(1, 0, 1_000, Some("angry")));
        assert!(!keeper.is_unsaved);
        keeper.correct(at, 1, Some("sad".into()));
        assert!(keeper.is_unsaved);
        let said = |keeper: &Keeper| {
            let said = keeper.recordings[0].utterance(1).unwrap();
            (said.label.clone(), said.correction.clone())
        };
        assert_eq!(said(&keeper), (Some("angry".into()), Some("sad".into())));
        keeper.undo();
        assert_eq!(said(&keeper), (Some("angry".into()), None));
        let place = keeper.note(at, 500).unwrap();
        keeper.rewrite_note(at, place, "laughs".into());
        keeper.delete_note(at, place);
        assert!(keeper.recordings[0].source.notes.is_empty());
        keeper.undo();
        assert_eq!(keeper.recordings[0].source.notes[0].text, "laughs");
        // One that is still being made stays.
        keeper.delete_recording(at);
        assert_eq!(keeper.recordings.len(), 1);
        keeper.recordings[at].is_running = false;
        keeper.delete_recording(at);
        assert!(keeper.recordings.is_empty());
        keeper.undo();
        assert_eq!(said(&keeper).0.as_deref(), Some("angry"));
        keeper.clear();
        keeper.undo();
        assert_eq!(keeper.recordings.len(), 1);
    }
}
