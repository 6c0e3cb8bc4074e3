//! Delivery status notifications: what a sender is told, as bytes (RFC 3461, RFC 3462, RFC 3464).
//!
//! What is told about whom is decided by [`action`]; [`write()`] makes the message of it. The original's header or content
//! stands between the two parts that are written here, and whoever stores the report puts it there.
//!
//! Invariant: a report goes to the return path, from the null one, and nothing is reported about it.

use std::fmt::Write as _;

use base::Instant;
use policy::{Behaviour, Quirk, Strategies};

use crate::{
    failure::{Failure, LastError},
    message::{Expires, Message, MessageId, Recipient, Ret, Status},
    reply::{Enhanced, Reply},
};

/// What a sender is told about a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// It could not be delivered.
    Failed,
    /// It is late.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It went on to a server that does not tell the sender.
    Relayed,
}

impl Action {
    /// Its word in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

/// What is told about which recipients, by their places.
pub type Lines = Vec<(u32, Action)>;

/// A report, without the part of the original that it returns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// The message that it is about.
    pub about: MessageId,
    /// What is told about which of its recipients.
    pub lines: Lines,
    /// The status code of each line (RFC 3463).
    pub statuses: Vec<String>,
    /// What stands before the original.
    pub before: Vec<u8>,
    /// How much of the original it returns.
    pub returns: Ret,
    /// What stands behind it.
    pub after: Vec<u8>,
}

/// What is told about a recipient that is done, if anything is.
#[must_use]
pub fn action(recipient: &Recipient, target: Behaviour) -> Option<Action> {
    match &recipient.status {
        Status::Scheduled | Status::Deferred(_) => None,
        Status::Bounced(_) => recipient.notify.failure().then_some(Action::Failed),
        Status::Delivered(delivered) => {
            let action = match (target.has(Quirk::NeverRelayed), delivered.relay) {
                (true, _) | (false, None) => Action::Delivered,
                (false, Some(crate::message::Relay::TellsSender)) => return None,
                (false, Some(crate::message::Relay::KeepsSilent)) => Action::Relayed,
            };
            recipient.notify.success().then_some(action)
        }
    }
}

/// The report of `lines` about `message`.
#[must_use]
pub fn write(
    message: &Message,
    lines: &[(u32, Action)],
    (from_name, from_address): (&str, &str),
    strategies: &Strategies,
    target: Behaviour,
    now: Instant,
) -> Report {
    let boundary = format!("report-{}-{}", message.id.0, now.0);
    let mut text = String::new();
    let dsn = &strategies.dsn;
    let has = |action: Action| lines.iter().any(|(_, of)| *of == action);
    let subject = match (has(Action::Failed), has(Action::Delayed), has(Action::Delivered) || has(Action::Relayed)) {
        (true, false, false) => "Your message could not be delivered",
        (false, true, false) => "Your message is delayed",
        (false, false, _) => "Your message was delivered",
        (_, _, true) => "Your message was delivered in part",
        (true, true, false) => "Your message could not be delivered, or is delayed",
    };
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}: {value}\r\n");
    };
    line("From", &format!("\"{}\" <{from_address}>", quoted(from_name)));
    line("To", &format!("<{}>", message.envelope.sender));
    line("Date", &date(now));
    line("Subject", subject);
    line("Message-ID", &format!("<{boundary}@{}>", strategies.hostname));
    line("Auto-Submitted", "auto-generated");
    line("MIME-Version", "1.0");
    line("Content-Type", &format!("multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\""));
    let _ = write!(
        text,
        "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    );
    for (action, what) in [
        (Action::Failed, "Your message could not be delivered to:"),
        (Action::Delayed, "Your message was not delivered yet, and will be tried again, to:"),
        (Action::Delivered, "Your message was delivered to:"),
        (Action::Relayed, "Your message went on to a server that will not tell you more, for:"),
    ] {
        if !has(action) {
            continue;
        }
        let _ = write!(text, "{what}\r\n\r\n");
        for (place, _) in lines.iter().filter(|(_, of)| *of == action) {
            let Some(recipient) = message.recipients.get(*place as usize) else { continue };
            let _ = write!(text, "    <{}>\r\n        {}\r\n", recipient.address, plain(&recipient.status));
        }
        text.push_str("\r\n");
    }
    let _ = write!(text, "--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n");
    let mut field = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    field("Reporting-MTA", &format!("dns; {}", dsn.submitter));
    if let Some(envid) = &message.envelope.envid {
        field("Original-Envelope-Id", envid);
    }
    field("Arrival-Date", &date(message.created));
    let mut statuses = Vec::with_capacity(lines.len());
    for (place, action) in lines {
        let Some(recipient) = message.recipients.get(*place as usize) else { continue };
        let status = status(&recipient.status, target);
        text.push_str("\r\n");
        fields(recipient, *action, &status, target, &mut text);
        statuses.push(status);
    }
    let returns = match message.envelope.ret {
        Some(Ret::Full) if has(Action::Failed) && !target.has(Quirk::HeadersOnlyReturned) => Ret::Full,
        Some(Ret::Full | Ret::Headers) | None => Ret::Headers,
    };
    let kind = match returns {
        Ret::Full => "message/rfc822",
        // The reference calls its header a whole message.
        Ret::Headers if target.has(Quirk::HeadersOnlyReturned) => "message/rfc822",
        Ret::Headers => "text/rfc822-headers",
    };
    let _ = write!(text, "\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n");
    let after = format!("\r\n--{boundary}--\r\n").into_bytes();
    Report { about: message.id, lines: lines.to_vec(), statuses, before: text.into_bytes(), returns, after }
}

