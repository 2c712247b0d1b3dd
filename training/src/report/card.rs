//! The model card: what the model is, how good it is for whom, and what it must not be used for. Every
//! figure comes from the evaluation.

use std::fmt::Write;

use super::{
    page::{fitted, pictures},
    strangers,
    terminal::percent,
};
use crate::{
    corpus::Speaker,
    evaluate::{Evaluation, Known, Scores, Source, Strangers},
};

/// Name of the file next to the trainer's manifest.
pub const CARD_FILE: &str = "MODEL_CARD.md";

/// Name of the folder with its [`pictures`], beside it.
pub const PICTURES_FOLDER: &str = "pictures";

/// The card in Markdown.
pub fn card(evaluation: &Evaluation) -> String {
    let mut card = format!(
        "<!-- Written by `training card` from evaluation.json; change training/src/report/card.rs instead. -->\n\n\
         {INTRODUCTION}\n"
    );
    data(&mut card, &evaluation.sources);
    card += PURPOSE;
    card += "\n## How good it is\n\n";
    if let Some(strangers) = &evaluation.strangers {
        not_given(&mut card, strangers, evaluation);
        card += "### On other actors of RAVDESS\n\n";
    }
    protocol(&mut card, evaluation);
    groups(&mut card, evaluation);
    confidence(&mut card, evaluation);
    robustness(&mut card, evaluation);
    card += "## Charts\n\n";
    for (name, _) in pictures(evaluation) {
        let _ = writeln!(card, "![{name}]({PICTURES_FOLDER}/{name}.svg)");
    }
    card.push('\n');
    limits(&mut card, evaluation);
    licence(&mut card, &evaluation.sources);
    card
}

/// What it was trained on, and what it was only tested on.
fn data(card: &mut String, sources: &[Source]) {
    *card += "## Data\n\n| corpus | contents | language | clips | speakers | emotions | licence |\n|---|---|---|---|---|---|---|\n";
    for source in sources {
        let judged = if source.trains {
            ""
        } else {
            "; used for testing only, never for training"
        };
        let _ = writeln!(
            card,
            "| {} | {}{judged} | {} | {} | {} | {} | {} |",
            strangers::short(&source.title),
            described(&source.name),
            strangers::languages(&source.languages),
            source.clips,
            source.speakers,
            source.labels.join(", "),
            source.licence
        );
    }
    *card += "\nAll the training material was acted by adults. ";
    if sources.iter().filter(|source| source.trains).count() > 1 {
        *card += BALANCE;
    }
    *card += AUGMENTATION;
}

/// A corpus that is known by name, in a few words.
fn described(name: &str) -> &'static str {
    match name {
        "ravdess" => {
            "professional actors, 12 women and 12 men, speaking two sentences with a North American accent in a \
             studio, all emotions but neutral in two intensities; one of its 1,440 clips is a copy and was left out"
        }
        "ravdess-song" => "the same two sentences sung by 23 of these actors",
        "nemo" => "4 women and 5 men acting 90 sentences",
        "emodb" => "5 women and 5 men acting 10 sentences in a studio; boredom left out",
        _ => "recorded voices",
    }
}

