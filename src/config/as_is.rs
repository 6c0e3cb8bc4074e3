//! What a running server makes of a policy with errors: it drops, replaces or ignores what it cannot use, and goes on.
//!
//! A reader leaves out what it cannot read, as the server does. What is left to do is to put the built-in rules in the
//! place of rules that are dropped as a whole, and to say of each error what becomes of it. Where the server does not
//! start, or what it reads is not known, nobody is told that it goes on.
//!
//! Source: delivery spec 1.1 to 1.8, 2.4, 2.5 and 3.2; the language's spec for what compiles.

use base::{Code, Diagnostic, Findings, Severity, TextRange};
use policy::{Kind, codes as language};

use crate::{Dialect, Faulty, Settings, codes, settings::Selector};

/// What becomes of something that is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Departure {
    /// Where it stands.
    pub range: TextRange,
    /// What becomes of it.
    pub what: String,
}

/// What became of a policy with errors.
#[derive(Clone, Debug, Default)]
pub struct AsIs {
    /// Where the server does otherwise than the policy says.
    pub departures: Vec<Departure>,
    /// Where it is not known what the server does, or it does not start.
    pub unknown: Vec<Departure>,
}

/// What a server does about a kind of error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Becomes {
    /// The rules that it stands in are dropped.
    Dropped,
    /// It counts as the name `default`.
    NoName,
    /// It is left out, with this consequence.
    LeftOut(&'static str),
    /// A strategy that is built in is taken, as each decision says.
    BuiltIn,
    /// The server reads something, and what is not known.
    Unknown,
}

const DEFAULT: Becomes = Becomes::LeftOut("the server logs an error, and the setting keeps its default");
const SCHEDULE: Becomes = Becomes::LeftOut("the server drops the schedule, and takes its built-in one for the name");
const HOURLY: Becomes = Becomes::LeftOut("the server logs an error, and tries again every hour");
const PASSED_OVER: Becomes = Becomes::LeftOut("the server passes over it without a word");

/// What becomes of the kinds of errors that do not stand here is not known.
const BECOMES: [(&Code, Becomes); 31] = [
    (&codes::DIALECT_MIXED, PASSED_OVER),
    (&codes::UNKNOWN_KEY, PASSED_OVER),
    (&codes::MISSING_REQUIRED, Becomes::LeftOut("the server logs an error, and does not have what lacks it")),
    (&codes::WRONG_KIND, DEFAULT),
    (&codes::INVALID_VALUE, DEFAULT),
    (&codes::INCOMPLETE_RULE, Becomes::Dropped),
    (&codes::MISSING_ELSE, Becomes::Dropped),
    (&codes::RULE_AFTER_ELSE, Becomes::Dropped),
    (&codes::UNDEFINED_STRATEGY, Becomes::BuiltIn),
    (&codes::WRONG_KIND_STRATEGY, Becomes::BuiltIn),
    (&codes::UNDEFINED_QUEUE, SCHEDULE),
    (&codes::CONFLICTING_EXPIRY, SCHEDULE),
    (
        &codes::QUEUE_NAME_TOO_LONG,
        Becomes::LeftOut("the server does not make the queue, nor the schedules that name it"),
    ),
    (&codes::MISSING_RETRY, HOURLY),
    (&codes::EMPTY_INTERVALS, HOURLY),
    (&codes::LIMITER_KEY, Becomes::LeftOut("the server leaves this key out")),
    (&codes::RATE_INVALID, Becomes::LeftOut("the server drops the limiter")),
    (&codes::QUOTA_WITHOUT_LIMIT, Becomes::LeftOut("the server drops the quota")),
    (&language::UNEXPECTED_CHARACTER, Becomes::Dropped),
    (&language::UNTERMINATED_STRING, Becomes::Dropped),
    (&language::UNKNOWN_IDENTIFIER, Becomes::Dropped),
    (&language::UNQUOTED_STRING, Becomes::Dropped),
    (&language::UNBALANCED_BRACKET, Becomes::Dropped),
    (&language::BAD_NUMBER, Becomes::Dropped),
    (&language::UNKNOWN_FUNCTION, Becomes::Dropped),
    (&language::FUNCTION_ARITY, Becomes::Dropped),
    (&language::VARIABLE_NOT_AVAILABLE, Becomes::Dropped),
    (&language::DIALECT_MISMATCH, Becomes::Dropped),
    (&language::REGEX_INVALID, Becomes::Dropped),
    (&language::LITERAL_ARGUMENT, Becomes::Dropped),
    (&language::NON_STRING_RESULT, Becomes::NoName),
];

