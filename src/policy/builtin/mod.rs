//! What each function of the language computes, once its arguments are values.
//!
//! One arm a function, in the order of [`Function`]. The compiled code calls the same functions. Those that ask the
//! world are not here: see `lookup`.

mod address;
mod list;
mod text;

use bumpalo::Bump;

use crate::{datum::Datum, function::Function};

/// Why a function has no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLarge;

/// The value of `function` for as many `arguments` as its arity; `None` for a function that asks the world.
///
/// The result may be larger than an evaluation allows; the caller counts it. What would never end is refused here.
pub fn call<'a>(function: Function, arguments: &[Datum<'a>], arena: &'a Bump) -> Option<Result<Datum<'a>, TooLarge>> {
    use Function as F;
    let value = match (function, arguments) {
        (F::Trim, [value]) => text::map(*value, arena, str::trim),
        (F::TrimStart, [value]) => text::map(*value, arena, str::trim_start),
        (F::TrimEnd, [value]) => text::map(*value, arena, str::trim_end),
        (F::Len, [value]) => text::len(*value, arena),
        (F::ToLowercase, [value]) => text::map(*value, arena, |text| text::to_lowercase(text, arena)),
        (F::ToUppercase, [value]) => text::map(*value, arena, |text| text::to_uppercase(text, arena)),
        (F::IsLowercase, [value]) => text::test(*value, arena, text::is_lowercase),
        (F::IsUppercase, [value]) => text::test(*value, arena, text::is_uppercase),
        (F::HasDigits, [value]) => text::test(*value, arena, |text| text.bytes().any(|byte| byte.is_ascii_digit())),
        (F::CountChars, [value]) => text::count(*value, arena, |_| true),
        (F::CountSpaces, [value]) => text::count(*value, arena, char::is_whitespace),
        (F::CountUppercase, [value]) => text::count(*value, arena, char::is_uppercase),
        (F::CountLowercase, [value]) => text::count(*value, arena, char::is_lowercase),
        (F::Lines, [value]) => text::lines(*value, arena),
        (F::SplitWords, [value]) => text::split_words(*value, arena),
        (F::Contains, [value, part]) => list::contains(*value, *part, arena),
        (F::ContainsIgnoreCase, [value, part]) => list::contains_ignore_case(*value, *part, arena),
        (F::EqIgnoreCase, [a, b]) => Datum::truth(a.to_text(arena).eq_ignore_ascii_case(&b.to_text(arena))),
        (F::StartsWith, [value, part]) => Datum::truth(value.to_text(arena).starts_with(&*part.to_text(arena))),
        (F::EndsWith, [value, part]) => Datum::truth(value.to_text(arena).ends_with(&*part.to_text(arena))),
        (F::StripPrefix, [value, part]) => text::strip_prefix(*value, *part, arena),
        (F::StripSuffix, [value, part]) => text::strip_suffix(*value, *part, arena),
        (F::Split, [value, delimiter]) => text::split(*value, *delimiter, arena),
        (F::Rsplit, [value, delimiter]) => text::rsplit(*value, *delimiter, arena),
        (F::SplitOnce, [value, delimiter]) => {
            text::halves(value.to_kept_text(arena).split_once(&*delimiter.to_text(arena)), arena)
        }
        (F::RsplitOnce, [value, delimiter]) => {
            text::halves(value.to_kept_text(arena).rsplit_once(&*delimiter.to_text(arena)), arena)
        }
        (F::SplitN, [value, delimiter, times]) => return Some(text::split_n(*value, *delimiter, *times, arena)),
        (F::Substring, [value, start, count]) => text::substring(*value, *start, *count, arena),
        (F::Hash, [value, algorithm]) => text::hash(*value, *algorithm, arena),
        (F::Count, [value]) => list::count(*value, arena),
        (F::Sort, [value, ascending]) => list::sort(*value, *ascending, arena),
        (F::Dedup, [value]) => list::dedup(*value, arena),
        (F::Winnow, [value]) => list::winnow(*value, arena),
        (F::IsIntersect, [a, b]) => list::is_intersect(*a, *b),
        (F::IsEmpty, [value]) => list::is_empty(*value),
        (F::IsNumber, [value]) => Datum::truth(matches!(value, Datum::Int(_) | Datum::Float(_))),
        (F::IsIpAddr, [value]) => address::is_ip(*value, arena, |_| true),
        (F::IsIpv4Addr, [value]) => address::is_ip(*value, arena, |address| address.is_ipv4()),
        (F::IsIpv6Addr, [value]) => address::is_ip(*value, arena, |address| address.is_ipv6()),
        (F::IpReverseName, [value]) => address::reverse_name(*value, arena),
        (F::IsIpInCidr, [value, network]) => address::is_in_network(*value, *network, arena),
        (F::IsEmail, [value]) => Datum::truth(address::is_mailbox(&value.to_text(arena))),
        (F::EmailPart, [value, part]) => address::mailbox_part(*value, *part, arena),
        (F::IfThen, [condition, then, otherwise]) => *if condition.is_true() { then } else { otherwise },
        _asks_the_world => return None,
    };
    Some(Ok(value))
}
