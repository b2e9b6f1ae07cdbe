//! Failures of a connection in words: what happened, and what to do.
//!
//! "Connection refused (os error 111)" and "http2 error: connection error detected: frame with invalid
//! size" are for programmers. Callers add who was asked, and where.

use std::{error::Error, io};

/// A failure of a connection or a socket, by its causes. The result is a sentence without a full stop.
pub fn transport_words(error: &(dyn Error + 'static)) -> String {
    let mut chain = vec![error];
    let mut outer = error;
    while let Some(cause) = outer.source() {
        chain.push(cause);
        outer = cause;
    }
    let known = chain.iter().rev().find_map(|error| {
        let system = error.downcast_ref::<io::Error>()?;
        merits_guard::explain::connection(system.kind())
    });
    let said: Vec<String> = chain.iter().map(ToString::to_string).collect();
    if let Some(words) = known.or_else(|| of_the_protocol(&said.join(": "))) {
        return words.to_owned();
    }
    // The outer ones only say that the transport failed.
    let innermost = said.last().map_or("", String::as_str);
    without_number(&merits_text::display::document(innermost)).to_owned()
}

/// Matches error texts, because the transport's libraries have no error types for these cases.
fn of_the_protocol(said: &str) -> Option<&'static str> {
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if says(&["Too many open files"]) {
        return Some("too many files are open: raise the limit (ulimit -n), or end other programs");
    }
    if says(&["lookup address", "dns error"]) {
        return Some(
            "no machine of this name is known: correct the address, or see this machine's name service",
        );
    }
    if says(&[
        "keep-alive timed out",
        "deadline has elapsed",
        "Timeout expired",
    ]) {
        return Some(
            "no answer came in time: see that the server runs, that no firewall is in between, and that no other \
             program has this port",
        );
    }
    if says(&[
        "error detected",
        "frame with invalid size",
        "grpc-status header missing",
        "invalid compression flag",
    ]) {
        return Some(
            "what answers there does not speak gRPC: another program has this port. Correct the address, or end \
             that program",
        );
    }
    if says(&[
        "connection closed",
        "channel closed",
        "connection error received",
        "stream error received",
        "operation was canceled",
    ]) {
        return Some(
            "the connection was ended: the server stopped, something in between cut it, it speaks TLS and the \
             address does not say https, it has all the connections that it takes from this machine's address, \
             or another program has this port",
        );
    }
    None
}

/// Without the system's number, such as "(os error 5)".
fn without_number(said: &str) -> &str {
    said.split_once(" (os error")
        .map_or(said, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_system_error_shows_its_number() {
        for number in 1..=133 {
            let error = io::Error::from_raw_os_error(number);
            let said = transport_words(&error);
            assert!(
                !said.contains("os error") && !said.is_empty(),
                "{number}: {said}"
            );
        }
        // ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ECONNRESET, EMFILE.
        for (number, says) in [
            (111, "nothing listens there"),
            (110, "no answer came in time"),
            (113, "no network leads there"),
            (
                104,
                "all the connections that it takes from this machine's address",
            ),
            (24, "ulimit -n"),
        ] {
            let said = transport_words(&io::Error::from_raw_os_error(number));
            assert!(said.contains(says), "{said}");
        }
    }

    /// Regression: "http2 error: connection error detected: frame with invalid size" of another program's port.
    #[test]
    fn what_libraries_say_is_told_in_words() {
        for (library, says) in [
            (
                "http2 error: connection error detected: frame with invalid size",
                "another program has this port",
            ),
            (
                "grpc-status header missing, mapped from HTTP status code 404",
                "does not speak gRPC",
            ),
            ("keep-alive timed out", "no answer came in time"),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                "no machine of this name",
            ),
            (
                "connection closed before message completed",
                "the connection was ended",
            ),
        ] {
            let said = transport_words(&io::Error::other(library));
            assert!(said.contains(says) && said.contains(": "), "{said}");
            assert!(!said.contains(library), "{said}");
        }
        assert_eq!(
            transport_words(&io::Error::other("out of order \u{1b}[2J (os error 5)")),
            "out of order \\u{1b}[2J"
        );
    }
}