/// The fields of one recipient (RFC 3464 §2.3).
fn fields(recipient: &Recipient, action: Action, status: &str, target: Behaviour, text: &mut String) {
    let mut field = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    if let Some(orcpt) = &recipient.orcpt {
        // It has its type in front, `rfc822;`.
        field("Original-Recipient", orcpt);
    }
    field("Final-Recipient", &format!("rfc822; {}", recipient.address));
    field("Action", action.word());
    field("Status", status);
    let (entity, reply) = match &recipient.status {
        Status::Scheduled => (None, None),
        Status::Deferred(failed) | Status::Bounced(failed) => {
            let has_host = !matches!(
                failed.failure.last_error(),
                LastError::Dns | LastError::MtaSts | LastError::Rate | LastError::Io
            );
            (Some(&failed.entity).filter(|_| has_host), failed.failure.reply())
        }
        // A mailbox of this server is no other one; the reference names it all the same.
        Status::Delivered(delivered) => {
            let is_other = delivered.relay.is_some() || target.has(Quirk::NeverRelayed);
            (Some(&delivered.entity).filter(|_| is_other), None)
        }
    };
    if let Some(entity) = entity {
        field("Remote-MTA", &format!("dns; {entity}"));
    }
    if let Some(reply) = reply {
        let lines: Vec<&str> = reply.lines().collect();
        field("Diagnostic-Code", &format!("smtp; {} {}", reply.code, lines.join(" ")));
    }
    if let (Action::Delayed, Expires::At(at)) = (action, recipient.expires) {
        field("Will-Retry-Until", &date(at));
    }
}

/// The status code of a recipient (RFC 3463): the reply's own, or one that its three digits give; what is no reply has
/// one of its own where the target is `native`.
///
/// Its class is that of what became of the recipient: what failed for the time being until it expired failed for good, and a
/// refusal that is tried again is one for the time being (RFC 3463 §2). Only the class is changed, and only where it is
/// another.
///
/// ```text
/// bounced   550 5.4.1 -> 5.4.1   451 4.4.1 -> 5.4.1   450 later -> 5.5.0   354 go on -> 5.5.4
/// deferred  451 4.7.1 -> 4.7.1   552 5.5.3 -> 4.5.3   421 busy  -> 4.2.1   354 go on -> 4.5.4
/// ```
fn status(status: &Status, target: Behaviour) -> String {
    let of_reply = |reply: &Reply, class: u8| {
        let digit = |place: u16| reply.code / place % 10;
        let own = || Enhanced { class: digit(100) as u8, subject: digit(10), detail: digit(1) };
        let code = reply.enhanced().unwrap_or_else(own);
        let code = if target.has(Quirk::StatusAsReplied) { code } else { Enhanced { class, ..code } };
        code.to_string()
    };
    match status {
        Status::Scheduled => "4.0.0".to_owned(),
        Status::Deferred(failed) => {
            failed.failure.reply().map_or_else(|| "4.0.0".to_owned(), |reply| of_reply(reply, 4))
        }
        Status::Bounced(failed) => match (&failed.failure, failed.failure.reply()) {
            // RFC 8689 §5, RFC 7505 §4.
            (Failure::RequireTlsNotOffered | Failure::RequireTlsUnvouched, _) => "5.7.30".to_owned(),
            (Failure::NullMx, _) if !target.has(Quirk::GeneralStatus) => "5.1.10".to_owned(),
            (Failure::NoDomain, _) if !target.has(Quirk::GeneralStatus) => "5.1.2".to_owned(),
            // RFC 1870 §6.1, RFC 6152 §3, RFC 6531 §3.5.
            (Failure::TooLarge { .. }, _) => "5.3.4".to_owned(),
            (Failure::EightBitNotOffered, _) => "5.6.3".to_owned(),
            (Failure::Utf8NotOffered, _) => "5.6.7".to_owned(),
            (_, Some(reply)) => of_reply(reply, 5),
            (_, None) => "5.0.0".to_owned(),
        },
        Status::Delivered(delivered) => of_reply(&delivered.reply, 2),
    }
}

fn plain(status: &Status) -> String {
    match status {
        Status::Scheduled => "it was not tried yet".to_owned(),
        Status::Deferred(failed) | Status::Bounced(failed) => format!("{}: {}", failed.entity, failed.failure),
        Status::Delivered(delivered) => format!("{}: {}", delivered.entity, delivered.reply),
    }
}

/// A text within quotes (RFC 5322 §3.2.4).
fn quoted(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).fold(String::new(), |mut quoted, character| {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
        quoted
    })
}

