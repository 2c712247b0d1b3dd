//! What may give a label away before a word is heard: how long a clip is, how much silence it
//! begins with, how loud it is.
//!
//! If every emotion in a corpus was cut to its own length or set to its own level, it is recognised
//! by that instead of by the voice. Each of these numbers alone is given to a nearest-neighbour
//! rule, which is tested on speakers that it was not given; people should know if it is right much
//! more often than guessing.
//!
//! The network hears only one of these numbers: the length of the speech. Silence around it is
//! trimmed before anything else, and the level of the speech is subtracted exactly
//! ([`features::subtract_level`](speech_emotion::features::subtract_level)).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use speech_emotion::class::Labels;

use super::Clip;
use crate::corpus::{Corpus, Speaker};

/// Most parts that the speakers are divided into.
const PARTS: usize = 10;

/// How far above guessing it must be to be worth a remark: more than can be explained by an emotion
/// being spoken slowly or after a breath.
const MARGIN: f64 = 0.2;

/// A number that can be read off a clip without listening to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cue {
    /// Frames of speech, without the silence around it.
    SpeechLength,
    /// Frames of the whole recording.
    RecordedLength,
    /// Frames before the speech.
    LeadingSilence,
    /// Level of the speech, in dB relative to full scale.
    Level,
}

impl Cue {
    const ALL: [Self; 4] = [
        Self::SpeechLength,
        Self::RecordedLength,
        Self::LeadingSilence,
        Self::Level,
    ];

    /// Whether the network's input still reveals it.
    pub fn reaches_the_network(self) -> bool {
        self == Self::SpeechLength
    }
}

impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SpeechLength => "the length of the speech",
            Self::RecordedLength => "the length of the recording",
            Self::LeadingSilence => "the silence before the speech",
            Self::Level => "the level of the speech",
        })
    }
}

/// The numbers of a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outline {
    /// Frames of the whole recording.
    pub recorded_frames: usize,
    /// Frames before the speech.
    pub leading_frames: usize,
    /// Frames of speech.
    pub speech_frames: usize,
    /// Level of the speech, in dB relative to full scale.
    pub level_db: f32,
}

impl Outline {
    fn value(&self, cue: Cue) -> f32 {
        // What matters about a length is its ratio to others.
        let logarithm = |frames: usize| (1.0 + frames as f32).ln();
        match cue {
            Cue::SpeechLength => logarithm(self.speech_frames),
            Cue::RecordedLength => logarithm(self.recorded_frames),
            Cue::LeadingSilence => logarithm(self.leading_frames),
            Cue::Level => self.level_db,
        }
    }
}

/// How well one number alone gives away the labels of a corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alone {
    /// Name of the corpus.
    pub corpus: String,
    /// The number.
    pub cue: Cue,
    /// Mean recall of the labels, on speakers that the rule was not given, 0 to 1.
    pub uar: f64,
    /// What guessing gives.
    pub chance: f64,
}

impl Alone {
    /// Whether it is so much better than guessing that people should know.
    pub fn betrays(&self) -> bool {
        self.uar > self.chance + MARGIN
    }
}

impl fmt::Display for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} alone gives the label away in {:.0} % of cases, guessing is right in {:.0} %; {}",
            self.corpus,
            self.cue,
            100.0 * self.uar,
            100.0 * self.chance,
            if self.cue.reaches_the_network() {
                "the network can hear it and may learn just that from this corpus"
            } else {
                "the network does not hear it, since features are trimmed and levelled, but check how the \
                 clips of each label were made"
            }
        )
    }
}

/// Measures every corpus that has several speakers and several labels; `outlines` belong to the
/// clips.
pub(super) fn measure(
    clips: &[Clip],
    outlines: &[Outline],
    labels: &Labels,
    corpora: &[Corpus],
) -> Vec<Alone> {
    let mut all = Vec::new();
    for (index, corpus) in corpora.iter().enumerate() {
        let of_corpus =
            || (clips.iter().zip(outlines)).filter(move |(clip, _)| clip.corpus == index);
        let mut parts = BTreeMap::<&Speaker, usize>::new();
        for (clip, _) in of_corpus() {
            parts.entry(&clip.speaker).or_default();
        }
        for (n, part) in parts.values_mut().enumerate() {
            *part = n % PARTS;
        }
        for cue in Cue::ALL {
            let points: Vec<Point> = of_corpus()
                .map(|(clip, outline)| Point {
                    part: parts[&clip.speaker],
                    class: clip.class.index(),
                    value: outline.value(cue),
                })
                .collect();
            if let Some((uar, chance)) = uar(&points, labels.len()) {
                let corpus = corpus.name.clone();
                all.push(Alone {
                    corpus,
                    cue,
                    uar,
                    chance,
                });
            }
        }
    }
    all
}

struct Point {
    part: usize,
    class: usize,
    value: f32,
}

/// Mean recall, and what guessing gives; none without a second part or a second class.
fn uar(points: &[Point], classes: usize) -> Option<(f64, f64)> {
    let parts = points.iter().map(|point| point.part).max()? + 1;
    let mut asked = vec![0_u32; classes];
    let mut right = vec![0_u32; classes];
    for part in 0..parts {
        let mut given: Vec<&Point> = points.iter().filter(|point| point.part != part).collect();
        given.sort_by(|a, b| a.value.total_cmp(&b.value));
        for point in points.iter().filter(|point| point.part == part) {
            asked[point.class] += 1;
            right[point.class] += u32::from(nearest(&given, point.value, classes)? == point.class);
        }
    }
    let met = asked.iter().filter(|&&asked| asked > 0).count();
    let recalls = asked.iter().zip(&right).filter(|(asked, _)| **asked > 0);
    let sum: f64 = recalls
        .map(|(&asked, &right)| f64::from(right) / f64::from(asked))
        .sum();
    (met > 1).then(|| (sum / met as f64, 1.0 / met as f64))
}

