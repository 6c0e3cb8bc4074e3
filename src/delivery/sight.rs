//! What each evaluation sees: for every variable of every evaluation, where its value comes from.
//!
//! An expression may read any variable that its place in the policy allows; what is behind it depends on when it is
//! evaluated, and on who does it. Here is all of that, as one total function; `context.rs` fills rows by it and by nothing
//! else.
//!
//! `native` sees what is right wherever it is known: what is said of a recipient is said of the recipient that the decision
//! is about, what is said of the message is complete from the beginning, and of hosts there is what is known by then.
//!
//! Source: delivery spec 2.2, 2.3 and 3.15. On 0.16 a limiter or a rule for all of a work item sees the message's first
//! recipient.

use policy::{Behaviour, Quirk, Variable};

/// What is evaluated.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Evaluation {
    /// The schedule of a recipient whose message is being accepted.
    FirstSchedule,
    /// The schedule of a recipient behind a failure or for a notice.
    Schedule,
    /// The route of a recipient.
    Route,
    /// The condition of a limiter for a whole work item.
    SenderLimiter,
    /// The condition of a limiter for one transaction.
    RcptLimiter,
    /// The condition of a limiter for one address of a host.
    HostLimiter,
    /// The TLS strategy before a host is known.
    FirstTls,
    /// The TLS strategy of a host.
    HostTls,
    /// The connection strategy.
    Connection,
    /// The condition of a quota for a whole message.
    SenderQuota,
    /// The condition of a quota for a domain or a recipient.
    RcptQuota,
    /// Who a report is from.
    Dsn,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Sight {
    /// Nowhere: it is the empty text, whatever its type.
    Unset,
    /// The message, which is the same for all.
    Message,
    /// The recipient that the decision is about, or the first one of those that it is about.
    Recipient,
    /// The first recipient of the message, whoever is due.
    FirstOfMessage,
    /// The queue that the work item is in.
    WorkItem,
    /// The host and the connection at hand, as far as there are any.
    Host,
    /// The addresses of this connection, or of the one before.
    LastConnection,
    /// The recipients up to this one.
    SoFar,
    /// This text or number, which says that it is not known yet.
    NotYet,
}

impl Evaluation {
    /// Every one of them.
    pub const ALL: [Self; 12] = [
        Self::FirstSchedule,
        Self::Schedule,
        Self::Route,
        Self::SenderLimiter,
        Self::RcptLimiter,
        Self::HostLimiter,
        Self::FirstTls,
        Self::HostTls,
        Self::Connection,
        Self::SenderQuota,
        Self::RcptQuota,
        Self::Dsn,
    ];

    /// Where the value of `variable` comes from.
    #[must_use]
    pub const fn sees(self, variable: Variable, target: Behaviour) -> Sight {
        match self {
            Self::FirstSchedule => of_new(variable, target),
            Self::Schedule | Self::Route | Self::RcptQuota | Self::RcptLimiter | Self::FirstTls => {
                of_recipient(variable)
            }
            Self::HostLimiter | Self::HostTls | Self::Connection => of_host(variable, target),
            Self::SenderLimiter => of_work_item(variable, target),
            Self::SenderQuota => of_message(variable, target),
            Self::Dsn => of_report(variable),
        }
    }
}

/// A recipient of a message that is queued; no host is known.
const fn of_recipient(variable: Variable) -> Sight {
    match variable {
        Variable::Sender
        | Variable::SenderDomain
        | Variable::Recipients
        | Variable::Priority
        | Variable::QueueAge
        | Variable::ReceivedFromIp
        | Variable::ReceivedViaPort
        | Variable::Source
        | Variable::Size => Sight::Message,
        Variable::Rcpt
        | Variable::RcptDomain
        | Variable::RetryNum
        | Variable::NotifyNum
        | Variable::ExpiresIn
        | Variable::LastStatus
        | Variable::LastError
        | Variable::QueueName => Sight::Recipient,
        Variable::Mx | Variable::RemoteIp | Variable::LocalIp => Sight::NotYet,
    }
}

/// The same with a host.
const fn of_host(variable: Variable, target: Behaviour) -> Sight {
    match variable {
        Variable::Mx => Sight::Host,
        Variable::RemoteIp | Variable::LocalIp if target.has(Quirk::StaleRemoteIp) => Sight::LastConnection,
        Variable::RemoteIp | Variable::LocalIp => Sight::Host,
        _ => of_recipient(variable),
    }
}

/// A recipient of a message that is being accepted: it is in no queue yet, and has no expiry.
const fn of_new(variable: Variable, target: Behaviour) -> Sight {
    let is_partial = target.has(Quirk::PartialAtEnqueue);
    match variable {
        Variable::ExpiresIn => Sight::NotYet,
        Variable::Source if target.has(Quirk::UnknownAtEnqueue) => Sight::NotYet,
        Variable::Size | Variable::QueueName if is_partial => Sight::NotYet,
        Variable::Recipients if is_partial => Sight::SoFar,
        _ => of_recipient(variable),
    }
}