/// A moment as a header has it, in UTC (RFC 5322 §3.3).
#[must_use]
pub fn date(at: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.0 / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from a March, so that the leap day is the last one of a year of 400-year eras.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let name = |names: &[&'static str], at: u64| names.get(at as usize).copied().unwrap_or_default();
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        name(&DAYS, days % 7),
        name(&MONTHS, month),
        second / 3_600,
        second / 60 % 60,
        second % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::Stage,
        message::{Delivered, Failed},
    };

    /// Every class of a reply, with and without a code of its own, by what became of the recipient.
    #[test]
    fn the_class_of_a_status_is_that_of_what_became_of_the_recipient() {
        #[rustfmt::skip]
        let cases = [
            // reply                         bounced   deferred  delivered  as replied
            (550, "5.4.1 no access",         "5.4.1",  "4.4.1",  "2.4.1",   "5.4.1"),
            (451, "4.4.1 no answer",         "5.4.1",  "4.4.1",  "2.4.1",   "4.4.1"),
            (550, "5.1.4 ambiguous",         "5.1.4",  "4.1.4",  "2.1.4",   "5.1.4"),
            (450, "4.2.4 list",              "5.2.4",  "4.2.4",  "2.2.4",   "4.2.4"),
            (554, "5.4.4 no route",          "5.4.4",  "4.4.4",  "2.4.4",   "5.4.4"),
            (454, "4.4.4 no route",          "5.4.4",  "4.4.4",  "2.4.4",   "4.4.4"),
            (550, "5.7.400 of its own",      "5.7.400", "4.7.400", "2.7.400", "5.7.400"),
            (552, "5.5.3 too many",          "5.5.3",  "4.5.3",  "2.5.3",   "5.5.3"),
            (550, "no",                      "5.5.0",  "4.5.0",  "2.5.0",   "5.5.0"),
            (544, "no",                      "5.4.4",  "4.4.4",  "2.4.4",   "5.4.4"),
            (450, "later",                   "5.5.0",  "4.5.0",  "2.5.0",   "4.5.0"),
            (444, "later",                   "5.4.4",  "4.4.4",  "2.4.4",   "4.4.4"),
            (421, "busy",                    "5.2.1",  "4.2.1",  "2.2.1",   "4.2.1"),
            // A code of another class than the reply is no code.
            (550, "4.4.1 no",                "5.5.0",  "4.5.0",  "2.5.0",   "5.5.0"),
            (354, "go on",                   "5.5.4",  "4.5.4",  "2.5.4",   "3.5.4"),
            (334, "3.4.4 go on",             "5.4.4",  "4.4.4",  "2.4.4",   "3.4.4"),
            (251, "2.1.5 ok",                "5.1.5",  "4.1.5",  "2.1.5",   "2.1.5"),
            (250, "ok",                      "5.5.0",  "4.5.0",  "2.5.0",   "2.5.0"),
            (240, "",                        "5.4.0",  "4.4.0",  "2.4.0",   "2.4.0"),
        ];
        for (code, text, bounced, deferred, delivered, as_replied) in cases {
            let reply = Reply::new(code, text);
            let entity: Box<str> = "mx.test".into();
            let rejected = Failure::Rejected { stage: Stage::Rcpt, reply: reply.clone() };
            let failed = Box::new(Failed { entity: entity.clone(), failure: rejected });
            let ends = [
                (Status::Bounced(failed.clone()), bounced),
                (Status::Deferred(failed), deferred),
                (Status::Delivered(Box::new(Delivered { entity, reply, relay: None })), delivered),
            ];
            for (end, expected) in ends {
                assert_eq!(status(&end, Behaviour::NATIVE), expected, "{code} {text}: {end:?}");
                for target in [Behaviour::STALWART_015, Behaviour::STALWART_016] {
                    assert_eq!(status(&end, target), as_replied, "{code} {text}: {end:?}");
                }
            }
        }
    }

    /// What is no reply has a status of what became of the recipient, too, for every target.
    #[test]
    fn what_is_no_reply_has_the_class_of_what_became_of_the_recipient() {
        let failed = |failure: Failure| Box::new(Failed { entity: "mx.test".into(), failure });
        for target in [Behaviour::NATIVE, Behaviour::STALWART_015, Behaviour::STALWART_016] {
            assert_eq!(status(&Status::Scheduled, target), "4.0.0");
            for failure in [Failure::MxLookup, Failure::TlsNotOffered, Failure::Rate, Failure::AddressLookup] {
                assert_eq!(status(&Status::Deferred(failed(failure.clone())), target), "4.0.0", "{failure}");
                assert_eq!(status(&Status::Bounced(failed(failure.clone())), target), "5.0.0", "{failure}");
            }
        }
        let special =
            [(Failure::NullMx, "5.1.10"), (Failure::NoDomain, "5.1.2"), (Failure::RequireTlsNotOffered, "5.7.30")];
        for (failure, expected) in special {
            assert_eq!(status(&Status::Bounced(failed(failure.clone())), Behaviour::NATIVE), expected, "{failure}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_767_571_200, "Mon, 05 Jan 2026 00:00:00 +0000"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(Instant(seconds * 1_000)), expected);
        }
    }
}
