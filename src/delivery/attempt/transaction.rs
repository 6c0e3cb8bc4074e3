//! One transaction: from the recipient's domain or a configured relay to hosts, addresses, and a session with one of
//! them.
//!
//! Source: delivery spec 3.5 and 3.6.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use base::NotAnAddress;
use policy::{
    Behaviour, Kind, Quirk, Setting, StrategyId,
    strategy::{self, Protocol, Requirement, Route, Scope},
};

use super::{At, Attempt, Flow, Group, Resumes, differs};
use crate::{
    context::{Context, Decision, Scene},
    effect::{Effect, Input, Peer, Record, Ticket},
    event::What,
    failure::{Failure, Handshake, Holds, Next, StsFailure, Verdict},
    hosts::{self, Alias, DnsResult, Family, Host, Named, Security},
    message::{Delivered, Failed, Message, Relay, Status},
    planted::Fault,
    session::{self, Happened, Request, Session, TlsTry, To},
    sight::Evaluation,
    sts::{self, Fetched, Mode, NoPolicy, Policy},
    tls::{self, Dane, Demand, Encryption, Sts, Tlsa, Verification},
    tls_report::{self, Applied, ResultType, TlsResult},
    tlsa::{self, TlsaRecord},
};

/// The host at hand.
#[derive(Clone, Debug)]
pub(super) struct Trying {
    pub(super) host: Host,
    pub(super) name: Arc<str>,
    pub(super) tls: strategy::Tls,
    pub(super) sts: Sts,
    pub(super) demand: Demand,
    /// What came of its own name: what it is an alias of, how far its addresses can be trusted, and the names at which TLSA
    /// records are looked for, the next one first.
    pub(super) alias: Option<Alias>,
    pub(super) security: Option<Security>,
    pub(super) bases: VecDeque<Arc<str>>,
    /// The name at which its TLSA records are, and those that are usable.
    pub(super) base: Arc<str>,
    pub(super) records: Vec<TlsaRecord>,
    /// Whether it is known how a session must be secured.
    pub(super) is_judged: bool,
    /// What is known of its addresses.
    pub(super) answers: Vec<(Family, DnsResult<IpAddr>)>,
    /// The place of the next family that is looked up.
    pub(super) family: usize,
    pub(super) addresses: VecDeque<IpAddr>,
    pub(super) ip: Option<IpAddr>,
    pub(super) from: Option<IpAddr>,
}

impl Trying {
    /// The names at which its TLSA records may be, the first one first (RFC 7672 §2.2.2).
    fn tlsa_bases(&self, target: Behaviour) -> Vec<Arc<str>> {
        let own = self.name.clone();
        if target.has(Quirk::DaneAtMxName) {
            return vec![own];
        }
        match (self.security, &self.alias) {
            (Some(Security::Secure), None) => vec![own],
            (Some(Security::Secure), Some(alias)) => vec![(*alias.name).into(), own],
            // An alias that leads out of what is signed may still be signed itself.
            (_, Some(Alias { first: Security::Secure, .. })) => vec![own],
            _ => Vec::new(),
        }
    }

    /// The name that TLS asks for: that of its TLSA records, where they count (RFC 7672 §8.1).
    fn asked_for(&self) -> Arc<str> {
        match self.demand.verification {
            Verification::Dane => self.base.clone(),
            Verification::None | Verification::Pkix => self.name.clone(),
        }
    }
}

