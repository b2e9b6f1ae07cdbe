//! Physical lines of bounded length, with their numbers, and the way back for lines read too far.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use crate::limits;

/// One physical line, without its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    /// The line was longer than [`limits::ROW_BYTES`]; `bytes` holds its beginning.
    pub(crate) cut: bool,
}

/// Lines of an input. LF and CRLF end a line; a UTF-8 byte order mark is dropped.
pub(crate) struct Lines<R> {
    input: R,
    returned: VecDeque<Line>,
    last: u64,
    any_feed: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            returned: VecDeque::new(),
            last: 0,
            any_feed: false,
        }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.returned.pop_front() {
            return Ok(Some(line));
        }
        let Some((mut bytes, cut)) = self.read_line()? else {
            return Ok(None);
        };
        self.last += 1;
        if self.last == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if bytes.last() == Some(&b'\r') && !cut {
            bytes.pop();
        }
        Ok(Some(Line {
            number: self.last,
            bytes,
            cut,
        }))
    }

    /// Whether LF ended a line that was read, within the limit of a line.
    pub(crate) fn any_feed(&self) -> bool {
        self.any_feed
    }

    /// Gives lines back, to be read again in this order.
    pub(crate) fn give_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.returned.push_front(line);
        }
    }

    /// Bytes up to the line feed, and whether they were cut; `None` at the end of the input.
    fn read_line(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut bytes = Vec::new();
        let mut cut = false;
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                return Ok(any.then_some((bytes, cut)));
            }
            any = true;
            let end = available.iter().position(|&b| b == b'\n');
            let taken = end.unwrap_or(available.len());
            let room = limits::ROW_BYTES - bytes.len();
            bytes.extend_from_slice(&available[..taken.min(room)]);
            cut |= taken > room;
            self.input.consume(end.map_or(taken, |at| at + 1));
            if end.is_some() {
                self.any_feed |= !cut;
                return Ok(Some((bytes, cut)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<(u64, Vec<u8>, bool)> {
        // A small buffer, so that lines span several fills.
        let mut lines = Lines::new(io::BufReader::with_capacity(3, input));
        let mut out = Vec::new();
        while let Some(line) = lines.next().expect("memory does not fail") {
            out.push((line.number, line.bytes, line.cut));
        }
        out
    }

    #[test]
    fn line_ends_and_byte_order_mark() {
        let got = all(b"\xef\xbb\xbfa,b\r\n\r\nc\n\xef\xbb\xbfd");
        let want: Vec<(u64, Vec<u8>, bool)> = vec![
            (1, b"a,b".to_vec(), false),
            (2, vec![], false),
            (3, b"c".to_vec(), false),
            (4, b"\xef\xbb\xbfd".to_vec(), false),
        ];
        assert_eq!(got, want);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let mut input = vec![b'x'; 3 * limits::ROW_BYTES];
        input.extend_from_slice(b"\ny\n");
        let got = all(&input);
        assert_eq!(got[0].1.len(), limits::ROW_BYTES);
        assert!(got[0].2);
        assert_eq!(got[1], (2, b"y".to_vec(), false));
    }
}
