//! How the model does on corpora that it was never given: the sentence that sums it up, the page's
//! chapter on it, and its drawing.

use std::{collections::BTreeSet, fmt::Write};

use speech_emotion::class::Labels;

use super::{
    page::confusion,
    plot::{self, Bar, Bars},
    terminal::percent,
};
use crate::evaluate::{
    Calibrated, Compared, Known, Stranger, Strangers,
    sounds::{Heard, Sounds},
};

/// A smaller gain does not count: half a point.
const WORTH: f64 = 0.005;

/// The result in a sentence, without a full stop.
pub fn sentence(strangers: &Strangers) -> String {
    let times = |share: f64| format!("{:.0}", 100.0 * share);
    format!(
        "On {} it was never given, it is right about {} times in 100 where guessing is right {} times",
        never_given(strangers),
        times(strangers.mean.uar),
        times(strangers.mean.guessing)
    )
}

/// What is new in every left-out corpus.
fn never_given(strangers: &Strangers) -> &'static str {
    let corpora = &strangers.corpora;
    let is_new = |stranger: &Stranger| {
        let trained = corpora
            .iter()
            .filter(|other| stranger.trained_on.contains(&other.name));
        let heard: BTreeSet<&String> = trained.flat_map(|other| &other.languages).collect();
        let mut spoken = stranger.languages.iter();
        !stranger.languages.is_empty() && spoken.all(|language| !heard.contains(language))
    };
    match corpora.iter().all(is_new) {
        true => "people and languages",
        false => "people and recordings",
    }
}

/// A language in English, or its code (ISO 639-1) if it is not one of the more frequent.
pub fn language(code: &str) -> &str {
    match code {
        "ar" => "Arabic",
        "cs" => "Czech",
        "da" => "Danish",
        "de" => "German",
        "el" => "Greek",
        "en" => "English",
        "es" => "Spanish",
        "et" => "Estonian",
        "fa" => "Persian",
        "fr" => "French",
        "hi" => "Hindi",
        "it" => "Italian",
        "ja" => "Japanese",
        "ko" => "Korean",
        "nl" => "Dutch",
        "pl" => "Polish",
        "pt" => "Portuguese",
        "ru" => "Russian",
        "sv" => "Swedish",
        "tr" => "Turkish",
        "uk" => "Ukrainian",
        "ur" => "Urdu",
        "zh" => "Chinese",
        code => code,
    }
}

/// Languages in English, separated by commas; a dash if none is known.
pub fn languages(codes: &[String]) -> String {
    let names: Vec<&str> = codes.iter().map(|code| language(code)).collect();
    match names[..] {
        [] => "-".to_owned(),
        _ => names.join(", "),
    }
}

/// A title without the part common to all.
pub fn short(title: &str) -> &str {
    title.trim_end_matches(", audio only")
}

/// What a left-out corpus is called in a table.
pub fn named(stranger: &Stranger) -> String {
    let title = short(&stranger.data_set);
    let mut spoken = stranger.languages.iter();
    match spoken.all(|code| title.contains(language(code))) {
        true => title.to_owned(),
        false => format!("{title} ({})", languages(&stranger.languages)),
    }
}

/// The corpora that networks were trained on when this one was left out.
pub fn trained_on(strangers: &Strangers, stranger: &Stranger) -> String {
    let title = |name: &String| {
        let mut corpora = strangers.corpora.iter();
        let found = corpora.find(|other| other.name == *name);
        short(found.map_or(name, |other| &other.data_set)).to_owned()
    };
    let titles: Vec<String> = stranger.trained_on.iter().map(title).collect();
    titles.join(", ")
}

/// A sentence on the corpora that are never trained on, if there are any.
pub fn held_out(strangers: &Strangers) -> Option<String> {
    let held_out = strangers
        .corpora
        .iter()
        .filter(|stranger| stranger.held_out);
    let titles: Vec<&str> = held_out.map(|stranger| short(&stranger.data_set)).collect();
    let it = match titles[..] {
        [] => return None,
        [_] => "it",
        _ => "them",
    };
    Some(format!(
        "Used for testing only: {}. No model, including the shipped one, is trained on {it}.",
        titles.join(", ")
    ))
}

