//! The limits in front of an attempt: who is counted under which, and who waits.
//!
//! A limiter stands in front of the whole work item, of each transaction, or of each address of a host, by what it is counted
//! by. Whoever finds no room waits until there is some, which is no attempt; where all that is due waits for one limit, and
//! would come to it again by the same way, it stands in line.
//!
//! Source: delivery spec 3.9.

use std::{net::IpAddr, sync::Arc};

use base::Instant;
use policy::{
    Behaviour, Quirk,
    strategy::{self, CountBy, Scope},
};

use super::{At, Attempt, Flow, HeldInLine, Then, differs};
use crate::{
    context::{Context, Deciding, Scene},
    event::What,
    failure::Failure,
    limiter::Key,
    line::Trail,
    message::{Failed, Message, Status},
    planted::Fault,
    sight::Evaluation,
};

impl Attempt {
    /// Counts what is about to be done under the limiters of a scope, in their order.
    pub(super) fn limit(&mut self, scope: Scope, place: usize, message: &mut Message, cx: &mut Context<'_>) -> Flow {
        let target = cx.target();
        let mut rest = cx.strategies.limiters.iter().enumerate().skip(place);
        let Some((place, limiter)) = rest.find(|(_, limiter)| limiter.scope == scope) else {
            return match scope {
                Scope::Sender => {
                    self.counted_for_all = std::mem::take(&mut self.counted);
                    self.at = At::Route(0);
                    Flow::Go
                }
                Scope::Rcpt => self.begin_group(cx),
                Scope::Finest => {
                    self.at = At::Connection;
                    Flow::Go
                }
            };
        };
        let Some(applies) = self.limits_whom(scope, place, limiter, message, cx) else { return Flow::Wait };
        self.at = At::Limit(scope, place + 1);
        let mut held: Vec<(Instant, Vec<u32>)> = Vec::new();
        for (key, recipients) in self.keys(limiter, &applies, message, target) {
            if target.has(Quirk::FixedWindows) && scope != Scope::Finest {
                self.way.counts.push((place, key.clone()));
            }
            let has_room = cx.limiters.count(&key, cx.now, target);
            let count = cx.limiters.counted_with_this(&key, has_room.is_ok(), target);
            let of = recipients.clone();
            cx.event(self.message, What::Counted { recipients: of, limiter: place, key: key.values().clone(), count });
            match has_room {
                Err(_) if cx.has(Fault::SkippedLimit) => {}
                Ok(()) => self.counted.push(key),
                Err(until) => held.push((until, recipients)),
            }
        }
        for (until, recipients) in held {
            self.was_limited = true;
            if self.limited(scope, place, until, recipients, message, cx) {
                break;
            }
        }
        Flow::Go
    }

    /// Those for whom a limiter counts; `None` while the world is asked. The reference asks about the first one, and counts
    /// for all or for none.
    fn limits_whom(
        &mut self,
        scope: Scope,
        place: usize,
        limiter: &strategy::Limiter,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Option<Vec<u32>> {
        let all = match (scope, &self.group) {
            (Scope::Rcpt | Scope::Finest, Some(group)) => group.pending.clone(),
            _ => self.due.clone(),
        };
        let Some(condition) = &limiter.condition else { return Some(all) };
        self.reads(condition.reads());
        let evaluation = match scope {
            Scope::Sender => Evaluation::SenderLimiter,
            Scope::Rcpt => Evaluation::RcptLimiter,
            Scope::Finest => Evaluation::HostLimiter,
        };
        let asked = if differs(evaluation, condition.reads(), cx.target()) { all.len() } else { 1 };
        let trying = self.group.as_ref().and_then(|group| group.host.as_ref());
        let mx: Arc<str> = trying.map_or_else(|| "".into(), |trying| trying.name.clone());
        let (remote_ip, local_ip) = self.shown_addresses(cx.target());
        while let Some(recipient) = all.get(self.applies.len()).copied().filter(|_| self.applies.len() < asked) {
            let queue = self.queue.clone();
            let scene = Scene {
                mx: &mx,
                remote_ip,
                local_ip,
                queue: Some(&queue),
                ..Scene::new(evaluation, message, recipient)
            };
            match cx.holds(condition, &scene, &self.deciding.answers) {
                Ok(holds) => {
                    self.deciding = Deciding::default();
                    self.applies.push((recipient, holds));
                }
                Err(lookup) => {
                    self.at = At::Limit(scope, place);
                    self.ask(lookup, cx);
                    return None;
                }
            }
        }
        let applies = std::mem::take(&mut self.applies);
        Some(match &*applies {
            [(_, true)] if asked == 1 => all,
            _ => applies.into_iter().filter(|(_, holds)| *holds).map(|(recipient, _)| recipient).collect(),
        })
    }

    /// What a limiter counts these recipients under, with those of each.
    fn keys(
        &self,
        limiter: &strategy::Limiter,
        recipients: &[u32],
        message: &Message,
        target: Behaviour,
    ) -> Vec<(Key, Vec<u32>)> {
        let trying = self.group.as_ref().and_then(|group| group.host.as_ref());
        let (remote_ip, local_ip) = self.shown_addresses(target);
        let ip = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string().into()).unwrap_or_default();
        let sender = &message.envelope.sender;
        let key = |place: u32| {
            let recipient = message.recipients.get(place as usize);
            Key::new(limiter, |by| match by {
                CountBy::Rcpt => recipient.map(|known| known.address.as_str().into()).unwrap_or_default(),
                CountBy::RcptDomain => recipient.map(|known| known.address.domain().into()).unwrap_or_default(),
                CountBy::Sender if sender.is_null() => "<>".into(),
                CountBy::Sender => sender.as_str().into(),
                CountBy::SenderDomain => sender.domain().into(),
                CountBy::Mx => trying.map(|trying| (*trying.name).into()).unwrap_or_default(),
                CountBy::RemoteIp => ip(remote_ip),
                CountBy::LocalIp => ip(local_ip),
            })
        };
        let is_each = limiter.key.contains(&CountBy::Rcpt) && !target.has(Quirk::FirstDecides);
        match recipients {
            [] => Vec::new(),
            [first, ..] if !is_each => vec![(key(*first), recipients.to_vec())],
            all => all.iter().map(|place| (key(*place), vec![*place])).collect(),
        }
    }