impl Attempt {
    /// The strategy that is chosen before a host is known governs MTA-STS.
    pub(super) fn first_tls(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(first) = self.group.as_ref().and_then(|group| group.recipients.first().copied()) else {
            self.at = At::NextGroup;
            return Flow::Go;
        };
        let scene = Scene::new(Evaluation::FirstTls, message, first);
        let tls = match self.decide_each(Kind::Tls, &scene, Resumes::FirstTls, cx) {
            Ok(decision) => decision.tls(cx.strategies),
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => {
                self.give_up(failure, "localhost");
                return Flow::Go;
            }
        };
        let is_mx =
            self.group.as_ref().is_some_and(|group| !matches!(cx.strategies.route(group.route), Some(Route::Relay(_))));
        if !is_mx {
            self.at = At::Mx;
            return Flow::Go;
        }
        if self.literal(message, cx).is_some() {
            // No policy and no wish for reports is published for an address (RFC 8461 §3.1, RFC 8460 §3).
            self.no_policy(tls.mta_sts, NoPolicy::NotPublished, message, cx);
            return Flow::Go;
        }
        if !cx.strategies.reports_tls || message.envelope.source == "report" {
            return self.look_for_policy(&tls, message, cx);
        }
        self.at = At::ReportRecord(tls);
        let name = format!("_smtp._tls.{}", self.domain(message)).into();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::ResolveTexts(ticket, name));
        Flow::Wait
    }

    pub(super) fn found_report_record(
        &mut self,
        tls: &strategy::Tls,
        message: &Message,
        answer: DnsResult<Box<str>>,
        cx: &mut Context<'_>,
    ) {
        if let (DnsResult::Found(texts, _), Some(group)) = (answer.seen_by(cx.target()), &mut self.group) {
            group.rua = tls_report::record(&texts);
        }
        self.look_for_policy(tls, message, cx);
    }

    fn look_for_policy(&mut self, tls: &strategy::Tls, message: &Message, cx: &mut Context<'_>) -> Flow {
        // A host's strategy may demand it later.
        let demands = |tls: &strategy::Tls| tls.mta_sts == Requirement::Require;
        let is_ruled = cx.engine.plan().settings.iter().any(|ruled| ruled.setting == Setting::MtaSts);
        let may_demand = !cx.target().has(Quirk::TlsWithoutMx) && (is_ruled || cx.strategies.tls.iter().any(demands));
        // It may be what vouches for a host, whether the strategy cares or not.
        let may_demand = may_demand || (message.envelope.requires_tls && !cx.target().has(Quirk::RequireTlsAnyHost));
        if tls.mta_sts == Requirement::Disable && !may_demand {
            self.at = At::Mx;
            return Flow::Go;
        }
        self.at = At::StsRecord(tls.mta_sts);
        self.deadline = Some(cx.now + tls.timeout_mta_sts);
        let name = format!("_mta-sts.{}", self.domain(message)).into();
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::ResolveTexts(ticket, name));
        Flow::Wait
    }

    pub(super) fn found_record(
        &mut self,
        wanted: Requirement,
        message: &Message,
        answer: DnsResult<Box<str>>,
        cx: &mut Context<'_>,
    ) {
        let domain = self.domain(message);
        let id = match answer.seen_by(cx.target()) {
            DnsResult::Found(texts, _) => sts::record(&texts, cx.target()),
            DnsResult::NoData(_) | DnsResult::NoName(_) => Err(NoPolicy::NotPublished),
            DnsResult::ServerFailed | DnsResult::Unreachable => Err(NoPolicy::NotResolved),
        };
        match id {
            Ok(id) => {
                if let Some(policy) = cx.policies.get(domain, Some(&id), cx.now).cloned() {
                    return self.has_policy(policy);
                }
                let domain = domain.into();
                self.at = At::StsPolicy(wanted, id);
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::FetchPolicy(ticket, domain));
            }
            // Whoever keeps the record away does not take away the policy (RFC 8461 §5.1).
            Err(why) => match cx.policies.get(domain, None, cx.now).cloned() {
                Some(policy) => self.has_policy(policy),
                None => self.no_policy(wanted, why, message, cx),
            },
        }
    }

    pub(super) fn fetched(
        &mut self,
        wanted: Requirement,
        id: &str,
        message: &Message,
        fetched: &Fetched,
        cx: &mut Context<'_>,
    ) {
        let domain = self.domain(message);
        match sts::fetched(fetched, cx.target()) {
            Ok(policy) => {
                cx.policies.keep(domain, id, policy.clone(), cx.now);
                self.has_policy(policy);
            }
            Err(why) => match cx.policies.get(domain, None, cx.now).cloned() {
                Some(policy) => self.has_policy(policy),
                None => self.no_policy(wanted, why, message, cx),
            },
        }
    }

    pub(super) fn has_policy(&mut self, policy: Policy) {
        self.deadline = None;
        if let Some(group) = &mut self.group {
            group.policy = Ok(policy);
        }
        self.at = At::Mx;
    }

    pub(super) fn no_policy(&mut self, wanted: Requirement, why: NoPolicy, message: &Message, cx: &mut Context<'_>) {
        self.deadline = None;
        let is_required = wanted == Requirement::Require;
        if let Some(result) = tls_report::of_missing_policy(why, is_required, cx.target()) {
            self.count_tls(Applied::Sts(None), Err(result), message, cx);
        }
        if let Some(group) = &mut self.group {
            group.policy = Err(Some(why));
        }
        self.at = At::Mx;
        if is_required {
            self.give_up(without_policy(why), self.domain(message));
        }
    }

    /// The group fails before a host is tried.
    pub(super) fn give_up(&mut self, failure: Failure, entity: &str) {
        if let Some(group) = &mut self.group {
            group.last = Some(Failed { entity: entity.into(), failure });
        }
        self.at = At::Conclude;
    }

    pub(super) fn domain<'m>(&self, message: &'m Message) -> &'m str {
        let first = self.group.as_ref().and_then(|group| group.recipients.first());
        let recipient = first.and_then(|place| message.recipients.get(*place as usize));
        recipient.map_or("", |recipient| recipient.address.domain())
    }

    /// The address that the recipients' domain is, where it is one in brackets.
    fn literal(&self, message: &Message, cx: &Context<'_>) -> Option<Result<IpAddr, NotAnAddress>> {
        let first = self.group.as_ref().and_then(|group| group.recipients.first())?;
        let literal = message.recipients.get(*first as usize)?.address.literal();
        literal.filter(|_| !cx.target().has(Quirk::AddressLiteralLookedUp))
    }

    pub(super) fn resolve(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        match cx.strategies.route(group.route) {
            Some(Route::Relay(relay)) => {
                group.hosts.push_back(Host { name: (*relay.address).into(), is_implicit: false });
                self.at = At::NextHost;
                Flow::Go
            }
            Some(Route::Mx(_) | Route::Local) | None => {
                let domain = self.domain(message);
                match self.literal(message, cx) {
                    None => {}
                    Some(Ok(ip)) => {
                        let host = Host { name: ip.to_string().into(), is_implicit: true };
                        cx.event(self.message, What::Hosts(vec![host.clone()]));
                        if let Some(group) = &mut self.group {
                            group.hosts.push_back(host);
                        }
                        self.at = At::NextHost;
                        return Flow::Go;
                    }
                    Some(Err(NotAnAddress)) => {
                        self.give_up(Failure::NoDomain, domain);
                        return Flow::Go;
                    }
                }
                let domain = domain.into();
                let ticket = self.new_ticket();
                cx.effects.push_back(Effect::ResolveMx(ticket, domain));
                Flow::Wait
            }
        }
    }

    pub(super) fn found_hosts(
        &mut self,
        message: &Message,
        answer: DnsResult<hosts::MxRecord>,
        alias: Option<Alias>,
        cx: &mut Context<'_>,
    ) {
        let domain = self.domain(message);
        let Some(group) = &mut self.group else { return };
        let mx = group.mx;
        match hosts::of_domain(domain, answer, &mx, cx.target(), cx.random) {
            Ok((hosts, security)) => {
                group.hosts = hosts.into();
                group.security = security;
                group.alias = alias;
                let all = group.hosts.iter().cloned().collect();
                cx.event(self.message, What::Hosts(all));
                self.at = At::NextHost;
            }
            Err(failure) => self.give_up(failure, domain),
        }
    }

    pub(super) fn next_host(&mut self) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        self.at = match group.hosts.pop_front() {
            None => At::Conclude,
            Some(host) => {
                let name: Arc<str> = (*host.name).into();
                group.host = Some(Trying {
                    host,
                    base: name.clone(),
                    name,
                    alias: None,
                    security: None,
                    bases: VecDeque::new(),
                    is_judged: false,
                    tls: strategy::Tls::BUILT_IN,
                    sts: Sts::None,
                    records: Vec::new(),
                    demand: Demand { encryption: Encryption::Always, verification: Verification::Pkix },
                    answers: Vec::new(),
                    family: 0,
                    addresses: VecDeque::new(),
                    ip: None,
                    from: None,
                });
                At::HostTls
            }
        };
        Flow::Go
    }

    pub(super) fn host_tls(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(Trying { name, .. }) = self.group.as_ref().and_then(|group| group.host.as_ref()) else {
            self.at = At::NextHost;
            return Flow::Go;
        };
        let (name, first) = (name.clone(), self.first());
        let (remote_ip, local_ip) = self.shown_addresses(cx.target());
        let scene = Scene { mx: &name, remote_ip, local_ip, ..Scene::new(Evaluation::HostTls, message, first) };
        let tls = match self.decide_each(Kind::Tls, &scene, Resumes::NextHost, cx) {
            Ok(decision) => decision.tls(cx.strategies),
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => return self.host_failed(failure, cx),
        };
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        if let Some(failure) = unvouched(message, group, &name, cx) {
            return self.host_failed(failure, cx);
        }
        let route = cx.strategies.route(group.route);
        let is_lmtp = matches!(route, Some(Route::Relay(relay)) if relay.protocol == Protocol::Lmtp);
        if let Err(failure) = tls::looks_for_tlsa(target, tls.dane, group.security)
            && !is_lmtp
        {
            if let Some(result) = tls_report::of_mx(&failure) {
                self.count_tls(Applied::Tlsa(Vec::new()), Err(result), message, cx);
            }
            return self.host_failed(failure, cx);
        }
        self.count_excluded(&tls, message, cx);
        let Some(group) = &mut self.group else { return Flow::Wait };
        let sts = match &group.policy {
            // The strategy of the host may want a policy that the first one did not.
            Err(Some(why)) if tls.mta_sts == Requirement::Require && !target.has(Quirk::TlsWithoutMx) => {
                let why = *why;
                return self.host_failed(without_policy(why), cx);
            }
            // Nor may it want one at all.
            _ if tls.mta_sts == Requirement::Disable && !target.has(Quirk::TlsWithoutMx) => Sts::None,
            Ok(policy) if policy.mode == Mode::Enforce && !policy.allows(&name) => {
                return self.host_failed(Failure::Sts(StsFailure::Host), cx);
            }
            Ok(Policy { mode: Mode::Enforce, .. }) => Sts::Enforced,
            Ok(Policy { mode: Mode::None | Mode::Testing, .. }) => Sts::Lenient,
            Err(_) => Sts::None,
        };
        if let Some(trying) = &mut group.host {
            trying.tls = tls;
            trying.sts = sts;
        }
        self.at = At::Addresses(0);
        Flow::Go
    }

    /// Looks for the TLSA records of a host whose addresses are known: no sooner, as whoever serves an unsigned host may
    /// answer nothing to such questions (RFC 7672 §2.2.2).
    pub(super) fn look_for_tlsa(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let Some(trying) = &mut group.host else { return Flow::Wait };
        let wanted = trying.tls.dane;
        let route = cx.strategies.route(group.route);
        let is_lmtp = matches!(route, Some(Route::Relay(relay)) if relay.protocol == Protocol::Lmtp);
        match tls::looks_for_tlsa(target, wanted, group.security) {
            Ok(looks) if looks && !is_lmtp => {
                trying.bases = trying.tlsa_bases(target).into();
                self.ask_for_tlsa(message, cx)
            }
            // Where DANE is demanded and cannot be, the host was passed over before.
            Ok(_) | Err(_) => {
                self.demand(Dane::Inactive, Vec::new(), message, cx);
                Flow::Go
            }
        }
    }

    /// Asks at the next name that may have TLSA records; where there is none, the host has none.
    fn ask_for_tlsa(&mut self, message: &Message, cx: &mut Context<'_>) -> Flow {
        let Some(trying) = self.group.as_mut().and_then(|group| group.host.as_mut()) else { return Flow::Wait };
        let Some(base) = trying.bases.pop_front() else {
            self.has_tlsa(Tlsa::Absent, Vec::new(), message, cx);
            return Flow::Go;
        };
        let name = format!("_{SMTP_PORT}._tcp.{base}").into();
        trying.base = base;
        let ticket = self.new_ticket();
        cx.effects.push_back(Effect::ResolveTlsa(ticket, name));
        self.at = At::Tlsa;
        Flow::Wait
    }

    pub(super) fn found_tlsa(&mut self, message: &Message, answer: DnsResult<TlsaRecord>, cx: &mut Context<'_>) {
        let (found, records) = tlsa::judge(answer, cx.target());
        let is_last = self.group.as_ref().and_then(|group| group.host.as_ref()).is_none_or(|it| it.bases.is_empty());
        if found == Tlsa::Absent && !is_last {
            self.ask_for_tlsa(message, cx);
            return;
        }
        self.has_tlsa(found, records, message, cx);
    }

    fn has_tlsa(&mut self, found: Tlsa, records: Vec<TlsaRecord>, message: &Message, cx: &mut Context<'_>) {
        let target = cx.target();
        let tls = self.group.as_ref().and_then(|group| group.host.as_ref()).map(|trying| trying.tls);
        let wanted = tls.unwrap_or(strategy::Tls::BUILT_IN).dane;
        if let Some(result) = tls_report::of_tlsa(found, wanted == Requirement::Require) {
            self.count_tls(Applied::Tlsa(Vec::new()), Err(result), message, cx);
        }
        match tls::dane(target, wanted, found) {
            Ok(dane) => self.demand(dane, records, message, cx),
            Err(failure) => {
                self.host_failed(failure, cx);
            }
        }
    }

    /// Counts a host that the domain's MTA-STS policy does not allow, whatever follows from it in the policy's mode.
    fn count_excluded(&self, tls: &strategy::Tls, message: &Message, cx: &mut Context<'_>) {
        let Some(group) = &self.group else { return };
        let (Ok(policy), Some(trying)) = (&group.policy, &group.host) else { return };
        let is_ignored = tls.mta_sts == Requirement::Disable && !cx.target().has(Quirk::TlsWithoutMx);
        if !is_ignored && !policy.allows(&trying.name) {
            self.count_tls(Applied::Sts(Some(policy.clone())), Err(ResultType::ValidationFailure), message, cx);
        }
    }

    /// Tells what came of TLS with the host at hand, and counts it.
    pub(super) fn tried_tls(&self, tried: Option<TlsTry>, message: &Message, cx: &mut Context<'_>) {
        let Some(tried) = tried else { return };
        let Some(group) = &self.group else { return };
        let Some(trying) = &group.host else { return };
        if tried == TlsTry::Secured {
            let verification = trying.demand.verification;
            let is_by_sts = trying.sts == Sts::Enforced && verification == Verification::Pkix;
            cx.event(message.id, What::Secured { host: trying.name.clone(), verification, is_by_sts });
        }
        let Some(result) = tls_report::of_session(&tried, cx.target()) else { return };
        let is_dane = matches!(tried, TlsTry::Failed(Failure::Dane(_)));
        let applied = match &group.policy {
            Ok(policy) if !is_dane && trying.sts != Sts::None => Applied::Sts(Some(policy.clone())),
            _ if !trying.records.is_empty() => Applied::Tlsa(trying.records.clone()),
            _ => Applied::None,
        };
        self.count_tls(applied, result, message, cx);
    }

    /// Counts something for the domain's report, where it wants one.
    fn count_tls(&self, applied: Applied, result: Result<(), ResultType>, message: &Message, cx: &mut Context<'_>) {
        let Some(group) = &self.group else { return };
        let Some(rua) = group.rua.clone() else { return };
        let trying = group.host.as_ref();
        let counted = TlsResult {
            domain: self.domain(message).into(),
            rua,
            applied,
            host: trying.map(|trying| trying.name.clone()),
            ip: trying.and_then(|trying| trying.ip),
            from: trying.and_then(|trying| trying.from),
            result,
        };
        cx.event(message.id, What::TlsCounted(counted.to_string().into()));
        cx.effects.push_back(Effect::CountTls(Box::new(counted)));
    }

    /// What the session with the host at hand must have.
    pub(super) fn demand(&mut self, dane: Dane, records: Vec<TlsaRecord>, message: &Message, cx: &Context<'_>) {
        let Some(group) = &mut self.group else { return };
        let accepts_any =
            matches!(cx.strategies.route(group.route), Some(Route::Relay(relay)) if relay.allow_invalid_certs);
        if let Some(trying) = &mut group.host {
            let requires_tls = message.envelope.requires_tls;
            let allow_invalid_certs = trying.tls.allow_invalid_certs || accepts_any;
            let tls = strategy::Tls { allow_invalid_certs, ..trying.tls };
            trying.demand = tls::demand(cx.target(), &tls, trying.sts, dane, requires_tls);
            if cx.has(Fault::Downgrade) {
                trying.demand = Demand { encryption: Encryption::WhereOffered, verification: Verification::None };
            }
            trying.records = records;
            trying.is_judged = true;
        }
        self.at = At::NextAddress;
    }

    /// Decides for the transaction at hand as its first recipient does, whom the scene shows. Where each decides, those who
    /// decide otherwise get a transaction of their own, which goes on from here behind this one.
    fn decide_each(
        &mut self,
        kind: Kind,
        scene: &Scene<'_>,
        resumes: Resumes,
        cx: &mut Context<'_>,
    ) -> Result<Decision, Option<Failure>> {
        let pending = self.group.as_ref().map(|group| group.pending.clone()).unwrap_or_default();
        if pending.len() < 2 || !differs(scene.evaluation, cx.reads.of_kind(kind), cx.target()) {
            return self.decide(kind, scene, cx);
        }
        while let Some(recipient) = pending.get(self.decided.len()).copied() {
            let is_told = self.decided.is_empty();
            let decided = match self.decide(kind, &Scene { recipient, is_told, ..*scene }, cx) {
                Err(None) => return Err(None),
                Err(Some(_)) => None,
                Ok(decision) => Some(decision),
            };
            self.decided.push((recipient, decided));
        }
        let mut decided = std::mem::take(&mut self.decided).into_iter();
        let first = decided.next().and_then(|(_, decision)| decision);
        let others: Vec<u32> =
            decided.filter(|(_, decision)| *decision != first).map(|(recipient, _)| recipient).collect();
        if !others.is_empty() {
            self.part(others, resumes, cx);
        }
        first.ok_or(Some(Failure::Undecided(kind)))
    }

    /// Gives these recipients a transaction of their own, which goes on behind the one at hand from where that stands.
    fn part(&mut self, others: Vec<u32>, resumes: Resumes, cx: &mut Context<'_>) {
        let Some(group) = &mut self.group else { return };
        group.pending.retain(|place| !others.contains(place));
        group.recipients.retain(|place| !others.contains(place));
        let mut own = Group {
            hosts: group.hosts.clone(),
            security: group.security,
            rua: group.rua.clone(),
            policy: group.policy.clone(),
            host: group.host.clone(),
            last: group.last.clone(),
            resumes: Some(resumes),
            ..Group::new(group.route, group.mx, others.clone())
        };
        match (resumes, &mut own.host) {
            (Resumes::FirstTls, _) | (_, None) => {}
            // The host is decided about once more, and its address connected to.
            (Resumes::NextHost, Some(trying)) => own.hosts.push_front(trying.host.clone()),
            (Resumes::NextAddress, Some(trying)) => {
                if let Some(ip) = trying.ip {
                    trying.addresses.push_front(ip);
                }
            }
        }
        self.groups.push_front(own);
        cx.event(self.message, What::Apart(others));
    }

    pub(super) fn first(&self) -> u32 {
        self.group.as_ref().and_then(|group| group.pending.first().copied()).unwrap_or_default()
    }

    pub(super) fn resolve_addresses(&mut self, place: usize, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = group.mx;
        let target = cx.target();
        let is_relay = matches!(cx.strategies.route(group.route), Some(Route::Relay(_)));
        let Some(trying) = &mut group.host else { return Flow::Wait };
        let literal = trying.name.parse::<IpAddr>().ok();
        if let Some(ip) = literal.filter(|_| !(is_relay && target.has(Quirk::RelayAddressLookedUp))) {
            // An address needs no lookup; a second time there is nothing more.
            if place == 0 {
                trying.answers.push((Family::of(ip), DnsResult::Found(vec![ip], Security::Indeterminate)));
            }
            return self.judge_addresses(cx);
        }
        let Some(family) = hosts::families(mx.ip_lookup).get(place).copied() else {
            return self.judge_addresses(cx);
        };
        let has_a_label = |name: &str| name.split('.').any(|label| label.starts_with("xn--"));
        if !is_relay && !trying.host.is_implicit && target.has(Quirk::MxWithALabelsFails) && has_a_label(&trying.name) {
            return self.host_failed(Failure::NoAddress, cx);
        }
        let host = trying.host.name.clone();
        let ticket = self.new_ticket();
        self.at = At::Addresses(place);
        cx.effects.push_back(Effect::ResolveAddresses(ticket, host, family));
        Flow::Wait
    }

    pub(super) fn found_addresses(&mut self, answer: DnsResult<IpAddr>, alias: Option<Alias>, cx: &Context<'_>) {
        let At::Addresses(place) = self.at else { return };
        let Some(group) = &mut self.group else { return };
        let mx = group.mx;
        let families = hosts::families(mx.ip_lookup);
        let Some(trying) = &mut group.host else { return };
        if let DnsResult::Found(_, security) = &answer {
            // Of two answers the one that is worth less counts.
            let is_worth = |known: Security| if known == Security::Secure { *security } else { known };
            trying.security = Some(trying.security.map_or(*security, is_worth));
        }
        trying.alias = trying.alias.take().or(alias);
        if let Some(family) = families.get(place) {
            trying.answers.push((*family, answer));
        }
        // One family after another, unless the target asks for both at once.
        let asks_both = cx.target().has(Quirk::BothFamilies);
        let named = named(trying, group.route, cx);
        let is_enough = !asks_both && hosts::addresses(trying.answers.clone(), &mx, named, cx.target()).is_ok();
        self.at = At::Addresses(if is_enough { usize::MAX } else { place + 1 });
        trying.family = place + 1;
    }

    /// The addresses that are known, or the host's failure.
    pub(super) fn judge_addresses(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = group.mx;
        let Some(trying) = &mut group.host else { return Flow::Wait };
        let named = named(trying, group.route, cx);
        match hosts::addresses(std::mem::take(&mut trying.answers), &mx, named, cx.target()) {
            Ok(addresses) => {
                trying.addresses = addresses.into();
                self.at = if trying.is_judged { At::NextAddress } else { At::LookForTlsa };
                Flow::Go
            }
            // Another family had addresses, which failed.
            Err(_) if trying.ip.is_some() => {
                self.at = At::NextHost;
                Flow::Go
            }
            Err(failure) => self.host_failed(failure, cx),
        }
    }

    pub(super) fn next_address(&mut self) -> Flow {
        let Some(group) = &mut self.group else { return Flow::Wait };
        let mx = group.mx;
        let Some(trying) = &mut group.host else { return Flow::Wait };
        self.at = match trying.addresses.pop_front() {
            Some(ip) => {
                (trying.ip, trying.from) = (Some(ip), None);
                At::Limit(Scope::Finest, 0)
            }
            None if trying.family > 0 && trying.family < hosts::families(mx.ip_lookup).len() => {
                At::Addresses(trying.family)
            }
            None => At::NextHost,
        };
        Flow::Go
    }

    pub(super) fn connect(&mut self, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let first = self.first();
        let Some(trying) = self.group.as_ref().and_then(|group| group.host.as_ref()) else { return Flow::Wait };
        let (Some(ip), name) = (trying.ip, trying.name.clone()) else { return Flow::Wait };
        let (remote_ip, local_ip) = self.shown_addresses(cx.target());
        let scene = Scene { mx: &name, remote_ip, local_ip, ..Scene::new(Evaluation::Connection, message, first) };
        let decision = match self.decide_each(Kind::Connection, &scene, Resumes::NextAddress, cx) {
            Ok(decision) => decision,
            Err(None) => return Flow::Wait,
            Err(Some(failure)) => return self.host_failed(failure, cx),
        };
        let Some(connection) = decision.connection(cx.strategies) else {
            return self.host_failed(Failure::Undecided(Kind::Connection), cx);
        };
        let sources: Vec<&strategy::SourceIp> =
            connection.source_ips.iter().filter(|source| Family::of(source.ip) == Family::of(ip)).collect();
        let source = sources.get(cx.random.below(sources.len())).copied();
        let own = source.and_then(|source| source.ehlo_hostname.as_ref()).or(connection.ehlo_hostname.as_ref());
        let ehlo_name = own.unwrap_or(&cx.strategies.hostname).clone();
        let (from, ehlo) = (source.map(|source| source.ip), ehlo_name.clone());
        let timeouts = connection.timeouts;
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let route = cx.strategies.route(group.route);
        let Some(trying) = &mut group.host else { return Flow::Wait };
        trying.from = from;
        (group.last_ip, group.last_from) = (Some(ip), from);
        let relay = match route {
            Some(Route::Relay(relay)) => Some(relay),
            Some(Route::Mx(_) | Route::Local) | None => None,
        };
        let envelope = &message.envelope;
        let to = |place: &u32| {
            message.recipients.get(*place as usize).map(|recipient| To {
                address: recipient.address.clone(),
                notify: recipient.notify,
                orcpt: recipient.orcpt.clone(),
            })
        };
        let is_utf8 = |place: &u32| {
            message.recipients.get(*place as usize).is_some_and(|recipient| !recipient.address.as_str().is_ascii())
        };
        let request = Request {
            target,
            protocol: relay.map_or(Protocol::Smtp, |relay| relay.protocol),
            ip,
            is_implicit_tls: relay.is_some_and(|relay| relay.implicit_tls),
            ehlo_name,
            demand: trying.demand,
            credentials: relay.and_then(|relay| relay.credentials.clone()),
            timeouts,
            timeout_tls: trying.tls.timeout_tls,
            sender: envelope.sender.clone(),
            size: envelope.size,
            envid: envelope.envid.clone(),
            ret: envelope.ret,
            requires_tls: envelope.requires_tls,
            is_utf8: envelope.is_utf8 || group.pending.iter().any(is_utf8),
            is_8bit: envelope.is_8bit,
            recipients: group.pending.iter().filter_map(to).collect(),
        };
        let to = SocketAddr::new(ip, relay.map_or(SMTP_PORT, |relay| relay.port));
        cx.event(self.message, What::Connecting { host: name.clone(), ip, from, ehlo });
        self.spend();
        let ticket = self.new_ticket();
        let is_tls_first = request.is_implicit_tls;
        cx.effects.push_back(Effect::Connect { ticket, message: message.id, to, from, host: name, is_tls_first });
        self.at = At::Session(Box::new(Session::new(request)));
        self.drain(message, cx);
        Flow::Wait
    }

    /// Does what the session at hand wants, and takes what it came to.
    pub(super) fn drain(&mut self, message: &mut Message, cx: &mut Context<'_>) {
        let ticket = self.ticket();
        let At::Session(session) = &mut self.at else { return };
        let name = self.group.as_ref().and_then(|group| group.host.as_ref()).map(|trying| trying.name.clone());
        let Some(name) = name else { return };
        if session.take_in_clear() {
            cx.event(self.message, What::InClear { host: name.clone() });
        }
        while let Some(action) = session.poll() {
            match action {
                session::Action::Send(bytes) => cx.effects.push_back(Effect::Send(ticket, bytes)),
                session::Action::SendContent { is_chunk } => {
                    let first = self.group.as_ref().and_then(|group| group.pending.first());
                    let first = first.and_then(|place| message.recipients.get(*place as usize));
                    let headers = first.and_then(|recipient| recipient.headers.clone());
                    cx.effects.push_back(Effect::SendContent { ticket, message: message.id, headers, is_chunk });
                }
                session::Action::StartTls => {
                    let trying = self.group.as_ref().and_then(|group| group.host.as_ref());
                    let name = trying.map_or_else(|| name.clone(), Trying::asked_for);
                    cx.effects.push_back(Effect::StartTls { ticket, name });
                }
                session::Action::Wait(length) => self.deadline = Some(cx.now + length),
                session::Action::Close => cx.effects.push_back(Effect::Close(ticket)),
            }
        }
        if !session.is_over() {
            return self.store_delivered(&name, message, cx);
        }
        self.deadline = None;
        // What still comes on this connection is out of date.
        self.step += 1;
        let At::Session(session) = std::mem::replace(&mut self.at, At::Conclude) else { return };
        let outcomes = session.outcomes();
        let Some(group) = &mut self.group else { return };
        if cx.has_quirk(Quirk::RoundCountsTwice) {
            for (number, failure) in outcomes.overwritten {
                let is_for_now = failure.verdict(cx.target()).holds == Holds::ForNow;
                if let Some(place) = group.pending.get(number).filter(|_| is_for_now) {
                    group.counted_before.push((*place, Failed { entity: (*name).into(), failure }));
                }
            }
        }
        let mut left = Vec::new();
        for (place, outcome) in group.pending.drain(..).zip(outcomes.recipients) {
            match outcome {
                Some(outcome) => group.settled.push((place, outcome, name.clone(), outcomes.takes_notify)),
                None => left.push(place),
            }
        }
        group.pending = left;
        if let Some(failure) = outcomes.failure {
            self.host_failed(failure, cx);
        }
    }

    /// Keeps at once that somebody was delivered, where the session goes on for others: who had it never gets it again.
    fn store_delivered(&self, host: &str, message: &mut Message, cx: &mut Context<'_>) {
        let (At::Session(session), Some(group)) = (&self.at, &self.group) else { return };
        let relay = relay(session.takes_notify());
        let mut changed = Vec::new();
        for (number, reply) in session.delivered() {
            let Some(place) = group.pending.get(number).copied() else { continue };
            let Some(recipient) = message.recipients.get_mut(place as usize) else { continue };
            if !recipient.status.is_final() {
                let delivered = Delivered { entity: host.into(), reply: reply.clone(), relay: Some(relay) };
                recipient.status = Status::Delivered(Box::new(delivered));
                changed.push((place, recipient.clone()));
            }
        }
        if !changed.is_empty() {
            // Nothing waits for it: all of it is kept once more behind the session.
            let ticket = Ticket { task: self.ticket().task, step: 0 };
            cx.effects.push_back(Effect::Store(ticket, Record::Changed(message.id, changed)));
        }
    }

    /// Goes where the failure of the host at hand leads.
    pub(super) fn host_failed(&mut self, failure: Failure, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let Some(group) = &mut self.group else { return Flow::Wait };
        let name = group.host.as_ref().map_or_else(|| "localhost".into(), |trying| trying.name.clone());
        let Verdict { next, .. } = failure.verdict(target);
        cx.event(self.message, What::HostFailed { host: name.clone(), failure: failure.clone() });
        let is_away = |last: &Failed| last.failure.verdict(target).holds == Holds::ForNow;
        if !(failure.is_unfit_host() && group.last.as_ref().is_some_and(is_away)) {
            group.last = Some(Failed { entity: (*name).into(), failure });
        }
        self.at = match next {
            _ if group.pending.is_empty() => At::Conclude,
            Next::Address => At::NextAddress,
            Next::Host => At::NextHost,
            Next::Nothing => At::Conclude,
        };
        Flow::Go
    }
}

