//! An address as a server queues it.
//!
//! Invariants:
//!
//! - The domain is in lower case, the local part as it was given (RFC 5321 §2.4).
//! - The domain is what stands behind the last `@`.

use std::fmt;

/// A recipient's or sender's address; the null sender is the empty one.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mailbox {
    text: String,
    /// Where the domain begins in `text`; its length where there is no domain.
    domain: usize,
}

impl Mailbox {
    /// The null sender `<>`.
    #[must_use]
    pub const fn null() -> Self {
        Self { text: String::new(), domain: 0 }
    }

    /// The address `text`; `None` where it has no local part or no domain. The empty text is the null sender.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::null());
        }
        let (local, domain) = text.rsplit_once('@')?;
        let bad = |part: &str| part.is_empty() || part.chars().any(char::is_control);
        if bad(local) || bad(domain) || domain.contains(' ') {
            return None;
        }
        let text = format!("{local}@{}", domain.to_lowercase());
        Some(Self { text, domain: local.len() + 1 })
    }

    /// The whole address, `""` for the null sender.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The domain in lower case, `""` for the null sender.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.domain..).unwrap_or_default()
    }

    /// Whether it is the null sender.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() { out.write_str("<>") } else { out.write_str(&self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_lower_case_and_the_local_part_as_given() {
        let cases = [
            ("Kim@Dest.Example", Some(("Kim@dest.example", "dest.example"))),
            ("a@b@c.test", Some(("a@b@c.test", "c.test"))),
            ("\"a b\"@c.test", Some(("\"a b\"@c.test", "c.test"))),
            ("", Some(("", ""))),
            ("kim", None),
            ("@c.test", None),
            ("kim@", None),
            ("kim@c.test\n", None),
        ];
        for (text, expected) in cases {
            let read = Mailbox::parse(text);
            let read = read.as_ref().map(|mailbox| (mailbox.as_str(), mailbox.domain()));
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
