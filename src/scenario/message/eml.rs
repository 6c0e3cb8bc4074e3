//! A mail file: what its header tells of the envelope that it once had.
//!
//! A mail file has no envelope. Where none is given, the sender is that of `Return-Path`, else the first of `From`;
//! the recipients are those of `To`, `Cc` and `Bcc`, else those of `Delivered-To`. Nothing but these fields is read,
//! and only their addresses: a name, a comment or an encoded word in them may be anything.
//!
//! Source: RFC 5322 §3.4 (addresses), §2.2.3 (folding); RFC 5321 §4.4 (`Return-Path`).

use base::{Diagnostic, Findings, Mailbox, TextRange};
use document::Source;

use super::Message;
use crate::{codes, limits, place::Place, shape};

/// What [`read_eml`] gives.
#[derive(Debug)]
pub struct MailFile {
    /// The header, which the findings are about.
    pub source: Source,
    /// The message, without its path; `None` where its envelope is not known.
    pub message: Option<Message>,
    /// What is wrong.
    pub findings: Findings,
}

/// The message of a mail file: `sender` and `recipients` where they are given, else what its header says. Its size
/// is that of the file, its id `m1`.
#[must_use]
pub fn read_eml(name: &str, bytes: &[u8], sender: Option<Mailbox>, recipients: Vec<Mailbox>) -> MailFile {
    let header = Header::read(name, bytes);
    let mut findings = Findings::new();
    let sender = sender.or_else(|| header.sender(&mut findings));
    let recipients = if recipients.is_empty() { header.recipients(&mut findings) } else { recipients };
    let message = sender.filter(|_| !findings.has_errors()).map(|sender| Message {
        id: "m1".to_owned(),
        sender,
        recipients,
        eml: Some(name.to_owned()),
        size: bytes.len() as u64,
        place: Place::default(),
        ..Message::default()
    });
    MailFile { source: header.source, message, findings }
}

/// The header of a mail file.
pub(super) struct Header {
    pub(super) source: Source,
}

/// A field of a header.
struct Field<'h> {
    name: &'h str,
    /// What stands behind the colon, with its folds.
    body: &'h str,
    /// Where that begins.
    at: usize,
}

impl Header {
    /// The header of the mail file `bytes`: what stands before the first empty line. A line `From …` in front, as
    /// mailboxes have it, is no field and passed over.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Self {
        let bytes = bytes.get(..limits::HEADER_BYTES_MAX).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let ends = [text.find("\n\n").map(|at| at + 1), text.find("\n\r\n").map(|at| at + 1)];
        let end = ends.into_iter().flatten().min().unwrap_or(text.len());
        let begins_empty = text.starts_with('\n') || text.starts_with("\r\n");
        let header = if begins_empty { "" } else { text.get(..end).unwrap_or_default() };
        Self { source: Source::new(name, header) }
    }

    /// The return path that it tells of; reported where there is none.
    pub(super) fn sender(&self, findings: &mut Findings) -> Option<Mailbox> {
        let mark = findings.mark();
        let mut first = |name| {
            let field = self.fields(name).next()?;
            if field.body.trim() == "<>" {
                return Some(Mailbox::null());
            }
            field.mailboxes(findings).into_iter().next()
        };
        let author = first("return-path").or_else(|| first("from"));
        if author.is_none() && !findings.errors_since(mark) {
            findings.push(
                Diagnostic::new(
                    &codes::MAIL_FILE,
                    TextRange::at(0),
                    "the header has neither `Return-Path` nor `From`, so the sender is not known",
                )
                .help("give the sender beside the mail file"),
            );
        }
        author
    }

    /// The recipients that it tells of, each once; reported where there is none.
    pub(super) fn recipients(&self, findings: &mut Findings) -> Vec<Mailbox> {
        let mark = findings.mark();
        let mut recipients: Vec<Mailbox> = Vec::new();
        let groups: [&[&str]; 2] = [&["to", "cc", "bcc"], &["delivered-to"]];
        for group in groups {
            let fields = group.iter().flat_map(|name| self.fields(name));
            let mut all: Vec<_> = fields.flat_map(|field| field.mailboxes(findings)).collect();
            let mut seen = std::collections::BTreeSet::new();
            all.retain(|rcpt| seen.insert(rcpt.clone()));
            if recipients.is_empty() {
                recipients = all;
            }
            if !recipients.is_empty() {
                break;
            }
        }
        if recipients.len() > limits::RECIPIENTS_MAX {
            let message = format!(
                "the header names {} recipients; at most {} are read",
                recipients.len(),
                limits::RECIPIENTS_MAX
            );
            findings.push(
                Diagnostic::new(&codes::OVER_LIMIT, TextRange::at(0), message).help("send it as several messages"),
            );
            recipients.truncate(limits::RECIPIENTS_MAX);
        }
        if recipients.is_empty() && !findings.errors_since(mark) {
            findings.push(
                Diagnostic::new(
                    &codes::MAIL_FILE,
                    TextRange::at(0),
                    "the header has no address in `To`, `Cc`, `Bcc` or `Delivered-To`, so the recipients are not known",
                )
                .help("give the recipients beside the mail file"),
            );
        }
        recipients
    }

    /// The fields called `name`, which is in lower case.
    fn fields(&self, name: &str) -> impl Iterator<Item = Field<'_>> {
        let mut rest = self.source.text();
        let mut at = 0;
        std::iter::from_fn(move || {
            let length = field_length(rest);
            let (field, behind) = rest.split_at_checked(length).filter(|_| length > 0)?;
            let start = at;
            (rest, at) = (behind, at + length);
            let (name, body) = field.split_once(':').unwrap_or(("", field));
            Some(Field { at: start + (field.len() - body.len()), name: name.trim_end(), body })
        })
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
    }
}

