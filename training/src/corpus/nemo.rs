//! nEMO: acted Polish by four women and five men, 90 sentences, six emotions.
//!
//! Christop I (2024). nEMO: Dataset of Emotional Speech in Polish. LREC-COLING 2024. Licence:
//! CC BY-NC-SA 4.0. File names are `SPEAKER_emotion_sentence`, such as `KD0_anger_12.wav`.

use super::{
    Sex,
    published::{About, Extent, Name, Proof, Source, Told},
};

pub(super) const ABOUT: About = About {
    name: "nemo",
    title: "nEMO",
    licence: "CC-BY-NC-SA-4.0",
    attribution: "nEMO: Christop I (2024). nEMO: Dataset of Emotional Speech in Polish. LREC-COLING \
        2024. https://github.com/amu-cai/nEMO",
    language: "pl",
    example: "KD0_anger_12.wav",
    extent: Extent::BySpeaker(&[
        ("EB0", 539, 0),
        ("IC0", 540, 0),
        ("KD0", 540, 0),
        ("KS0", 540, 0),
        ("MK0", 450, 0),
        ("MP0", 256, 0),
        ("SM0", 538, 0),
        ("TP0", 539, 0),
        ("WR0", 539, 0),
    ]),
    read,
    source: Source::Archive {
        file_name: "nEMO-06f1f83.zip",
        url: "https://github.com/amu-cai/nEMO/archive/06f1f83dde8f1a780443a57d53b2af3971af34ab.zip",
        proof: Proof::Commit("06f1f83dde8f1a780443a57d53b2af3971af34ab"),
    },
};

fn read(stem: &str) -> Name {
    let told = || {
        let mut parts = stem.split('_');
        let (speaker, emotion, sentence) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = parts.next().is_none() && sentence.bytes().all(|b| b.is_ascii_digit());
        let sex = match speaker {
            "EB0" | "IC0" | "KD0" | "MK0" => Sex::Female,
            "KS0" | "MP0" | "SM0" | "TP0" | "WR0" => Sex::Male,
            _ => return None,
        };
        let label = match emotion {
            "anger" => "angry",
            "fear" => "fearful",
            "happiness" => "happy",
            "neutral" => "neutral",
            "sadness" => "sad",
            "surprised" => "surprised",
            _ => return None,
        };
        let in_range = (1..=90).contains(&sentence.parse::<u32>().ok()?);
        (is_whole && in_range).then(|| Told {
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
        assert_eq!(
            read("WR0_surprised_90"),
            Name::Clip(Told {
                speaker: "WR0".to_owned(),
                label: "surprised",
                sex: Sex::Male,
                ravdess: None,
            })
        );
        for stem in [
            "",
            "WR0_surprised",
            "WR0_surprised_91",
            "WR0_surprised_0",
            "WR0_surprised_+1",
            "WR0_surprised_1_2",
            "WR0_joy_1",
            "XX0_anger_1",
            "data",
        ] {
            assert_eq!(read(stem), Name::Foreign, "{stem}");
        }
    }
}
