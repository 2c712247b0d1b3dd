//! The evaluation as a person reads it in a terminal.

use std::{collections::BTreeMap, fmt};

use speech_emotion::class::Labels;

use super::strangers;
use crate::{
    corpus::Speaker,
    evaluate::{
        Calibrated, Condition, Evaluation, Results, Scores, Stranger, Strangers, sounds::Sounds,
    },
};

/// A share as "57.6 %".
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

impl fmt::Display for Evaluation {
    /// Tables of at most 80 columns; shares in percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(strangers) = &self.strangers {
            writeln!(f, "{strangers}")?;
        }
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        writeln!(
            f,
            "{} in {} folds, seed {}: {} clips by {} speakers, each judged by a\n\
             network that never heard its speaker\n",
            self.protocol,
            self.folds.len(),
            seeds.join(", "),
            self.clips,
            self.live.by_actor.len()
        )?;
        headline(f, &self.live)?;
        let whole = self.whole;
        writeln!(
            f,
            "\nthe networks alone, given whole clips {:>7} {:>9}",
            "UAR", "WAR"
        )?;
        for (name, scores) in [
            ("as trained", whole.trained),
            ("rounded to 4 and 8 bits, as shipped", whole.exported),
        ] {
            writeln!(
                f,
                "  {name:35} {:>7} {:>9}",
                percent(scores.uar),
                percent(scores.war)
            )?;
        }
        classes(f, &self.labels, &self.live)?;

        let mut parts: Vec<(&str, Scores)> = Vec::new();
        for part in [
            &self.live.by_sex,
            &self.live.by_intensity,
            &self.live.by_statement,
        ] {
            parts.extend(part.iter().map(|(name, scores)| (name.as_str(), *scores)));
        }
        if !parts.is_empty() {
            writeln!(f, "\n{:10} {:>9} {:>9}", "", "UAR", "WAR")?;
        }
        for (name, part) in parts {
            writeln!(
                f,
                "{name:10} {:>9} {:>9}",
                percent(part.uar),
                percent(part.war)
            )?;
        }

        writeln!(f, "\nby seconds of speech heard")?;
        for heard in &self.by_heard {
            writeln!(
                f,
                "{:8.2} s {:>9} {:>9}",
                heard.seconds,
                percent(heard.uar),
                percent(heard.war)
            )?;
        }
        if let Some(calibrated) = &self.calibrated {
            confidence(f, calibrated, self.strangers.is_some())?;
        }
        if !self.robustness.is_empty() {
            robustness(f, self)?;
        }
        speakers(f, &self.live.by_actor)
    }
}

impl fmt::Display for Strangers {
    /// Tables of at most 80 columns; shares in percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in wrapped(&format!(
            "{}: mean over {} corpora, each left out of training with all its speakers, seed {}. Judged as the \
             program runs live, among the emotions that both have.",
            strangers::sentence(self),
            self.corpora.len(),
            self.seed
        )) {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "\n{:14} {:>4} {:>6} {:>8} {:>8} {:>7} {:>17} {:>7}",
            "left out", "", "clips", "speakers", "guessing", "UAR", "95 % interval", "WAR"
        )?;
        for stranger in &self.corpora {
            let [low, high] = stranger.live.uar_interval;
            writeln!(
                f,
                "{:14} {:>4.4} {:6} {:8} {:>8} {:>7} {:>17} {:>7}",
                starred(stranger),
                stranger.languages.join(","),
                stranger.clips,
                stranger.speakers,
                percent(stranger.guessing()),
                percent(stranger.live.uar),
                format!("{} to {}", percent(low), percent(high)),
                percent(stranger.live.war)
            )?;
        }
        let mean = self.mean;
        writeln!(
            f,
            "{:14} {:>4} {:>6} {:>8} {:>8} {:>7} {:>17} {:>7}",
            "mean",
            "",
            "",
            "",
            percent(mean.guessing),
            percent(mean.uar),
            "",
            percent(mean.war)
        )?;
        if self.corpora.iter().any(|stranger| stranger.held_out) {
            writeln!(
                f,
                "* for testing only; not used to train the shipped model either"
            )?;
        }
        recalls(f, self)?;
        claims(f, self)?;
        gains(f, self)?;
        if let Some(sounds) = &self.sounds {
            not_speech(f, sounds)?;
        }
        Ok(())
    }
}

