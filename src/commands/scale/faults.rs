//! Faults of a scale, shown at their place in the file.

use std::{fmt, io::IsTerminal as _, ops::Range, sync::Arc};

use merits_text::display::check_document;
use miette::{
    Diagnostic, LabeledSpan, MietteHandler, MietteHandlerOpts, NamedSource, ReportHandler as _,
    SourceCode,
};
use thiserror::Error;

use crate::screen::coloured;

/// A scale that is refused, with all its faults.
#[derive(Debug, Error)]
#[error("{path}: {} in this scale", count(.faults.len()))]
pub(super) struct Faulty {
    path: String,
    faults: Vec<Fault>,
}

/// What is wrong, where, and what to do.
#[derive(Debug)]
pub(super) struct Place {
    /// Bytes of the file; `None` if the fault has no place, such as a missing key.
    pub(super) span: Option<Range<usize>>,
    /// The name of the kind of fault, to look it up by.
    pub(super) code: Option<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do; may be empty.
    pub(super) help: String,
}

/// One fault with the file that it is in.
#[derive(Debug, Error)]
#[error("{}", .place.message)]
struct Fault {
    place: Place,
    file: Arc<NamedSource<String>>,
}

impl Faulty {
    /// Faults of the file at `path` with this text.
    pub(super) fn new(path: &str, text: &str, places: Vec<Place>) -> Self {
        let file = Arc::new(NamedSource::new(path, text.to_owned()));
        let faults = places.into_iter().map(|mut place| {
            // For a span past the end, a complaint about the span would be shown instead of the
            // message.
            place.span = place.span.filter(|span| span.end <= text.len());
            Fault {
                place,
                file: Arc::clone(&file),
            }
        });
        Self {
            path: path.to_owned(),
            faults: faults.collect(),
        }
    }

    /// Prints all of them.
    pub(super) fn show(&self) {
        eprintln!("error: {self}");
        // Colours are escape sequences, so they are used only if the file has none itself.
        let shown = |text: &str| check_document(text).is_ok();
        let safe = shown(&self.path)
            && self.faults.iter().all(|fault| {
                let Place { message, help, .. } = &fault.place;
                shown(message) && shown(help) && shown(fault.file.inner())
            });
        let handler = handler(safe);
        let (in_full, others) = self.faults.split_at(self.faults.len().min(IN_FULL));
        for fault in in_full {
            let text = Shown(&handler, fault).to_string();
            coloured(&format!("\n{}", text.trim_end()), safe);
        }
        if !others.is_empty() {
            eprintln!("\nand {} more, without their lines:", others.len());
        }
        for fault in others {
            eprintln!("{}: {fault}", fault.at(&self.path));
        }
    }
}

/// With colours and lines for a terminal; without them for a file or a program.
fn handler(safe: bool) -> MietteHandler {
    let terminal = std::io::stderr().is_terminal();
    let colours = safe && terminal && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let look = MietteHandlerOpts::new()
        .force_graphical(true)
        .terminal_links(false)
        .color(colours)
        .unicode(terminal)
        .context_lines(1);
    // A file has no width.
    let look = if terminal { look } else { look.width(WIDTH) };
    look.build()
}

struct Shown<'a>(&'a MietteHandler, &'a Fault);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1, f)
    }
}

impl Fault {
    /// Where it is, as `FILE:LINE:COLUMN`.
    fn at(&self, path: &str) -> String {
        let span = self.place.span.as_ref();
        let before = span.and_then(|span| self.file.inner().get(..span.start));
        before.map_or_else(
            || path.to_owned(),
            |before| {
                let line = before.matches('\n').count() + 1;
                let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                format!("{path}:{line}:{column}")
            },
        )
    }
}

impl Diagnostic for Fault {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let code = self.place.code.as_ref()?;
        Some(Box::new(format!("scale::{code}")))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.place.help.is_empty()).then(|| Box::new(&self.place.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.span.as_ref()?;
        Some(self.file.as_ref())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.place.span.clone()?;
        let label = LabeledSpan::new_primary_with_span(None, span);
        Some(Box::new(std::iter::once(label)))
    }
}

fn count(faults: usize) -> String {
    match faults {
        1 => "one fault".to_owned(),
        more => format!("{more} faults"),
    }
}

const WIDTH: usize = 100;

/// Faults that are shown with their line and what to do. A line may hold hundreds of faults, and would be shown
/// as often.
const IN_FULL: usize = 20;
