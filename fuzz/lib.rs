//! What the fuzz targets hold every reader to, in one place.

use base::{Findings, TextRange};
use config::{Dialect, Loaded, NoResources};
use document::{
    Source,
    render::{self, Colour},
};
use policy::{Block, ExprId, Facts, Ir, Stop, Value, Variable, interpret, lookup::Unknown};

/// The document that holds `bytes`, and what was found while they were decoded.
///
/// Bytes that are no text are replaced as they are in a file, so that nothing that a file may hold is left out.
#[must_use]
pub fn document(name: &str, bytes: &[u8]) -> (Source, Findings) {
    Source::from_bytes(name, bytes.to_vec())
}

/// Every finding lies within `text`, on the boundaries of characters, and so does whatever mends it.
///
/// # Panics
///
/// Where one does not.
pub fn findings_lie_within(text: &str, findings: &Findings) {
    let within = |range: TextRange| text.get(range.indices()).is_some();
    for finding in findings {
        let what = || format!("{} {:?}: {}", finding.code.id, finding.range, finding.message);
        assert!(within(finding.range), "outside of the text: {}", what());
        for (range, label) in &finding.related {
            assert!(within(*range), "`{label}` at {range:?} is outside of the text: {}", what());
        }
        for edit in finding.fix.iter().flat_map(|fix| &fix.edits) {
            assert!(within(edit.range), "the fix at {:?} is outside of the text: {}", edit.range, what());
        }
        assert!(!finding.message.is_empty(), "without a message: {}", what());
    }
}

/// Loading `source` as `forced` ends, gives findings that lie within it, gives them again when asked again, says what
/// is wrong where it gives no settings, and can be shown in every form.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn loads(source: &Source, forced: Option<Dialect>) {
    let Loaded { settings, findings, .. } = config::load(source, forced, &NoResources);
    findings_lie_within(source.text(), &findings);
    assert!(settings.is_some() || findings.has_errors(), "refused as {forced:?} without a word");

    let shown = render::text(source, &findings, Colour::Never);
    let again = config::load(source, forced, &NoResources).findings;
    assert_eq!(shown, render::text(source, &again, Colour::Never), "two runs differ");
    assert_eq!(shown.is_empty(), findings.is_empty());
    assert!(render::json(&[(source, &findings)]).starts_with('{'));
    assert_eq!(render::github(&[(source, &findings)]).is_empty(), findings.is_empty());
}

/// What an expression gives on fixed facts, in a world that knows nothing: a value, a question or an error.
#[must_use]
pub fn evaluated(ir: &Ir, root: ExprId) -> String {
    let facts = facts();
    said(interpret::with_world(&mut Unknown, |answers| interpret::expression(ir, root, &facts.row(), answers, &mut ())))
}

/// What a block gives, as [`evaluated`].
#[must_use]
pub fn decided(block: &Block) -> String {
    let facts = facts();
    said(interpret::with_world(&mut Unknown, |answers| interpret::block(block, &facts.row(), answers, &mut ())))
}

fn said<T: std::fmt::Debug>(result: Result<T, Stop>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Stop::Needs(lookup)) => format!("needs {lookup}"),
        Err(Stop::Failed(error)) => error.to_string(),
    }
}

/// A recipient with the values that make a difference: a subaddress, the largest size, a list with an empty element.
fn facts() -> Facts {
    Facts::new()
        .with(Variable::Rcpt, Value::text("user+tag@corp.test"))
        .with(Variable::RcptDomain, Value::text("corp.test"))
        .with(Variable::SenderDomain, Value::text("home.example"))
        .with(Variable::RetryNum, Value::Int(3))
        .with(Variable::Size, Value::Int(i64::MAX))
        .with(Variable::Recipients, Value::list(vec![Value::text("a@b.test"), Value::empty()]))
}