/// Who tells the sender now.
pub(super) const fn relay(takes_notify: bool) -> Relay {
    if takes_notify { Relay::TellsSender } else { Relay::KeepsSilent }
}

/// Why a message that requires TLS all the way does not go to this host of the domain: DNS does not prove that it is one, nor
/// does the domain's policy say so (RFC 8689 §4.2.1). Whoever configured a relay vouches for it.
fn unvouched(message: &Message, group: &Group, name: &str, cx: &Context<'_>) -> Option<Failure> {
    let is_relay = matches!(cx.strategies.route(group.route), Some(Route::Relay(_)));
    let is_asked = message.envelope.requires_tls && !is_relay && !cx.target().has(Quirk::RequireTlsAnyHost);
    let vouches = |policy: &Policy| policy.mode != Mode::None && policy.allows(name);
    match &group.policy {
        _ if !is_asked || group.security == Security::Secure => None,
        Ok(policy) if vouches(policy) => None,
        Err(Some(why @ (NoPolicy::NotResolved | NoPolicy::NotFetched))) => Some(without_policy(*why)),
        Ok(_) | Err(_) => Some(Failure::RequireTlsUnvouched),
    }
}

/// What a missing policy is where one is demanded.
const fn without_policy(why: NoPolicy) -> Failure {
    Failure::Sts(match why {
        NoPolicy::NotPublished | NoPolicy::Invalid => StsFailure::Missing,
        NoPolicy::NotResolved | NoPolicy::NotFetched => StsFailure::Fetch,
    })
}

