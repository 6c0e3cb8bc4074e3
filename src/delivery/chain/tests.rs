//! Chains that are generated for each test, by their bytes alone: what one member says or signs otherwise decides.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PublicKeyData as _, date_time_ymd,
};

use super::*;

/// Somebody with a key and a certificate.
pub(crate) struct Member {
    params: CertificateParams,
    key: KeyPair,
    pub(crate) der: Box<[u8]>,
}

impl Member {
    /// Signs a certificate for somebody else.
    pub(crate) fn signs(&self, params: CertificateParams) -> Self {
        let (key, issuer) = (KeyPair::generate().unwrap(), Issuer::from_params(&self.params, &self.key));
        let der = (*params.signed_by(&key, &issuer).unwrap().der()).to_vec().into();
        Self { params, key, der }
    }

    /// Signs its own.
    pub(crate) fn alone(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = (*params.self_signed(&key).unwrap().der()).to_vec().into();
        Self { params, key, der }
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }
}

/// What a certificate says that holds in 2026.
pub(crate) fn form(name: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

/// The same with something changed.
fn with(mut params: CertificateParams, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    change(&mut params);
    params
}

pub(crate) fn authority(name: &str) -> CertificateParams {
    let is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    with(form(name, &[]), |params| {
        params.is_ca = is_ca;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    })
}

pub(crate) fn host() -> CertificateParams {
    form("mx.corp.test", &["mx.corp.test"])
}

fn limited(name: &str, most: u8) -> CertificateParams {
    with(authority(name), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(most));
    })
}

type Chain = Vec<Box<[u8]>>;

/// 1 July 2026.
pub(crate) const NOW: Instant = Instant(1_782_864_000_000);

/// Whether the first leads to the last one by way of those between them, all of which are shown but the last.
fn holds_together(members: &[&Member], now: Instant) -> bool {
    let (anchor, shown) = members.split_last().unwrap();
    let shown: Vec<Box<[u8]>> = shown.iter().map(|member| member.der.clone()).collect();
    leads_to(&shown, Anchor::Certificate(&anchor.der), now)
}

#[test]
fn a_chain_leads_to_whoever_signed_it() {
    let root = Member::alone(authority("root"));
    let upper = root.signs(authority("upper"));
    let lower = upper.signs(authority("lower"));
    let leaf = lower.signs(host());
    let stranger = Member::alone(authority("root"));
    let shown = |members: &[&Member]| members.iter().map(|member| member.der.clone()).collect::<Vec<_>>();
    let all = shown(&[&leaf, &lower, &upper, &root]);
    for anchor in [&lower, &upper, &root] {
        assert!(leads_to(&all, Anchor::Certificate(&anchor.der), NOW));
        assert!(leads_to(&all, Anchor::Key(&anchor.public_key()), NOW));
    }
    let rows: [(&str, Chain, bool); 7] = [
        ("in order", shown(&[&leaf, &lower, &upper]), true),
        ("out of order", shown(&[&leaf, &upper, &lower]), true),
        ("with others between", shown(&[&leaf, &stranger, &upper, &lower]), true),
        ("one is missing", shown(&[&leaf, &upper]), false),
        ("all are missing", shown(&[&leaf]), false),
        ("without the host's", shown(&[&lower, &upper]), false),
        ("nothing", Vec::new(), false),
    ];
    for (name, shown, expected) in rows {
        assert_eq!(leads_to(&shown, Anchor::Certificate(&root.der), NOW), expected, "{name}");
        assert_eq!(leads_to(&shown, Anchor::Key(&root.public_key()), NOW), expected, "{name}, by its key");
        assert!(!leads_to(&shown, Anchor::Certificate(&stranger.der), NOW), "{name}: of the same name alone");
        assert!(!leads_to(&shown, Anchor::Key(&stranger.public_key()), NOW), "{name}: another key");
    }
    let garbage: Box<[u8]> = (*b"no certificate").into();
    assert!(!leads_to(&[garbage.clone(), lower.der.clone()], Anchor::Certificate(&lower.der), NOW));
    assert!(!leads_to(&all, Anchor::Certificate(&garbage), NOW));
    assert!(!leads_to(&all, Anchor::Key(&garbage), NOW));
    // What stands behind a certificate belongs to none.
    let longer: Box<[u8]> = [&*leaf.der, b"x"].concat().into();
    assert!(!leads_to(&[longer, lower.der.clone()], Anchor::Certificate(&lower.der), NOW));
}

