//! The evaluation as one HTML page that needs nothing else.

use std::fmt::Write;

use speech_emotion::class::Labels;

use super::{
    plot::{self, Axis, Bar, Bars, Line, Plot},
    strangers,
    terminal::percent,
};
use crate::{
    corpus::{Speaker, ravdess},
    evaluate::{
        Calibrated, Compared, Confidence, Evaluation, HeardSoFar, Known, Learning, Results, Scores,
        baseline::Comparison,
    },
};

/// Name of the [`page`] next to an evaluation.
pub const PAGE_FILE: &str = "report.html";

const STYLE: &str = concat!(include_str!("plot.css"), include_str!("page.css"));

/// The page; `comparison` is the one with the notebook's network, if it was made.
pub fn page(evaluation: &Evaluation, comparison: Option<&Comparison>) -> String {
    let mut body = title(evaluation);
    if let Some(strangers) = &evaluation.strangers {
        let own = evaluation.calibrated.as_ref();
        body += &strangers::chapter(&evaluation.labels, strangers, own);
    }
    body += &headline(evaluation);
    body += "<section><h2>By emotion</h2>\n<div class=\"grid\">\n";
    body += &classes(&evaluation.labels, &evaluation.live).html();
    body += &confusion(
        "What each emotion was taken for, percent of its clips",
        &evaluation.labels,
        &evaluation.live,
    );
    body += "</div></section>\n<section><h2>By voice and time</h2>\n<div class=\"grid\">\n";
    if !evaluation.live.by_sex.is_empty() {
        body += &groups(&evaluation.live);
    }
    body += &speakers(&evaluation.live).replacen("<figure>", "<figure class=\"tall\">", 1);
    body += &heard(evaluation).html();
    body += "</div></section>\n";
    if let Some(calibrated) = &evaluation.calibrated {
        body += &confidence(evaluation, calibrated);
        if !calibrated.speaker.is_empty() {
            body += &speaker(calibrated);
        }
    }
    if !evaluation.robustness.is_empty() {
        body += &robustness(evaluation);
    }
    if !evaluation.learning.is_empty() {
        body += &learning(evaluation);
    }
    if let Some(comparison) = comparison {
        body += &notebook(comparison);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Speech Emotion: how often it is right</title>\n<style>\n{STYLE}</style>\n\
         <main>\n{body}</main>\n</html>\n"
    )
}

/// Drawings of the page as separate SVG files, by name.
pub fn pictures(evaluation: &Evaluation) -> Vec<(&'static str, String)> {
    let mut pictures = Vec::new();
    if let Some(strangers) = &evaluation.strangers {
        pictures.push(("strangers", strangers::recalls(strangers).picture()));
    }
    let recall = classes(&evaluation.labels, &evaluation.live);
    pictures.push(("recall", recall.picture()));
    pictures.push(("heard", heard(evaluation).picture()));
    if let Some(calibrated) = &evaluation.calibrated {
        pictures.push(("reliability", reliability(calibrated).picture()));
        pictures.push(("coverage", coverage(calibrated).picture()));
        pictures.push(("calibration", known(calibrated).picture()));
    }
    if !evaluation.robustness.is_empty() {
        pictures.push(("robustness", conditions(evaluation).picture()));
    }
    if !evaluation.learning.is_empty() {
        let [_, recognised] = curves(evaluation);
        pictures.push(("learning", recognised.picture()));
    }
    pictures
}

fn share_axis(label: &str) -> Axis<'_> {
    Axis {
        label,
        range: [0.0, 1.0],
        step: 0.2,
        is_share: true,
    }
}

fn title(evaluation: &Evaluation) -> String {
    let acted = match evaluation.data_set == ravdess::DATA_SET {
        true => ", as actors have performed it",
        false => ", as these speakers express it",
    };
    format!(
        "<header><h1>How often it is right on voices it has never heard</h1>\n\
         <p>The program estimates what a voice <em>expresses</em>{acted}; it does not read minds.</p></header>\n"
    )
}