fn becomes(finding: &Diagnostic) -> Becomes {
    let known = BECOMES.iter().find(|(code, _)| *code == finding.code);
    known.map_or(Becomes::Unknown, |(_, becomes)| *becomes)
}

/// Whether an error keeps a policy from being run: all do but those about names, of which each decision says what the
/// target makes.
#[must_use]
pub fn keeps_from_running(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error && becomes(finding) != Becomes::BuiltIn
}

/// Makes `settings`, which gave `findings`, what their server makes of them.
pub fn follow(settings: &mut Settings, findings: &Findings) -> AsIs {
    let mut made = AsIs::default();
    let dialect = settings.dialect;
    let errors: Vec<&Diagnostic> = findings.iter().filter(|finding| keeps_from_running(finding)).collect();
    let mut dropped = Vec::new();
    let selectors = [
        (Kind::Route, &mut settings.route),
        (Kind::Schedule, &mut settings.schedule),
        (Kind::Connection, &mut settings.connection),
        (Kind::Tls, &mut settings.tls),
    ];
    for (kind, selector) in selectors {
        let Some((range, read)) = selected(selector, dialect, &errors, findings) else { continue };
        if matches!(read, Selector::BuiltIn) {
            let what = format!("the server drops the rules of `{kind}`, and uses its built-in ones");
            made.departures.push(Departure { range, what });
            dropped.push(range);
        }
        *selector = read;
    }
    for error in errors {
        let (list, what) = match becomes(error) {
            _ if dialect.faulty_rules() == Faulty::DoesNotStart => (&mut made.unknown, Faulty::DoesNotStart.told()),
            // It is told with its rules.
            Becomes::Dropped | Becomes::NoName if dropped.iter().any(|rules| is_within(error.range, *rules)) => {
                continue;
            }
            Becomes::BuiltIn => continue,
            Becomes::NoName => (&mut made.departures, "what is no text counts as the name `default`"),
            Becomes::Dropped if dialect == Dialect::Expressions2024 => {
                (&mut made.departures, "the server drops these rules, and the setting keeps its default")
            }
            Becomes::LeftOut(what) if dialect != Dialect::Objects2026 => (&mut made.departures, what),
            Becomes::LeftOut(_) => {
                (&mut made.unknown, "the server refuses the object, and what it has instead is not in the document")
            }
            Becomes::Dropped | Becomes::Unknown => (&mut made.unknown, "what the server reads here is not known"),
        };
        list.push(Departure { range: error.range, what: what.to_owned() });
    }
    made
}

fn is_within(range: TextRange, outer: TextRange) -> bool {
    outer.start() <= range.start() && range.end() <= outer.end()
}

/// What the server reads instead of a selector, where that is something else, and where the selector stands.
fn selected(
    selector: &Selector,
    dialect: Dialect,
    errors: &[&Diagnostic],
    findings: &Findings,
) -> Option<(TextRange, Selector)> {
    match selector {
        Selector::Broken(broken) => {
            let mut within = errors.iter().filter(|error| is_within(error.range, broken.range));
            let is_dropped = within.any(|error| becomes(error) == Becomes::Dropped);
            let read = broken.as_read.as_ref().filter(|_| !is_dropped);
            Some((broken.range, read.map_or(Selector::BuiltIn, |block| Selector::Given(block.clone()))))
        }
        // 0.13 to 0.15 refuse an `else` without a rule, which is a note as others read it.
        Selector::Given(block) if dialect == Dialect::Strategies2025 && block.rules().is_empty() => {
            let is_refused =
                |finding: &Diagnostic| *finding.code == codes::ELSE_ONLY && finding.range == block.otherwise_range();
            findings.iter().any(is_refused).then_some((block.otherwise_range(), Selector::BuiltIn))
        }
        Selector::Given(_) | Selector::BuiltIn => None,
    }
}

