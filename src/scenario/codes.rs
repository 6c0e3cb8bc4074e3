//! This floor's kinds of findings: `S01..` for every file of this format, `S02..` for messages, `S03..` for
//! environments, `S04..` for expectations.
//!
//! The doc comment of a code is the page that explains it.

base::codes! {
    /// ## What it is
    /// A key is none of those that the format has at this place.
    ///
    /// ## Why it matters
    /// What it was meant to say would not be part of the run, and the result would be that of another scenario.
    ///
    /// ## Example
    /// ```toml
    /// [[message]]
    /// recipient = ["bob@corp.test"]
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// [[message]]
    /// recipients = ["bob@corp.test"]
    /// ```
    UNKNOWN_KEY = "S0101" "unknown-scenario-key" Error;

    /// ## What it is
    /// A key that must be there is missing.
    ///
    /// ## Why it matters
    /// There is no default that would be right for everyone: a message without a sender is something else than one
    /// with the null sender.
    ///
    /// ## Instead
    /// ```toml
    /// [[message]]
    /// sender = ""                         # the null sender
    /// recipients = ["bob@corp.test"]
    /// ```
    MISSING_KEY = "S0102" "missing-scenario-key" Error;

    /// ## What it is
    /// A value is of the wrong kind: a string where a number belongs.
    ///
    /// ## Why it matters
    /// Unlike in a server's configuration, `2` and `"2"` are not the same here: a scenario is also written and read
    /// by programs.
    ///
    /// ## Example
    /// ```toml
    /// retry_num = "2"
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// retry_num = 2
    /// ```
    WRONG_KIND = "S0103" "wrong-scenario-kind" Error;

    /// ## What it is
    /// A value is none of the words, numbers or times that the key takes.
    ///
    /// ## Example
    /// ```toml
    /// source = "smtp"
    /// start = "yesterday"
    /// ```
    ///
    /// ## Why it matters
    /// A condition such as `source == 'authenticated'` would be tested with a text that no server ever gives.
    ///
    /// ## Instead
    /// ```toml
    /// source = "authenticated"
    /// start = "2026-03-02T00:00:00Z"
    /// ```
    INVALID_VALUE = "S0104" "invalid-scenario-value" Error;

    /// ## What it is
    /// The document is no scenario, message or environment: it is no table of keys, or several lines of JSON where
    /// one object belongs.
    ///
    /// ## Why it matters
    /// There is nothing in it that could be run.
    ///
    /// ## Instead
    /// A scenario begins with `policy = "policy.toml"` or a `[[message]]` table. A file of newline-delimited JSON
    /// holds messages only.
    NOT_A_SCENARIO = "S0105" "not-a-scenario" Error;

    /// ## What it is
    /// Something is longer, or is there more often, than this program reads.
    ///
    /// ## Why it matters
    /// What is past the bound is left out, so the run would not be the one that is written down.
    ///
    /// ## Instead
    /// Many messages go into a file of newline-delimited JSON, long lists into files of their own.
    OVER_LIMIT = "S0106" "scenario-limit" Error;

    /// ## What it is
    /// Text is no mail address.
    ///
    /// ## Why it matters
    /// No server would take it in an envelope.
    ///
    /// ## Example
    /// ```toml
    /// recipients = ["Bob <bob@corp.test>"]
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// recipients = ["bob@corp.test"]
    /// ```
    BAD_ADDRESS = "S0201" "bad-address" Error;

    /// ## What it is
    /// Two messages of a scenario have the same id.
    ///
    /// ## Why it matters
    /// An expectation about that id could mean either.
    ///
    /// ## Instead
    /// Give each its own, or none: a message without an id is called `m1`, `m2` … by its place in the file.
    DUPLICATE_MESSAGE = "S0202" "duplicate-message" Error;

    /// ## What it is
    /// A message names a recipient twice.
    ///
    /// ## Why it matters
    /// A server delivers to the recipient once. The second one is left out.
    DUPLICATE_RECIPIENT = "S0203" "duplicate-recipient" Warning;

    /// ## What it is
    /// A mail file cannot be read, or has no header fields that tell an envelope that is not given beside it.
    ///
    /// ## Why it matters
    /// A message cannot be delivered without an envelope. A mail file does not have one; its header is only a guess
    /// at it.
    ///
    /// ## Instead
    /// ```toml
    /// [[message]]
    /// sender = "alice@home.example"
    /// recipients = ["bob@corp.test"]
    /// eml = "mail.eml"
    /// ```
    MAIL_FILE = "S0204" "mail-file" Error;

    /// ## What it is
    /// An original recipient stands beside a message with several recipients, or beside one that has it not.
    ///
    /// ## Why it matters
    /// Delivery reports name the original of each recipient; here it is not clear whose it is.
    ///
    /// ## Instead
    /// ```toml
    /// recipients = ["bob@corp.test", "eve@corp.test"]
    /// orcpt = { "bob@corp.test" = "rfc822;robert@corp.test" }
    /// ```
    ORIGINAL_RECIPIENT = "S0205" "original-recipient" Error;

    /// ## What it is
    /// A file that an environment names cannot be read, or does not hold what it should.
    ///
    /// ## Why it matters
    /// Decisions that ask the list, store or database in it would be those of an empty one.
    ///
    /// ## Instead
    /// A list has one entry a line. A store's file has lines `key=value`, or is a flat table in TOML or JSON.
    ENVIRONMENT_FILE = "S0301" "environment-file" Error;

    /// ## What it is
    /// A DNS answer is not what a query of its type gives.
    ///
    /// ## Why it matters
    /// A policy would be tested with an answer that no resolver gives.
    ///
    /// ## Example
    /// ```toml
    /// [[environment.dns]]
    /// name = "mx1.corp.test"
    /// type = "ipv4"
    /// answer = "mx1"
    /// ```
    ///
    /// ## Instead
    /// ```toml
    /// answer = ["192.0.2.10"]
    /// ```
    DNS_ANSWER = "S0302" "dns-answer" Error;

    /// ## What it is
    /// An environment answers the same question twice.
    ///
    /// ## Why it matters
    /// One of the answers is not in force; the first one stands.
    DUPLICATE_ANSWER = "S0303" "duplicate-answer" Error;

    /// ## What it is
    /// An expectation is about a message that the scenario does not have.
    ///
    /// ## Why it matters
    /// It would never be checked, and the scenario would pass.
    UNKNOWN_MESSAGE = "S0401" "unknown-message" Error;

    /// ## What it is
    /// An expectation is about a recipient that its message does not have.
    ///
    /// ## Why it matters
    /// It would never be checked, and the scenario would pass.
    UNKNOWN_RECIPIENT = "S0402" "unknown-recipient" Error;

    /// ## What it is
    /// An expectation says nothing that could hold or fail.
    ///
    /// ## Instead
    /// ```toml
    /// [[expect]]
    /// message = "m1"
    /// route = "mx"
    /// ```
    ///
    /// ## Why it matters
    /// It would pass whatever the policy decides.
    EMPTY_EXPECTATION = "S0403" "empty-expectation" Error;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn ids_and_rules_are_distinct_and_every_page_says_what_and_why() {
        for (at, code) in ALL.iter().enumerate() {
            assert!(code.id.starts_with('S') && code.id.len() == 5, "{}", code.id);
            assert!(code.page.contains("## What it is") && code.page.contains("## Why it matters"), "{}", code.id);
            for earlier in &ALL[..at] {
                assert!(earlier.id < code.id && earlier.rule != code.rule, "{} {}", earlier.id, code.id);
            }
        }
    }
}