/// The corpora that were trained on but not tested, as a further sentence.
fn trained_besides(evaluation: &Evaluation) -> String {
    let sources = evaluation.sources.iter();
    let others = sources.filter(|source| source.trains && !source.tested);
    let titles: Vec<&str> = others
        .map(|source| strangers::short(&source.title))
        .collect();
    match titles[..] {
        [] => String::new(),
        _ => format!(
            " The networks were also trained on {}, without these speakers.",
            plot::escape(&titles.join(", "))
        ),
    }
}

fn headline(evaluation: &Evaluation) -> String {
    let live = &evaluation.live;
    let seeds: Vec<String> = evaluation.seeds.iter().map(u64::to_string).collect();
    let mut cards = String::new();
    for (name, value, [low, high]) in live.headline() {
        let _ = writeln!(
            cards,
            "<div class=\"card\"><p>{name}</p><p class=\"big\">{}</p><p>95 % interval over speakers {} to {}</p></div>",
            percent(value),
            percent(low),
            percent(high)
        );
    }
    let whole = evaluation.whole;
    let mut rows: Vec<[String; 3]> = [
        ("the networks alone, given whole clips", whole.trained),
        (
            "the same, rounded to 4 and 8 bits as shipped",
            whole.exported,
        ),
    ]
    .map(|(name, scores)| [name.to_owned(), percent(scores.uar), percent(scores.war)])
    .to_vec();
    if live.by_seed.len() > 1 {
        for (seed, scores) in &live.by_seed {
            rows.push([
                format!("live, seed {seed}"),
                percent(scores.uar),
                percent(scores.war),
            ]);
        }
        let text = |score: fn(&Scores) -> f64| {
            let (mean, deviation) = live.over_seeds(score);
            format!("{} ± {:.1}", percent(mean), 100.0 * deviation)
        };
        rows.push([
            "live, mean and deviation over seeds".to_owned(),
            text(|scores| scores.uar),
            text(|scores| scores.war),
        ]);
    }
    let heading = match evaluation.strangers {
        Some(_) => "<h2>On other speakers of a corpus it was given</h2>\n",
        None => "",
    };
    format!(
        "<section>{heading}<p>{}: {} clips by {} speakers, in {} folds ({}); seed {}. Every clip was judged as the \
         program runs live, from its own samples, by a network that had never heard its speaker.{} Guessing gives {} %.</p>\n\
         <div class=\"cards\">\n{cards}</div>\n<div class=\"seeds\">{}</div></section>\n",
        plot::escape(&evaluation.data_set),
        evaluation.clips,
        live.by_actor.len(),
        evaluation.folds.len(),
        evaluation.protocol,
        seeds.join(", "),
        trained_besides(evaluation),
        format!("{:.1}", 100.0 / evaluation.labels.len() as f64).trim_end_matches(".0"),
        plot::table("", &["", "UAR", "WAR"], &rows)
    )
}

fn classes(labels: &Labels, results: &Results) -> Bars<'static> {
    let confusion = &results.confusion;
    let cell = |share: Option<f64>| share.map_or("-".into(), percent);
    let rows = labels
        .classes()
        .filter_map(|class| {
            Some(Bar {
                name: labels.name(class).to_owned(),
                share: confusion.recall(class)?,
                interval: None,
                ticks: Vec::new(),
                cells: vec![
                    cell(confusion.precision(class)),
                    confusion.support(class).to_string(),
                ],
            })
        })
        .collect();
    Bars {
        title: "Recall of each emotion",
        note: "",
        headers: &["expressed", "recall", "precision", "clips"],
        rows,
    }
}

