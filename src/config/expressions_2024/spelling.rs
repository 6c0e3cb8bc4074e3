//! Outcomes that are spelled as plain values: bare words, and the hyphens of 2022.
//!
//! `ipv4-then-ipv6` would be read as a subtraction and `mx.example.org` as the name of a variable, so these are
//! looked at before the expression is compiled, and reported in terms of the setting.

use base::{Diagnostic, Fix, MappedText, TextRange};
use policy::{Constant, Variable, codes as language, spelling::nearest};

use crate::{
    codes,
    outbound_layout::{Place, kind::Kind},
    read::Context,
};

/// The words of `kind` as this layout spells them.
pub(super) fn words<T>(kind: &Kind<T>) -> String {
    usual(kind).join("`, `")
}

fn usual<T>(kind: &Kind<T>) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = Vec::new();
    for (_, constant) in kind.words {
        if !words.contains(&constant.name()) {
            words.push(constant.name());
        }
    }
    words
}

/// Whether the outcome `text` is right as far as its spelling tells. One that is understood although the language would
/// not is replaced by what it means; one that is wrong is reported and replaced by something harmless, so that the rest
/// can be compiled.
pub(super) fn check<T>(context: &mut Context<'_>, text: &mut MappedText, place: Place, kind: &Kind<T>) -> bool {
    let found = text.text().trim();
    if found.is_empty() || !is_bare(found) {
        return true;
    }
    let start = text.text().len() - text.text().trim_start().len();
    let range = text.map(TextRange::of(start..start + found.len()));
    if kind.words.is_empty() {
        if kind.is_text
            && let Some(finding) = unquoted(found, range, place)
        {
            context.report(finding);
            *text = MappedText::synthetic("''", range);
            return false;
        }
        return true;
    }
    match word(found, range, place, kind) {
        Ok(Some(constant)) => {
            *text = MappedText::synthetic(constant.name(), range);
            true
        }
        Ok(None) => true,
        Err(finding) => {
            context.report(*finding);
            let harmless = kind.words.first().map_or("''", |(_, constant)| constant.name());
            *text = MappedText::synthetic(harmless, range);
            false
        }
    }
}

/// The constant that a word means; `None` where it is an expression of its own.
fn word<T>(found: &str, range: TextRange, place: Place, kind: &Kind<T>) -> Result<Option<Constant>, Box<Diagnostic>> {
    if Variable::named(found).is_some() {
        return Ok(None);
    }
    let known = kind.words.iter().find(|(word, constant)| {
        word.eq_ignore_ascii_case(found) && !word.contains('-') || constant.name().eq_ignore_ascii_case(found)
    });
    if let Some((_, constant)) = known {
        return Ok(Some(*constant));
    }
    if let Some((_, constant)) = kind.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(found)) {
        let right = constant.name();
        return Err(Box::new(
            Diagnostic::new(
                &codes::DIALECT_MISMATCH,
                range,
                format!("`{found}` is spelled with underscores in this layout"),
            )
            .help(format!("write `{right}`"))
            .fix(Fix::replace(format!("write `{right}`"), range, right).safe()),
        ));
    }
    if found.starts_with(|first: char| first.is_ascii_digit()) || found == "true" {
        return Ok(None);
    }
    let message = format!("`{found}` is no value of {}", place.quoted);
    let finding = Diagnostic::new(&codes::INVALID_VALUE, range, message);
    let known = format!("it is one of `{}`", words(kind));
    Err(Box::new(match nearest(found, usual(kind)) {
        Some(near) => finding.help(format!("did you mean `{near}`? {known}")).fix(Fix::replace(
            format!("write `{near}`"),
            range,
            near,
        )),
        None => finding.help(known),
    }))
}

/// The finding about a text that should be quoted; `None` where it is a value of the language.
fn unquoted(found: &str, range: TextRange, place: Place) -> Option<Diagnostic> {
    let is_word = found.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_address = found.parse::<std::net::IpAddr>().is_ok();
    let is_known = matches!(found, "true" | "false") || Variable::named(found).is_some();
    if !(is_word || is_address) || is_known {
        return None;
    }
    let message = format!("`{found}` stands without quotes, and {} is an expression", place.quoted);
    Some(
        Diagnostic::new(&language::UNQUOTED_STRING, range, message)
            .help(format!("a text in an expression has quotes of its own: write `'{found}'`"))
            .fix(Fix::replace("quote the text", range, format!("'{found}'"))),
    )
}

/// Whether `text` is a word, a name of a host or an address, and nothing that an expression is made of.
fn is_bare(text: &str) -> bool {
    const LENGTH_MAX: usize = 255;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:@".contains(&byte);
    text.len() <= LENGTH_MAX && text.bytes().all(allowed)
}