/// Words in lines of at most 80 columns.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 80 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The name of a corpus in its column, with a star if it is never trained on.
fn starred(stranger: &Stranger) -> String {
    let star = if stranger.held_out { "*" } else { "" };
    format!("{:.13}{star}", stranger.name)
}

/// Recall by emotion, corpora side by side.
fn recalls(f: &mut fmt::Formatter<'_>, strangers: &Strangers) -> fmt::Result {
    let mut labels: Vec<&str> = Vec::new();
    for label in strangers
        .corpora
        .iter()
        .flat_map(|stranger| &stranger.labels)
    {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    side_by_side(f, strangers, "recall", &labels, |stranger, row| {
        stranger.live.recall.get(labels[row]).copied().map(percent)
    })
}

/// What calibration to the speaker gains, corpora side by side.
fn gains(f: &mut fmt::Formatter<'_>, strangers: &Strangers) -> fmt::Result {
    let known = strangers::all_known(strangers);
    let rows: Vec<&str> = known.iter().map(|known| known.label()).collect();
    let title = "calibration, gain in UAR points";
    side_by_side(f, strangers, title, &rows, |stranger, row| {
        let gain = strangers::gain(stranger, known[row])?;
        Some(format!("{:+.1}", 100.0 * gain))
    })
}

/// A column for each corpus, further corpora below; cells are given by corpus and row.
fn side_by_side(
    f: &mut fmt::Formatter<'_>,
    strangers: &Strangers,
    title: &str,
    rows: &[&str],
    cell: impl Fn(&Stranger, usize) -> Option<String>,
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    const COLUMN: usize = 13;
    let names = rows.iter().chain([&title]);
    let widest = names.map(|name| name.chars().count()).max();
    let width = widest.unwrap_or(0).min(80 - COLUMN);
    for corpora in strangers.corpora.chunks((80 - width) / COLUMN) {
        write!(f, "\n{title:width$}")?;
        for stranger in corpora {
            write!(f, " {:>12.12}", stranger.name)?;
        }
        writeln!(f)?;
        for (row, name) in rows.iter().enumerate() {
            write!(f, "{name:width$.width$}")?;
            for stranger in corpora {
                write!(f, " {:>12}", cell(stranger, row).as_deref().unwrap_or("-"))?;
            }
            writeln!(f)?;
        }
    }
    Ok(())
}

/// How often an emotion is claimed for sounds other than speech, with the kinds that have claims.
fn not_speech(f: &mut fmt::Formatter<'_>, sounds: &Sounds) -> fmt::Result {
    writeln!(
        f,
        "\nsounds other than speech: an emotion is claimed for {} of {} ({})",
        sounds.all.claimed,
        sounds.all.recordings,
        percent(sounds.all.claimed_share())
    )?;
    for (kind, heard) in strangers::claimed_kinds(sounds) {
        writeln!(
            f,
            "  {kind:24.24} {:4} of {}",
            heard.claimed, heard.recordings
        )?;
    }
    Ok(())
}

/// How sure it is of emotions, and of lively against quiet.
fn claims(f: &mut fmt::Formatter<'_>, strangers: &Strangers) -> fmt::Result {
    writeln!(
        f,
        "\n{:14} {:>26}   {:>35}\n{:14} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8} {:>8}",
        "",
        "any emotion",
        "lively or quiet",
        "",
        "claimed",
        "right",
        "ECE",
        "UAR",
        "claimed",
        "right",
        "ECE"
    )?;
    for stranger in &strangers.corpora {
        let calibrated = &stranger.calibrated;
        write!(
            f,
            "{:14} {:>8} {:>8} {:>8.3}",
            starred(stranger),
            percent(calibrated.claimed),
            percent(calibrated.claimed_right),
            calibrated.summary.expected_calibration_error
        )?;
        match &calibrated.activation {
            Some(activation) => writeln!(
                f,
                "   {:>8} {:>8} {:>8} {:>8.3}",
                percent(activation.uar),
                percent(activation.claimed),
                percent(activation.claimed_right),
                activation.expected_calibration_error
            )?,
            None => writeln!(f)?,
        }
    }
    let mean = strangers.mean;
    writeln!(
        f,
        "{:14} {:>8} {:>8} {:>8.3}",
        "mean",
        percent(mean.claimed),
        percent(mean.claimed_right),
        mean.expected_calibration_error
    )
}

fn headline(f: &mut fmt::Formatter<'_>, results: &Results) -> fmt::Result {
    writeln!(f, "as the program runs live, from the clip's own samples:")?;
    type Score = fn(&Scores) -> f64;
    for (name, value, [low, high], score) in [
        (
            "UAR (mean recall of the emotions)",
            results.uar,
            results.uar_interval,
            (|scores| scores.uar) as Score,
        ),
        (
            "WAR (share of clips)",
            results.war,
            results.war_interval,
            |scores| scores.war,
        ),
    ] {
        writeln!(
            f,
            "  {name:34} {:>7}   95 % interval {} to {}",
            percent(value),
            percent(low),
            percent(high)
        )?;
        if results.by_seed.len() > 1 {
            let (mean, deviation) = results.over_seeds(score);
            let seeds: Vec<String> = results
                .by_seed
                .values()
                .map(|scores| format!("{:.1}", 100.0 * score(scores)))
                .collect();
            writeln!(
                f,
                "    by seed {}; mean {:.1}, deviation {:.1}",
                seeds.join(", "),
                100.0 * mean,
                100.0 * deviation
            )?;
        }
    }
    Ok(())
}

/// Widest column of labels.
const LABEL_WIDTH: usize = 16;
/// Columns of a confusion matrix beside its labels; any more follow below.
const MATRIX_COLUMNS: usize = 9;

fn classes(f: &mut fmt::Formatter<'_>, labels: &Labels, results: &Results) -> fmt::Result {
    let cell = |share: Option<f64>| share.map_or("-".into(), percent);
    let confusion = &results.confusion;
    let longest = labels.names().iter().map(|name| name.chars().count()).max();
    let width = longest.unwrap_or(0).clamp(7, LABEL_WIDTH);
    writeln!(
        f,
        "\n{:width$} {:>6} {:>9} {:>10} {:>9}",
        "", "clips", "recall", "precision", "F1"
    )?;
    for class in labels.classes() {
        writeln!(
            f,
            "{:width$.width$} {:6} {:>9} {:>10} {:>9}",
            labels.name(class),
            confusion.support(class),
            cell(confusion.recall(class)),
            cell(confusion.precision(class)),
            cell(confusion.f1(class))
        )?;
    }

    let columns: Vec<&str> = labels
        .names()
        .iter()
        .map(String::as_str)
        .chain(["none"])
        .collect();
    for (part, names) in columns.chunks(MATRIX_COLUMNS).enumerate() {
        writeln!(f, "\nexpressed \\ recognised as")?;
        write!(f, "{:width$}", "")?;
        for name in names {
            write!(f, " {name:>6.6}")?;
        }
        writeln!(f)?;
        for class in labels.classes() {
            write!(f, "{:width$.width$}", labels.name(class))?;
            let counts = confusion.0[class.index()].chunks(MATRIX_COLUMNS).nth(part);
            for count in counts.into_iter().flatten() {
                write!(f, " {count:6}")?;
            }
            writeln!(f)?;
        }
    }
    Ok(())
}

fn confidence(
    f: &mut fmt::Formatter<'_>,
    calibrated: &Calibrated,
    has_strangers: bool,
) -> fmt::Result {
    writeln!(
        f,
        "\nconfidence, by temperature and threshold fitted on other {}\n\
         expected calibration error {:.3} of clips, {:.3} live\n\
         an emotion is claimed for {} of clips; {} of these are right",
        if has_strangers { "corpora" } else { "speakers" },
        calibrated.summary.expected_calibration_error,
        calibrated.live.expected_calibration_error,
        percent(calibrated.claimed),
        percent(calibrated.claimed_right)
    )?;
    if calibrated.speaker.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "\n{:42} {:>8} {:>8} {:>9} {:>9}",
        "calibration to the speaker", "UAR", "WAR", "UAR gain", "WAR gain"
    )?;
    for compared in &calibrated.speaker {
        writeln!(
            f,
            "{:42} {:>8} {:>8} {:>+9.1} {:>+9.1}",
            compared.known.label(),
            percent(compared.with.uar),
            percent(compared.with.war),
            100.0 * (compared.with.uar - compared.without.uar),
            100.0 * (compared.with.war - compared.without.war)
        )?;
    }
    Ok(())
}