/// The class that is most frequent, relative to its frequency among all that are `given`, among the
/// nearest to a value; everything as near as the farthest of these counts.
fn nearest(given: &[&Point], value: f32, classes: usize) -> Option<usize> {
    let mut counts = vec![0_u32; classes];
    for point in given {
        counts[point.class] += 1;
    }
    let wanted = (given.len() as f64).sqrt().ceil() as usize;
    let distance = |point: &&Point| (point.value - value).abs();
    let mut above = given.partition_point(|point| point.value < value);
    let mut below = above;
    let mut votes = vec![0.0; classes];
    let mut taken = 0;
    let mut farthest = 0.0;
    loop {
        let lower = below.checked_sub(1).and_then(|at| given.get(at));
        let upper = given.get(above);
        let next = match (lower, upper) {
            (Some(a), Some(b)) if distance(a) <= distance(b) => a,
            (_, Some(b)) => b,
            (Some(a), None) => a,
            (None, None) => break,
        };
        if taken >= wanted && distance(next) > farthest {
            break;
        }
        farthest = distance(next);
        votes[next.class] += 1.0 / f64::from(counts[next.class]);
        taken += 1;
        match upper {
            Some(upper) if std::ptr::eq(*upper, *next) => above += 1,
            _ => below -= 1,
        }
    }
    (0..classes)
        .filter(|_| taken > 0)
        .max_by(|&a, &b| votes[a].total_cmp(&votes[b]).then(b.cmp(&a)))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        corpus::{Listed, ravdess::Emotion},
        dataset::{Dataset, Features},
    };

    /// The findings for clips of six speakers and four labels, with outlines given by label and
    /// chance.
    fn measured(outline: impl Fn(usize, &mut ChaCha8Rng) -> Outline) -> Vec<Alone> {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let (mut clips, mut outlines) = (Vec::new(), Vec::new());
        for speaker in 0..6 {
            for n in 0..80 {
                let emotion = Emotion::ALL[n % 4];
                outlines.push(outline(emotion.index(), rng));
                let speaker = Speaker::new(format!("s{speaker}"));
                let listed = Listed::new(String::new(), emotion.class(), speaker);
                clips.push((listed, Features::default()));
            }
        }
        let corpora = vec![Corpus::manifest("own".into(), "own".into(), "".into())];
        let dataset = Dataset::in_memory(Emotion::labels(), corpora, clips);
        measure(&dataset.clips, &outlines, &dataset.labels, &dataset.corpora)
    }

    fn natural(rng: &mut ChaCha8Rng) -> Outline {
        let (speech_frames, leading_frames) = (rng.random_range(60..160), rng.random_range(0..40));
        Outline {
            recorded_frames: leading_frames + speech_frames + rng.random_range(0..40),
            leading_frames,
            speech_frames,
            level_db: rng.random_range(-40.0..-10.0),
        }
    }

    fn betrayed(found: &[Alone]) -> Vec<Cue> {
        let betrays = found.iter().filter(|alone| alone.betrays());
        betrays.map(|alone| alone.cue).collect()
    }

    #[test]
    fn clips_padded_to_a_length_of_their_label_are_caught() {
        let found = measured(|label, rng| Outline {
            recorded_frames: 200 + 20 * label + rng.random_range(0..15),
            ..natural(rng)
        });
        assert_eq!(betrayed(&found), [Cue::RecordedLength]);
        let caught = &found[1];
        assert!(caught.uar > 0.9 && caught.chance == 0.25, "{caught:?}");
        let told = caught.to_string();
        assert!(
            told.contains(
                "own: the length of the recording alone gives the label away in 100 % of cases"
            ) && told.contains("guessing is right in 25 %; the network does not hear it"),
            "{told}"
        );
    }

    #[test]
    fn each_number_is_caught_where_it_goes_with_the_label_and_none_where_it_does_not() {
        assert_eq!(betrayed(&measured(|_, rng| natural(rng))), []);
        let cut = measured(|label, rng| Outline {
            speech_frames: 80 + 30 * label + rng.random_range(0..20),
            ..natural(rng)
        });
        assert_eq!(betrayed(&cut), [Cue::SpeechLength]);
        assert!(cut[0].to_string().contains("the network can hear it"));
        let late = measured(|label, rng| Outline {
            leading_frames: 5 * label,
            ..natural(rng)
        });
        assert_eq!(betrayed(&late), [Cue::LeadingSilence]);
        let loud = measured(|label, rng| Outline {
            level_db: -40.0 + 8.0 * label as f32 + rng.random_range(0.0..6.0),
            ..natural(rng)
        });
        assert_eq!(betrayed(&loud), [Cue::Level]);
    }

    #[test]
    fn numbers_that_are_all_the_same_are_no_better_than_guessing() {
        let found = measured(|_, _| Outline::default());
        assert!(found.iter().all(|alone| alone.uar == 0.25), "{found:?}");
    }

    #[test]
    fn a_corpus_of_one_speaker_or_one_label_is_not_measured() {
        let point = |part, class| Point {
            part,
            class,
            value: 1.0,
        };
        assert_eq!(uar(&[point(0, 0), point(0, 1)], 2), None);
        assert_eq!(uar(&[point(0, 0), point(1, 0)], 2), None);
        assert_eq!(uar(&[], 2), None);
    }
}
