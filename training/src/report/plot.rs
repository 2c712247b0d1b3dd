//! Line plots and tables with bars, for the report's page and as separate pictures. Colours are
//! style variables, so that one drawing serves light and dark.

use std::fmt::Write;

use super::terminal::percent;

const PICTURE_STYLE: &str = concat!(include_str!("plot.css"), include_str!("picture.css"));

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
    /// Distance between its marks.
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

    /// A value as text.
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

/// A plot with its legend and the numbers behind it.
pub struct Plot<'a> {
    /// Shown above it.
    pub title: &'a str,
    /// What a screen reader says.
    pub description: &'a str,
    #[allow(missing_docs)]
    pub x: Axis<'a>,
    #[allow(missing_docs)]
    pub y: Axis<'a>,
    #[allow(missing_docs)]
    pub lines: Vec<Line<'a>>,
}

impl Plot<'_> {
    /// A figure of the report.
    pub fn html(&self) -> String {
        let mut legend = String::new();
        for line in &self.lines {
            let _ = write!(
                legend,
                "<li><span class=\"key c{}\"></span>{}</li>",
                line.colour,
                escape(line.name)
            );
        }
        let mut numbers = String::new();
        for line in self.lines.iter().filter(|line| line.colour > 0) {
            let rows: Vec<[String; 2]> = line
                .points
                .iter()
                .map(|[a, b]| [self.x.text(*a), precise(&self.y, *b)])
                .collect();
            let caption = format!("<caption>{}</caption>", escape(line.name));
            numbers += &table(&caption, &[self.x.label, self.y.label], &rows);
        }
        format!(
            "<figure><figcaption>{}</figcaption>\n<p class=\"y\">{}</p>\n{}<ul class=\"legend\">{legend}</ul>\
         <details><summary>Numbers</summary><div class=\"numbers\">{numbers}</div></details></figure>\n",
            escape(self.title),
            escape(self.y.label),
            self.svg("")
        )
    }

    /// The plot as a separate file.
    pub fn picture(&self) -> String {
        let (left, top) = (PADDING - 8.0, 62.0);
        let mut body = format!(
            "<text x=\"{PADDING}\" y=\"50\">{}</text>\n{}",
            escape(self.y.label),
            self.svg(&format!(
                " x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\""
            ))
        );
        let mut below = top + HEIGHT;
        for line in &self.lines {
            below += 22.0;
            let _ = writeln!(
                body,
                "<line class=\"line c{}\" x1=\"{PADDING}\" x2=\"{:.0}\" y1=\"{2:.0}\" y2=\"{2:.0}\"/>\
                 <text x=\"{3:.0}\" y=\"{below:.0}\">{4}</text>",
                line.colour,
                PADDING + 20.0,
                below - 5.0,
                PADDING + 30.0,
                escape(line.name)
            );
        }
        let width = (left + WIDTH + 6.0).max(1.4 * text_width(self.title) + 2.0 * PADDING);
        picture(self.title, self.description, width, below + PADDING, &body)
    }

    /// Only the plot; `place` is its position in a picture.
    fn svg(&self, place: &str) -> String {
        let px = |value: f64| LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT);
        let py = |value: f64| HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg{place} viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(self.description)
        );
        for mark in self.y.marks() {
            let _ = writeln!(
                svg,
                "<line class=\"mark\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
                WIDTH - RIGHT,
                py(mark),
                LEFT - 6.0,
                py(mark) + 4.0,
                self.y.text(mark)
            );
        }
        for mark in self.x.marks() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                px(mark),
                HEIGHT - BOTTOM + 17.0,
                self.x.text(mark)
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            0.5 * (LEFT + WIDTH - RIGHT),
            HEIGHT - 6.0,
            escape(self.x.label)
        );
        for line in &self.lines {
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
        svg + "</svg>\n"
    }
}

/// Space around the contents of a picture.
const PADDING: f64 = 20.0;

