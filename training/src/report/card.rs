//! The model card: what the model is, how good it is for whom, and what it must not be used for. Every
//! figure comes from the evaluation.

use std::fmt::Write;

use super::{page::pictures, terminal::percent};
use crate::{
    corpus::Speaker,
    evaluate::{Evaluation, Known, Scores},
};

/// Name of the file beside the trainer's manifest.
pub const CARD_FILE: &str = "MODEL_CARD.md";

/// Name of the folder with its [`pictures`], beside it.
pub const PICTURES_FOLDER: &str = "pictures";

/// The card in Markdown.
pub fn card(evaluation: &Evaluation) -> String {
    let mut card = format!(
        "<!-- Written by `training card` from evaluation.json; change training/src/report/card.rs instead. -->\n\n\
         {INTRODUCTION}\n## How good it is\n\n"
    );
    protocol(&mut card, evaluation);
    groups(&mut card, evaluation);
    confidence(&mut card, evaluation);
    robustness(&mut card, evaluation);
    card += "## Drawn\n\n";
    for (name, _) in pictures(evaluation) {
        let _ = writeln!(card, "![{name}]({PICTURES_FOLDER}/{name}.svg)");
    }
    card.push('\n');
    card += LIMITS;
    card
}

fn protocol(card: &mut String, evaluation: &Evaluation) {
    let live = &evaluation.live;
    let seeds: Vec<String> = evaluation.seeds.iter().map(u64::to_string).collect();
    let folds: Vec<String> = evaluation
        .folds
        .iter()
        .map(|fold| {
            fold.iter()
                .map(Speaker::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let _ = write!(
        card,
        "Speaker-independent cross-validation of the recipe ({}, seed {}): each of {} clips by {} actors was judged, \
         as it runs live and from its own samples, by a network that never heard its actor and that no tested actor \
         helped to choose. The recipe as a whole was developed with such results in view, on the same 24 actors, so they \
         may be a little too good. The shipped weights come from the same recipe on all actors. Test actors of the folds: {}.\n\n\
         | | | 95 % interval over actors |\n|---|---|---|\n",
        evaluation.protocol,
        seeds.join(", "),
        evaluation.clips,
        live.by_actor.len(),
        folds.join(" · ")
    );
    for (name, value, [low, high]) in live.headline() {
        let _ = writeln!(
            card,
            "| {name} | **{}** | {} to {} |",
            percent(value),
            percent(low),
            percent(high)
        );
    }
    if live.by_seed.len() > 1 {
        let text = |score: fn(&Scores) -> f64| {
            let (mean, deviation) = live.over_seeds(score);
            format!(
                "{} (deviation {:.1} points)",
                percent(mean),
                100.0 * deviation
            )
        };
        let _ = writeln!(
            card,
            "| mean over seeds | UAR {} | WAR {} |",
            text(|scores| scores.uar),
            text(|scores| scores.war)
        );
    }
    let whole = evaluation.whole;
    let _ = writeln!(
        card,
        "\nGiven whole clips instead of a session's segments, the networks as trained have UAR {} and WAR {}, those of \
         the model file, rounded to 4 and 8 bits, {} and {}.\n",
        percent(whole.trained.uar),
        percent(whole.trained.war),
        percent(whole.exported.uar),
        percent(whole.exported.war)
    );
}

fn groups(card: &mut String, evaluation: &Evaluation) {
    let live = &evaluation.live;
    *card += "| acted emotion | recall | precision |\n|---|---|---|\n";
    for class in evaluation.labels.classes() {
        let cell = |share: Option<f64>| share.map_or("-".to_owned(), percent);
        let _ = writeln!(
            card,
            "| {} | {} | {} |",
            evaluation.labels.name(class),
            cell(live.confusion.recall(class)),
            cell(live.confusion.precision(class))
        );
    }
    *card += "\n| group | UAR | WAR |\n|---|---|---|\n";
    for (kind, part) in [
        ("", &live.by_sex),
        (" intensity", &live.by_intensity),
        (" sentence", &live.by_statement),
    ] {
        for (name, scores) in part {
            let _ = writeln!(
                card,
                "| {name}{kind} | {} | {} |",
                percent(scores.uar),
                percent(scores.war)
            );
        }
    }
    let mut wars: Vec<f64> = live.by_actor.values().map(|scores| scores.war).collect();
    wars.sort_by(f64::total_cmp);
    if let (Some(worst), Some(best)) = (wars.first(), wars.last()) {
        let _ = writeln!(
            card,
            "\nSingle actors range from {} to {} of their clips. By seconds of speech heard:\n",
            percent(*worst),
            percent(*best)
        );
    }
    *card += "| seconds of speech | UAR | WAR |\n|---|---|---|\n";
    for heard in evaluation.by_heard.iter().step_by(2) {
        let _ = writeln!(
            card,
            "| {:.1} | {} | {} |",
            heard.seconds,
            percent(heard.uar),
            percent(heard.war)
        );
    }
    card.push('\n');
}

fn confidence(card: &mut String, evaluation: &Evaluation) {
    let Some(calibrated) = &evaluation.calibrated else {
        return;
    };
    let _ = write!(
        card,
        "## How sure it is\n\nAn emotion is claimed for {} of clips and is right in {} of these claims; for the rest \
         the answer is \"not sure\". The expected calibration error of the confidence is {:.3} for whole clips and \
         {:.3} for what is shown while listening. Temperature and threshold were fitted per fold on actors that \
         neither trained nor tested.\n\n\
         Calibration to the speaker changes a few numbers, not the weights:\n\n\
         | known of the speaker | UAR | without | WAR | without |\n|---|---|---|---|---|\n",
        percent(calibrated.claimed),
        percent(calibrated.claimed_right),
        calibrated.summary.expected_calibration_error,
        calibrated.live.expected_calibration_error
    );
    for compared in &calibrated.speaker {
        let _ = writeln!(
            card,
            "| {} | {} | {} | {} | {} |",
            compared.known.label(),
            percent(compared.with.uar),
            percent(compared.without.uar),
            percent(compared.with.war),
            percent(compared.without.war)
        );
    }
    let misled = calibrated
        .speaker
        .iter()
        .find(|compared| compared.known == Known::AngryTakenForNeutral);
    if misled.is_some() {
        *card += "\nThe last row shows how it misleads: a reading that is not neutral moves the answers away from \
                  the truth. So do another person and another microphone.\n";
    }
    card.push('\n');
}

fn robustness(card: &mut String, evaluation: &Evaluation) {
    if evaluation.robustness.is_empty() {
        return;
    }
    *card += "## Between voice and program\n\n| condition | UAR | change | WAR | change |\n|---|---|---|---|---|\n";
    for changed in &evaluation.robustness {
        let _ = writeln!(
            card,
            "| {} | {} | {:+.1} | {} | {:+.1} |",
            changed.condition.label(),
            percent(changed.uar),
            100.0 * changed.uar_change,
            percent(changed.war),
            100.0 * changed.war_change
        );
    }
    card.push('\n');
}

const INTRODUCTION: &str = "\
# Model card

Three small networks, whose mean estimates which of eight emotions a voice *expresses*, as acted by 24 North American actors: neutral,
calm, happy, sad, angry, fearful, disgust, surprised. It hears how something is said, not what is said, and it does not know
what anyone feels. It runs in a web page; no sound leaves the device. Each network is a 2-D convolutional front end on mel bands and
pitch, one LSTM(128) and attentive pooling; one of them was trained in more noise.

## Data

RAVDESS, speech, audio only (Livingstone & Russo, 2018): 24 professional actors, 12 women and 12 men, speaking two English
sentences with a North American accent in eight emotions, all but neutral in two intensities; 1,440 clips of about 4 s recorded in a
studio at 48 kHz, of which one is a copy of another and left out. Training adds changes of speed, vocal tract and colour, narrow
channels, made-up noise and rooms, and other clips of the same training actors as voices beside. No other recordings were used.

## What it is for

Learning about speech and machine learning, demonstrations, art, research; prompting a person who chose to use it and
knows what it is.

## What it must not be used for

- In the EU, inferring emotions of employees at work or of students in education is prohibited (AI Act, Art. 5(1)(f)), but
  for medical or safety reasons.
- Whoever exposes people to it must tell them (AI Act, Art. 50(3)).
- Do not use it to judge, select, monitor or sell to anyone, or for decisions about health, credit, insurance, policing or law.
";

const LIMITS: &str = "\
## Limits

- Actors exaggerate; what people show in daily life is fainter and mixed. Results on spontaneous speech will be lower.
- Two sentences, one accent, one studio, adults. Other languages, accents, ages, and real rooms and microphones were not trained on.
  A research prototype of the same recipe kept an unweighted recall of .51 to .53 on EMO-DB (German), .44 to .48 on TESS,
  .41 to .49 on Urdu talk shows, .40 on EmoTale and .23 on SAVEE, over the emotions shared.
- Neutral hides among calm, happy and sad. Some voices are understood far better than others, see the tables above.
- One speaker at a time is assumed, and that everything around them is well below their voice: the table above is for noise 10 dB
  below it. Other voices hurt most.

## Licence

The weights were trained on RAVDESS and are under its licence, CC BY-NC-SA 4.0: name the source, no commercial use, share
alike. The code is MIT OR Apache-2.0.
";

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::evaluate::{Compared, Condition, EVALUATION_FILE, tests::evaluation};

    /// The folder of the card, and the evaluation of the shipped model beside it.
    fn shipped() -> (&'static Path, Evaluation) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let evaluation = Evaluation::load(&folder.join(EVALUATION_FILE)).unwrap();
        (folder, evaluation)
    }

    fn known(evaluation: &Evaluation, known: Known) -> &Compared {
        let mut compared = evaluation.calibrated.as_ref().unwrap().speaker.iter();
        compared.find(|compared| compared.known == known).unwrap()
    }

    #[test]
    fn the_cards_figures_are_those_of_the_evaluation_beside_it() {
        let (folder, evaluation) = shipped();
        let written = fs::read_to_string(folder.join(CARD_FILE)).unwrap();
        assert!(
            written == card(&evaluation),
            "MODEL_CARD.md is not what evaluation.json says; run `training card`"
        );
        for (name, picture) in pictures(&evaluation) {
            let path = folder.join(PICTURES_FOLDER).join(format!("{name}.svg"));
            let written = fs::read_to_string(path).unwrap();
            assert!(
                written == picture,
                "{name}.svg is not what evaluation.json says; run `training card`"
            );
        }
    }

    #[test]
    fn the_readmes_figures_are_those_of_the_evaluation() {
        let (folder, evaluation) = shipped();
        let readme = fs::read_to_string(folder.join("../README.md")).unwrap();
        let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
        let live = &evaluation.live;
        let calibrated = evaluation.calibrated.as_ref().unwrap();
        let whole = |share: f64| format!("{:.0} %", 100.0 * share);
        let points = |share: f64| format!("{:.1}", 100.0 * share);
        let change = |condition: Condition| {
            let mut measured = evaluation.robustness.iter();
            let measured = measured.find(|measured| measured.condition == condition);
            measured.unwrap().war_change
        };
        let cost = |condition| points(-change(condition));
        assert!(
            readme.contains("44.1 kHz, MP3 at 64 kbit/s or 12 dB of gain less than half a point")
        );
        for condition in [
            Condition::Rate44100,
            Condition::Mp3,
            Condition::Louder,
            Condition::Fainter,
        ] {
            assert!(change(condition) > -0.005, "{}", condition.label());
        }
        let misled = known(&evaluation, Known::AngryTakenForNeutral);
        let mut sentences = vec![
            format!(
                "read neutrally for 8 s | **{}**",
                percent(known(&evaluation, Known::NeutralReading).with.uar)
            ),
            format!(
                "of the speaker | **{}**",
                percent(known(&evaluation, Known::ThreeLabelledClips).with.uar)
            ),
            format!(
                "Women {}, men {} of clips",
                whole(live.by_sex["women"].war),
                whole(live.by_sex["men"].war)
            ),
            format!(
                "off by {} points on average, by {} while listening",
                points(calibrated.summary.expected_calibration_error),
                points(calibrated.live.expected_calibration_error)
            ),
            format!(
                "right in {} of cases, on {} of clips",
                whole(calibrated.claimed_right),
                whole(calibrated.claimed)
            ),
            format!(
                "costs {} points of UAR",
                points(misled.without.uar - misled.with.uar)
            ),
            format!("mains hum 10 dB below the voice {},", cost(Condition::Hum)),
            format!("street noise {},", cost(Condition::Street)),
            format!("a telephone line {},", cost(Condition::Telephone)),
            format!("a room {},", cost(Condition::Room)),
            format!(
                "five other voices {} when recorded",
                cost(Condition::Babble)
            ),
            format!("{} when synthetic", cost(Condition::SyntheticBabble)),
            format!(
                "the file judges {} right, its networks in 32 bits {}",
                percent(evaluation.whole.exported.war),
                percent(evaluation.whole.trained.war)
            ),
            format!("% | **{}** |", percent(live.war)),
        ];
        sentences.extend(live.headline().map(|(_, value, [low, high])| {
            let (value, low, high) = (percent(value), points(low), percent(high));
            format!("| **{value}** | {low} to {high} |")
        }));
        sentences.extend(
            live.recall
                .iter()
                .map(|(label, recall)| format!("{label} {}", whole(*recall))),
        );
        for sentence in sentences {
            assert!(
                readme.contains(&sentence),
                "README.md does not say {sentence:?}"
            );
        }
    }

    #[test]
    fn the_model_shipped_is_as_good_as_it_has_to_be() {
        let (_, evaluation) = shipped();
        let live = &evaluation.live;
        assert!(live.uar >= 0.64 && live.war >= 0.66);
        let Scores { uar, war } = evaluation.whole.exported;
        let trained = evaluation.whole.trained;
        assert!(trained.uar - uar <= 0.002 && trained.war - war <= 0.002);

        let calibrated = evaluation.calibrated.as_ref().unwrap();
        for confidence in [&calibrated.summary, &calibrated.live] {
            assert!(confidence.expected_calibration_error <= 0.05);
        }
        assert!(calibrated.claimed_right >= 0.8);
        for (known, uar, war) in [
            (Known::NeutralReading, 0.68, 0.69),
            (Known::ThreeLabelledClips, 0.71, 0.72),
        ] {
            let with = self::known(&evaluation, known).with;
            assert!(with.uar >= uar && with.war >= war, "{known:?}: {with:?}");
        }

        assert_eq!(evaluation.robustness.len(), Condition::CHANGED.len());
        for changed in &evaluation.robustness {
            let allowed = match changed.condition {
                Condition::Louder | Condition::Fainter => 0.005,
                _ => 0.04,
            };
            assert!(-changed.war_change <= allowed, "{changed:?}");
        }
    }

    #[test]
    fn a_quick_evaluation_has_a_card_without_what_was_not_measured() {
        let card = card(&evaluation());
        assert!(
            card.contains("| WAR, share of clips | **75.0 %** | 50.0 % to 100.0 % |"),
            "{card}"
        );
        assert!(card.contains("Art. 5(1)(f)") && card.contains("CC BY-NC-SA 4.0"));
        assert!(!card.contains("How sure it is") && !card.contains("Between voice and program"));
    }
}
