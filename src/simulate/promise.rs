//! What a host promises in its reply to EHLO, and what it answers to a client that does what it did not offer, or more than
//! it said it takes.
//!
//! | extension | what is held to |
//! |---|---|
//! | SIZE (RFC 1870 §6) | a size that is declared at MAIL, and that of the content |
//! | 8BITMIME (RFC 6152 §3) | content with 8-bit octets |
//! | SMTPUTF8 (RFC 6531 §3.5) | addresses that are not ASCII |
//! | PIPELINING (RFC 2920 §3.1) | commands that are sent before the reply to the one before |
//! | CHUNKING (RFC 3030 §2) | content as chunks |
//! | AUTH (RFC 4954 §4) | mechanisms |
//! | LIMITS (RFC 9422 §4) | MAILMAX, RCPTMAX and RCPTDOMAINMAX |
//! | every one with parameters | MAIL and RCPT with a parameter of an extension that is not there (RFC 5321 §4.1.1.11) |

use std::collections::BTreeSet;

/// What a host promised last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Promise {
    /// The keywords with their parameters, in upper case but for what a mechanism's name says anyway.
    lines: Vec<String>,
}

/// What a transaction has so far, as promises count it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counted {
    pub(crate) rcpts: u64,
    pub(crate) domains: BTreeSet<String>,
    /// Whether MAIL said SMTPUTF8.
    pub(crate) is_utf8: bool,
}

/// Content as it is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) is_8bit: bool,
    pub(crate) is_chunk: bool,
}

