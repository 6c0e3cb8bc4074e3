//! Messages as newline-delimited JSON, one object a line, read one at a time.
//!
//! A file of a million messages costs no more memory than its longest line, and a line that is longer than
//! [`limits::LINE_BYTES_MAX`] costs that much and is passed over. A bad line has its own findings and hides no other.
//! Ids are not compared with one another: that would take memory for each.

use std::io::{self, BufRead};

use base::{Diagnostic, Findings, TextRange};
use document::{Source, json};

use super::{Message, read_table};
use crate::{codes, context::Context, files::Files, limits};

/// One line that is not blank.
#[derive(Debug)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u32,
    /// Its text; positions in it are those in the file.
    pub source: Source,
    /// The message, called `m` and the line's number where it has no id; `None` where it has an error.
    pub message: Option<Message>,
    /// What is wrong.
    pub findings: Findings,
}

/// The lines of a file; see [`lines`].
pub struct Lines<'f, R> {
    name: String,
    input: R,
    files: &'f dyn Files,
    number: u32,
    is_over: bool,
}

/// Reads the messages of `input`, a file called `name`, one by one; blank lines are counted and left out.
///
/// What cannot be read of `input` ends the iteration with its error.
pub fn lines<R: BufRead>(name: impl Into<String>, input: R, files: &dyn Files) -> Lines<'_, R> {
    Lines { name: name.into(), input, files, number: 0, is_over: false }
}

impl<R: BufRead> Lines<'_, R> {
    /// The bytes of the next line without its end, cut at the bound, and how many it has; `None` at the end.
    fn next_bytes(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let mut line = Vec::new();
        let mut length = 0;
        let mut is_begun = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(is_begun.then_some((line, length)));
            }
            is_begun = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let room = limits::LINE_BYTES_MAX.saturating_sub(line.len());
            line.extend_from_slice(part.get(..room).unwrap_or(part));
            length += part.len();
            let taken = part.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                return Ok(Some((line, length)));
            }
        }
    }

    /// The next line that is not blank.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        while let Some((bytes, length)) = self.next_bytes()? {
            self.number = self.number.saturating_add(1);
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(self.read(bytes, length)));
            }
        }
        Ok(None)
    }

    fn read(&self, mut bytes: Vec<u8>, length: usize) -> Line {
        while bytes.last().is_some_and(u8::is_ascii_whitespace) {
            bytes.pop();
        }
        let number = self.number;
        let (source, mut findings) = Source::from_bytes(self.name.as_str(), bytes);
        let source = source.starting_at_line(number);
        let message = if length > limits::LINE_BYTES_MAX {
            let message = format!("the line has {length} bytes; at most {} are read", limits::LINE_BYTES_MAX);
            findings.push(
                Diagnostic::new(&codes::OVER_LIMIT, TextRange::at(0), message)
                    .help("one line holds one message; send it to fewer recipients at once"),
            );
            None
        } else {
            let (node, of_line) = json::parse(&source);
            findings.extend(of_line);
            let context = &mut Context::new(self.files, &mut findings);
            let is_readable = !context.findings.has_errors();
            is_readable
                .then(|| read_table(&node, TextRange::at(node.range.start()), &format!("m{number}"), context))
                .flatten()
        };
        Line { number, source, message, findings }
    }
}

impl<R: BufRead> Iterator for Lines<'_, R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let line = self.next_line().transpose();
        self.is_over = !matches!(line, Some(Ok(_)));
        line
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use document::render::{self, Colour};

    use super::*;
    use crate::files::NoFiles;

    #[test]
    fn each_line_is_a_message_and_a_bad_one_hides_no_other() {
        let text = "\u{feff}{\"sender\": \"\", \"recipients\": [\"a@x.test\"]}\r\n\n  \n{\"sender\": }\n[]\n\
                    {\"id\": \"x\", \"sender\": \"b@y.test\", \"recipients\": [\"a@x.test\"]}";
        let read: Vec<_> = lines("m.ndjson", text.as_bytes(), &NoFiles)
            .map(|line| line.expect("memory does not fail"))
            .map(|line| {
                let rules: Vec<_> = line.findings.iter().map(|finding| finding.code.rule).collect();
                (line.number, line.message.map(|message| message.id), rules)
            })
            .collect();
        let expected = vec![
            (1, Some("m1".to_owned()), vec![]),
            (4, None, vec!["json-syntax"]),
            (5, None, vec!["not-a-scenario"]),
            (6, Some("x".to_owned()), vec![]),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn findings_tell_the_line_of_the_file() {
        let text = "\n\n{\"sender\": \"\", \"recipients\": [\"nobody\"]}\n";
        let line = lines("m.ndjson", text.as_bytes(), &NoFiles).next().unwrap().unwrap();
        let report = render::text(&line.source, &line.findings, Colour::Never);
        assert!(report.contains("m.ndjson:3:31"), "{report}");
    }

    /// The same line again and again, without end; it counts the bytes that were asked for.
    struct Endless(usize);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            const LINE: &[u8] = b"{\"sender\": \"\", \"recipients\": [\"a@x.test\"]}\n";
            for byte in buffer.iter_mut() {
                *byte = LINE[self.0 % LINE.len()];
                self.0 += 1;
            }
            Ok(buffer.len())
        }
    }

    #[test]
    fn no_more_is_read_than_is_asked_for() {
        let mut input = BufReader::with_capacity(4_096, Endless(0));
        let read = lines("m.ndjson", &mut input, &NoFiles).take(1_000).flatten().count();
        assert_eq!(read, 1_000);
        assert!(input.get_ref().0 <= 1_000 * 43 + 4_096);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let text = format!("{{\"id\": \"{}\"}}\n{{}}\n", "x".repeat(limits::LINE_BYTES_MAX));
        let read: Vec<_> = lines("m", text.as_bytes(), &NoFiles).flatten().collect();
        let rules: Vec<Vec<_>> =
            read.iter().map(|line| line.findings.iter().map(|finding| finding.code.rule).collect()).collect();
        assert_eq!(rules[0], ["scenario-limit"]);
        assert_eq!(rules[1], ["missing-scenario-key", "missing-scenario-key"]);
        assert!(read[0].source.text().len() <= limits::LINE_BYTES_MAX);
    }

    #[test]
    fn an_input_that_fails_ends_the_iteration() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let read: Vec<_> = lines("m", BufReader::new(Failing), &NoFiles).collect();
        assert!(matches!(read.as_slice(), [Err(_)]));
    }
}
