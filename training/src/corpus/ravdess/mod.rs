//! RAVDESS: its emotions, and what the file names of its speech and song say.
//!
//! Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song.
//! PLoS ONE 13(5): e0196391. Licence: CC BY-NC-SA 4.0.

pub mod emotion;
pub mod file_name;

pub use emotion::Emotion;
pub use file_name::FileName;

use super::published::{About, Extent, Name, Proof, Source, Told};

/// Its speech as named in model.json; the page describes a model of this name in its own words.
pub const DATA_SET: &str = "RAVDESS speech, audio only";

const LICENCE: &str = "CC-BY-NC-SA-4.0";
const ATTRIBUTION: &str = "RAVDESS: Livingstone SR, Russo FA (2018). The Ryerson \
    Audio-Visual Database of Emotional Speech and Song (RAVDESS). PLoS ONE 13(5): e0196391. \
    https://doi.org/10.1371/journal.pone.0196391";

/// Its 24 actors speaking two sentences.
pub(super) const SPEECH: About = About {
    name: "ravdess",
    title: DATA_SET,
    licence: LICENCE,
    attribution: ATTRIBUTION,
    language: "en",
    example: "03-01-05-01-01-01-12.wav",
    extent: Extent::Names(|| names(1, &Emotion::ALL, |_| true)),
    read: |stem| read(stem, 1),
    source: Source::Archive {
        file_name: "Audio_Speech_Actors_01-24.zip",
        url: "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
        proof: Proof::Md5 {
            size: 208_468_073,
            md5: "bc696df654c87fed845eb13823edef8a",
        },
    },
};

/// The same sentences sung, by all but actor 18, without disgust and surprise.
pub(super) const SONG: About = About {
    name: "ravdess-song",
    title: "RAVDESS song, audio only",
    licence: LICENCE,
    attribution: ATTRIBUTION,
    language: "en",
    example: "03-02-05-01-01-01-12.wav",
    extent: Extent::Names(|| {
        let (sung, _) = Emotion::ALL.split_at(6);
        names(2, sung, |actor| actor != 18)
    }),
    read: |stem| read(stem, 2),
    source: Source::Archive {
        file_name: "Audio_Song_Actors_01-24.zip",
        url: "https://zenodo.org/records/1188976/files/Audio_Song_Actors_01-24.zip?download=1",
        proof: Proof::Md5 {
            size: 225_505_317,
            md5: "5411230427d67a21e18aa4d466e6d1b9",
        },
    },
};

/// What a name says in the part of the collection with this vocal channel.
fn read(stem: &str, channel: u8) -> Name {
    match FileName::parse(stem) {
        Some(name) if name.is_audio_only() && name.channel == channel => Name::Clip(Told {
            speaker: name.actor.to_string(),
            label: name.emotion.label(),
            sex: name.sex(),
            ravdess: Some(name),
        }),
        Some(_) => Name::OtherPart,
        None => Name::Foreign,
    }
}

/// The names of all audio-only clips of a vocal channel.
fn names(channel: u8, emotions: &[Emotion], takes_part: fn(u8) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for actor in (1..=24).filter(|actor| takes_part(*actor)) {
        for &emotion in emotions {
            // Neutral has no strong clips.
            for strong in [false, true]
                .into_iter()
                .filter(|strong| !strong || emotion != Emotion::Neutral)
            {
                for (statement, repetition) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
                    let name = FileName {
                        modality: 3,
                        channel,
                        emotion,
                        strong,
                        statement,
                        repetition,
                        actor,
                    };
                    names.push(name.to_string());
                }
            }
        }
    }
    names
}