#[test]
fn each_member_says_what_it_may_do() {
    let chain = |root: CertificateParams, middle: CertificateParams, leaf: CertificateParams| {
        let root = Member::alone(root);
        let middle = root.signs(middle);
        let leaf = middle.signs(leaf);
        holds_together(&[&leaf, &middle, &root], NOW)
    };
    let plain = || authority("root");
    let middle = || authority("middle");
    assert!(chain(plain(), middle(), host()));
    // Whether it signs at all.
    let nothing = || {
        with(middle(), |params| {
            params.is_ca = IsCa::NoCa;
            params.key_usages = Vec::new();
        })
    };
    let denied = || {
        with(middle(), |params| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = Vec::new();
        })
    };
    assert!(!chain(plain(), nothing(), host()));
    assert!(!chain(plain(), denied(), host()));
    assert!(!chain(
        with(denied(), |params| {
            params.distinguished_name = plain().distinguished_name;
        }),
        middle(),
        host()
    ));
    // What its key is for.
    let unsaid = with(middle(), |params| {
        params.key_usages = Vec::new();
    });
    assert!(chain(plain(), unsaid, host()));
    for usages in [vec![KeyUsagePurpose::DigitalSignature], vec![KeyUsagePurpose::CrlSign]] {
        let other = |params: CertificateParams| {
            with(params, |params| {
                params.key_usages = usages.clone();
            })
        };
        assert!(!chain(plain(), other(middle()), host()), "{usages:?}");
        assert!(!chain(other(plain()), middle(), host()), "{usages:?}");
        assert!(chain(plain(), middle(), other(host())), "a host signs nobody");
    }
    // How many may follow.
    assert!(!chain(limited("root", 0), middle(), host()));
    assert!(chain(limited("root", 1), middle(), host()));
    assert!(chain(plain(), limited("middle", 0), host()));
    let root = Member::alone(plain());
    for (most, expected) in [(0, false), (1, true)] {
        let upper = root.signs(limited("upper", most));
        let lower = upper.signs(authority("lower"));
        let leaf = lower.signs(host());
        assert_eq!(holds_together(&[&leaf, &lower, &upper, &root], NOW), expected, "{most}");
        assert_eq!(holds_together(&[&leaf, &lower, &upper], NOW), expected, "{most}, as an anchor");
    }
    // What the host is for, and for which names somebody may sign.
    let client = with(host(), |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert!(!chain(plain(), middle(), client));
    for (names, expected) in [("corp.test", true), ("other.test", false)] {
        let permitted_subtrees = vec![GeneralSubtree::DnsName(names.to_owned())];
        let name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        let bound = with(middle(), |params| {
            params.name_constraints = name_constraints;
        });
        assert_eq!(chain(plain(), bound, host()), expected, "{names}");
    }
}

#[test]
fn every_member_holds_within_its_time() {
    let late = |params: CertificateParams| {
        with(params, |params| {
            params.not_before = date_time_ymd(2026, 6, 1);
        })
    };
    let early = |params: CertificateParams| {
        with(params, |params| {
            params.not_after = date_time_ymd(2026, 8, 1);
        })
    };
    for place in 0..3 {
        let at = |number: usize, params| if number == place { late(early(params)) } else { params };
        let root = Member::alone(at(0, authority("root")));
        let middle = root.signs(at(1, authority("middle")));
        let leaf = middle.signs(at(2, host()));
        let certificates = [leaf.der.clone(), middle.der.clone(), root.der.clone()];
        let rows = [
            (1_767_225_600_000, false, 1_780_272_000_000, "January"),
            (1_780_271_999_999, false, 1_780_272_000_000, "May"),
            (1_780_272_000_000, true, 1_785_542_401_000, "June"),
            (1_785_542_400_999, true, 1_785_542_401_000, "the last second"),
            (1_785_542_401_000, false, 1_798_761_601_000, "August"),
            (1_798_761_601_000, false, u64::MAX, "the next year"),
        ];
        for (now, expected, until, name) in rows {
            assert_eq!(holds_together(&[&leaf, &middle, &root], Instant(now)), expected, "{place}: {name}");
            let until = if until == u64::MAX { Instant::NEVER } else { Instant(until) };
            assert_eq!(changes(&certificates, Instant(now)), until, "{place}: {name}");
        }
    }
    assert_eq!(changes(&[], NOW), Instant::NEVER);
}

#[test]
fn one_that_signed_itself_is_its_own_anchor() {
    let authority_too = with(host(), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    for params in [host(), authority_too] {
        let leaf = Member::alone(params);
        let anchor = Anchor::Certificate(&leaf.der);
        assert!(leads_to(std::slice::from_ref(&leaf.der), anchor, NOW));
        assert!(!leads_to(std::slice::from_ref(&leaf.der), anchor, Instant(0)), "it does not hold yet");
    }
    let root = Member::alone(authority("root"));
    let leaf = root.signs(host());
    assert!(!leads_to(&[leaf.der.clone(), root.der.clone()], Anchor::Certificate(&leaf.der), NOW), "root signed it");
    // Of the same name, and signed by another key.
    let twin = Member::alone(form("mx.corp.test", &[])).signs(host());
    assert!(!leads_to(std::slice::from_ref(&twin.der), Anchor::Certificate(&twin.der), NOW));
}
