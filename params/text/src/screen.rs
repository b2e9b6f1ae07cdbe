//! What people read: steps, facts, progress, errors.
//!
//! Much of it comes from elsewhere: titles, names, reasons, files' contents, what a server said. So
//! this crate has `println!` and the like of its own, which escape what has no place on a screen
//! ([`crate::shown`]): a title cannot turn the line around, and a reason cannot speak to the
//! terminal. A program takes them all by `#[macro_use] extern crate merits_text`, which hides std's,
//! so that none can be forgotten. What the program itself colours goes through [`coloured`].

/// std's, with what has no place on a screen escaped.
#[macro_export]
macro_rules! println {
    () => { ::std::println!() };
    ($($text:tt)*) => {
        ::std::println!("{}", $crate::shown::Document(&::std::format!($($text)*)))
    };
}

/// std's, with what has no place on a screen escaped.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => {
        ::std::print!("{}", $crate::shown::Document(&::std::format!($($text)*)))
    };
}

/// std's, with what has no place on a screen escaped.
#[macro_export]
macro_rules! eprintln {
    () => { ::std::eprintln!() };
    ($($text:tt)*) => {
        ::std::eprintln!("{}", $crate::shown::Document(&::std::format!($($text)*)))
    };
}

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// What every output says of credits of a scale whose sources cannot link people.
pub const VOUCHED: &str = "the distributor vouches whose records these are";

/// A step's heading.
pub fn step(number: usize, title: &str) {
    println!("\n{number}. {title}");
}

/// A sentence about who did what and who saw what, wrapped under its step.
pub fn say(text: &str) {
    for line in wrap(text, WIDTH - INDENT) {
        println!("{:INDENT$}{line}", "");
    }
}

/// The same, one step deeper: what belongs to the line above.
pub fn indented(text: &str) {
    for line in wrap(text, WIDTH - 2 * INDENT) {
        println!("{:1$}{line}", "", 2 * INDENT);
    }
}

/// A bar for work of known length. Not drawn when the output is no terminal.
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

/// An error with its causes, each on its line.
pub fn failure(error: &anyhow::Error) {
    eprintln!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many of our errors end in their cause already.
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
        }
        said = cause;
    }
}

/// A text with colours of ours, on stderr. `safe` says that nothing else in it needs an escape.
pub fn coloured(text: &str, safe: bool) {
    if safe {
        std::eprintln!("{text}");
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
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
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
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(65_798), "65,798");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn text_wraps_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