/// How it does on corpora that it was not trained on.
fn not_given(card: &mut String, strangers: &Strangers, evaluation: &Evaluation) {
    let sentence = strangers::sentence(strangers);
    let mean = &strangers.mean;
    let _ = write!(
        card,
        "**{sentence}.** This is the mean over {} corpora (UAR {} where guessing gives {}) for networks that were trained \
         without the corpus they are judged on, its speakers, its language and its microphones (seed {}). RAVDESS's speech \
         and song, which share their actors, are left out together. Clips are judged as the program runs live; answers are \
         chosen among the emotions that corpus and training share, and every emotion counts equally.\n\n\
         | left-out corpus | language | trained on | clips | speakers | guessing | UAR | 95 % interval over speakers | WAR |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        strangers.corpora.len(),
        percent(mean.uar),
        percent(mean.guessing),
        strangers.seed
    );
    for stranger in &strangers.corpora {
        let [low, high] = stranger.live.uar_interval;
        let _ = writeln!(
            card,
            "| {} | {} | {} | {} | {} | {} | **{}** | {} to {} | {} |",
            strangers::short(&stranger.data_set),
            strangers::languages(&stranger.languages),
            strangers::trained_on(strangers, stranger),
            stranger.clips,
            stranger.speakers,
            percent(stranger.guessing()),
            percent(stranger.live.uar),
            percent(low),
            percent(high),
            percent(stranger.live.war)
        );
    }
    if let Some(held_out) = strangers::held_out(strangers) {
        let _ = writeln!(card, "\n{held_out}");
    }
    let _ = write!(
        card,
        "\nAn emotion is claimed for {} of the clips, and {} of these claims are right (means over the corpora). \
         Temperature and threshold were fitted on the answers for the other corpora, each left out in turn. Whether a \
         voice sounds lively (angry, happy, fearful, surprised) or quiet (sad, calm, neutral) is judged as well; \
         guessing gives 50 % there.\n\n\
         | left-out corpus | claimed | of these right | calibration error | lively or quiet, UAR | claimed | of these right |\n\
         |---|---|---|---|---|---|---|\n",
        percent(mean.claimed),
        percent(mean.claimed_right)
    );
    for stranger in &strangers.corpora {
        let calibrated = &stranger.calibrated;
        let activation = calibrated.activation.as_ref();
        let activation = activation.map_or("- | - | -".to_owned(), |activation| {
            format!(
                "{} | {} | {}",
                percent(activation.uar),
                percent(activation.claimed),
                percent(activation.claimed_right)
            )
        });
        let _ = writeln!(
            card,
            "| {} | {} | {} | {:.3} | {activation} |",
            strangers::short(&stranger.data_set),
            percent(calibrated.claimed),
            percent(calibrated.claimed_right),
            calibrated.summary.expected_calibration_error
        );
    }
    recalls(card, strangers, evaluation);
    gains(card, strangers, evaluation);
    if let Some(sounds) = &strangers.sounds {
        let _ = writeln!(
            card,
            "\nAn emotion is claimed for {} of {} recordings ({}) of {} kinds of sound other than speech.",
            sounds.all.claimed,
            sounds.all.recordings,
            percent(sounds.all.claimed_share()),
            sounds.by_kind.len()
        );
    }
    card.push('\n');
}