#[cfg(test)]
mod tests {
    use document::Source;

    use super::*;
    use crate::{NoResources, load, resolve};

    /// What becomes of a text, each departure with what it is about, and whether there is a plan.
    fn followed(name: &str, text: &str) -> (Vec<String>, Vec<String>, bool) {
        let source = Source::new(name, text);
        let loaded = load(&source, None, &NoResources);
        let mut settings = loaded.settings.expect("it is a policy");
        let AsIs { departures, unknown } = follow(&mut settings, &loaded.findings);
        let shown = |list: Vec<Departure>| {
            list.into_iter().map(|of| format!("{} {}", source.slice(of.range), of.what)).collect::<Vec<_>>()
        };
        let is_planned = resolve::plan(&settings, settings.dialect.target()).is_ok();
        (shown(departures), shown(unknown), is_planned)
    }

    #[test]
    fn each_error_has_what_becomes_of_it() {
        let dropped = "the server drops the rules of `route`, and uses its built-in ones";
        let cases = [
            // Rules that do not compile, and rules that lack something.
            ("route = \"nosuch(rcpt)\"", format!("\"nosuch(rcpt)\" {dropped}")),
            ("route = \"'mx\"", format!("\"'mx\" {dropped}")),
            (
                "route = [{ if = \"true\", then = \"'mx'\" }]",
                format!("[{{ if = \"true\", then = \"'mx'\" }}] {dropped}"),
            ),
            // What is refused by these versions alone.
            ("route = [{ else = \"'mx'\" }]", format!("{{ else = \"'mx'\" }} {dropped}")),
            // It compiles there, and is no name.
            ("route = \"5\"", "5 what is no text counts as the name `default`".to_owned()),
        ];
        for (line, expected) in cases {
            let found = followed("a.toml", &format!("[queue.strategy]\n{line}\n"));
            assert_eq!(found, (vec![expected], Vec::new(), true), "{line}");
        }
        let cases = [
            (
                "[queue.schedule.a]\nqueue-name = \"dsn\"\nretry = \"1m\"\nexpire = \"5 weeks\"\n",
                "\"5 weeks\" the server logs an error, and the setting keeps its default",
            ),
            ("[queue.route.a]\ntype = \"relay\"\n", "a the server logs an error, and does not have what lacks it"),
        ];
        for (text, expected) in cases {
            assert_eq!(followed("a.toml", text), (vec![expected.to_owned()], Vec::new(), true), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_followed() {
        let (departures, unknown, _) = followed("a.toml", "[queue.strategy]\nroute = \"rcpt sender\"\n");
        assert_eq!(unknown.len(), 1, "{departures:?} {unknown:?}");
        assert!(unknown[0].ends_with("what the server reads here is not known"), "{unknown:?}");
        let old =
            "[queue.outbound]\nnext-hop = [{ if = \"rcpt-domain\", nosuch = \"a\", then = \"b\" }, { else = false }]\n";
        let (_, unknown, _) = followed("a.toml", old);
        assert!(unknown.iter().all(|of| of.ends_with("does not start with it")), "{unknown:?}");
        assert!(!unknown.is_empty());
        let object = "{\"@type\": \"create\", \"object\": \"MtaRoute\", \"value\": {\"a\": {\"@type\": \"Mx\"}}}";
        let (_, unknown, _) = followed("a.ndjson", object);
        assert!(unknown.iter().any(|of| of.contains("refuses the object")), "{unknown:?}");
    }

    #[test]
    fn a_name_that_nothing_defines_is_no_error_to_follow() {
        let (departures, unknown, is_planned) = followed("a.toml", "[queue.strategy]\nroute = \"'relya'\"\n");
        assert_eq!((departures, unknown, is_planned), (Vec::new(), Vec::new(), true));
    }
}
