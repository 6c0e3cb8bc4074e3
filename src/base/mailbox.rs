//! An address as a server queues it.
//!
//! Invariants:
//!
//! - The domain is in lower case, the local part as it was given (RFC 5321 §2.4).
//! - The domain is what stands behind the last `@`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

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

    /// The address that stands in brackets in place of the domain (RFC 5321 §4.1.3): `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    /// `None` where there are no brackets; an error where something else stands in them.
    #[must_use]
    pub fn literal(&self) -> Option<Result<IpAddr, NotAnAddress>> {
        let inner = self.domain().strip_prefix('[')?.strip_suffix(']')?;
        let address = match inner.strip_prefix("ipv6:") {
            Some(address) => address.parse::<Ipv6Addr>().map(IpAddr::from),
            None => inner.parse::<Ipv4Addr>().map(IpAddr::from),
        };
        Some(address.map_err(|_| NotAnAddress))
    }

    /// Whether it is the null sender.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text.is_empty()
    }
}

/// What stands in brackets is no address of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAnAddress;

impl fmt::Display for Mailbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() { out.write_str("<>") } else { out.write_str(&self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_brackets_is_that_address() {
        let cases = [
            ("a@[192.0.2.1]", Some(Ok("192.0.2.1"))),
            ("a@[IPv6:2001:db8::1]", Some(Ok("2001:db8::1"))),
            ("a@[ipv6:2001:DB8::1]", Some(Ok("2001:db8::1"))),
            ("a@[IPv6:::ffff:192.0.2.1]", Some(Ok("::ffff:192.0.2.1"))),
            ("a@corp.test", None),
            ("a@192.0.2.1", None),
            ("a@[192.0.2.1", None),
            ("a@192.0.2.1]", None),
            ("", None),
            ("a@[2001:db8::1]", Some(Err(NotAnAddress))),
            ("a@[IPv6:192.0.2.1]", Some(Err(NotAnAddress))),
            ("a@[192.0.2]", Some(Err(NotAnAddress))),
            ("a@[192.0.2.256]", Some(Err(NotAnAddress))),
            ("a@[]", Some(Err(NotAnAddress))),
            ("a@[x25:1]", Some(Err(NotAnAddress))),
            ("a@[corp.test]", Some(Err(NotAnAddress))),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|address| address.map(|address| address.parse::<IpAddr>().unwrap()));
            assert_eq!(Mailbox::parse(text).unwrap().literal(), expected, "{text}");
        }
    }

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