/// Gain of UAR by what is known about the speaker; none if it was not measured.
pub fn gain(stranger: &Stranger, known: Known) -> Option<f64> {
    let has = |label: &str| stranger.labels.iter().any(|own| own == label);
    let is_fit = match known {
        Known::NeutralReading => has("neutral"),
        Known::AngryTakenForNeutral => has("angry"),
        _ => true,
    };
    let compared = find(&stranger.calibrated, known).filter(|_| is_fit)?;
    Some(compared.with.uar - compared.without.uar)
}

fn find(calibrated: &Calibrated, known: Known) -> Option<&Compared> {
    let mut compared = calibrated.speaker.iter();
    compared.find(|compared| compared.known == known)
}

/// Everything that was known about speakers in any corpus.
pub fn all_known(strangers: &Strangers) -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    for stranger in &strangers.corpora {
        for compared in &stranger.calibrated.speaker {
            if !all.contains(&compared.known) {
                all.push(compared.known);
            }
        }
    }
    all
}

/// What helps whom in calibration to the speaker, sentence by sentence; `own` is that of RAVDESS's
/// own folds.
pub fn helped(strangers: &Strangers, own: Option<&Calibrated>) -> String {
    let is_ravdess = |stranger: &&Stranger| stranger.name.starts_with("ravdess");
    let mut parts: [(&str, Vec<&str>); 4] = [
        ("in every corpus", Vec::new()),
        ("in some corpora, not only in RAVDESS", Vec::new()),
        ("only for RAVDESS's actors", Vec::new()),
        ("nowhere", Vec::new()),
    ];
    for known in all_known(strangers) {
        if known == Known::AngryTakenForNeutral {
            continue;
        }
        let own = own.and_then(|own| find(own, known));
        let own = own.map(|compared| compared.with.uar - compared.without.uar);
        let corpora = || strangers.corpora.iter();
        let ravdess = corpora().filter(is_ravdess);
        let ravdess = ravdess.filter_map(|s| gain(s, known)).chain(own);
        let others = corpora().filter(|stranger| !is_ravdess(stranger));
        let others = others.filter_map(|s| gain(s, known));
        let [ravdess, others] = [ravdess.collect::<Vec<_>>(), others.collect::<Vec<_>>()];
        let helps = |gain: &f64| *gain >= WORTH;
        let part = match (ravdess.iter().any(helps), others.iter().any(helps)) {
            _ if ravdess.iter().chain(&others).all(helps) => 0,
            (_, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        };
        parts[part].1.push(known.label());
    }
    let told = parts.iter().filter(|(_, known)| !known.is_empty());
    let told = told.map(|(whom, known)| format!("Helpful {whom}: {}.", known.join(", ")));
    told.collect::<Vec<_>>().join(" ")
}

/// Kinds of sound for which an emotion is claimed, the most frequent first.
pub fn claimed_kinds(sounds: &Sounds) -> Vec<(&str, Heard)> {
    let kinds = sounds.by_kind.iter();
    let kinds = kinds.map(|(kind, heard)| (kind.as_str(), *heard));
    let mut claimed: Vec<_> = kinds.filter(|(_, heard)| heard.claimed > 0).collect();
    claimed.sort_by(|a, b| b.1.claimed_share().total_cmp(&a.1.claimed_share()));
    claimed
}

/// The bars that sum it up.
pub fn recalls(strangers: &Strangers) -> Bars<'static> {
    let whole = |share: f64| format!("{:.0}", 100.0 * share);
    let rows = strangers.corpora.iter().map(|stranger| {
        let [low, high] = stranger.live.uar_interval;
        Bar {
            name: named(stranger),
            share: stranger.live.uar,
            interval: Some([low, high]),
            ticks: vec![stranger.guessing()],
            cells: vec![
                format!("{} to {}", whole(low), whole(high)),
                percent(stranger.guessing()),
                percent(stranger.live.war),
                stranger.clips.to_string(),
                stranger.speakers.to_string(),
            ],
        }
    });
    let mean = Bar {
        name: "mean".to_owned(),
        share: strangers.mean.uar,
        interval: None,
        ticks: vec![strangers.mean.guessing],
        cells: vec![
            String::new(),
            percent(strangers.mean.guessing),
            percent(strangers.mean.war),
            String::new(),
            String::new(),
        ],
    };
    Bars {
        title: "On corpora that were left out of training",
        note: "The tick marks guessing, the horizontal line the 95 % interval over speakers.",
        headers: &[
            "left-out corpus",
            "UAR",
            "interval",
            "guessing",
            "WAR",
            "clips",
            "speakers",
        ],
        rows: rows.chain([mean]).collect(),
    }
}

