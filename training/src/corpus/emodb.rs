//! EMO-DB, the Berlin database: acted German by five women and five men, ten sentences, seven emotions.
//!
//! Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A Database of German Emotional Speech.
//! Interspeech. Published by audEERING under CC0 1.0. File names are speaker, sentence, the letter of the
//! German word for the emotion and the version, such as `03a01Fa.wav`.

use super::{
    Sex,
    published::{About, Extent, Name, Source, Told},
};

pub(super) const ABOUT: About = About {
    name: "emodb",
    title: "EMO-DB",
    licence: "CC0-1.0",
    attribution: "EMO-DB: Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A Database of \
        German Emotional Speech. Interspeech",
    language: "de",
    example: "03a01Fa.wav",
    extent: Extent::BySpeaker(&[
        ("03", 49, 5),
        ("08", 58, 10),
        ("09", 43, 4),
        ("10", 38, 8),
        ("11", 55, 8),
        ("12", 35, 5),
        ("13", 61, 10),
        ("14", 69, 8),
        ("15", 56, 9),
        ("16", 71, 14),
    ]),
    read,
    source: Source::Elsewhere(
        "audEERING publishes it as the data set emodb of its Python package audb, under CC0 1.0: \
         audb.load('emodb', version='1.4.1') unpacks it, and says where. Its files are named like \
         03a01Fa.wav; any folder that holds them will do",
    ),
};

fn read(stem: &str) -> Name {
    let told = || {
        let bytes = stem.as_bytes();
        let [_, _, text, a, b, emotion, version] = bytes.try_into().ok()?;
        let is_text = matches!(text, b'a' | b'b') && a.is_ascii_digit() && b.is_ascii_digit();
        let speaker = stem.get(..2)?;
        let sex = match speaker {
            "08" | "09" | "13" | "14" | "16" => Sex::Female,
            "03" | "10" | "11" | "12" | "15" => Sex::Male,
            _ => return None,
        };
        let label = match emotion {
            b'W' => "angry",
            b'L' => "boredom",
            b'E' => "disgust",
            b'A' => "fearful",
            b'F' => "happy",
            b'T' => "sad",
            b'N' => "neutral",
            _ => return None,
        };
        let version: u8 = version;
        (is_text && version.is_ascii_lowercase()).then(|| Told {
            speaker: speaker.to_owned(),
            label,
            sex,
            ravdess: None,
        })
    };
    told().map_or(Name::Foreign, Name::Clip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_speaker_sex_and_emotion_and_others_are_foreign() {
        for (stem, speaker, label, sex) in [
            ("03a01Fa", "03", "happy", Sex::Male),
            ("16b10Wb", "16", "angry", Sex::Female),
            ("08a07Ad", "08", "fearful", Sex::Female),
            ("11b03La", "11", "boredom", Sex::Male),
        ] {
            let told = Told {
                speaker: speaker.to_owned(),
                label,
                sex,
                ravdess: None,
            };
            assert_eq!(read(stem), Name::Clip(told), "{stem}");
        }
        for stem in [
            "", "03a01F", "03a01Fab", "04a01Fa", "03c01Fa", "03a0xFa", "03a01Xa", "03a01F1",
            "é3a01F",
        ] {
            assert_eq!(read(stem), Name::Foreign, "{stem}");
        }
    }
}