/// The port of SMTP servers (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

fn named(trying: &Trying, route: StrategyId, cx: &Context<'_>) -> Named {
    match cx.strategies.route(route) {
        Some(Route::Relay(_)) => Named::ByRoute,
        Some(Route::Mx(_) | Route::Local) | None if trying.host.is_implicit => Named::ByDomain,
        Some(Route::Mx(_) | Route::Local) | None => Named::ByMx,
    }
}

/// Gives a session what happened.
pub(super) fn take(session: &mut Session, input: Input, group: Option<&Group>, domain: &str, cx: &Context<'_>) {
    match input {
        Input::Connected(_, result) => session.handle(Happened::Connected(result.map(|_| ()))),
        Input::Received(_, bytes) => session.handle(Happened::Bytes(&bytes)),
        Input::ContentSent(_, is_whole) => session.handle(Happened::ContentSent(is_whole)),
        Input::Closed(_) => session.handle(Happened::Closed),
        Input::Secured(_, Err(handshake)) => session.handle(Happened::Secured(Err(&Failure::Handshake(handshake)))),
        Input::Secured(_, Ok(peer)) => {
            let known = group.and_then(|group| Some((group, group.host.as_ref()?)));
            let verified = known.map_or(Ok(()), |(group, trying)| verify(&peer, trying, group, domain, cx));
            match verified {
                Ok(()) => session.handle(Happened::Secured(Ok(()))),
                Err(failure) => session.handle(Happened::Secured(Err(&failure))),
            }
        }
        Input::Woken
        | Input::Submitted(..)
        | Input::Ordered(_)
        | Input::Stored(_)
        | Input::NotStored(_)
        | Input::Answered(..)
        | Input::Mx(..)
        | Input::Addresses(..)
        | Input::Texts(..)
        | Input::Tlsa(..)
        | Input::Policy(..)
        | Input::Local(..) => {}
    }
}

/// Whether the other side is whom the demand wants.
fn verify(peer: &Peer, trying: &Trying, group: &Group, domain: &str, cx: &Context<'_>) -> Result<(), Failure> {
    match trying.demand.verification {
        Verification::None => Ok(()),
        Verification::Dane => {
            // The recipients' domain, too, and what it is an alias of, as secure records lead from there (RFC 7672 §3.2.2).
            let alias = group.alias.as_ref().filter(|_| !cx.target().has(Quirk::DaneAtMxName));
            let names: Vec<&str> = [&*trying.base, domain].into_iter().chain(alias.map(|alias| &*alias.name)).collect();
            tlsa::verify(&trying.records, peer, &names, cx.now, cx.target())
        }
        Verification::Pkix if !peer.is_trusted => Err(Failure::Handshake(Handshake::Untrusted)),
        Verification::Pkix => {
            let fits = peer.certificates.first().is_some_and(|leaf| tlsa::is_for(leaf, &trying.name));
            if fits { Ok(()) } else { Err(Failure::Handshake(Handshake::OtherName)) }
        }
    }
}