/// Rows in percent of the clips of a class, darker for more; classes without clips or answers are
/// left out.
pub(super) fn confusion(caption: &str, labels: &Labels, results: &Results) -> String {
    let confusion = &results.confusion;
    let mut html = format!(
        "<figure><figcaption>{}</figcaption>\n\
         <div class=\"scroll\"><table class=\"matrix\"><thead><tr><th scope=\"col\">expressed</th>",
        plot::escape(caption)
    );
    let columns = labels.names().iter().map(String::as_str).chain(["none"]);
    let columns: Vec<(usize, &str)> = columns
        .enumerate()
        .filter(|(column, _)| {
            let has_clips = labels
                .classes()
                .nth(*column)
                .map(|class| confusion.support(class));
            has_clips.is_none_or(|clips| clips > 0)
                || confusion.0.iter().any(|row| row[*column] > 0)
        })
        .collect();
    for (_, label) in &columns {
        let label = plot::escape(label);
        let _ = write!(html, "<th scope=\"col\"><span>{label}</span></th>");
    }
    html += "</tr></thead><tbody>\n";
    for class in labels
        .classes()
        .filter(|class| confusion.support(*class) > 0)
    {
        let label = plot::escape(labels.name(class));
        let _ = write!(html, "<tr><th scope=\"row\">{label}</th>");
        let support = f64::from(confusion.support(class));
        for (column, _) in &columns {
            let share = f64::from(confusion.0[class.index()][*column]) / support;
            html += &plot::heat(share, *column == class.index());
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div></figure>\n"
}

fn groups(results: &Results) -> String {
    let mut bars = Vec::new();
    for part in [
        &results.by_sex,
        &results.by_intensity,
        &results.by_statement,
    ] {
        for (name, scores) in part.iter().rev() {
            bars.push(Bar {
                name: match name.as_str() {
                    "normal" | "strong" => format!("{name} intensity"),
                    "kids" => "“Kids are talking by the door”".to_owned(),
                    "dogs" => "“Dogs are sitting by the door”".to_owned(),
                    name => name.to_owned(),
                },
                share: scores.uar,
                interval: None,
                ticks: Vec::new(),
                cells: vec![percent(scores.war)],
            });
        }
    }
    Bars {
        title: "By group",
        note: "",
        headers: &["voices", "UAR", "WAR"],
        rows: bars,
    }
    .html()
}

fn speakers(results: &Results) -> String {
    let mut speakers: Vec<(&Speaker, &Scores)> = results.by_actor.iter().collect();
    speakers.sort_by(|a, b| b.1.war.total_cmp(&a.1.war));
    let bars: Vec<Bar> = speakers
        .into_iter()
        .map(|(speaker, scores)| Bar {
            name: match speaker
                .number()
                .filter(|_| !results.by_intensity.is_empty())
            {
                Some(actor) if actor % 2 == 1 => format!("{actor:02} man"),
                Some(actor) => format!("{actor:02} woman"),
                None => speaker.to_string(),
            },
            share: scores.war,
            interval: None,
            ticks: vec![results.war],
            cells: vec![percent(scores.uar)],
        })
        .collect();
    Bars {
        title: "By speaker",
        note: "The tick marks the share over all speakers. Some people are recognised far better than others.",
        headers: &["speaker", "WAR", "UAR"],
        rows: bars,
    }
    .html()
}

fn heard(evaluation: &Evaluation) -> Plot<'static> {
    let line = |name, colour, of: fn(&HeardSoFar) -> f64| Line {
        name,
        colour,
        is_marked: true,
        points: evaluation
            .by_heard
            .iter()
            .map(|heard| [heard.seconds, of(heard)])
            .collect(),
    };
    let x = Axis {
        label: "seconds of speech heard",
        range: [0.5, 3.0],
        step: 0.5,
        is_share: false,
    };
    Plot {
        title: "How soon: accuracy by seconds of speech heard",
        description: "Share of clips recognised by the seconds of speech heard so far, from the first answer on.",
        x,
        y: share_axis("right, if the highest posterior is taken"),
        lines: vec![
            line("UAR", 1, |heard| heard.uar),
            line("WAR", 2, |heard| heard.war),
        ],
    }
}

fn reliability(calibrated: &Calibrated) -> Plot<'static> {
    let line = |name, colour, confidence: &Confidence| Line {
        name,
        colour,
        is_marked: true,
        points: confidence
            .reliability
            .iter()
            .map(|bin| [bin.confidence, bin.accuracy])
            .collect(),
    };
    Plot {
        title: "Does confidence mean what it says?",
        description: "Share of right answers against confidence; on the diagonal both are the same.",
        x: share_axis("confidence shown"),
        y: share_axis("answers that are right"),
        lines: vec![
            Line {
                name: "confidence equals accuracy",
                colour: 0,
                is_marked: false,
                points: vec![[0.0, 0.0], [1.0, 1.0]],
            },
            line("whole clips", 1, &calibrated.summary),
            line("while listening", 2, &calibrated.live),
        ],
    }
}

