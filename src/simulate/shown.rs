//! The certificates that invented hosts show, and whether they lead to an anchor of the invented web: by their bytes, at the
//! moment at which they are shown.
//!
//! What was shown once is kept, with the verdict until the next moment at which one of the certificates begins or ceases to
//! hold, so that a run of millions signs and verifies as often as something changes.

use std::collections::BTreeMap;

use base::Instant;
use delivery::{
    chain::{Anchor, changes, leads_to},
    effect::Peer,
};
use scenario::{
    World,
    world::{Certificate, Host},
};

use crate::certificate::{Form, WEB, anchor};

/// What was shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// By the server, the name that it goes by, and the name that was asked for; with the moment until which it is so.
    known: BTreeMap<Key, (Peer, Instant)>,
}

type Key = (usize, Box<str>, Box<str>);

impl Shown {
    /// What the server at this place, which goes by the second name, shows to whoever asks for the third.
    pub(crate) fn of(
        &mut self,
        world: &World,
        host: &Host,
        (place, own, asked): (usize, &str, &str),
        now: Instant,
    ) -> Peer {
        let key = (place, own.into(), asked.into());
        if let Some((peer, until)) = self.known.get(&key)
            && now < *until
        {
            return peer.clone();
        }
        let given = host.chain.as_ref().map(|given| given.all.clone());
        let certificates = given.unwrap_or_else(|| chain(host.certificate, own, asked));
        let mut anchors = vec![Form::authority(WEB, WEB).der()];
        anchors.extend(world.anchors.iter().flat_map(|anchors| anchors.all.iter().cloned()));
        let is_trusted = anchors.iter().any(|anchor| leads_to(&certificates, Anchor::Certificate(anchor), now));
        let until = changes(&certificates, now).min(changes(&anchors, now));
        let peer = Peer { certificates, is_trusted };
        self.known.insert(key, (peer.clone(), until));
        peer
    }
}

/// What a host shows: its own certificate, then those that lead to whoever signed it.
fn chain(certificate: Certificate, own: &str, asked: &str) -> Vec<Box<[u8]>> {
    let ca = anchor(own);
    let name = if certificate == Certificate::OtherName { "other.invalid" } else { asked };
    let names = [name];
    let form = Form::host(name, &names, own, &ca);
    match certificate {
        Certificate::Valid | Certificate::OtherName => vec![form.der(), Form::authority(&ca, WEB).der()],
        Certificate::SelfSigned => vec![Form { issuer: name, signer: own, ..form }.der()],
        Certificate::UnknownAnchor => vec![form.der(), Form::authority(&ca, &ca).der()],
        Certificate::Expired => {
            vec![Form { until: "19700101000001Z", ..form }.der(), Form::authority(&ca, WEB).der()]
        }
    }
}

#[cfg(test)]
mod tests {
    use scenario::pem::Certificates;

    use super::*;

    #[test]
    fn a_verdict_is_kept_until_something_changes() {
        let form = Form::host("mx.test", &["mx.test"], "mx", WEB);
        let form = Form { from: "20260101000000Z", until: "20260201000000Z", ..form };
        let given = Certificates { text: String::new(), all: vec![form.der()] };
        let host = Host { chain: Some(given), ..Host::default() };
        let (world, mut shown) = (World::default(), Shown::default());
        let mut is_trusted = |now| shown.of(&world, &host, (0, "mx.test", "mx.test"), Instant(now)).is_trusted;
        // 31 December, 1 January and 1 February 2026, each with its last millisecond before.
        let moments = [1_767_139_200_000, 1_767_225_599_999, 1_767_225_600_000, 1_769_904_000_999, 1_769_904_001_000];
        assert_eq!(moments.map(&mut is_trusted), [false, false, true, true, false]);
        assert_eq!(shown.known.len(), 1);
    }

    #[test]
    fn what_a_host_shows_is_what_the_scenario_says_of_it() {
        let (world, mut shown) = (World::default(), Shown::default());
        for (place, (certificate, expected)) in [
            (Certificate::Valid, true),
            (Certificate::OtherName, true),
            (Certificate::SelfSigned, false),
            (Certificate::UnknownAnchor, false),
            (Certificate::Expired, false),
        ]
        .into_iter()
        .enumerate()
        {
            let host = Host { certificate, ..Host::default() };
            let peer = shown.of(&world, &host, (place, "mx.test", "alias.test"), Instant(1_767_225_600_000));
            assert_eq!(peer.is_trusted, expected, "{certificate:?}");
            let names = delivery::tlsa::names(&peer.certificates[0]);
            let name = if certificate == Certificate::OtherName { "other.invalid" } else { "alias.test" };
            assert_eq!(names, [name], "{certificate:?}");
        }
    }
}
