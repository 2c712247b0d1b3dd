//! The evaluation as a person reads it.

use std::fmt;

use speech_emotion::Emotion;

use super::Evaluation;

impl fmt::Display for Evaluation {
    /// Tables of at most 80 columns; shares in percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let cell = |share: Option<f64>| share.map_or("-".into(), percent);
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        writeln!(
            f,
            "{} in {} folds, seed {}: {} clips by {} actors, each judged by a network\n\
             that never heard its actor\n",
            self.protocol.name(),
            self.folds.len(),
            seeds.join(", "),
            self.clips,
            self.by_actor.len()
        )?;
        for (name, value, [low, high]) in [
            (
                "UAR (mean recall of the emotions)",
                self.uar,
                self.uar_interval,
            ),
            ("WAR (share of clips)", self.war, self.war_interval),
        ] {
            writeln!(
                f,
                "{name:34} {:>7}   95 % interval {} to {}",
                percent(value),
                percent(low),
                percent(high)
            )?;
        }

        writeln!(
            f,
            "\n{:10} {:>6} {:>9} {:>10} {:>9}",
            "emotion", "clips", "recall", "precision", "F1"
        )?;
        for emotion in Emotion::ALL {
            writeln!(
                f,
                "{emotion:10} {:6} {:>9} {:>10} {:>9}",
                self.confusion.support(emotion),
                cell(self.confusion.recall(emotion)),
                cell(self.confusion.precision(emotion)),
                cell(self.confusion.f1(emotion))
            )?;
        }

        write!(f, "\nacted as \\ recognised as\n{:10}", "")?;
        for emotion in Emotion::ALL {
            write!(f, " {:>7.7}", emotion.label())?;
        }
        writeln!(f)?;
        for emotion in Emotion::ALL {
            write!(f, "{emotion:10}")?;
            for count in self.confusion.0[emotion.index()] {
                write!(f, " {count:7}")?;
            }
            writeln!(f)?;
        }

        writeln!(f, "\n{:10} {:>9} {:>9}", "", "UAR", "WAR")?;
        for (name, part) in self.by_sex.iter().chain(&self.by_intensity) {
            writeln!(
                f,
                "{name:10} {:>9} {:>9}",
                percent(part.uar),
                percent(part.war)
            )?;
        }

        writeln!(f, "\nWAR by actor")?;
        let actors: Vec<String> = self
            .by_actor
            .iter()
            .map(|(actor, part)| format!("{actor:02} {:>4.0} %", 100.0 * part.war))
            .collect();
        let lines: Vec<String> = actors.chunks(6).map(|line| line.join("    ")).collect();
        write!(f, "{}", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluate::tests::evaluation;

    #[test]
    fn the_report_fits_a_terminal_of_80_columns() {
        let report = evaluation().to_string();
        for line in report.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(
            report.contains("95 % interval 50.0 % to 100.0 %"),
            "{report}"
        );
    }
}