/// The page's chapter; `own` is the calibration of RAVDESS's own folds.
pub fn chapter(labels: &Labels, strangers: &Strangers, own: Option<&Calibrated>) -> String {
    let mean = &strangers.mean;
    let mut html = format!(
        "<section><h2>On {} it was never given</h2>\n<p><strong>{}.</strong> Every corpus in turn was left out of \
         training with all its speakers and recordings, and then judged as the program runs live; corpora with \
         speakers in common are left out together. The figure is the mean recall of the emotions (UAR), averaged over \
         {} corpora, for the networks of seed {}. Answers are chosen among the emotions that both the corpus and the \
         training have.</p>\n\
         <p>An emotion is claimed for {} of the clips, and {} of these claims are right, with every corpus counting \
         equally. The confidence needed to claim an emotion was chosen on the answers for the other corpora, each given \
         by networks that had heard nothing of it.</p>\n<div class=\"grid\">\n",
        never_given(strangers),
        plot::escape(&sentence(strangers)),
        strangers.corpora.len(),
        strangers.seed,
        percent(mean.claimed),
        percent(mean.claimed_right),
    );
    html += &recalls(strangers)
        .html()
        .replacen("<figure>", "<figure class=\"wide\">", 1);
    html += &by_emotion(labels, strangers);
    html += &trained(strangers);
    html += &claims(strangers);
    html += &liveliness(strangers);
    html += &calibration(strangers, own);
    if let Some(sounds) = &strangers.sounds {
        html += &not_speech(sounds);
    }
    html += "</div>\n<details><summary>What each emotion was taken for, corpus by corpus</summary>\n<div class=\"grid\">\n";
    for stranger in &strangers.corpora {
        let caption = format!("{}, percent of its clips", named(stranger));
        html += &confusion(&caption, labels, &stranger.live);
    }
    html += "</div></details></section>\n";
    html
}

fn figure(title: &str, note: &str, table: &str) -> String {
    // Long names take two lines instead of pushing figures out of view.
    let table = table.replacen("<table>", "<table class=\"wraps\">", 1);
    let note = match note {
        "" => String::new(),
        note => format!("<p>{}</p>\n", plot::escape(note)),
    };
    format!(
        "<figure><figcaption>{}</figcaption>\n{note}<div class=\"scroll\">{table}</div></figure>\n",
        plot::escape(title)
    )
}

/// Recall of every emotion in every corpus, darker for more.
fn by_emotion(labels: &Labels, strangers: &Strangers) -> String {
    let has = |label: &&String| {
        let mut corpora = strangers.corpora.iter();
        corpora.any(|stranger| stranger.live.recall.contains_key(*label))
    };
    let shown: Vec<&String> = labels.names().iter().filter(has).collect();
    let mut table = String::from(
        "<table class=\"matrix corpora\"><thead><tr><th scope=\"col\">left-out corpus</th>",
    );
    for label in &shown {
        let label = plot::escape(label);
        let _ = write!(table, "<th scope=\"col\"><span>{label}</span></th>");
    }
    table += "</tr></thead><tbody>\n";
    for stranger in &strangers.corpora {
        let name = plot::escape(short(&stranger.data_set));
        let _ = write!(table, "<tr><th scope=\"row\">{name}</th>");
        for label in &shown {
            table += &match stranger.live.recall.get(*label) {
                Some(recall) => plot::heat(*recall, false),
                None => "<td class=\"heat\">-</td>".to_owned(),
            };
        }
        table += "</tr>\n";
    }
    table += "</tbody></table>";
    figure(
        "Recall of each emotion, percent",
        "A dash marks an emotion that the corpus or the training lacks.",
        &table,
    )
}

