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

/// Whether the text passes for an address of mail (E13).
///
/// The reference knows no grammar of addresses. It goes through the characters once, and wants one `@` with something in front
/// of it, and behind it something with a dot that follows something. Quotes may begin and end anywhere, and let everything
/// pass; of what stands within, letters, digits, the signs of atoms, and `,`, `:`, `>` and blanks count as something. UTF-8 is
/// a letter everywhere.
///
/// ```text
/// a.@c.test -> yes   "a b"c@d.test -> yes   a@c. -> yes   .a@c.test -> no   a@.c.test -> no   a@c -> no   ""@c.test -> no
/// ```
pub(super) fn is_mailbox(text: &str) -> bool {
    let (mut is_quoted, mut previous) = (false, None);
    // What stood in front of the `@`; what counts on this side of it; and the dots behind it.
    let (mut before_at, mut counted, mut dots) = (None, 0_usize, 0_usize);
    for byte in text.bytes() {
        let is_escaped = is_quoted && previous == Some(b'\\');
        match byte {
            b'"' if !is_escaped => is_quoted = !is_quoted,
            _ if is_atom(byte) => counted += 1,
            b',' | b':' | b'>' | b' ' if is_quoted => counted += 1,
            _ if is_quoted => {}
            b'.' if counted > 0 && previous != Some(b'.') => {
                counted += 1;
                dots += usize::from(before_at.is_some());
            }
            b'@' if before_at.is_none() => before_at = Some(std::mem::take(&mut counted)),
            _ => return false,
        }
        previous = Some(byte);
    }
    before_at.is_some_and(|before| before > 0) && counted > 0 && dots > 0
}

/// A byte of an atom (RFC 5321 §4.1.2), or of a character that is not ASCII.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte) || !byte.is_ascii()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scan_of_characters() {
        #[rustfmt::skip]
        let yes = [
            "kim@dest.example", "a@b.c", "a.b@c.test", "a.@c.test", "a@c.test.", "a@c.", "a@b.c.", "a@-x.test", "a@x-.test",
            "a@x_y.test", "a@192.0.2.1", "a+b=c@d.test", "!#$%&'*+-/=?^_`{|}~@x.test", "a@!.test", "jörg@münchen.test", "é@è.ê",
            // Quotes in front, in the middle, behind, and in the domain.
            "\"a b\"@c.test", "\"a@b\"@c.test", "a\"b\"c@d.test", "a\"b c\"@d.test", "\"a\"b@c.test", "\"a\".b@c.test",
            "a.\"b\"@c.test", "\"a\".\"b\"@c.test", "\"a\\\"b\"@c.test", "\"a(b)\"@c.test", "\" \"@c.test", "\",\"@c.test",
            "\":\"@c.test", "\">\"@c.test", "a@\"c\".test", "a@c.\"t\"", "a\"\"@c.test", "a@c.test\"\"",
        ];
        #[rustfmt::skip]
        let no = [
            "", "kim", "kim@", "@dest.example", "@", "kim@dest", "a@b@c.test", "a@b.test@c.test", "a..b@c.test", ".a@c.test",
            "a@c..test", "a@.c.test", "a@c.test..", "a b@c.test", " a@c.test", "a@x.test ", "a@x.test, b@y.test", "<a@c.test>",
            "a(b)@c.test", "a@c.test(b)", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a:b@c.test", "a;b@c.test", "a\\b@c.test",
            "a\t@c.test", "a@c.test\n", "a[b]@c.test",
            // Within quotes, nothing that counts; and quotes that do not end before the `@`.
            "\"\"@x.test", "\"(\"@c.test", "\".\"@c.test", "\"@\"@c.test", "\"\\\"\"@c.test", "\"a@x.test", "\"a\\\"@c.test",
            "a@\"b.c\"", "a@\"\"", "a@\"\".test",
        ];
        for text in yes {
            assert!(is_mailbox(text), "{text}");
        }
        for text in no {
            assert!(!is_mailbox(text), "{text}");
        }
    }
}