/// All that is due of a message in one queue.
const fn of_work_item(variable: Variable, target: Behaviour) -> Sight {
    let knows_little = target.has(Quirk::SenderLimiterKnowsLittle);
    match variable {
        Variable::Sender | Variable::SenderDomain | Variable::Recipients | Variable::Priority => Sight::Message,
        _ if knows_little => Sight::Unset,
        Variable::QueueName => Sight::WorkItem,
        _ => match of_recipient(variable) {
            Sight::Recipient if target.has(Quirk::FirstDecides) => Sight::FirstOfMessage,
            sight => sight,
        },
    }
}

/// A message that is being accepted, as quotas for the whole of it see it.
const fn of_message(variable: Variable, target: Behaviour) -> Sight {
    match variable {
        Variable::Sender | Variable::SenderDomain | Variable::Recipients | Variable::Priority => Sight::Message,
        _ if target.has(Quirk::SenderQuotaKnowsLittle) => Sight::Unset,
        _ => of_recipient(variable),
    }
}

/// A report, which is about one recipient or several.
const fn of_report(variable: Variable) -> Sight {
    match variable {
        Variable::Sender | Variable::SenderDomain | Variable::Priority => Sight::Message,
        _ => Sight::Unset,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use policy::Target;

    use super::*;

    /// The variables of each column of [`TABLE`].
    const COLUMNS: [&[Variable]; 10] = [
        &[Variable::Sender, Variable::SenderDomain, Variable::Priority],
        &[Variable::Recipients],
        &[Variable::Source],
        &[Variable::Size],
        &[Variable::QueueAge, Variable::ReceivedFromIp, Variable::ReceivedViaPort],
        &[Variable::QueueName],
        &[
            Variable::Rcpt,
            Variable::RcptDomain,
            Variable::RetryNum,
            Variable::NotifyNum,
            Variable::LastStatus,
            Variable::LastError,
        ],
        &[Variable::ExpiresIn],
        &[Variable::Mx],
        &[Variable::RemoteIp, Variable::LocalIp],
    ];

    /// Delivery spec 2.3, with 2.2 and 3.15: M the message, R the recipient, F the message's first recipient, W the work
    /// item, H the host, L the last connection, S the recipients so far, N not yet, - nothing.
    const TABLE: &str = "
        FirstSchedule  0.15    M S N N M N R N N N
        FirstSchedule  0.16    M S M N M N R N N N
        FirstSchedule  native  M M M M M R R N N N
        Schedule       all     M M M M M R R R N N
        Route          all     M M M M M R R R N N
        RcptLimiter    all     M M M M M R R R N N
        FirstTls       all     M M M M M R R R N N
        RcptQuota      all     M M M M M R R R N N
        HostLimiter    0.15    M M M M M R R R H L
        HostLimiter    0.16    M M M M M R R R H L
        HostLimiter    native  M M M M M R R R H H
        HostTls        0.15    M M M M M R R R H L
        HostTls        0.16    M M M M M R R R H L
        HostTls        native  M M M M M R R R H H
        Connection     0.15    M M M M M R R R H L
        Connection     0.16    M M M M M R R R H L
        Connection     native  M M M M M R R R H H
        SenderLimiter  0.15    M M - - - - - - - -
        SenderLimiter  0.16    M M M M M W F F N N
        SenderLimiter  native  M M M M M W R R N N
        SenderQuota    0.15    M M - - - - - - - -
        SenderQuota    0.16    M M - - - - - - - -
        SenderQuota    native  M M M M M R R R N N
        Dsn            all     M - - - - - - - - -";

    const fn letter(sight: Sight) -> &'static str {
        match sight {
            Sight::Unset => "-",
            Sight::Message => "M",
            Sight::Recipient => "R",
            Sight::FirstOfMessage => "F",
            Sight::WorkItem => "W",
            Sight::Host => "H",
            Sight::LastConnection => "L",
            Sight::SoFar => "S",
            Sight::NotYet => "N",
        }
    }

    #[test]
    fn every_variable_of_every_evaluation_is_from_where_the_spec_says() {
        let targets = [("0.15", Target::STALWART_015), ("0.16", Target::STALWART_016), ("native", Target::Native)];
        let mut seen = BTreeSet::new();
        for line in TABLE.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let evaluation = Evaluation::ALL.into_iter().find(|one| format!("{one:?}") == words[0]).unwrap();
            for (name, target) in targets.into_iter().filter(|(name, _)| words[1] == "all" || words[1] == *name) {
                for (variables, wanted) in COLUMNS.iter().zip(&words[2..]) {
                    for variable in *variables {
                        let found = letter(evaluation.sees(*variable, Behaviour::of(target)));
                        assert_eq!(found, *wanted, "{evaluation:?} {variable:?} {name}");
                        assert!(seen.insert((evaluation, *variable, name)), "{evaluation:?} {variable:?} {name} twice");
                    }
                }
            }
        }
        assert_eq!(seen.len(), Evaluation::ALL.len() * Variable::ALL.len() * targets.len(), "the table has all of it");
    }
}