fn robustness(f: &mut fmt::Formatter<'_>, evaluation: &Evaluation) -> fmt::Result {
    writeln!(
        f,
        "\n{:42} {:>8} {:>8} {:>9} {:>9}",
        "robustness", "UAR", "WAR", "UAR diff", "WAR diff"
    )?;
    for changed in &evaluation.robustness {
        writeln!(
            f,
            "{:42} {:>8} {:>8} {:>+9.1} {:>+9.1}",
            changed.condition.label(),
            percent(changed.uar),
            percent(changed.war),
            100.0 * changed.uar_change,
            100.0 * changed.war_change
        )?;
    }
    for (condition, means) in [
        (Condition::Mp3, "ffmpeg to encode it"),
        (Condition::SyntheticBabble, "espeak-ng to speak it"),
    ] {
        if !condition.is_available() {
            writeln!(f, "left out: {}; install {means}", condition.label())?;
        }
    }
    Ok(())
}

/// Widest name of a speaker.
const SPEAKER_WIDTH: usize = 12;

fn speakers(f: &mut fmt::Formatter<'_>, by_speaker: &BTreeMap<Speaker, Scores>) -> fmt::Result {
    writeln!(f, "\nWAR by speaker")?;
    let longest = by_speaker
        .keys()
        .map(|speaker| speaker.to_string().chars().count())
        .max();
    let width = longest.unwrap_or(0).clamp(2, SPEAKER_WIDTH);
    let speakers: Vec<String> = by_speaker
        .iter()
        .map(|(speaker, part)| format!("{speaker:>width$.width$} {:>3.0} %", 100.0 * part.war))
        .collect();
    let per_line = 80 / (width + 10);
    let lines: Vec<String> = speakers
        .chunks(per_line)
        .map(|line| line.join("    "))
        .collect();
    write!(f, "{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use crate::evaluate::tests::whole_evaluation;

    #[test]
    fn the_report_fits_a_terminal_of_80_columns() {
        let report = whole_evaluation().to_string();
        for line in report.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(
            report.contains("95 % interval 50.0 % to 100.0 %"),
            "{report}"
        );
        for line in [
            "calibration to the speaker                      UAR      WAR  UAR gain  WAR gain",
            "8 s of neutral reading                       70.0 %   71.0 %     +10.0     +10.0",
            "robustness                                      UAR      WAR  UAR diff  WAR diff",
            "babble of five synthetic voices, 10 dB SNR   70.0 %   70.0 %      -5.0      -5.1",
            "an emotion is claimed for 61.0 % of clips; 83.0 % of these are right",
        ] {
            assert!(report.lines().any(|told| told == line), "{line}: {report}");
        }
        let strangers =
            report.find("On people and languages it was never given, it is right about 52");
        let own = report.find("loso in 2 folds");
        assert!(strangers.is_some() && strangers < own, "{report}");
        for line in [
            "left out             clips speakers guessing     UAR     95 % interval     WAR",
            "nemo             pl      4        2   33.3 %  75.0 % 50.0 % to 100.0 %  75.0 %",
            "voices*          ko      4        2   33.3 %  75.0 % 50.0 % to 100.0 %  75.0 %",
            "mean                                  14.8 %  52.3 %                    51.0 %",
            "8 s of neutral reading                 +10.0         +0.1        -10.0",
            "nemo             61.0 %   83.0 %    0.031     90.0 %   80.0 %   95.0 %    0.020",
            "sounds other than speech: an emotion is claimed for 1 of 10 (10.0 %)",
            "  dog                         1 of 5",
        ] {
            assert!(report.lines().any(|told| told == line), "{line}: {report}");
        }
        assert!(
            report.contains("by seed 50.0, 100.0; mean 75.0"),
            "{report}"
        );
    }
}