/// Approximate width of text at the size used in a picture.
fn text_width(text: &str) -> f64 {
    7.2 * text.chars().count() as f64
}

/// An SVG file in light and dark.
fn picture(title: &str, description: &str, width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\n<style>\n{PICTURE_STYLE}</style>\n\
         <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"12\"/>\n\
         <text class=\"title\" x=\"{PADDING}\" y=\"30\">{}</text>\n{body}</svg>\n",
        escape(description),
        width - 1.0,
        height - 1.0,
        escape(title)
    )
}

fn precise(axis: &Axis, value: f64) -> String {
    if axis.is_share {
        percent(value)
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
    /// Both ends of an interval, shares.
    pub interval: Option<[f64; 2]>,
    /// Ticks on the bar, shares: values to compare with.
    pub ticks: Vec<f64>,
    /// Cells after the bar's value.
    pub cells: Vec<String>,
}

/// A table whose second column is drawn as bars.
pub struct Bars<'a> {
    /// Shown above it.
    pub title: &'a str,
    /// Shown below the title.
    pub note: &'a str,
    /// One for every column.
    pub headers: &'a [&'a str],
    #[allow(missing_docs)]
    pub rows: Vec<Bar>,
}

impl Bars<'_> {
    /// A figure of the report.
    pub fn html(&self) -> String {
        let mut rows = String::new();
        for bar in &self.rows {
            let mut ticks = String::new();
            if let Some([low, high]) = bar.interval {
                let _ = write!(
                    ticks,
                    "<rect class=\"tick\" x=\"{:.1}\" y=\"4.4\" width=\"{:.1}\" height=\"1.2\"/>",
                    100.0 * low,
                    100.0 * (high - low)
                );
            }
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
             <td>{}</td>",
                escape(&bar.name),
                100.0 * bar.share,
                percent(bar.share)
            );
            for cell in &bar.cells {
                let _ = write!(rows, "<td>{}</td>", escape(cell));
            }
            rows += "</tr>\n";
        }
        let mut head = String::new();
        for (index, header) in self.headers.iter().enumerate() {
            let span = if index == 1 { " colspan=\"2\"" } else { "" };
            let _ = write!(head, "<th scope=\"col\"{span}>{}</th>", escape(header));
        }
        let note = match self.note {
            "" => String::new(),
            note => format!("<p>{}</p>\n", escape(note)),
        };
        format!(
            "<figure><figcaption>{}</figcaption>\n{note}<div class=\"scroll\"><table class=\"bars\"><thead><tr>\
         {head}</tr></thead><tbody>\n{rows}</tbody></table></div></figure>\n",
            escape(self.title)
        )
    }

    /// The table as a separate file, without the note.
    pub fn picture(&self) -> String {
        const ROW: f64 = 26.0;
        const BAR: f64 = 200.0;
        const CELL: f64 = 78.0;
        let names = self.rows.iter().map(|bar| text_width(&bar.name));
        let left = PADDING + names.fold(0.0, f64::max) + 16.0;
        // Right ends of the value and the cells.
        let mut column = vec![left + BAR + CELL];
        for index in 0..self.headers.len().saturating_sub(2) {
            let cells = self.rows.iter().filter_map(|bar| bar.cells.get(index));
            let widest = cells.map(|cell| text_width(cell)).fold(0.0, f64::max);
            column.push(column[index] + (widest + PADDING - 4.0).max(CELL));
        }
        let mut body = String::new();
        for (index, header) in self.headers.iter().enumerate() {
            let (x, anchor) = match index {
                0 => (PADDING, "start"),
                index => (column[index - 1], "end"),
            };
            let _ = writeln!(
                body,
                "<text x=\"{x:.0}\" y=\"58\" text-anchor=\"{anchor}\">{}</text>",
                escape(header)
            );
        }
        let mut top = 66.0;
        for bar in &self.rows {
            let base = top + 18.0;
            let width = BAR * bar.share.clamp(0.0, 1.0);
            let _ = write!(
                body,
                "<line class=\"rule\" x1=\"{PADDING}\" x2=\"{0:.0}\" y1=\"{top:.0}\" y2=\"{top:.0}\"/>\
                 <text class=\"name\" x=\"{PADDING}\" y=\"{base:.0}\">{1}</text>\
                 <rect class=\"track\" x=\"{left:.0}\" y=\"{2:.0}\" width=\"{BAR}\" height=\"12\"/>\
                 <rect class=\"fill\" x=\"{left:.0}\" y=\"{2:.0}\" width=\"{width:.1}\" height=\"12\"/>",
                column[bar.cells.len()],
                escape(&bar.name),
                top + 7.0
            );
            if let Some([low, high]) = bar.interval {
                let _ = write!(
                    body,
                    "<rect class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"1.5\"/>",
                    left + BAR * low,
                    top + 12.2,
                    BAR * (high - low)
                );
            }
            for tick in &bar.ticks {
                let _ = write!(
                    body,
                    "<rect class=\"tick\" x=\"{:.1}\" y=\"{:.0}\" width=\"2\" height=\"12\"/>",
                    left + BAR * tick.clamp(0.0, 1.0) - 1.0,
                    top + 7.0
                );
            }
            let value = percent(bar.share);
            for (index, cell) in [&value].into_iter().chain(&bar.cells).enumerate() {
                let _ = write!(
                    body,
                    "<text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{}</text>",
                    column[index],
                    escape(cell)
                );
            }
            body.push('\n');
            top += ROW;
        }
        let width = column[column.len() - 1] + PADDING;
        let rows = self.rows.iter();
        let said = rows.map(|bar| format!("{} {:.0} %", bar.name, 100.0 * bar.share));
        let said = said.collect::<Vec<_>>().join(", ");
        let description = format!("{}: {said}", self.title);
        picture(self.title, &description, width, top + PADDING / 2.0, &body)
    }
}

