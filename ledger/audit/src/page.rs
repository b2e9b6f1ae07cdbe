//! A report as JSON, and for people: as plain text, and as one HTML file that needs nothing else.

use std::fmt::{self, Write as _};

use crate::{
    books::Book,
    report::Finding,
    whole::{AuditReport, Counts},
};

/// What an audit cannot show, said in every report.
const LIMITS: &str = "An audit shows that the entries of this copy follow the ledger's rules, and that what is stored \
    follows from the entries. It does not show that the deeds happened, nor that others were shown the same log: for \
    that, demand witnesses' cosignatures.";

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in facts(self) {
            writeln!(f, "{name:<22}{value}")?;
        }
        for book in &self.books {
            writeln!(f, "{:<22}{}", "books", sentence(book))?;
        }
        for finding in &self.findings.kept {
            writeln!(f, "FOUND by {}: {finding}", finding.check)?;
        }
        if self.findings.more > 0 {
            writeln!(f, "and {} more", self.findings.more)?;
        }
        f.write_str(&verdict(self))
    }
}

/// The report as JSON.
///
/// # Errors
/// Never in practice: a report has text keys only.
pub fn json(report: &AuditReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

/// The report as a page: one file, without scripts and without anything from elsewhere.
pub fn html(report: &AuditReport) -> String {
    let mut out = String::new();
    // Writing to a text does not fail.
    let _ = write_page(&mut out, report);
    out
}

fn write_page(out: &mut String, report: &AuditReport) -> fmt::Result {
    let title = format!("Audit of {}", report.origin);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
    )?;
    writeln!(
        out,
        "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        escaped(&title)
    )?;
    let class = if report.is_clean() { "clean" } else { "found" };
    writeln!(out, "<h1>{}</h1>", escaped(&title))?;
    writeln!(
        out,
        "<p class=\"{class}\">{}</p>",
        escaped(&verdict(report))
    )?;
    if !report.is_clean() {
        writeln!(out, "<h2>What was found</h2>")?;
        head(out, &["check", "leaf", "entry", "what is wrong"])?;
        for finding in &report.findings.kept {
            row(out, &cells(finding))?;
        }
        writeln!(out, "</tbody></table>")?;
        if report.findings.more > 0 {
            writeln!(out, "<p>And {} more.</p>", report.findings.more)?;
        }
    }
    writeln!(out, "<h2>What was checked</h2>")?;
    head(out, &["what", "value"])?;
    for (name, value) in facts(report) {
        row(out, &[name.to_owned(), value])?;
    }
    writeln!(out, "</tbody></table>")?;
    if !report.books.is_empty() {
        writeln!(out, "<h2>The books</h2>")?;
        let columns = [
            "scale",
            "good until before",
            "issued in opened totals",
            "not yet opened, at most",
            "redeemed",
            "outstanding",
        ];
        head(out, &columns)?;
        for book in &report.books {
            row(out, &columns_of(book))?;
        }
        writeln!(out, "</tbody></table>")?;
    }
    writeln!(out, "<p>{}</p>\n</body>\n</html>", escaped(LIMITS))
}

fn head(out: &mut String, columns: &[&str]) -> fmt::Result {
    write!(out, "<table><thead><tr>")?;
    for column in columns {
        write!(out, "<th>{}</th>", escaped(column))?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

fn row(out: &mut String, cells: &[String]) -> fmt::Result {
    write!(out, "<tr>")?;
    for cell in cells {
        write!(out, "<td>{}</td>", escaped(cell))?;
    }
    writeln!(out, "</tr>")
}

fn cells(finding: &Finding) -> [String; 4] {
    let or_none = |shown: Option<String>| shown.unwrap_or_else(|| "none".to_owned());
    [
        finding.check.to_owned(),
        or_none(finding.leaf.map(|leaf| leaf.to_string())),
        or_none(finding.entry.map(|entry| entry.to_string())),
        finding.what.clone(),
    ]
}

/// What was checked, by name.
fn facts(report: &AuditReport) -> Vec<(&'static str, String)> {
    let Counts {
        verified_before,
        verified_leaves,
        verified_proofs,
        nodes,
        blobs,
        used,
        rows,
    } = report.counts;
    let state = report.state.as_deref();
    let state = state.unwrap_or("not known, because a leaf is at fault or missing");
    let cosigned = match report.cosigned {
        true => "demanded of the checkpoint",
        false => "not demanded: the log's own word was enough",
    };
    vec![
        ("log", report.origin.clone()),
        ("log key", report.log_key.clone()),
        ("cosignatures", cosigned.to_owned()),
        ("leaves", report.leaves.to_string()),
        ("root", report.root.clone()),
        ("state", state.to_owned()),
        (
            "verified now",
            format!("{verified_leaves} leaves, {verified_proofs} proofs"),
        ),
        ("verified earlier", format!("{verified_before} leaves")),
        (
            "compared",
            format!(
                "{nodes} tree nodes, {blobs} blobs, {used} used values, {rows} rows of the state"
            ),
        ),
    ]
}

fn sentence(book: &Book) -> String {
    let [scale, until, issued, unopened, redeemed, outstanding] = columns_of(book);
    format!(
        "{scale}, good until before {until}: {issued} issued in opened totals, at most {unopened} not yet opened, \
         {redeemed} redeemed, {outstanding} outstanding"
    )
}

fn columns_of(book: &Book) -> [String; 6] {
    let outstanding = match book.outstanding {
        None => "less than nothing".to_owned(),
        Some(left) if left.least == left.most => left.least.to_string(),
        Some(left) => format!("{} to {}", left.least, left.most),
    };
    [
        book.scale.clone(),
        book.good_until_before.clone(),
        book.issued.to_string(),
        book.unopened_worst.to_string(),
        book.redeemed.to_string(),
        outstanding,
    ]
}

fn verdict(report: &AuditReport) -> String {
    let count = report.findings.kept.len() as u64 + report.findings.more;
    match count {
        0 => "Clean: nothing is wrong.".to_owned(),
        1 => "1 finding. Trust nothing after the leaf that it names, and show it to the other parties.".to_owned(),
        _ => format!(
            "{count} findings. Trust nothing after the first leaf that they name, and show them to the other parties."
        ),
    }
}

/// A text for HTML. Characters that control how others are shown become a replacement.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                out.push('\u{fffd}');
            }
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

const STYLE: &str = "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.3em .5em;text-align:left;\
    vertical-align:top;overflow-wrap:anywhere}.clean{background:#dfd;padding:.6em}.found{background:#fdd;padding:.6em}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Findings;

    fn report() -> AuditReport {
        AuditReport {
            origin: "ledger.example/merits".to_owned(),
            log_key: "key".to_owned(),
            cosigned: false,
            leaves: 7,
            root: "00".to_owned(),
            state: None,
            counts: Counts::default(),
            books: Vec::new(),
            findings: Findings::default(),
        }
    }

    #[test]
    fn a_page_is_one_file_and_runs_nothing() {
        let mut report = report();
        assert!(html(&report).contains("Clean: nothing is wrong."));
        assert!(report.to_string().ends_with("Clean: nothing is wrong."));
        let what = "<script>alert('x')</script>\u{202e}".to_owned();
        report.findings.push(Finding::of_log("rules", what));
        let page = html(&report);
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}"),
            "{page}"
        );
        assert!(page.contains("1 finding"), "{page}");
        for outside in ["<script", "http:", "https:", "src=", "href="] {
            assert!(!page.contains(outside), "{outside}: {page}");
        }
    }
}
