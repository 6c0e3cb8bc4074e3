//! Which records count, and what they match: RFC 7671 and RFC 7672 for `native`, the delivery spec for the reference.

use super::*;
use crate::chain::tests::{Member, NOW, authority, form, host};

const NATIVE: Behaviour = Behaviour::NATIVE;
const NEW: Behaviour = Behaviour::STALWART_016;
const OLD: Behaviour = Behaviour::STALWART_015;

fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
    TlsaRecord { usage, selector, matching, data: data.into() }
}

/// A record of somebody, of any form.
fn of(member: &Member, usage: u8, selector: u8, matching: u8) -> TlsaRecord {
    let selected = if selector == 0 { member.der.to_vec() } else { member.public_key() };
    match matching {
        0 => record(usage, selector, 0, &selected),
        1 => record(usage, selector, 1, &Sha256::digest(&selected)),
        _ => record(usage, selector, 2, &Sha512::digest(&selected)),
    }
}

#[test]
fn records_are_usable_whose_numbers_are_known_and_whose_data_is_what_they_say() {
    let root = Member::alone(authority("root"));
    let (der, key) = (root.der.clone(), root.public_key());
    let longer = [&*der, b"x"].concat();
    let rows: [(TlsaRecord, bool, bool); 20] = [
        (record(3, 1, 1, &[0; 32]), true, true),
        (record(3, 0, 2, &[0; 64]), true, true),
        (record(2, 1, 1, &[0; 32]), true, true),
        (record(3, 0, 0, &der), true, true),
        (record(2, 1, 0, &key), true, true),
        // RFC 7672 §3.1.3: usages 0 and 1 are not for SMTP.
        (record(0, 1, 1, &[0; 32]), false, false),
        (record(1, 0, 1, &[0; 32]), false, false),
        (record(4, 1, 1, &[0; 32]), false, false),
        (record(255, 1, 1, &[0; 32]), false, false),
        (record(3, 2, 1, &[0; 32]), false, false),
        (record(3, 1, 3, &[0; 32]), false, false),
        // RFC 7671 §4.1: data that is none; the reference compares it, and it does not match.
        (record(3, 1, 1, &[0; 31]), false, true),
        (record(3, 1, 1, &[0; 33]), false, true),
        (record(3, 1, 1, &[]), false, true),
        (record(3, 1, 1, &[0; 64]), false, true),
        (record(2, 1, 2, &[0; 32]), false, true),
        (record(3, 0, 0, &[0; 32]), false, true),
        (record(3, 0, 0, &key), false, true),
        (record(3, 1, 0, &der), false, true),
        (record(2, 0, 0, &longer), false, true),
    ];
    for (record, native, reference) in rows {
        assert_eq!(record.is_usable(NATIVE), native, "{record:?}");
        assert_eq!((record.is_usable(NEW), record.is_usable(OLD)), (reference, reference), "{record:?}");
    }
}