/// Which extension each parameter of MAIL and RCPT belongs to.
const PARAMETERS: [(&str, &str); 13] = [
    ("SIZE", "SIZE"),
    ("BODY", "8BITMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("RET", "DSN"),
    ("ENVID", "DSN"),
    ("NOTIFY", "DSN"),
    ("ORCPT", "DSN"),
    ("REQUIRETLS", "REQUIRETLS"),
    ("AUTH", "AUTH"),
    ("BY", "DELIVERBY"),
    ("HOLDFOR", "FUTURERELEASE"),
    ("HOLDUNTIL", "FUTURERELEASE"),
    ("MT-PRIORITY", "MT-PRIORITY"),
];

impl Promise {
    /// That of a reply to EHLO, as it is sent: every line behind the first is a keyword.
    pub(crate) fn of(reply: &str) -> Self {
        let lines = reply.lines().skip(1).filter_map(|line| line.get(4..));
        Self { lines: lines.map(str::to_ascii_uppercase).collect() }
    }

    /// The words behind a keyword, where it is offered.
    fn words(&self, keyword: &str) -> Option<impl Iterator<Item = &str>> {
        self.lines.iter().find_map(|line| {
            // Old servers write `AUTH=` too.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            (words.next() == Some(keyword)).then_some(words)
        })
    }

    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.words(keyword).is_some()
    }

    /// The largest content; none where it has no bound (RFC 1870 §4).
    fn size_max(&self) -> Option<u64> {
        self.words("SIZE")?.next()?.parse().ok().filter(|most| *most > 0)
    }

    fn limit(&self, name: &str) -> Option<u64> {
        let lines = self.lines.iter().filter_map(|line| line.strip_prefix("LIMITS "));
        let values = lines.flat_map(str::split_ascii_whitespace).filter_map(|word| word.split_once('='));
        values.filter(|(known, _)| *known == name).find_map(|(_, value)| value.parse().ok())
    }

    /// Why MAIL is refused, the `number`-th of its session.
    pub(crate) fn mail(&self, sender: &str, parameters: &str, number: u64) -> Option<String> {
        let is_utf8 = parameters.split(' ').any(|parameter| parameter.eq_ignore_ascii_case("SMTPUTF8"));
        if let Some(refusal) = self.unknown_parameter(parameters) {
            return Some(refusal);
        }
        if !sender.is_ascii() && !is_utf8 {
            return Some("553 5.6.7 an address that is not ASCII needs SMTPUTF8".to_owned());
        }
        let declared = parameters
            .split(' ')
            .find_map(|parameter| parameter.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok());
        if let Some(refusal) = declared.and_then(|size| self.too_large(size)) {
            return Some(refusal);
        }
        let most = self.limit("MAILMAX").filter(|most| number > *most)?;
        Some(format!("452 4.5.3 no more than {most} messages on a connection"))
    }

    /// Why RCPT is refused; where it is not, it is counted.
    pub(crate) fn rcpt(&self, rcpt: &str, parameters: &str, counted: &mut Counted) -> Option<String> {
        if let Some(refusal) = self.unknown_parameter(parameters) {
            return Some(refusal);
        }
        if !rcpt.is_ascii() && !counted.is_utf8 {
            return Some("553 5.6.7 an address that is not ASCII needs SMTPUTF8".to_owned());
        }
        if let Some(most) = self.limit("RCPTMAX").filter(|most| counted.rcpts >= *most) {
            return Some(format!("452 4.5.3 no more than {most} recipients of a message"));
        }
        let domain = rcpt.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
        let is_new = !counted.domains.contains(&domain);
        if let Some(most) = self.limit("RCPTDOMAINMAX").filter(|most| is_new && counted.domains.len() as u64 >= *most) {
            return Some(format!("452 4.5.3 no more than {most} domains of recipients"));
        }
        counted.rcpts += 1;
        counted.domains.insert(domain);
        None
    }

    /// Why content is refused.
    pub(crate) fn content(&self, content: Content) -> Option<String> {
        if content.is_chunk && !self.has("CHUNKING") {
            return Some("502 5.5.1 chunks are not offered here".to_owned());
        }
        if content.is_8bit && !self.has("8BITMIME") {
            return Some("554 5.6.3 content with 8-bit octets needs 8BITMIME".to_owned());
        }
        self.too_large(content.size)
    }

    /// Why a mechanism of AUTH is refused.
    pub(crate) fn mechanism(&self, mechanism: &str) -> Option<&'static str> {
        let Some(mut offered) = self.words("AUTH") else { return Some("502 5.5.1 AUTH is not offered here") };
        let is_offered = offered.any(|known| known.eq_ignore_ascii_case(mechanism));
        (!is_offered).then_some("504 5.5.4 this mechanism is not offered here")
    }

    fn too_large(&self, size: u64) -> Option<String> {
        let most = self.size_max().filter(|most| size > *most)?;
        Some(format!("552 5.3.4 more than {most} bytes"))
    }

    fn unknown_parameter(&self, parameters: &str) -> Option<String> {
        let is_unknown = |name: &&str| {
            let of = PARAMETERS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
            of.is_none_or(|(_, extension)| !self.has(extension))
        };
        let names = parameters.split(' ').filter(|parameter| !parameter.is_empty());
        let unknown = names.map(|parameter| parameter.split('=').next().unwrap_or_default()).find(is_unknown)?;
        Some(format!("555 5.5.4 {unknown} is not offered here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is offered; the sender, the parameters and the number of a MAIL; what it is refused by.
    type Mail<'t> = (&'t [&'t str], &'t str, &'t str, u64, Option<&'t str>);

    /// What is offered; whether MAIL said SMTPUTF8; the recipients with their parameters, and what they are refused by.
    type Rcpts<'t> = (&'t [&'t str], bool, &'t [(&'t str, &'t str, Option<&'t str>)]);

    fn promise(keywords: &[&str]) -> Promise {
        let lines: Vec<String> = keywords.iter().map(|keyword| format!("\r\n250-{keyword}")).collect();
        Promise::of(&format!("250-mx.test{}", lines.concat()))
    }

    fn code(refusal: Option<String>) -> Option<String> {
        refusal.map(|text| text.split(' ').take(2).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn mail_is_held_to_what_is_offered() {
        let cases: [Mail<'_>; 18] = [
            (&[], "a@x.test", "", 1, None),
            (&[], "a@x.test", "SIZE=1", 1, Some("555 5.5.4")),
            (&["SIZE"], "a@x.test", "SIZE=99999999", 1, None),
            (&["SIZE 0"], "a@x.test", "SIZE=99999999", 1, None),
            (&["SIZE 1000"], "a@x.test", "SIZE=1000", 1, None),
            (&["SIZE 1000"], "a@x.test", "SIZE=1001", 1, Some("552 5.3.4")),
            (&[], "a@x.test", "BODY=8BITMIME", 1, Some("555 5.5.4")),
            (&["8BITMIME"], "a@x.test", "BODY=8BITMIME", 1, None),
            (&[], "jörg@x.test", "", 1, Some("553 5.6.7")),
            (&["SMTPUTF8"], "jörg@x.test", "", 1, Some("553 5.6.7")),
            (&["SMTPUTF8"], "jörg@x.test", "SMTPUTF8", 1, None),
            (&[], "a@x.test", "SMTPUTF8", 1, Some("555 5.5.4")),
            (&["SIZE 1"], "a@x.test", "RET=FULL", 1, Some("555 5.5.4")),
            (&["DSN"], "a@x.test", "RET=FULL ENVID=x", 1, None),
            (&["DSN"], "a@x.test", "REQUIRETLS", 1, Some("555 5.5.4")),
            (&["DSN"], "a@x.test", "XUNKNOWN=1", 1, Some("555 5.5.4")),
            (&["LIMITS RCPTMAX=5 MAILMAX=2"], "", "", 2, None),
            (&["limits mailmax=2"], "", "", 3, Some("452 4.5.3")),
        ];
        for (keywords, sender, parameters, number, expected) in cases {
            let refusal = code(promise(keywords).mail(sender, parameters, number));
            assert_eq!(refusal.as_deref(), expected, "{keywords:?} {sender} {parameters} {number}");
        }
    }

    #[test]
    fn recipients_are_held_to_what_is_offered() {
        let cases: [Rcpts<'_>; 6] = [
            (&[], false, &[("a@x.test", "NOTIFY=NEVER", Some("555 5.5.4")), ("a@x.test", "", None)]),
            (&["DSN"], false, &[("a@x.test", "NOTIFY=NEVER ORCPT=rfc822;b", None)]),
            (&["SMTPUTF8"], false, &[("jörg@x.test", "", Some("553 5.6.7"))]),
            (&["SMTPUTF8"], true, &[("jörg@x.test", "", None)]),
            (
                &["LIMITS RCPTMAX=2"],
                false,
                &[("a@x.test", "", None), ("b@x.test", "", None), ("c@x.test", "", Some("452 4.5.3"))],
            ),
            (
                &["LIMITS RCPTDOMAINMAX=1"],
                false,
                &[("a@x.test", "", None), ("b@y.test", "", Some("452 4.5.3")), ("c@X.test", "", None)],
            ),
        ];
        for (keywords, is_utf8, rcpts) in cases {
            let mut counted = Counted { is_utf8, ..Counted::default() };
            for (rcpt, parameters, expected) in rcpts {
                let refusal = code(promise(keywords).rcpt(rcpt, parameters, &mut counted));
                assert_eq!(refusal.as_deref(), *expected, "{keywords:?} {rcpt} {parameters}");
            }
        }
    }

    #[test]
    fn content_and_mechanisms_are_held_to_what_is_offered() {
        let content = Content { size: 1_001, is_8bit: true, is_chunk: true };
        let cases: [(&[&str], Content, Option<&str>); 6] = [
            (&["SIZE 1001", "8BITMIME", "CHUNKING"], content, None),
            (&["SIZE 1000", "8BITMIME", "CHUNKING"], content, Some("552 5.3.4")),
            (&["8BITMIME"], content, Some("502 5.5.1")),
            (&["CHUNKING"], content, Some("554 5.6.3")),
            (&["CHUNKING"], Content { is_8bit: false, ..content }, None),
            (&[], Content { is_8bit: false, is_chunk: false, ..content }, None),
        ];
        for (keywords, content, expected) in cases {
            assert_eq!(code(promise(keywords).content(content)).as_deref(), expected, "{keywords:?} {content:?}");
        }
        let of =
            |keywords: &[&str], mechanism: &str| promise(keywords).mechanism(mechanism).and_then(|text| text.get(..3));
        assert_eq!(of(&["AUTH PLAIN LOGIN"], "login"), None);
        assert_eq!(of(&["AUTH=PLAIN"], "PLAIN"), None);
        assert_eq!(of(&["AUTH PLAIN"], "LOGIN"), Some("504"));
        assert_eq!(of(&["SIZE 1"], "PLAIN"), Some("502"));
    }
}