impl Field<'_> {
    /// Its addresses; what is none is reported.
    fn mailboxes(&self, findings: &mut Findings) -> Vec<Mailbox> {
        let read = |(text, range): (String, TextRange)| match shape::address(&text) {
            Ok(address) => Some(address),
            Err(wrong) => {
                let message = format!("the field `{}` {}", self.name, wrong.what);
                findings.push(Diagnostic::new(wrong.code, range, message).help(wrong.help));
                None
            }
        };
        addresses(self.body, self.at).into_iter().filter_map(read).collect()
    }
}

/// How long the field at the beginning of `text` is: its line, and all lines behind that begin with a blank.
fn field_length(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().map_or(0, str::len);
    let folded = lines.take_while(|line| line.starts_with([' ', '\t'])).map(str::len);
    first + folded.sum::<usize>()
}

/// The texts in `body`, which begins at `start`, that stand where an address belongs, with their places.
fn addresses(body: &str, start: usize) -> Vec<(String, TextRange)> {
    let mut found = Vec::new();
    let mut item = Item::default();
    let mut comment = 0_usize;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, char) in body.char_indices() {
        let at = start + at;
        if is_escaped {
            is_escaped = false;
            if comment == 0 {
                item.push(char, at);
            }
            continue;
        }
        match char {
            '\\' if comment > 0 => is_escaped = true,
            '\\' if is_quoted => {
                is_escaped = true;
                item.push(char, at);
            }
            '(' if !is_quoted => comment += 1,
            ')' if comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            '"' => {
                is_quoted = !is_quoted;
                item.push(char, at);
            }
            _ if is_quoted => item.push(char, at),
            '<' => item.open(),
            '>' => item.is_closed = true,
            ',' | ';' if !item.is_open() => found.extend(std::mem::take(&mut item).finish()),
            // The name of a group, or a route in front of an address.
            ':' if !item.text.contains('[') => item.clear(),
            _ => item.push(char, at),
        }
    }
    found.extend(item.finish());
    found
}

/// One element of a list of addresses, as far as it is read.
#[derive(Default)]
struct Item {
    text: String,
    /// From the first character that counts to behind the last one.
    place: Option<(usize, usize)>,
    is_angular: bool,
    is_closed: bool,
}

impl Item {
    fn push(&mut self, char: char, at: usize) {
        let is_blank = char.is_whitespace();
        if self.is_closed || is_blank && self.text.is_empty() {
            return;
        }
        self.text.push(char);
        if !is_blank {
            let (from, _) = self.place.unwrap_or((at, at));
            self.place = Some((from, at + char.len_utf8()));
        }
    }

    /// What stood before an angle bracket was a name.
    fn open(&mut self) {
        self.clear();
        self.is_angular = true;
    }

    fn is_open(&self) -> bool {
        self.is_angular && !self.is_closed
    }

    fn clear(&mut self) {
        self.text.clear();
        self.place = None;
    }