/// A cell of a table in percent, darker for more; `is_own` frames it.
pub fn heat(share: f64, is_own: bool) -> String {
    let own = if is_own { " own" } else { "" };
    let dark = if share > 0.7 { " dark" } else { "" };
    format!(
        "<td class=\"heat{own}{dark}\" style=\"--share:{share:.2}\">{:.0}</td>",
        100.0 * share
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
        let plot = Plot {
            title: "Title",
            description: "rises",
            x: axis("x", false),
            y: axis("y", true),
            lines: vec![line],
        };
        let figure = plot.html();
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
        let picture = plot.picture();
        assert!(picture.starts_with("<svg xmlns="), "{picture}");
        for drawn in ["points=\"48.0,226.0 396.0,12.0\"", ">Title<", "a &lt; b"] {
            assert!(picture.contains(drawn), "{drawn}: {picture}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_and_its_ticks_stay_on_it() {
        let bar = Bar {
            name: "sad".into(),
            share: 0.294,
            interval: Some([0.2, 0.4]),
            ticks: vec![1.3],
            cells: vec!["192".into()],
        };
        let bars = Bars {
            title: "Recall",
            note: "",
            headers: &["emotion", "recall", "clips"],
            rows: vec![bar],
        };
        let html = bars.html();
        assert!(html.contains("class=\"fill\" width=\"29.4\""), "{html}");
        assert!(html.contains("x=\"100.0\""), "{html}");
        assert!(
            html.contains("x=\"20.0\" y=\"4.4\" width=\"20.0\""),
            "{html}"
        );
        assert!(html.contains("<td>29.4 %</td><td>192</td>"), "{html}");
        let picture = bars.picture();
        for drawn in ["width=\"58.8\"", ">29.4 %<", ">192<", "Recall: sad 29 %"] {
            assert!(picture.contains(drawn), "{drawn}: {picture}");
        }
    }
}