fn coverage(calibrated: &Calibrated) -> Plot<'static> {
    let curve = |name, colour, confidence: &Confidence| Line {
        name,
        colour,
        is_marked: false,
        points: confidence
            .risk_coverage
            .iter()
            .map(|point| [point.coverage, point.accuracy])
            .collect(),
    };
    Plot {
        title: "What saying “not sure” buys",
        description: "The fewer clips are answered, the surest first, the more of the answers are right.",
        x: share_axis("clips answered, the surest first"),
        y: share_axis("answers that are right"),
        lines: vec![
            curve("whole clips", 1, &calibrated.summary),
            curve("while listening", 2, &calibrated.live),
        ],
    }
}

fn confidence(evaluation: &Evaluation, calibrated: &Calibrated) -> String {
    let fitted = fitted(evaluation);
    let reliability = reliability(calibrated).html();
    let coverage = coverage(calibrated).html();
    format!(
        "<section><h2>Confidence</h2>\n<p>An emotion is claimed for <strong>{}</strong> of the clips, and \
         <strong>{}</strong> of these claims are right. Confidence differs from accuracy by {:.1} points \
         on average (expected calibration error; while listening {:.1}). {fitted}</p>\n\
         <div class=\"grid\">\n{reliability}{coverage}</div></section>\n",
        percent(calibrated.claimed),
        percent(calibrated.claimed_right),
        100.0 * calibrated.summary.expected_calibration_error,
        100.0 * calibrated.live.expected_calibration_error
    )
}

/// The speakers on whom temperature and threshold were fitted.
pub(super) fn fitted(evaluation: &Evaluation) -> &'static str {
    match &evaluation.strangers {
        None => {
            "Temperature and threshold were fitted for each fold on speakers used neither to train its network \
             nor to test it."
        }
        Some(_) if evaluation.data_set == ravdess::DATA_SET => {
            "Temperature and threshold were fitted on left-out corpora, not on any clip of RAVDESS."
        }
        Some(_) => "Temperature and threshold were fitted on left-out corpora.",
    }
}

fn known(calibrated: &Calibrated) -> Bars<'static> {
    let rows = calibrated
        .speaker
        .iter()
        .map(|compared| Bar {
            name: compared.known.label().to_owned(),
            share: compared.with.uar,
            interval: None,
            ticks: vec![compared.without.uar],
            cells: vec![
                format!("{:+.1}", 100.0 * (compared.with.uar - compared.without.uar)),
                percent(compared.with.war),
                format!("{:+.1}", 100.0 * (compared.with.war - compared.without.war)),
                format!(
                    "{} of {}",
                    compared.by_actor.values().filter(|[a, b]| b < a).count(),
                    compared.by_actor.len()
                ),
            ],
        })
        .collect();
    Bars {
        title: "How much knowing the speaker helps",
        note: "The tick marks the same clips without calibration. No clip is judged with itself among the references.",
        headers: &[
            "known about the speaker",
            "UAR",
            "gain",
            "WAR",
            "gain",
            "worse off",
        ],
        rows,
    }
}