    fn finish(self) -> Option<(String, TextRange)> {
        let text = self.text.trim_end();
        let (from, to) = self.place.filter(|_| !text.is_empty())?;
        Some((text.to_owned(), TextRange::of(from..to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        addresses(body, 0).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn addresses_are_found_among_names_comments_and_groups() {
        let cases: [(&str, &[&str]); 14] = [
            (" bob@corp.test", &["bob@corp.test"]),
            (" Bob <bob@corp.test>, eve@other.test\r\n", &["bob@corp.test", "eve@other.test"]),
            (" \"Smith, Bob\" <bob@corp.test>", &["bob@corp.test"]),
            (" \"a \\\" , b\" <bob@corp.test>", &["bob@corp.test"]),
            (" bob@corp.test (Bob, the <builder>)", &["bob@corp.test"]),
            (" (a (nested \\) one)) bob@corp.test", &["bob@corp.test"]),
            (" team: bob@corp.test, Eve <eve@other.test>;", &["bob@corp.test", "eve@other.test"]),
            (" undisclosed-recipients:;", &[]),
            (" \"bob smith\"@corp.test", &["\"bob smith\"@corp.test"]),
            (" <@relay.test,@hub.test:bob@corp.test>", &["bob@corp.test"]),
            (" Bob\r\n <bob@corp.test>,\r\n\teve@other.test", &["bob@corp.test", "eve@other.test"]),
            (" bob@[IPv6:2001:db8::1]", &["bob@[IPv6:2001:db8::1]"]),
            (" , ,bob@corp.test,", &["bob@corp.test"]),
            (" Bob <bob@corp.test", &["bob@corp.test"]),
        ];
        for (body, expected) in cases {
            assert_eq!(texts(body), expected, "{body:?}");
        }
    }

    #[test]
    fn the_envelope_is_that_of_the_header_unless_given() {
        let cases = [
            ("Return-Path: <a@x.test>\nFrom: b@x.test\nTo: c@y.test\n\nhi\n", Some(("a@x.test", "c@y.test"))),
            ("Return-Path: <>\nFrom: b@x.test\nTo: c@y.test\n\n", Some(("", "c@y.test"))),
            (
                "from: B <b@X.test>\r\nTO: c@y.test\r\nCc: d@y.test, c@y.test\r\n\r\nTo: no@y.test\r\n",
                Some(("b@x.test", "c@y.test d@y.test")),
            ),
            (
                "From b Mon Mar  2\nFrom: b@x.test\nDelivered-To: c@y.test\nTo: undisclosed:;\n\n",
                Some(("b@x.test", "c@y.test")),
            ),
            ("From: b@x.test\nBcc: c@y.test", Some(("b@x.test", "c@y.test"))),
            ("From: b@x.test\n\nTo: c@y.test\n", None),
            ("To: c@y.test\n\n", None),
            ("\nFrom: b@x.test\nTo: c@y.test\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = read_eml("mail.eml", text.as_bytes(), None, Vec::new());
            let envelope = read.message.as_ref().map(|message| {
                let rcpts: Vec<_> = message.recipients.iter().map(Mailbox::as_str).collect();
                assert_eq!(message.size, text.len() as u64);
                (message.sender.as_str(), rcpts.join(" "))
            });
            let envelope = envelope.as_ref().map(|(sender, rcpts)| (*sender, rcpts.as_str()));
            assert_eq!(envelope, expected, "{text:?}");
            assert_eq!(read.findings.has_errors(), expected.is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_given_is_not_looked_for() {
        let given = |text| Mailbox::parse(text).unwrap();
        let read = read_eml("x.eml", b"To: nobody\n\n", Some(given("a@x.test")), vec![given("b@y.test")]);
        assert!(read.findings.is_empty());
        let message = read.message.unwrap();
        assert_eq!((message.sender, message.recipients), (given("a@x.test"), vec![given("b@y.test")]));
    }

    #[test]
    fn a_header_without_end_is_cut() {
        let mut text = "From: b@x.test\nX: ".to_owned();
        text.push_str(&"x".repeat(limits::HEADER_BYTES_MAX));
        text.push_str("\nTo: c@y.test\n\n");
        let read = read_eml("x.eml", text.as_bytes(), None, Vec::new());
        assert_eq!(read.source.text().len(), limits::HEADER_BYTES_MAX);
        assert!(read.message.is_none() && read.findings.has_errors());
    }

    #[test]
    fn more_recipients_than_may_be_are_reported() {
        let list: Vec<_> = (0..=limits::RECIPIENTS_MAX).map(|at| format!("u{at}@y.test")).collect();
        let text = format!("From: b@x.test\nTo: {}\n\n", list.join(",\n "));
        let read = read_eml("x.eml", text.as_bytes(), None, Vec::new());
        assert_eq!(read.findings.errors(), 1);
    }
}