/// The head of a table with a column for each left-out corpus.
fn corpora_head(card: &mut String, first: &str, strangers: &Strangers) {
    let titles = strangers.corpora.iter();
    let titles: Vec<&str> = titles
        .map(|stranger| strangers::short(&stranger.data_set))
        .collect();
    let _ = writeln!(
        card,
        "\n| {first} | {} |\n|---|{}",
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
}

fn recalls(card: &mut String, strangers: &Strangers, evaluation: &Evaluation) {
    corpora_head(card, "recall on left-out corpora", strangers);
    for label in evaluation.labels.names() {
        let recalls = strangers.corpora.iter().map(|stranger| {
            let recall = stranger.live.recall.get(label);
            recall.map_or("-".to_owned(), |recall| percent(*recall))
        });
        let recalls: Vec<String> = recalls.collect();
        let _ = writeln!(card, "| {label} | {} |", recalls.join(" | "));
    }
}

/// What calibrating to the speaker gains.
fn gains(card: &mut String, strangers: &Strangers, evaluation: &Evaluation) {
    let all = strangers::all_known(strangers);
    if all.is_empty() {
        return;
    }
    let helped = strangers::helped(strangers, evaluation.calibrated.as_ref());
    let _ = writeln!(
        card,
        "\nWhat calibrating to the speaker gains, in points of UAR. {helped} A gain of less than half a point does not \
         count as help."
    );
    corpora_head(card, "known about the speaker", strangers);
    for known in all {
        let gains = strangers.corpora.iter().map(|stranger| {
            let gain = strangers::gain(stranger, known);
            gain.map_or("-".to_owned(), |gain| format!("{:+.1}", 100.0 * gain))
        });
        let gains: Vec<String> = gains.collect();
        let _ = writeln!(card, "| {} | {} |", known.label(), gains.join(" | "));
    }
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
    let others = evaluation.sources.iter();
    let others = others.filter(|source| source.trains && !source.tested);
    let others: Vec<&str> = others
        .map(|source| strangers::short(&source.title))
        .collect();
    let others = match others[..] {
        [] => String::new(),
        _ => format!(
            " The network was also trained on {}, without the fold's actors.",
            others.join(", ")
        ),
    };
    let _ = write!(
        card,
        "Speaker-independent cross-validation of the recipe ({}, seed {}): each of {} clips by {} actors was judged \
         as the program runs live, from its own samples, by a network that had never heard its actor and that no tested \
         actor helped to choose.{others} The recipe as a whole was developed with such results in view, on the same 24 \
         actors, so they may be slightly optimistic. The shipped weights come from the same recipe on all speakers. Test \
         actors of the folds: {}.\n\n\
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
        "\nGiven whole clips instead of a session's segments, the networks as trained reach a UAR of {} and a WAR of {}; \
         those of the model file, rounded to 4 and 8 bits, reach {} and {}.\n",
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
            "\nThe WAR of individual actors ranges from {} to {}. By seconds of speech heard:\n",
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
        "## How sure it is\n\nAn emotion is claimed for {} of clips, and {} of these claims are right; for the rest \
         the answer is \"not sure\". The expected calibration error of the confidence is {:.3} for whole clips and \
         {:.3} for what is shown while listening. {}\n\n\
         Calibration to the speaker changes a few numbers, not the weights:\n\n\
         | known about the speaker | UAR | without | WAR | without |\n|---|---|---|---|---|\n",
        percent(calibrated.claimed),
        percent(calibrated.claimed_right),
        calibrated.summary.expected_calibration_error,
        calibrated.live.expected_calibration_error,
        fitted(evaluation)
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
        *card += "\nThe last row shows how calibration can mislead: a reading that is not neutral moves the answers away \
                  from the truth. So do another person and another microphone.\n";
    }
    card.push('\n');
}

fn robustness(card: &mut String, evaluation: &Evaluation) {
    if evaluation.robustness.is_empty() {
        return;
    }
    *card += "## Noise, rooms and channels\n\n| condition | UAR | change | WAR | change |\n|---|---|---|---|---|\n";
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

/// What not to expect of it.
fn limits(card: &mut String, evaluation: &Evaluation) {
    let trained = evaluation.sources.iter().filter(|source| source.trains);
    let mut spoken: Vec<&str> = Vec::new();
    for code in trained.flat_map(|source| &source.languages) {
        let language = strangers::language(code);
        if !spoken.contains(&language) {
            spoken.push(language);
        }
    }
    let heard = match spoken[..] {
        [] => "one data set of adult actors".to_owned(),
        _ => format!("adult actors speaking {}", spoken.join(", ")),
    };
    let _ = write!(
        card,
        "## Limits\n\n\
         - Every voice it learned from is acting. Actors exaggerate; what people show in daily life is fainter and mixed, \
         and results on it will be lower.\n\
         - It was trained on nothing but {heard}. Other languages, accents, ages, rooms and microphones are new to it",
    );
    if evaluation.strangers.is_some() {
        *card += ":\n  expect the figures for left-out corpora there, not those for RAVDESS";
    }
    *card += ".\n";
    if evaluation.sources.len() > 1 {
        *card += "- Few corpora have every emotion (see the table under Data): an emotion that only one or two of them have was learned from few voices.\n";
    }
    *card += LIMITS;
}

/// The licence of the weights, and whom to credit.
fn licence(card: &mut String, sources: &[Source]) {
    *card += LICENCE;
    let mut credited: Vec<&str> = Vec::new();
    for source in sources.iter().filter(|source| source.trains) {
        if credited.contains(&source.attribution.as_str()) {
            continue;
        }
        credited.push(&source.attribution);
        let _ = writeln!(card, "- {} ({})", source.attribution, source.licence);
    }
    *card += "\nChange made: the recordings were turned into acoustic features, from which the weights were learned. The code is\nMIT OR Apache-2.0.\n";
}

const INTRODUCTION: &str = "\
# Model card

This model is a few small networks. Their mean estimates which of eight emotions a voice *expresses*, as actors have performed it: neutral,
calm, happy, sad, angry, fearful, disgust, surprised. The model hears how something is said, not what is said, and it does not know
what anyone feels. It runs in a web page; no sound leaves the device. Each network is a 2-D convolutional front end on mel bands and
pitch, one LSTM(128) and attentive pooling; one of them was trained in more noise.
";

const BALANCE: &str = "\
Corpora and emotions are sampled about evenly, so that neither the largest corpus nor the commonest emotion dominates, and a corpus without
an emotion teaches nothing about that emotion. ";

const AUGMENTATION: &str = "\
Training varies speed, vocal tract and timbre, and adds
narrow channels, synthetic noise and rooms, and other clips of the training speakers as background voices. It uses no other recordings.

";

const PURPOSE: &str = "\
## What it is for

Learning about speech and machine learning, demonstrations, art, research; giving cues to a person who has chosen to use it and
knows what it is.

## What it must not be used for

- In the EU, inferring emotions of employees at work or of students in education is prohibited (AI Act, Art. 5(1)(f)), except
  for medical or safety reasons.
- Whoever exposes people to it must tell them (AI Act, Art. 50(3)).
- Do not use it to judge, select, monitor or sell to anyone, or for decisions about health, credit, insurance, policing or law.
";

const LIMITS: &str = "\
- Neutral is easily confused with calm, happy and sad. Some voices are recognised far better than others (see the tables above).
- It assumes one speaker at a time, with everything around them well below their voice: the noises in the table above are 10 dB
  below it. Other voices hurt most.

";

const LICENCE: &str = "\
## Licence

The weights are under CC BY-NC-SA 4.0, the strictest licence among the corpora they were trained on: name the sources, no commercial
use, share alike. The sources:

";

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        corpus::Published,
        evaluate::{
            Condition, EVALUATION_FILE,
            tests::{evaluation, whole_evaluation},
        },
    };

    /// The folder of the card, and the evaluation of the shipped model beside it.
    fn shipped() -> (&'static Path, Evaluation) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let evaluation = Evaluation::load(&folder.join(EVALUATION_FILE)).unwrap();
        (folder, evaluation)
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
    fn the_readmes_figures_and_those_of_docs_are_the_evaluations() {
        let (folder, evaluation) = shipped();
        let readme: String = [
            "README.md",
            "docs/accuracy.md",
            "docs/builders.md",
            "docs/design.md",
        ]
        .map(|name| fs::read_to_string(folder.join("..").join(name)).unwrap())
        .concat();
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
        assert!(readme.contains("44.1 kHz, MP3 at 64 kbit/s or 12 dB of gain less than a point"));
        for condition in [
            Condition::Rate44100,
            Condition::Mp3,
            Condition::Louder,
            Condition::Fainter,
        ] {
            assert!(change(condition) > -0.01, "{}", condition.label());
        }
        let mut sentences = vec![
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
        let strangers = evaluation.strangers.as_ref().unwrap();
        let mean = &strangers.mean;
        sentences.extend([
            format!("{}.", strangers::sentence(strangers)),
            format!(
                "the shipped model is right about {:.0} times in 100 where guessing is right {:.0} times",
                100.0 * mean.uar,
                100.0 * mean.guessing
            ),
            format!("the mean over {} corpora", strangers.corpora.len()),
            format!(
                "is named for {} of their clips, and {} of these claims are right",
                whole(mean.claimed),
                whole(mean.claimed_right)
            ),
            format!(
                "Confidence is off by {} points on average.",
                points(mean.expected_calibration_error)
            ),
        ]);
        sentences.extend(strangers.corpora.iter().map(|stranger| {
            let [low, high] = stranger.live.uar_interval;
            format!(
                "| {} | **{}** | {} to {} % | {} | {} | {} |",
                strangers::named(stranger),
                percent(stranger.live.uar),
                points(low),
                points(high),
                percent(stranger.guessing()),
                whole(stranger.calibrated.claimed),
                whole(stranger.calibrated.claimed_right)
            )
        }));
        let gains = |known: Known| {
            let gain = |stranger| 100.0 * strangers::gain(stranger, known).unwrap();
            let gains: Vec<f64> = strangers.corpora.iter().map(gain).collect();
            gains
        };
        for (known, cell) in [
            (Known::NeutralReading, "8 s of neutral reading"),
            (Known::ThreeLabelledClips, "3 labelled clips per emotion"),
            (Known::Listening, "while listening"),
            (
                Known::AngryTakenForNeutral,
                "angry speech taken for neutral",
            ),
        ] {
            let cells: Vec<String> = gains(known)
                .iter()
                .map(|gain| format!("{gain:+.1}"))
                .collect();
            sentences.push(format!("| {cell} | {} |", cells.join(" | ")));
        }
        let worst = gains(Known::AngryTakenForNeutral)
            .into_iter()
            .fold(0.0, f64::min);
        sentences.push(format!("costs up to {:.0} points of UAR", -worst));
        let is_missing = |sentence: &String| !readme.contains(sentence.as_str());
        sentences.retain(is_missing);
        assert!(
            sentences.is_empty(),
            "README.md and docs do not say:\n{}",
            sentences.join("\n")
        );
    }

    #[test]
    fn the_model_shipped_is_as_good_as_it_has_to_be() {
        let (_, evaluation) = shipped();
        let live = &evaluation.live;
        assert!(live.uar >= 0.7 && live.war >= 0.7);
        let Scores { uar, war } = evaluation.whole.exported;
        let trained = evaluation.whole.trained;
        assert!(trained.uar - uar <= 0.003 && trained.war - war <= 0.003);
        let calibrated = evaluation.calibrated.as_ref().unwrap();
        assert!(calibrated.claimed_right >= 0.8 && calibrated.claimed >= 0.4);

        let strangers = evaluation.strangers.as_ref().unwrap();
        let mut lively = (0.0, 0.0);
        for stranger in &strangers.corpora {
            let least = match stranger.name.as_str() {
                "emodb" => 0.6,
                "nemo" => 0.38,
                "ravdess" => 0.43,
                _ => 0.28,
            };
            assert!(
                stranger.live.uar >= least,
                "{}: {}",
                stranger.name,
                stranger.live.uar
            );
            let gain = |known| strangers::gain(stranger, known);
            assert!(
                gain(Known::NeutralReading) > Some(0.0)
                    && gain(Known::ThreeLabelledClips) > Some(0.01),
                "{}",
                stranger.name
            );
            let activation = stranger.calibrated.activation.unwrap();
            let claims = activation.claimed * activation.claimed_right;
            lively.0 += activation.claimed;
            lively.1 += claims;
        }
        let mean = &strangers.mean;
        assert!(mean.claimed >= 0.17 && mean.claimed_right >= 0.55);
        assert!(mean.expected_calibration_error <= 0.135);
        assert!(lively.1 >= 0.8 * lively.0 && lively.0 > 0.5, "{lively:?}");
        assert!(strangers.sounds.as_ref().unwrap().all.claimed_share() <= 0.01);

        assert_eq!(evaluation.robustness.len(), Condition::CHANGED.len());
        for changed in &evaluation.robustness {
            let allowed = match changed.condition {
                Condition::Louder | Condition::Fainter => 0.008,
                _ => 0.05,
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
        assert!(!card.contains("never given") && !card.contains("left-out corpus"));
        assert!(!card.contains("How sure it is") && !card.contains("Noise, rooms and channels"));
    }

    #[test]
    fn the_card_tells_of_strangers_first_and_credits_every_source() {
        let mut evaluation = whole_evaluation();
        let nemo = Published::Nemo.about();
        let mut sources = evaluation.sources.clone();
        sources.push(Source {
            name: nemo.name.into(),
            title: nemo.title.into(),
            licence: nemo.licence.into(),
            attribution: nemo.attribution.into(),
            languages: vec!["pl".into()],
            tested: false,
            ..sources[0].clone()
        });
        sources.push(Source {
            name: "voices".into(),
            title: "Voices of a club".into(),
            licence: "NOASSERTION".into(),
            attribution: "nobody's".into(),
            languages: vec!["ko".into()],
            trains: false,
            tested: false,
            ..sources[0].clone()
        });
        evaluation.sources = sources;
        let card = card(&evaluation);
        let strangers =
            card.find("**On people and languages it was never given, it is right about 52 times");
        let own = card.find("### On other actors of RAVDESS");
        assert!(strangers.is_some() && strangers < own, "{card}");
        for told in [
            "| nEMO | Polish | RAVDESS speech | 4 | 2 | 33.3 % | **75.0 %** | 50.0 % to 100.0 % | 75.0 % |",
            "| nEMO | 4 women and 5 men acting 90 sentences | Polish | 4 | 2 | calm, angry | CC-BY-NC-SA-4.0 |",
            "recorded voices; used for testing only, never for training",
            "The network was also trained on nEMO",
            "Helpful only for RAVDESS's actors: 8 s of neutral reading.",
            "![strangers](pictures/strangers.svg)",
        ] {
            assert!(card.contains(told), "{told}: {card}");
        }
        assert!(card.contains(nemo.attribution) && card.contains("Livingstone"));
        assert!(!card.contains("nobody's"));
    }
}
