//! Records and policies by the letter of RFC 8461: the grammars of §3.1 and §3.2, and what its text adds to them.
//!
//! A text that the grammar does not have is no record and no policy: nothing is guessed from it. What the text adds:
//! unknown fields are passed over, and of a field that is there twice only the first counts, but for `mx` (§3.2, of both
//! kinds of text); several records are none (§3.1). A `max_age` above a year, which §3.2 names the maximum, is none.
//! Where the text of §3.1 discards what does not begin with `v=STSv1;`, a blank before that semicolon is allowed, as the
//! grammar has it.

use base::Millis;

use super::{Mode, NoPolicy, Policy};

/// The most seconds that a policy may be kept: a year (§3.2).
const AGE_MAX: u64 = 31_557_600;

/// The most digits of them.
const AGE_DIGITS_MAX: usize = 10;

/// The longest id of a record.
const ID_MAX: usize = 32;

/// The longest name of a field.
const NAME_MAX: usize = 32;

const WSP: [char; 2] = [' ', '\t'];

/// The id of the record that these texts have, each of one TXT record with its strings joined.
pub(super) fn record(texts: &[Box<str>]) -> Result<Box<str>, NoPolicy> {
    let is_record = |fields: &&str| delimited(fields).is_some();
    let mut records = texts.iter().filter_map(|text| text.strip_prefix("v=STSv1")).filter(is_record);
    let fields = records.next().ok_or(NoPolicy::NotPublished)?;
    if records.next().is_some() {
        return Err(NoPolicy::Invalid);
    }
    id(fields).map(Into::into).ok_or(NoPolicy::Invalid)
}

/// What stands behind a semicolon and the blanks around it.
fn delimited(text: &str) -> Option<&str> {
    Some(text.trim_start_matches(WSP).strip_prefix(';')?.trim_start_matches(WSP))
}

/// The id among the fields behind the version, where all of them are well formed.
fn id(fields: &str) -> Option<&str> {
    let mut found = None;
    let mut rest = fields;
    while !rest.is_empty() {
        rest = delimited(rest)?;
        let end = rest.find([' ', '\t', ';']).unwrap_or(rest.len());
        let (field, behind) = rest.split_at(end);
        if rest.is_empty() {
            break;
        }
        let (name, value) = field.split_once('=')?;
        // Neither `=` nor `;`, nor anything that is not printed.
        let is_value = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=');
        if !is_name(name) || !is_value {
            return None;
        }
        if name == "id" && found.is_none() {
            let is_id = value.len() <= ID_MAX && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            found = Some(Some(value).filter(|_| is_id)?);
        }
        rest = behind;
    }
    found
}

/// Whether a field may be called that: an extension, too.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins_well && name.len() <= NAME_MAX && name.bytes().all(is_part)
}

/// The policy that `text` is.
pub(super) fn policy(text: &str) -> Option<Policy> {
    let (mut version, mut mode, mut max_age) = (None, None, None);
    let mut mx = Vec::new();
    for line in lines(text)? {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches(WSP);
        let is_value = !value.is_empty() && value.bytes().all(|byte| byte == b' ' || !byte.is_ascii_control());
        if !is_name(name) || !is_value {
            return None;
        }
        match name {
            "version" => version = version.or(Some(value)),
            "mode" => mode = mode.or(Some(value)),
            "max_age" => max_age = max_age.or(Some(value)),
            "mx" => mx.push(pattern(value)?),
            _ => {}
        }
    }
    let mode = match mode? {
        "none" => Mode::None,
        "testing" => Mode::Testing,
        "enforce" => Mode::Enforce,
        _ => return None,
    };
    let is_number =
        |age: &&str| (1..=AGE_DIGITS_MAX).contains(&age.len()) && age.bytes().all(|byte| byte.is_ascii_digit());
    let age = max_age.filter(is_number)?.parse().ok().filter(|age| *age <= AGE_MAX)?;
    let is_valid = version == Some("STSv1") && (mode == Mode::None || !mx.is_empty());
    is_valid.then_some(Policy { mode, mx, max_age: Millis::from_secs(age) })
}

/// The lines of a policy, each of which ends in LF or CRLF but for the last one, which may.
fn lines(text: &str) -> Option<Vec<&str>> {
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let line = match line.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            None => line,
        };
        lines.push(line);
    }
    (!lines.is_empty()).then_some(lines)
}

/// A pattern for hosts, in lower case: a domain, with `*.` in front of it or not.
fn pattern(value: &str) -> Option<Box<str>> {
    is_domain(value.strip_prefix("*.").unwrap_or(value)).then(|| value.to_ascii_lowercase().into())
}

/// Whether it is a domain of RFC 5321 §4.1.2: in A-labels where it is not ASCII, and without a dot at its end.
fn is_domain(name: &str) -> bool {
    name.split('.').all(|label| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_part)
    })
}