#[test]
fn answers_are_judged_by_what_is_usable_of_them() {
    use Security::{Bogus, Indeterminate, Insecure, Secure};
    let good = || record(3, 1, 1, &[1; 32]);
    let (anchor, short) = (record(2, 1, 1, &[2; 32]), record(3, 1, 1, &[3; 31]));
    let rows: Vec<(DnsResult<TlsaRecord>, Tlsa, Tlsa, Tlsa)> = vec![
        (DnsResult::Found(vec![good()], Secure), Tlsa::Usable, Tlsa::Usable, Tlsa::Usable),
        (DnsResult::Found(vec![short.clone(), good()], Secure), Tlsa::Usable, Tlsa::Usable, Tlsa::Usable),
        (DnsResult::Found(vec![short], Secure), Tlsa::Unusable, Tlsa::Usable, Tlsa::Usable),
        (DnsResult::Found(vec![anchor], Secure), Tlsa::Usable, Tlsa::Usable, Tlsa::Unusable),
        (DnsResult::Found(vec![record(1, 1, 1, &[0; 32])], Secure), Tlsa::Unusable, Tlsa::Unusable, Tlsa::Unusable),
        (DnsResult::Found(vec![good()], Insecure), Tlsa::Absent, Tlsa::Absent, Tlsa::Absent),
        (DnsResult::Found(vec![good()], Indeterminate), Tlsa::Absent, Tlsa::Absent, Tlsa::Absent),
        (DnsResult::Found(vec![good()], Bogus), Tlsa::Bogus, Tlsa::Bogus, Tlsa::Bogus),
        (DnsResult::NoData(Secure), Tlsa::Absent, Tlsa::Absent, Tlsa::Absent),
        (DnsResult::NoData(Bogus), Tlsa::Bogus, Tlsa::Bogus, Tlsa::Bogus),
        (DnsResult::NoName(Secure), Tlsa::Absent, Tlsa::Absent, Tlsa::Absent),
        (DnsResult::ServerFailed, Tlsa::Failed, Tlsa::Failed, Tlsa::Absent),
        (DnsResult::Unreachable, Tlsa::Failed, Tlsa::Failed, Tlsa::Failed),
    ];
    for (answer, native, new, old) in rows {
        for (target, expected) in [(NATIVE, native), (NEW, new), (OLD, old)] {
            assert_eq!(judge(answer.clone(), target).0, expected, "{target} {answer:?}");
        }
    }
}

#[test]
fn of_two_digests_the_stronger_counts() {
    let all = [
        record(3, 1, 1, &[1; 32]),
        record(3, 1, 2, &[2; 64]),
        record(3, 0, 1, &[3; 32]),
        record(2, 1, 1, &[4; 32]),
        record(2, 1, 2, &[5; 63]),
    ];
    let kept = |target| {
        let (_, records) = judge(DnsResult::Found(all.to_vec(), Security::Secure), target);
        records.iter().map(|record| record.data.first().copied().unwrap()).collect::<Vec<u8>>()
    };
    // A digest that is none is no stronger one.
    assert_eq!(kept(NATIVE), [2, 3, 4]);
    assert_eq!(kept(NEW), [1, 2, 3, 4, 5]);
}

#[test]
fn certificates_are_compared_as_their_usage_says() {
    let root = Member::alone(authority("root"));
    let middle = root.signs(authority("middle"));
    let leaf = middle.signs(host());
    let other = middle.signs(form("other.test", &["other.test"]));
    let shown = |members: &[&Member]| Peer {
        certificates: members.iter().map(|member| member.der.clone()).collect(),
        is_trusted: false,
    };
    let (whole, alone) = (shown(&[&leaf, &middle, &root]), shown(&[&leaf, &middle]));
    let is_ok =
        |records: &[TlsaRecord], peer: &Peer, names: &[&str], target| verify(records, peer, names, NOW, target).is_ok();
    let names = ["mx.corp.test", "corp.test"];
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let form = format!("{selector} {matching}");
        // RFC 7672 §3.1.1: the host's own certificate, whatever it is called and however old.
        let own = of(&leaf, 3, selector, matching);
        assert!(is_ok(std::slice::from_ref(&own), &whole, &["x.test"], NATIVE), "{form}");
        assert!(verify(std::slice::from_ref(&own), &shown(&[&leaf]), &[], Instant(0), NATIVE).is_ok(), "{form}");
        assert!(!is_ok(&[own], &shown(&[&other, &middle, &root]), &names, NATIVE), "{form}");
        assert!(!is_ok(&[of(&middle, 3, selector, matching)], &whole, &names, NATIVE), "{form}: not of an anchor");
        // RFC 7672 §3.1.2: an anchor, by which the host's certificate holds and is for a name that was asked for.
        for anchor in [&middle, &root] {
            let anchor = [of(anchor, 2, selector, matching)];
            assert!(is_ok(&anchor, &whole, &names, NATIVE) && is_ok(&anchor, &whole, &names, NEW), "{form}");
            assert!(!is_ok(&anchor, &whole, &["x.test"], NATIVE), "{form}: for other names");
            assert!(verify(&anchor, &whole, &names, Instant(0), NATIVE).is_err(), "{form}: out of its time");
            assert!(!is_ok(&anchor, &shown(&[&leaf]), &names, NATIVE) || matching == 0, "{form}: nobody leads to it");
        }
        // An anchor that is not shown is known where the record has all of it (RFC 7671 §5.2.2).
        assert_eq!(is_ok(&[of(&root, 2, selector, matching)], &alone, &names, NATIVE), matching == 0, "{form}");
        // The certificate of a host that another signed is no anchor, nor is one that belongs to no chain.
        assert!(!is_ok(&[of(&leaf, 2, selector, matching)], &whole, &names, NATIVE), "{form}");
        let stranger = Member::alone(authority("stranger"));
        let beside = shown(&[&leaf, &middle, &root, &stranger]);
        assert!(!is_ok(&[of(&stranger, 2, selector, matching)], &beside, &names, NATIVE), "{form}");
        // RFC 7671 §8: any of several.
        let any = [record(3, 1, 1, &[0; 32]), of(&root, 2, selector, matching)];
        assert!(is_ok(&any, &whole, &names, NATIVE), "{form}");
        assert!(!is_ok(&any, &whole, &names, OLD), "{form}: the older one wants the host's own to match");
    }
    let nobody = Peer { certificates: Vec::new(), is_trusted: true };
    assert_eq!(verify(&[], &nobody, &names, NOW, NATIVE), Err(Failure::Dane(DaneFailure::NoCertificate)));
}

