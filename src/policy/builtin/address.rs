//! Functions of network addresses and of addresses of mail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bumpalo::Bump;

use super::text;
use crate::datum::{Datum, written};

/// Whether the text is an address, and `kind` holds for it.
pub(super) fn is_ip<'a>(value: Datum<'a>, arena: &'a Bump, kind: impl Fn(IpAddr) -> bool) -> Datum<'a> {
    Datum::truth(value.to_text(arena).parse().is_ok_and(kind))
}

/// The labels of the reverse tree in their order, without its zone: what a block list is asked with (RFC 5782).
pub(super) fn reverse_name<'a>(value: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    Datum::Text(match value.to_text(arena).parse() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            written(arena, format_args!("{d}.{c}.{b}.{a}"))
        }
        Ok(IpAddr::V6(address)) => {
            let mut name = bumpalo::collections::String::new_in(arena);
            for nibble in address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]) {
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(char::from_digit(u32::from(nibble), 16));
            }
            name.into_bump_str()
        }
        Err(_) => "",
    })
}

/// Whether the address lies in the network. IPv4 written as IPv6 (`::ffff:a.b.c.d`) counts as IPv4 on both sides;
/// every length of prefix is accepted, which the reference does not (E11).
pub(super) fn is_in_network<'a>(value: Datum<'a>, network: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let Ok(address) = value.to_text(arena).parse::<IpAddr>() else {
        return Datum::truth(false);
    };
    let Some((network, prefix)) = parse_network(&network.to_text(arena)) else {
        return Datum::truth(false);
    };
    Datum::truth(match (unmapped(address), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    })
}

/// `address/prefix`, or an address alone; blanks around both are no harm.
fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    const MAPPED_PREFIX: u32 = 96;
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address.trim(), Some(prefix.trim().parse::<u32>().ok()?)),
        None => (text.trim(), None),
    };
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let prefix = prefix.unwrap_or(Ipv4Addr::BITS);
            (prefix <= Ipv4Addr::BITS).then_some((IpAddr::V4(address), prefix))
        }
        IpAddr::V6(address) => {
            let prefix = prefix.unwrap_or(Ipv6Addr::BITS);
            match address.to_ipv4_mapped() {
                Some(address) if (MAPPED_PREFIX..=Ipv6Addr::BITS).contains(&prefix) => {
                    Some((IpAddr::V4(address), prefix - MAPPED_PREFIX))
                }
                _ => (prefix <= Ipv6Addr::BITS).then_some((IpAddr::V6(address), prefix)),
            }
        }
    }
}

fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whether the text is an address of mail, as loosely as the reference reads one (E13): a local part of atoms or in
/// quotes, `@`, a domain of labels, which may end in a dot. UTF-8 is a letter everywhere.
pub(super) fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    is_local_part(local) && is_domain(domain)
}

fn is_local_part(local: &str) -> bool {
    let atom = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || !character.is_ascii()
    };
    match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => {
            let mut escaped = false;
            let closes = quoted.chars().any(|character| {
                let closes = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                closes
            });
            !quoted.is_empty() && !closes && !escaped
        }
        None => local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)),
    }
}

fn is_domain(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let letter =
        |character: char| character.is_ascii_alphanumeric() || "-_".contains(character) || !character.is_ascii();
    domain.contains('.') && domain.split('.').all(|label| !label.is_empty() && label.chars().all(letter))
}

/// The part of an address, or of each one; blanks around it are dropped. Empty for another part than `local` and
/// `domain`, and where there is no `@`.
pub(super) fn mailbox_part<'a>(value: Datum<'a>, part: Datum<'a>, arena: &'a Bump) -> Datum<'a> {
    let part = part.to_text(arena);
    text::map(value, arena, |text| match (&*part, text.rsplit_once('@')) {
        ("local", Some((local, _))) => local.trim(),
        ("domain", Some((_, domain))) => domain.trim(),
        _ => "",
    })
}