fn trained(strangers: &Strangers) -> String {
    let rows: Vec<[String; 3]> = strangers
        .corpora
        .iter()
        .map(|stranger| {
            [
                short(&stranger.data_set).to_owned(),
                languages(&stranger.languages),
                trained_on(strangers, stranger),
            ]
        })
        .collect();
    let table = plot::table("", &["left-out corpus", "language", "trained on"], &rows).replacen(
        "<table>",
        "<table class=\"words\">",
        1,
    );
    figure(
        "What was left out, and what was used for training instead",
        held_out(strangers).as_deref().unwrap_or_default(),
        &table,
    )
}

fn claims(strangers: &Strangers) -> String {
    let row = |name: String, claimed: f64, right: f64, error: f64| {
        [
            name,
            percent(claimed),
            percent(right),
            format!("{:.1}", 100.0 * error),
        ]
    };
    let mut rows: Vec<[String; 4]> = strangers
        .corpora
        .iter()
        .map(|stranger| {
            let calibrated = &stranger.calibrated;
            row(
                short(&stranger.data_set).to_owned(),
                calibrated.claimed,
                calibrated.claimed_right,
                calibrated.summary.expected_calibration_error,
            )
        })
        .collect();
    let mean = strangers.mean;
    rows.push(row(
        "mean".to_owned(),
        mean.claimed,
        mean.claimed_right,
        mean.expected_calibration_error,
    ));
    let headers = ["left-out corpus", "claimed", "of these right", "off by"];
    figure(
        "How sure it is of an emotion",
        "For how many clips any emotion is claimed, how many of these claims are right, and by how many \
         points confidence is off on average (expected calibration error).",
        &plot::table("", &headers, &rows),
    )
}

fn liveliness(strangers: &Strangers) -> String {
    let rows: Vec<[String; 5]> = strangers
        .corpora
        .iter()
        .filter_map(|stranger| {
            let activation = stranger.calibrated.activation.as_ref()?;
            Some([
                short(&stranger.data_set).to_owned(),
                percent(activation.uar),
                percent(activation.claimed),
                percent(activation.claimed_right),
                format!("{:.1}", 100.0 * activation.expected_calibration_error),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let headers = [
        "left-out corpus",
        "UAR",
        "claimed",
        "of these right",
        "off by",
    ];
    figure(
        "Lively or quiet",
        "Angry, happy, fearful and surprised voices against sad, calm and neutral ones, where guessing is right \
         half of the time.",
        &plot::table("", &headers, &rows),
    )
}

fn not_speech(sounds: &Sounds) -> String {
    let claimed = claimed_kinds(sounds);
    let rows: Vec<[String; 3]> = claimed
        .iter()
        .map(|(kind, heard)| {
            [
                kind.replace('_', " "),
                heard.claimed.to_string(),
                heard.recordings.to_string(),
            ]
        })
        .collect();
    let note = format!(
        "No emotion should be claimed for sounds other than speech. One is claimed for {} of {} recordings ({}), of {} \
         of the {} kinds.",
        sounds.all.claimed,
        sounds.all.recordings,
        percent(sounds.all.claimed_share()),
        claimed.len(),
        sounds.by_kind.len()
    );
    let table = match rows.is_empty() {
        true => String::new(),
        false => plot::table("", &["kind of sound", "claimed", "of"], &rows),
    };
    figure("Sounds other than speech", &note, &table)
}

fn calibration(strangers: &Strangers, own: Option<&Calibrated>) -> String {
    let all = all_known(strangers);
    if all.is_empty() {
        return String::new();
    }
    let mut headers = vec!["known about the speaker"];
    headers.extend(strangers.corpora.iter().map(|s| short(&s.data_set)));
    let cell = |gain: Option<f64>| gain.map_or("-".to_owned(), |g| format!("{:+.1}", 100.0 * g));
    let rows: Vec<Vec<String>> = all
        .into_iter()
        .map(|known| {
            let gains = strangers.corpora.iter().map(|s| cell(gain(s, known)));
            [known.label().to_owned()]
                .into_iter()
                .chain(gains)
                .collect()
        })
        .collect();
    let note = format!(
        "Gain in points of UAR. {} A gain of less than half a point does not count as help.",
        helped(strangers, own)
    );
    figure(
        "How much knowing the speaker helps with strangers",
        &note,
        &plot::table("", &headers, &rows),
    )
    .replacen("<figure>", "<figure class=\"wide\">", 1)
}
