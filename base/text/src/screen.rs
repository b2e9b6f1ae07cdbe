//! The output that people read: steps, facts, progress, errors.
//!
//! Much of it comes from elsewhere: titles, names, reasons, files' contents, a server's messages. So this
//! crate has its own `println!` and related macros. They escape characters that are not allowed on a screen
//! ([`crate::display`]), and mark lines that came with a value ([`Printed`]). So a title cannot reverse the
//! line, a reason cannot send commands to the terminal, and a file's name cannot forge a line. A program
//! imports all of them by `#[macro_use] extern crate merits_text`, which hides std's, so that none is used by
//! mistake. Text that the program itself colours goes through [`coloured`]. None of the macros ends the
//! program when it cannot write ([`output`]).

/// Like std's, but escapes characters that are not allowed on a screen, and marks lines that came
/// with a value.
#[macro_export]
macro_rules! println {
    () => { $crate::screen::output::out(::std::format_args!("\n")) };
    ($format:literal $($values:tt)*) => {
        $crate::screen::output::out(::std::format_args!("{}\n", $crate::screen::Printed::new($format, ::std::format!($format $($values)*))))
    };
}

/// Like std's, but escapes characters that are not allowed on a screen, and marks lines that came
/// with a value.
#[macro_export]
macro_rules! print {
    ($format:literal $($values:tt)*) => {
        $crate::screen::output::out(::std::format_args!("{}", $crate::screen::Printed::new($format, ::std::format!($format $($values)*))))
    };
}

/// Like std's, but escapes characters that are not allowed on a screen, and marks lines that came
/// with a value.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::screen::output::err(::std::format_args!("\n")) };
    ($format:literal $($values:tt)*) => {
        $crate::screen::output::err(::std::format_args!("{}\n", $crate::screen::Printed::new($format, ::std::format!($format $($values)*))))
    };
}

pub mod output;

use std::{borrow::Cow, fmt, process::ExitCode, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use self::output::Unprinted;
use crate::display::Document;

/// The text that is printed for a format with its values filled in.
///
/// A file's name or a peer's reason may contain a line break, and the text after it would look like
/// a line of ours: `REFUSED x` and then `zoe: linked`. So if a value contains line breaks, every
/// line but the first begins with [`SET_OFF`]. A format that is only one value prints a text of the
/// program itself: a table, a report.
#[derive(Debug)]
pub struct Printed {
    text: String,
    set_off: bool,
}

/// The prefix of a line that came with a value.
pub const SET_OFF: &str = "  | ";

impl Printed {
    /// From the format and the formatted text.
    pub fn new(format: &str, text: String) -> Self {
        let breaks = |text: &str| text.matches('\n').count();
        let set_off = breaks(&text) > breaks(format) && !is_one_value(format);
        Self { text, set_off }
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.set_off {
            return write!(f, "{}", Document(&self.text));
        }
        for (number, line) in self.text.split('\n').enumerate() {
            if number > 0 {
                write!(f, "\n{SET_OFF}")?;
            }
            write!(f, "{}", Document(line))?;
        }
        Ok(())
    }
}

/// A format such as `{table}`, with or without line breaks around it.
fn is_one_value(format: &str) -> bool {
    let name = format
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.contains(['{', '}']))
}

/// The note that every output shows with credits of a scale whose sources cannot link people.
pub const VOUCHED: &str = "the distributor vouches whose records these are";

/// A step's heading.
pub fn step(number: usize, title: &str) {
    println!("\n{number}. {title}");
}

/// A sentence about what a party did and saw, wrapped under its step.
pub fn say(text: &str) {
    for line in wrap(text, WIDTH - INDENT) {
        println!("{:INDENT$}{line}", "");
    }
}

/// The same, one step deeper, for details of the line above.
pub fn indented(text: &str) {
    for line in wrap(text, WIDTH - 2 * INDENT) {
        println!("{:1$}{line}", "", 2 * INDENT);
    }
}

/// A bar for work of known length. It is not drawn when the output is not a terminal.
pub fn progress(total: u64, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what);
    // The template is ours.
    if let Ok(style) =
        ProgressStyle::with_template("   {msg} [{bar:40}] {pos}/{len} {elapsed} (left: {eta})")
    {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A spinner for work of unknown length.
pub fn working(what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("   {spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Flushes standard output, and returns `code`, or a failure code if output was lost. Call it last.
pub fn end(code: ExitCode) -> ExitCode {
    match output::finish() {
        // As a shell counts a process that SIGPIPE ended.
        Err(Unprinted::ReaderGone) if code == ExitCode::SUCCESS => ExitCode::from(141),
        Ok(()) | Err(Unprinted::ReaderGone) => code,
        Err(unprinted) => {
            eprintln!("error: {unprinted}");
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each on its line.
pub fn failure(error: &anyhow::Error) {
    eprintln!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = in_words(cause);
        // Many of our errors already end in their cause.
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
        }
        said = cause;
    }
}

/// A cause; one of the system in words, without its number.
fn in_words(cause: &(dyn std::error::Error + 'static)) -> String {
    let number = cause
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::raw_os_error);
    match number {
        Some(number) => {
            let system = std::io::Error::from_raw_os_error(number);
            merits_guard::explain::reading(system).to_string()
        }
        None => cause.to_string(),
    }
}

/// A text with our colours, on stderr. `safe` states that nothing else in it needs to be escaped.
pub fn coloured(text: &str, safe: bool) {
    if safe {
        output::err(format_args!("{text}\n"));
    } else {
        eprintln!("{text}");
    }
}

/// A duration as people read it.
pub fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// 1234567 as 1,234,567.
pub fn thousands(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 supervisor`, `2 supervisors`, `2 log witnesses`: `one` is the noun of one.
pub fn counted(number: impl Into<u128>, one: &str) -> String {
    let number = number.into();
    let end = match number {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{end}", thousands(number))
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        // There is always a last line.
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

const WIDTH: usize = 96;
const INDENT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0u32), "0");
        assert_eq!(thousands(999u32), "999");
        assert_eq!(thousands(65_798u64), "65,798");
        assert_eq!(thousands(1_234_567u128), "1,234,567");
    }

    #[test]
    fn one_thing_is_not_many() {
        assert_eq!(counted(0u32, "supervisor"), "0 supervisors");
        assert_eq!(counted(1u32, "log witness"), "1 log witness");
        assert_eq!(counted(2u32, "log witness"), "2 log witnesses");
        assert_eq!(counted(1_000u64, "claim"), "1,000 claims");
    }

    /// Regression: a line break in a file's name made a line that looked like one of ours.
    #[test]
    fn a_value_forges_no_line() {
        let printed = |format: &str, text: &str| Printed::new(format, text.to_owned()).to_string();
        assert_eq!(
            printed("REFUSED {}: {fault}", "REFUSED x\nzoe: linked: no link"),
            "REFUSED x\n  | zoe: linked: no link"
        );
        // In this format our lines and those of a value cannot be distinguished, so all are marked.
        assert_eq!(
            printed("\n{number}. {title}", "\n1. a\nb"),
            "\n  | 1. a\n  | b"
        );
        assert_eq!(printed("\n{number}. {title}", "\n1. a"), "\n1. a");
        assert_eq!(printed("\n{table}\n", "\na\nb\n"), "\na\nb\n");
        assert_eq!(printed("{}: {}", "a\u{1b}: \nb"), "a\\u{1b}: \n  | b");
    }

    #[test]
    fn text_wraps_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