fn speaker(calibrated: &Calibrated) -> String {
    let table = known(calibrated).html();
    let misleads = |compared: &Compared| compared.known == Known::AngryTakenForNeutral;
    let shown = match calibrated.speaker.iter().any(misleads) {
        true => ", as the last row shows",
        false => "",
    };
    format!(
        "<section><h2>Calibration to the speaker</h2>\n<p>A few numbers per person, no retraining. It can \
         mislead: a reading that is not neutral, another person or another microphone moves the answers \
         away from the truth{shown}, and listening assumes that a person shows a mix of emotions. \
         “Worse off” counts the speakers who are recognised less often with it.</p>\n\
         <div class=\"grid\">{table}</div></section>\n"
    )
}

fn conditions(evaluation: &Evaluation) -> Bars<'static> {
    let live = &evaluation.live;
    let mut bars = vec![Bar {
        name: "as recorded".to_owned(),
        share: live.uar,
        interval: None,
        ticks: Vec::new(),
        cells: vec![String::new(), percent(live.war), String::new()],
    }];
    bars.extend(evaluation.robustness.iter().map(|changed| Bar {
        name: changed.condition.label().to_owned(),
        share: changed.uar,
        interval: None,
        ticks: vec![changed.uar - changed.uar_change],
        cells: vec![
            format!("{:+.1}", 100.0 * changed.uar_change),
            percent(changed.war),
            format!("{:+.1}", 100.0 * changed.war_change),
        ],
    }));
    Bars {
        title: "Noise, rooms and channels",
        note: "The tick marks the result of the same networks on the clips as recorded. Recorded voices are of people not used in training, where a fold tests more than one. The other noises are generated differently from those in training, which has its own tones and swelling noises.",
        headers: &["condition", "UAR", "change", "WAR", "change"],
        rows: bars,
    }
}

fn robustness(evaluation: &Evaluation) -> String {
    let table = conditions(evaluation).html();
    format!("<section><h2>Robustness</h2>\n<div class=\"grid\">{table}</div></section>\n")
}

fn curves(evaluation: &Evaluation) -> [Plot<'static>; 2] {
    let learning = &evaluation.learning;
    let epochs = learning.last().map_or(1, |last| last.epoch) as f64;
    let x = || Axis {
        label: "epoch",
        range: [0.0, epochs],
        step: (epochs / 8.0).ceil().max(1.0),
        is_share: false,
    };
    let line = |name, colour, of: &dyn Fn(&Learning) -> Option<f64>| Line {
        name,
        colour,
        is_marked: false,
        points: learning
            .iter()
            .filter_map(|epoch| Some([epoch.epoch as f64, of(epoch)?]))
            .collect(),
    };
    let highest = learning.iter().map(|epoch| epoch.loss).fold(1.0, f64::max);
    let loss = Plot {
        title: "Loss",
        description: "Training loss by epoch.",
        x: x(),
        y: Axis {
            label: "training loss, nats",
            range: [0.0, highest.ceil()],
            step: 0.5,
            is_share: false,
        },
        lines: vec![line("training loss", 1, &|epoch| Some(epoch.loss))],
    };
    let mut shares = vec![line("training segments recognised", 1, &|epoch| {
        Some(epoch.accuracy)
    })];
    let validation = line("UAR on speakers not in training", 2, &|epoch| {
        epoch.validation_uar
    });
    if !validation.points.is_empty() {
        shares.push(validation);
    }
    let recognised = Plot {
        title: "Recognition",
        description: "Share recognised by epoch.",
        x: x(),
        y: share_axis("recognised"),
        lines: shares,
    };
    [loss, recognised]
}

