//! What each function of the language computes, once its arguments are values.
//!
//! One arm a function, in the order of [`Function`]. The compiled code calls the same functions. Those that ask the
//! world are not here: see `lookup`.

mod address;
mod list;
mod text;

use crate::{function::Function, value::Value};

/// Why a function has no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLarge;

/// The value of `function` for as many `arguments` as its arity; `None` for a function that asks the world.
///
/// The result may be larger than an evaluation allows; the caller counts it. What would never end is refused here.
pub fn call(function: Function, arguments: &[Value]) -> Option<Result<Value, TooLarge>> {
    use Function as F;
    let value = match (function, arguments) {
        (F::Trim, [value]) => text::map(value, |text| text.trim().into()),
        (F::TrimStart, [value]) => text::map(value, |text| text.trim_start().into()),
        (F::TrimEnd, [value]) => text::map(value, |text| text.trim_end().into()),
        (F::Len, [value]) => text::len(value),
        (F::ToLowercase, [value]) => text::map(value, |text| text.to_lowercase().into()),
        (F::ToUppercase, [value]) => text::map(value, |text| text.to_uppercase().into()),
        (F::IsLowercase, [value]) => text::test(value, text::is_lowercase),
        (F::IsUppercase, [value]) => text::test(value, text::is_uppercase),
        (F::HasDigits, [value]) => text::test(value, |text| text.bytes().any(|byte| byte.is_ascii_digit())),
        (F::CountChars, [value]) => text::count(value, |_| true),
        (F::CountSpaces, [value]) => text::count(value, char::is_whitespace),
        (F::CountUppercase, [value]) => text::count(value, char::is_uppercase),
        (F::CountLowercase, [value]) => text::count(value, char::is_lowercase),
        (F::Lines, [value]) => text::lines(value),
        (F::SplitWords, [value]) => text::split_words(value),
        (F::Contains, [value, part]) => list::contains(value, part),
        (F::ContainsIgnoreCase, [value, part]) => list::contains_ignore_case(value, part),
        (F::EqIgnoreCase, [a, b]) => Value::truth(a.to_text().eq_ignore_ascii_case(&b.to_text())),
        (F::StartsWith, [value, part]) => Value::truth(value.to_text().starts_with(&*part.to_text())),
        (F::EndsWith, [value, part]) => Value::truth(value.to_text().ends_with(&*part.to_text())),
        (F::StripPrefix, [value, part]) => text::strip_prefix(value, part),
        (F::StripSuffix, [value, part]) => text::strip_suffix(value, part),
        (F::Split, [value, delimiter]) => text::split(value, delimiter),
        (F::Rsplit, [value, delimiter]) => text::rsplit(value, delimiter),
        (F::SplitOnce, [value, delimiter]) => text::halves(value.to_text().split_once(&*delimiter.to_text())),
        (F::RsplitOnce, [value, delimiter]) => text::halves(value.to_text().rsplit_once(&*delimiter.to_text())),
        (F::SplitN, [value, delimiter, times]) => return Some(text::split_n(value, delimiter, times)),
        (F::Substring, [value, start, count]) => text::substring(value, start, count),
        (F::Hash, [value, algorithm]) => text::hash(value, algorithm),
        (F::Count, [value]) => list::count(value),
        (F::Sort, [value, ascending]) => list::sort(value, ascending),
        (F::Dedup, [value]) => list::dedup(value),
        (F::Winnow, [value]) => list::winnow(value),
        (F::IsIntersect, [a, b]) => list::is_intersect(a, b),
        (F::IsEmpty, [value]) => list::is_empty(value),
        (F::IsNumber, [value]) => Value::truth(matches!(value, Value::Int(_) | Value::Float(_))),
        (F::IsIpAddr, [value]) => address::is_ip(value, |_| true),
        (F::IsIpv4Addr, [value]) => address::is_ip(value, |address| address.is_ipv4()),
        (F::IsIpv6Addr, [value]) => address::is_ip(value, |address| address.is_ipv6()),
        (F::IpReverseName, [value]) => address::reverse_name(value),
        (F::IsIpInCidr, [value, network]) => address::is_in_network(value, network),
        (F::IsEmail, [value]) => Value::truth(address::is_mailbox(&value.to_text())),
        (F::EmailPart, [value, part]) => address::mailbox_part(value, part),
        (F::IfThen, [condition, then, otherwise]) => (if condition.is_true() { then } else { otherwise }).clone(),
        _asks_the_world => return None,
    };
    Some(Ok(value))
}