    /// The addresses that expressions see: of the connection at hand, or still those of the one before.
    pub(super) fn shown_addresses(&self, target: Behaviour) -> (Option<IpAddr>, Option<IpAddr>) {
        let trying = self.group.as_ref().and_then(|group| group.host.as_ref());
        let last = self.group.as_ref().filter(|_| target.has(Quirk::StaleRemoteIp));
        let remote_ip = trying.and_then(|trying| trying.ip).or_else(|| last.and_then(|group| group.last_ip));
        (remote_ip, last.and_then(|group| group.last_from))
    }

    /// Lets recipients wait until a rate has room again, which is no attempt; whether nobody is left.
    fn limited(
        &mut self,
        scope: Scope,
        limiter: usize,
        until: Instant,
        waiting: Vec<u32>,
        message: &mut Message,
        cx: &mut Context<'_>,
    ) -> bool {
        let target = cx.target();
        let is_over = match (scope, &mut self.group) {
            (Scope::Rcpt | Scope::Finest, Some(group)) => {
                group.pending.retain(|place| !waiting.contains(place));
                group.pending.is_empty()
            }
            _ => self.due.iter().all(|place| waiting.contains(place)),
        };
        if is_over {
            take_back(&mut self.counted, cx);
        }
        self.stands_in_line(scope, &waiting, until, message, target);
        for place in &waiting {
            let Some(recipient) = message.recipients.get_mut(*place as usize) else { continue };
            recipient.due = until;
            if target.has(Quirk::RateErasesLastError) {
                let failed = Failed { entity: "localhost".into(), failure: Failure::Rate };
                recipient.status = Status::Deferred(Box::new(failed));
            }
        }
        cx.event(message.id, What::Limited { recipients: waiting.clone(), limiter, until });
        match &mut self.group {
            Some(group) if scope != Scope::Sender => {
                // What is left of the group was not tried.
                group.recipients.retain(|place| !waiting.contains(place));
                group.waiting.extend(waiting);
                if is_over {
                    self.at = At::Conclude;
                }
            }
            _ => {
                self.due.retain(|place| !waiting.contains(place));
                if is_over {
                    self.at = At::Report(Then::End);
                }
            }
        }
        is_over
    }

    /// Notes that all that is due waits for one limit, where it would come to the same limit by the same way again.
    fn stands_in_line(&mut self, scope: Scope, waiting: &[u32], until: Instant, message: &Message, target: Behaviour) {
        let is_whole = match scope {
            Scope::Sender => waiting.len() == self.due.len(),
            Scope::Rcpt => self.groups.is_empty() && waiting.len() == self.due.len(),
            // The way there leads through DNS.
            Scope::Finest => false,
        };
        // That it waits is another `last_error` than what was read this time.
        let will_differ = |place: &u32| {
            let status = message.recipients.get(*place as usize).map(|recipient| &recipient.status);
            !matches!(status, Some(Status::Deferred(failed)) if failed.failure == Failure::Rate)
        };
        let is_other =
            self.way.reads_status && target.has(Quirk::RateErasesLastError) && waiting.iter().any(will_differ);
        // Limiters of one key and rate share what they count, and each counts once more.
        let is_twice =
            |(at, (_, key)): (usize, &(usize, Key))| self.way.counts.iter().take(at).any(|(_, one)| one == key);
        let is_simple = !self.way.counts.iter().enumerate().any(is_twice);
        if target.has(Quirk::FixedWindows) && is_whole && is_simple && !self.way.is_unsteady && !is_other {
            let counts = std::mem::take(&mut self.way.counts).into_boxed_slice();
            let trail = Arc::new(Trail { queue: self.queue.clone(), counts });
            self.held = Some(HeldInLine { trail, until, recipients: waiting.to_vec() });
        }
    }
}

/// Gives back what was counted for something that is not done.
pub(super) fn take_back(counted: &mut Vec<Key>, cx: &mut Context<'_>) {
    let target = cx.target();
    let is_kept = target.has(Quirk::LimiterNotRefunded);
    for key in counted.drain(..).filter(|_| !is_kept) {
        cx.limiters.take_back(&key, target);
    }
}