fn learning(evaluation: &Evaluation) -> String {
    let [loss, recognised] = curves(evaluation).map(|plot| plot.html());
    format!(
        "<section><h2>Learning</h2>\n<p>Means over the networks. Training segments are augmented and \
         half hidden from the network, so that it does better on whole clips.</p>\n\
         <div class=\"grid\">\n{loss}{recognised}</div></section>\n"
    )
}

fn notebook(comparison: &Comparison) -> String {
    let mut bars = Vec::new();
    for judged in &comparison.protocols {
        for (network, scores) in [
            ("the notebook’s", judged.notebook),
            ("this one", judged.this_model),
        ] {
            bars.push(Bar {
                name: format!("{}: {network}", judged.protocol),
                share: scores.war,
                interval: None,
                ticks: Vec::new(),
                cells: vec![percent(scores.uar)],
            });
        }
    }
    let table = Bars {
        title: "The notebook this project grew from, and this network",
        note: "Duplicate clips, and test clips by speakers from the training data, make results look far \
         better than they are on a new voice.",
        headers: &["protocol and network", "WAR", "UAR"],
        rows: bars,
    }
    .html();
    format!(
        "<section><h2>Beware of higher figures</h2>\n<div class=\"grid\">{table}</div></section>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{
        baseline::Judged,
        tests::{evaluation, whole_evaluation},
    };

    #[test]
    fn the_page_needs_nothing_else_and_every_drawing_is_described() {
        let scores = |uar| Scores {
            uar,
            war: uar + 0.01,
        };
        let comparison = Comparison {
            seed: 1,
            protocols: vec![Judged {
                protocol: "random split".to_owned(),
                test_clips: 20,
                notebook: scores(0.43),
                this_model: scores(0.84),
            }],
        };
        let page = page(&whole_evaluation(), Some(&comparison));
        for outside in ["http", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
        let drawings = page.matches("<svg").count();
        let described =
            page.matches("aria-label=").count() + page.matches("aria-hidden=\"true\"").count();
        assert!(drawings > 12 && drawings == described, "{drawings}");
        for shown in [
            "75.0 %",
            "Does confidence mean what it says?",
            "the surest first",
            "8 s of neutral reading",
            "babble of five synthetic voices, 10 dB SNR",
            "-5.1",
            "epoch",
            "random split: the notebook",
            "44.0 %",
        ] {
            assert!(page.contains(shown), "{shown}");
        }
        // Strangers first.
        let strangers = page.find("<h2>On people and languages it was never given");
        let own = page.find("<h2>On other speakers of a corpus it was given");
        assert!(strangers.is_some() && strangers < own);
        for shown in [
            "right about 52 times in 100 where guessing is right 15 times",
            "<th scope=\"row\">Voices of a &lt;club&gt; (Korean)</th>",
            "<th scope=\"row\">RAVDESS speech</th><td>English</td><td>nEMO</td>",
            "Used for testing only: Voices of a &lt;club&gt;. No model",
            "Helpful only for RAVDESS's actors: 8 s of neutral reading.",
            "claimed for 1 of 10 recordings (10.0 %), of 1 of the 2 kinds",
            "not on any clip of RAVDESS",
        ] {
            assert!(page.contains(shown), "{shown}");
        }
        assert!(!page.contains("<club>"));
        for element in [
            "section", "figure", "table", "tr", "td", "th", "div", "p", "details", "svg",
        ] {
            let opened = page.matches(&format!("<{element}>")).count()
                + page.matches(&format!("<{element} ")).count();
            let closed = page.matches(&format!("</{element}>")).count();
            assert_eq!(opened, closed, "{element}");
        }
        let names: Vec<&str> = pictures(&whole_evaluation())
            .iter()
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(names[..2], ["strangers", "recall"]);

        // What was not measured has no empty drawing.
        let page = super::page(&evaluation(), None);
        for section in ["On ", "Confidence", "Robustness", "Learning", "Beware"] {
            assert!(!page.contains(&format!("<h2>{section}")), "{section}");
        }
    }
}
