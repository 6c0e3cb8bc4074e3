//! Replies of SMTP and LMTP servers (RFC 5321 §4.2), read from bytes.
//!
//! Invariant: a [`Reader`] never holds more than the limits allow; what is longer is refused, and the connection with
//! it.

use std::fmt;

use crate::{failure::Broken, limits};

/// A whole reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The lines' texts, without codes, joined by line feeds.
    pub text: Box<str>,
}

/// An enhanced status code (RFC 3463).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What happened.
    pub detail: u16,
}

impl fmt::Display for Enhanced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Reply {
    /// A reply of one line.
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        Self { code, text: text.into() }
    }

    /// Whether it says yes.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        matches!(self.code, 200..=299)
    }

    /// Whether it says no for good.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self.code, 500..=599)
    }

    /// The lines' texts.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// The enhanced status code, where the text begins with one of the reply's class.
    #[must_use]
    pub fn enhanced(&self) -> Option<Enhanced> {
        let word = self.text.split([' ', '\n']).next()?;
        let mut parts = word.split('.');
        let mut number = |digits: usize| -> Option<u16> {
            let part = parts.next()?;
            let is_number = (1..=digits).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_number)
        };
        let (class, subject, detail) = (number(1)?, number(3)?, number(3)?);
        let is_whole = parts.next().is_none() && class == self.code / 100;
        is_whole.then_some(Enhanced { class: class as u8, subject, detail })
    }
}

/// The code and the first line.
impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.lines();
        let first = lines.next().unwrap_or_default();
        write!(out, "{}", self.code)?;
        if !first.is_empty() {
            write!(out, " {first}")?;
        }
        if lines.next().is_some() { out.write_str(" …") } else { Ok(()) }
    }
}

/// Makes replies of bytes as they come.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// The code of the reply at hand, and the lines that are there.
    begun: Option<(u16, Vec<String>)>,
}

impl Reader {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing is left that was not given out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.begun.is_none()
    }

    /// Forgets what is there: what came before TLS does not count behind it (RFC 3207 §6).
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.begun = None;
    }

    /// The next whole reply, or `None` where it is not there yet.
    pub fn read(&mut self) -> Result<Option<Reply>, Broken> {
        loop {
            let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
                let is_long = self.bytes.len() > limits::REPLY_LINE_MAX;
                return if is_long { Err(Broken::TooLong) } else { Ok(None) };
            };
            if end >= limits::REPLY_LINE_MAX {
                return Err(Broken::TooLong);
            }
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            if let Some(reply) = self.line(&line)? {
                return Ok(Some(reply));
            }
        }
    }

    /// Takes a line; gives the reply that it ends.
    fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, Broken> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, rest) = line.split_at_checked(3).ok_or(Broken::Garbage)?;
        let code = match code {
            &[a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(Broken::Garbage),
        };
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(Broken::Garbage),
        };
        let text = String::from_utf8_lossy(text).into_owned();
        let (known, lines) = self.begun.get_or_insert_with(|| (code, Vec::new()));
        if *known != code {
            return Err(Broken::Garbage);
        }
        if lines.len() >= limits::REPLY_LINES_MAX {
            return Err(Broken::TooLong);
        }
        lines.push(text);
        if !is_last {
            return Ok(None);
        }
        Ok(self.begun.take().map(|(code, lines)| Reply { code, text: lines.join("\n").into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Reply>, Broken> {
        let mut reader = Reader::default();
        let mut replies = Vec::new();
        for byte in bytes {
            reader.push(&[*byte]);
            while let Some(reply) = reader.read()? {
                replies.push(reply);
            }
        }
        assert!(reader.is_empty() || replies.is_empty(), "something is left");
        Ok(replies)
    }

    #[test]
    fn replies_of_one_line_and_of_many() {
        let cases: [(&str, &[(u16, &str)]); 6] = [
            ("220 mx.test ESMTP\r\n", &[(220, "mx.test ESMTP")]),
            ("250\r\n", &[(250, "")]),
            ("250 ok\n", &[(250, "ok")]),
            ("250-mx.test\r\n250-SIZE 100\r\n250 DSN\r\n", &[(250, "mx.test\nSIZE 100\nDSN")]),
            ("250 a\r\n550 5.1.1 no\r\n", &[(250, "a"), (550, "5.1.1 no")]),
            ("250-\r\n250 \r\n", &[(250, "\n")]),
        ];
        for (bytes, expected) in cases {
            let expected: Vec<Reply> = expected.iter().map(|(code, text)| Reply::new(*code, text)).collect();
            assert_eq!(read(bytes.as_bytes()), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let long = format!("250 {}\r\n", "x".repeat(limits::REPLY_LINE_MAX));
        let many = "250-x\r\n".repeat(limits::REPLY_LINES_MAX + 1);
        let cases = [
            ("hello\r\n", Broken::Garbage),
            ("\r\n", Broken::Garbage),
            ("150 x\r\n", Broken::Garbage),
            ("650 x\r\n", Broken::Garbage),
            ("25x\r\n", Broken::Garbage),
            ("250x\r\n", Broken::Garbage),
            ("250-a\r\n251 b\r\n", Broken::Garbage),
            (&*long, Broken::TooLong),
            (&*many, Broken::TooLong),
            // A line that never ends.
            (long.trim_end(), Broken::TooLong),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes.as_bytes()), Err(expected), "{:?}", bytes.get(..20));
        }
    }

    #[test]
    fn enhanced_codes_are_of_the_replys_class() {
        let cases = [
            (550, "5.1.1 no such user", Some("5.1.1")),
            (250, "2.0.0", Some("2.0.0")),
            (451, "4.7.500 later", Some("4.7.500")),
            (550, "4.1.1 of another class", None),
            (550, "5.1 too short", None),
            (550, "5.1.1.1 too long", None),
            (550, "5.1.1000 too large", None),
            (550, "5.+1.1 no number", None),
            (550, "", None),
        ];
        for (code, text, expected) in cases {
            let found = Reply::new(code, text).enhanced().map(|code| code.to_string());
            assert_eq!(found.as_deref(), expected, "{code} {text}");
        }
    }
}
