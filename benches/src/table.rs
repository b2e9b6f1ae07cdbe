//! The table, on the screen and as markdown.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table as Screen, presets::UTF8_BORDERS_ONLY};

use super::sampling::{Samples, ms};

/// Sections of rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    sections: Vec<(String, Vec<Row>)>,
}

#[derive(Debug)]
struct Row {
    what: String,
    value: String,
    range: String,
    bar: String,
}

impl Table {
    /// Starts a section; rows go to the last one.
    pub(super) fn section(&mut self, title: &str) {
        self.sections.push((title.to_owned(), Vec::new()));
    }

    /// A figure or fact.
    pub(super) fn fact(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.row(what, value, "", "");
    }

    /// A time: median and range.
    pub(super) fn time(&mut self, what: impl Into<String>, samples: &Samples) {
        self.row(what, ms(samples.median()), samples.range(), "");
    }

    /// A time with a limit in milliseconds.
    pub(super) fn time_within(&mut self, what: impl Into<String>, samples: &Samples, bar: f64) {
        let time = samples.median();
        let mut text = verdict(time, bar, &ms(bar));
        // Wall-clock time counts. But if other processes hold the cores, it measures them instead.
        if time > bar && samples.processor().is_some_and(|own| own <= bar) {
            text += " on the wall, met in processor time";
        }
        self.row(what, ms(time), samples.range(), text);
    }

    /// A share with a limit.
    pub(super) fn share_within(&mut self, what: impl Into<String>, share: f64, bar: f64) {
        let text = verdict(share, bar, &percent(bar));
        self.row(what, percent(share), "", text);
    }

    /// A row as it is.
    pub(super) fn row(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        range: impl Into<String>,
        bar: impl Into<String>,
    ) {
        if self.sections.is_empty() {
            self.section("");
        }
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(Row {
                what: what.into(),
                value: value.into(),
                range: range.into(),
                bar: bar.into(),
            });
        }
    }

    /// For the screen.
    pub(super) fn screen(&self) -> String {
        let mut table = Screen::new();
        table.load_style(UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH);
        table.set_header(HEADER);
        for (title, rows) in &self.sections {
            table.add_row([
                title.to_uppercase(),
                String::new(),
                String::new(),
                String::new(),
            ]);
            for row in rows {
                let what = format!("  {}", row.what);
                table.add_row([&what, &row.value, &row.range, &row.bar]);
            }
        }
        table.to_string()
    }

    /// For a page of the book.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|---|---|---|---|\n", HEADER.join(" | "));
        // A `|` ends a cell, so a cell must not contain one.
        let cell = |text: &str| text.replace('|', "/");
        for (title, rows) in &self.sections {
            let _ = writeln!(text, "| **{}** | | | |", cell(title));
            for row in rows {
                let cells = [&row.what, &row.value, &row.range, &row.bar].map(|text| cell(text));
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        text
    }
}

/// A share, formatted for people.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The verdict on a figure with a target.
pub(super) fn verdict(value: f64, bar: f64, text: &str) -> String {
    let met = if value <= bar { "met" } else { "MISSED" };
    format!("at most {text}: {met}")
}

const WIDTH: u16 = 140;
/// How every table begins.
pub(super) const BEGINS: &[u8] =
    b"| what | median | range | bar, or compare |\n|---|---|---|---|\n";

const HEADER: [&str; 4] = ["what", "median", "range", "bar, or compare"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_has_a_line_a_row_and_names_what_misses_its_bar() {
        let mut table = Table::default();
        table.section("a | b");
        table.share_within("good", 0.1, 0.15);
        table.share_within("bad", 0.2, 0.15);
        let text = table.markdown();
        assert!(text.as_bytes().starts_with(BEGINS));
        assert_eq!(text.lines().count(), 5);
        assert!(text.contains("| **a / b** | | | |"));
        assert!(text.contains("| good | 10.0 % |  | at most 15.0 %: met |"));
        assert!(text.contains("| bad | 20.0 % |  | at most 15.0 %: MISSED |"));
    }
}