#[test]
fn one_that_signed_itself_is_an_anchor_but_not_for_the_reference() {
    let leaf = Member::alone(host());
    let peer = Peer { certificates: vec![leaf.der.clone()], is_trusted: false };
    let records = [of(&leaf, 2, 1, 1)];
    assert!(verify(&records, &peer, &["mx.corp.test"], NOW, NATIVE).is_ok());
    assert!(verify(&records, &peer, &["other.test"], NOW, NATIVE).is_err());
    assert!(verify(&records, &peer, &["mx.corp.test"], NOW, NEW).is_err());
}

#[test]
fn names_are_those_of_the_certificate() {
    let root = Member::alone(authority("root"));
    let record = [of(&root, 2, 1, 1)];
    let is_ok = |params: rcgen::CertificateParams, name: &str, target| {
        let peer = Peer { certificates: vec![root.signs(params).der, root.der.clone()], is_trusted: false };
        verify(&record, &peer, &[name], NOW, target).is_ok()
    };
    let rows: [(&str, &[&str], &str, bool, bool); 9] = [
        ("x", &["mx.corp.test"], "mx.corp.test", true, true),
        ("x", &["MX.corp.test"], "mx.CORP.test", true, true),
        ("x", &["a.test", "mx.corp.test"], "mx.corp.test", true, true),
        // RFC 7672 §3.2.3: a wildcard is the whole first label, and stands for one.
        ("x", &["*.corp.test"], "mx.corp.test", true, true),
        ("x", &["*.corp.test"], "a.mx.corp.test", false, false),
        ("x", &["*.corp.test"], "corp.test", false, false),
        // The common name counts where there is no other, which is what the reference does not do.
        ("mx.corp.test", &[], "mx.corp.test", true, false),
        ("*.corp.test", &[], "mx.corp.test", true, false),
        ("mx.corp.test", &["a.test"], "mx.corp.test", false, false),
    ];
    for (called, names, asked, native, reference) in rows {
        assert_eq!(is_ok(form(called, names), asked, NATIVE), native, "{called} {names:?} {asked}");
        assert_eq!(is_ok(form(called, names), asked, NEW), reference, "{called} {names:?} {asked}");
    }
}
