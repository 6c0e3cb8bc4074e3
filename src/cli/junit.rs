//! What came of scenarios as `JUnit` XML, the form that CI servers read: a suite for each scenario, a case for each
//! expectation, and one for what must never be.

use std::{io::Write, path::Path};

use document::Source;
use scenario::{Expectation, Place};

use super::{Failure, masked::Masked};

/// A scenario that was run.
#[derive(Debug)]
pub(super) struct Suite {
    name: String,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    /// What is wrong, a line each.
    wrong: Vec<String>,
}

impl Suite {
    /// The scenario at `path`: what of its expectations came otherwise, by where each is written, and what must never be.
    pub(super) fn new(
        path: &Path,
        source: &Source,
        expectations: &[Expectation],
        otherwise: &[(Place, String)],
        properties: Vec<(String, Vec<String>)>,
        violations: Vec<String>,
    ) -> Self {
        let case = |expectation: &Expectation| {
            let position = source.position(expectation.place.0.start());
            // What is expected of a decision is written within its expectation.
            let is_within = |place: &Place| {
                place.0.start() >= expectation.place.0.start() && place.0.end() <= expectation.place.0.end()
            };
            let wrong = otherwise.iter().filter(|(place, _)| is_within(place)).map(|(_, wrong)| wrong.clone());
            Case { name: format!("line {}: {}", position.line, expectation.message), wrong: wrong.collect() }
        };
        let mut cases: Vec<Case> = expectations.iter().map(case).collect();
        cases.extend(properties.into_iter().map(|(name, wrong)| Case { name, wrong }));
        cases.push(Case { name: "what must never be".to_owned(), wrong: violations });
        Self { name: path.display().to_string(), cases }
    }

    /// Adds a case.
    pub(super) fn add(&mut self, name: String, wrong: Vec<String>) {
        self.cases.push(Case { name, wrong });
    }
}

/// Writes `suites` to the file `path`.
pub(super) fn write(path: &Path, suites: &[Suite]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot write `{}`: {error}", path.display()));
    let file = std::fs::File::create(path).map_err(failed)?;
    let mut out = Masked::new(std::io::BufWriter::new(file));
    out.write_all(text(suites).as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

fn text(suites: &[Suite]) -> String {
    let mut lines = vec!["<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(), "<testsuites>".to_owned()];
    for Suite { name, cases } in suites {
        let name = escaped(name);
        let failures = cases.iter().filter(|case| !case.wrong.is_empty()).count();
        lines.push(format!("  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\">", cases.len()));
        for case in cases {
            let head = format!("    <testcase classname=\"{name}\" name=\"{}\"", escaped(&case.name));
            match &*case.wrong {
                [] => lines.push(format!("{head}/>")),
                [first, ..] => {
                    let (all, first) = (escaped(&case.wrong.join("\n")), escaped(first));
                    lines.push(format!("{head}>"));
                    lines.push(format!("      <failure message=\"{first}\">{all}</failure>"));
                    lines.push("    </testcase>".to_owned());
                }
            }
        }
        lines.push("  </testsuite>".to_owned());
    }
    lines.push("</testsuites>\n".to_owned());
    lines.join("\n")
}

/// A text as XML has it; what XML cannot hold becomes a question mark.
fn escaped(text: &str) -> String {
    let escaped = |char: char| match char {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' | '\t' => char.to_string(),
        char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => "?".to_owned(),
        char => char.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use base::TextRange;

    use super::*;

    #[test]
    fn a_case_has_what_is_wrong_with_it_and_no_other() {
        let source = Source::new("s.toml", "aaaa\nbbbb\ncccc\n".to_owned());
        let expectation = |message: &str, start, end| Expectation {
            place: Place(TextRange::new(start, end)),
            ..Expectation::of(message)
        };
        let expectations = [expectation("m1", 0, 4), expectation("m<2>", 5, 9)];
        let otherwise = [(Place(TextRange::new(6, 8)), "route: expected `a & b`\u{7}".to_owned())];
        let suite = Suite::new(Path::new("s.toml"), &source, &expectations, &otherwise, Vec::new(), Vec::new());
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="s.toml" tests="3" failures="1">
    <testcase classname="s.toml" name="line 1: m1"/>
    <testcase classname="s.toml" name="line 2: m&lt;2&gt;">
      <failure message="route: expected `a &amp; b`?">route: expected `a &amp; b`?</failure>
    </testcase>
    <testcase classname="s.toml" name="what must never be"/>
  </testsuite>
</testsuites>
"#;
        assert_eq!(text(&[suite]), expected);
    }
}
