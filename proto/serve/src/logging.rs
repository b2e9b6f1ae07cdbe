//! A process's log, written to stderr at a limited rate.
//!
//! A caller that can make a server log a line could make it fill a disk. So each place in the
//! source writes at most [`LINES_A_MINUTE`] lines a minute. Omitted lines are counted, and the
//! count is written when the minute is over. Levels below `info` are for debugging and are not
//! limited.
//!
//! Lines may contain text from peers and files. Characters that are not allowed on a screen, and
//! line breaks, are escaped ([`merits_text::display`]), so nobody can forge a line or send commands
//! to the terminal.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use merits_text::display::Line;
use tracing::{Event, Level, Metadata, Subscriber, callsite::Identifier, field::Field};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    field::MakeExt as _,
    fmt::format::{Writer, debug_fn},
    layer::{Context, Filter, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Lines that one place in the source writes in a minute.
pub const LINES_A_MINUTE: u32 = 30;

const MINUTE: Duration = Duration::from_secs(60);

/// Logs events that pass `filter` to stderr, at the limited rate, for the rest of the process's
/// life.
pub fn start(filter: EnvFilter, ansi: bool) {
    let sampling = Sampling::new();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // It would report a failure on the same stream, by a panic.
        .log_internal_errors(false)
        .with_ansi(ansi)
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .with_filter(sampling.clone());
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    let report = move || {
        loop {
            std::thread::sleep(MINUTE / 6);
            sampling.report(Instant::now());
        }
    };
    // Without it, lines are still omitted, but not counted.
    if let Err(error) = std::thread::Builder::new().name("log".into()).spawn(report) {
        tracing::warn!(%error, "lines that are omitted from this log are not counted in it");
    }
}

/// A field of a line, with characters escaped that are not allowed on a screen.
fn write_field(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = format!("{value:?}");
    match field.name() {
        "message" => write!(out, "{}", Line(&value)),
        name => write!(out, "{name}={}", Line(&value)),
    }
}

/// Passes this many lines a minute from each place in the source. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Sampling(Arc<Mutex<HashMap<Identifier, Place>>>);

#[derive(Debug)]
struct Place {
    metadata: &'static Metadata<'static>,
    since: Instant,
    written: u32,
    left_out: u64,
}

impl Sampling {
    /// A filter that has not passed any line yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Identifier, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passes(&self, metadata: &'static Metadata<'static>, now: Instant) -> bool {
        if *metadata.level() > Level::INFO || metadata.target() == REPORT {
            return true;
        }
        let mut places = self.places();
        let place = places.entry(metadata.callsite()).or_insert(Place {
            metadata,
            since: now,
            written: 0,
            left_out: 0,
        });
        if now.saturating_duration_since(place.since) >= MINUTE && place.left_out == 0 {
            (place.since, place.written) = (now, 0);
        }
        if place.written < LINES_A_MINUTE {
            place.written += 1;
            return true;
        }
        place.left_out += 1;
        false
    }

    /// Writes how many lines were omitted, for places whose minute is over.
    pub fn report(&self, now: Instant) {
        let mut over = Vec::new();
        for place in self.places().values_mut() {
            if place.left_out > 0 && now.saturating_duration_since(place.since) >= MINUTE {
                over.push((place.metadata, place.left_out));
                (place.since, place.written, place.left_out) = (now, 0, 0);
            }
        }
        // Not under the lock, which the subscriber takes for this line.
        for (metadata, left_out) in over {
            let (file, line) = (metadata.file().unwrap_or(""), metadata.line().unwrap_or(0));
            tracing::warn!(target: REPORT, left_out, at = %format_args!("{file}:{line}"), "lines like the last ones from there were omitted");
        }
    }
}

/// Target of the lines that report how many were omitted.
const REPORT: &str = "merits_serve::logging";

impl<S: Subscriber> Filter<S> for Sampling {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.passes(event.metadata(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn ten_thousand_lines_are_thirty_and_a_number() {
        let log = Log::default();
        let sampling = Sampling::new();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(sampling.clone());
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..10_000 {
                tracing::warn!(number, "refused");
            }
            tracing::warn!("another place has its own count");
            sampling.report(Instant::now());
            sampling.report(Instant::now() + MINUTE);
            tracing::debug!("not limited");
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let refused = text.lines().filter(|line| line.contains("refused")).count();
        assert_eq!(refused, LINES_A_MINUTE as usize);
        assert!(text.contains("another place"));
        assert!(text.contains("left_out=9970"), "{text}");
        assert!(text.contains("logging.rs:"), "{text}");
        assert_eq!(text.lines().count(), LINES_A_MINUTE as usize + 3, "{text}");
    }

    #[test]
    fn what_a_peer_says_stays_in_its_line_and_commands_no_terminal() {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .fmt_fields(debug_fn(write_field).delimited(" "));
        let subscriber = tracing_subscriber::registry().with(lines);
        let said = "full\u{1b}[2J\u{202e}\n2026-01-01T00:00:00Z  INFO all is well";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(error = %said, quoted = said, number = 5, "the peer \u{7} said {said}");
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.trim_end()
                .chars()
                .all(|c| !c.is_control() && c != '\u{202e}'),
            "{text:?}"
        );
        for part in [
            "the peer \\u{7} said full\\u{1b}[2J",
            "error=full\\u{1b}[2J\\u{202e}\\n2026",
            "number=5",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
