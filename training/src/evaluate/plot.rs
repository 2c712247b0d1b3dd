//! Line plots as SVG and tables with bars, for the report's page. Colours are the page's style variables,
//! so that one drawing serves light and dark.

use std::fmt::Write;

/// Size of a plot in its own units; it scales with the page.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// One direction of a plot.
pub struct Axis<'a> {
    /// What it shows, with the unit.
    pub label: &'a str,
    /// Its ends.
    pub range: [f64; 2],
    /// Distance of its marks.
    pub step: f64,
    /// Whether values are shares, written as percent.
    pub is_share: bool,
}

impl Axis<'_> {
    fn marks(&self) -> impl Iterator<Item = f64> {
        let [low, high] = self.range;
        let count = ((high - low) / self.step + 1e-9) as usize;
        (0..=count).map(move |mark| low + mark as f64 * self.step)
    }

    fn at(&self, value: f64) -> f64 {
        (value - self.range[0]) / (self.range[1] - self.range[0])
    }

    /// A value as it is written.
    pub fn text(&self, value: f64) -> String {
        if self.is_share {
            format!("{:.0} %", 100.0 * value)
        } else {
            let text = format!("{value:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// A line of a plot.
pub struct Line<'a> {
    /// For the legend.
    pub name: &'a str,
    /// Colour: 1, 2 or 3; 0 is a faint, dashed line for comparison.
    pub colour: u8,
    /// Whether points are marked.
    pub is_marked: bool,
    /// x and y.
    pub points: Vec<[f64; 2]>,
}

/// A figure: plot, legend and the numbers behind it. `description` is what a screen reader says.
pub fn lines(title: &str, description: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let px = |value: f64| LEFT + x.at(value) * (WIDTH - LEFT - RIGHT);
    let py = |value: f64| HEIGHT - BOTTOM - y.at(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(description)
    );
    for mark in y.marks() {
        let _ = writeln!(
            svg,
            "<line class=\"mark\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            WIDTH - RIGHT,
            py(mark),
            LEFT - 6.0,
            py(mark) + 4.0,
            y.text(mark)
        );
    }
    for mark in x.marks() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            px(mark),
            HEIGHT - BOTTOM + 17.0,
            x.text(mark)
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        0.5 * (LEFT + WIDTH - RIGHT),
        HEIGHT - 6.0,
        escape(x.label)
    );
    for line in lines {
        let points: Vec<String> = line
            .points
            .iter()
            .map(|[a, b]| format!("{:.1},{:.1}", px(*a), py(*b)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"line c{}\" points=\"{}\"/>",
            line.colour,
            points.join(" ")
        );
        for [a, b] in line.points.iter().filter(|_| line.is_marked) {
            let _ = writeln!(
                svg,
                "<circle class=\"c{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
                line.colour,
                px(*a),
                py(*b)
            );
        }
    }
    svg += "</svg>\n";

    let mut legend = String::new();
    for line in lines {
        let _ = write!(
            legend,
            "<li><span class=\"key c{}\"></span>{}</li>",
            line.colour,
            escape(line.name)
        );
    }
    let mut numbers = String::new();
    for line in lines.iter().filter(|line| line.colour > 0) {
        let rows: Vec<[String; 2]> = line
            .points
            .iter()
            .map(|[a, b]| [x.text(*a), precise(y, *b)])
            .collect();
        let caption = format!("<caption>{}</caption>", escape(line.name));
        numbers += &table(&caption, &[x.label, y.label], &rows);
    }
    format!(
        "<figure><figcaption>{}</figcaption>\n<p class=\"y\">{}</p>\n{svg}<ul class=\"legend\">{legend}</ul>\
         <details><summary>Numbers</summary><div class=\"numbers\">{numbers}</div></details></figure>\n",
        escape(title),
        escape(y.label)
    )
}

fn precise(axis: &Axis, value: f64) -> String {
    if axis.is_share {
        format!("{:.1} %", 100.0 * value)
    } else {
        format!("{value:.3}")
    }
}

/// A row of a table with bars: name, bar from 0 to 1, a mark to compare with, and further cells.
pub struct Bar {
    /// First cell.
    pub name: String,
    /// Length, a share.
    pub share: f64,
    /// A tick on the bar, a share: interval's ends or a value to compare with.
    pub ticks: Vec<f64>,
    /// Cells after the bar's value.
    pub cells: Vec<String>,
}

/// A table whose second column is drawn; `headers` name every column.
pub fn bars(title: &str, note: &str, headers: &[&str], bars: &[Bar]) -> String {
    let mut rows = String::new();
    for bar in bars {
        let mut ticks = String::new();
        for tick in &bar.ticks {
            let _ = write!(
                ticks,
                "<rect class=\"tick\" x=\"{:.1}\" y=\"0\" width=\"1.2\" height=\"10\"/>",
                100.0 * tick.clamp(0.0, 1.0)
            );
        }
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td class=\"bar\"><svg viewBox=\"0 0 100 10\" \
             preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"track\" width=\"100\" \
             height=\"10\"/><rect class=\"fill\" width=\"{:.1}\" height=\"10\"/>{ticks}</svg></td>\
             <td>{:.1} %</td>",
            escape(&bar.name),
            100.0 * bar.share,
            100.0 * bar.share
        );
        for cell in &bar.cells {
            let _ = write!(rows, "<td>{}</td>", escape(cell));
        }
        rows += "</tr>\n";
    }
    let mut head = String::new();
    for (index, header) in headers.iter().enumerate() {
        let span = if index == 1 { " colspan=\"2\"" } else { "" };
        let _ = write!(head, "<th scope=\"col\"{span}>{}</th>", escape(header));
    }
    let note = match note {
        "" => String::new(),
        note => format!("<p>{}</p>\n", escape(note)),
    };
    format!(
        "<figure><figcaption>{}</figcaption>\n{note}<div class=\"scroll\"><table class=\"bars\"><thead><tr>\
         {head}</tr></thead><tbody>\n{rows}</tbody></table></div></figure>\n",
        escape(title)
    )
}

/// A plain table; `caption` is HTML.
pub fn table<R: AsRef<[String]>>(caption: &str, headers: &[&str], rows: &[R]) -> String {
    let mut html = format!("<table>{caption}<thead><tr>");
    for header in headers {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(header));
    }
    html += "</tr></thead><tbody>";
    for row in rows {
        html += "<tr>";
        for (index, cell) in row.as_ref().iter().enumerate() {
            let cell = escape(cell);
            html += &match index {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td>{cell}</td>"),
            };
        }
        html += "</tr>\n";
    }
    html + "</tbody></table>\n"
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(label: &str, is_share: bool) -> Axis<'_> {
        Axis {
            label,
            range: [0.0, 1.0],
            step: 0.25,
            is_share,
        }
    }

    #[test]
    fn a_plot_runs_from_corner_to_corner_and_has_its_numbers_beside_it() {
        let line = Line {
            name: "a < b",
            colour: 1,
            is_marked: true,
            points: vec![[0.0, 0.0], [1.0, 1.0]],
        };
        let figure = lines(
            "Title",
            "rises",
            &axis("x", false),
            &axis("y", true),
            &[line],
        );
        assert!(
            figure.contains("points=\"48.0,226.0 396.0,12.0\""),
            "{figure}"
        );
        assert!(figure.contains("a &lt; b") && !figure.contains("a < b"));
        assert!(figure.contains("<td>100.0 %</td>"), "{figure}");
        assert_eq!(axis("x", false).text(0.5), "0.5");
        assert_eq!(axis("x", false).text(10.0), "10");
        assert_eq!(figure.matches("<circle").count(), 2);
        assert_eq!(figure.matches("class=\"mark\"").count(), 5);
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_and_its_ticks_stay_on_it() {
        let bar = Bar {
            name: "sad".into(),
            share: 0.294,
            ticks: vec![1.3],
            cells: vec!["192".into()],
        };
        let html = bars("Recall", "", &["emotion", "recall", "clips"], &[bar]);
        assert!(html.contains("class=\"fill\" width=\"29.4\""), "{html}");
        assert!(html.contains("x=\"100.0\""), "{html}");
        assert!(html.contains("<td>29.4 %</td><td>192</td>"), "{html}");
    }
}
