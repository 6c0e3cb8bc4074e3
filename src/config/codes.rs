//! The findings of this floor. Each doc comment is the page that explains the code.

base::codes! {
    /// The document is written in a format that the wanted layout does not use.
    DIALECT_IMPOSSIBLE = "C0101" "dialect-impossible" Error;
    /// The document mixes two layouts, of which a server reads one.
    ///
    /// Keys of the other layout are passed over without a word by the server.
    DIALECT_MIXED = "C0102" "dialect-mixed" Error;
    /// The document is no policy: a shell transcript, a Nix module, prose, or a file without any outbound setting.
    ///
    /// A server that is given it uses its built-in rules for all mail. So every command that reads a policy ends with
    /// exit code 2 here, instead of telling what those rules do.
    NOT_A_POLICY = "C0103" "not-a-policy" Error;
    /// A word belongs to another layout: `ipv4-then-ipv6` in an expression, `rcpt-domain` as a key.
    DIALECT_MISMATCH = "C0104" "dialect-mismatch" Error;
    /// Several layouts have all that the document says, and one was chosen.
    ///
    /// Their servers differ in defaults: 2022 takes TLS where it is offered, 2024 demands it. `--dialect` and `--target`
    /// choose otherwise; a whole configuration seldom needs them.
    DIALECT_UNSURE = "C0105" "dialect-unsure" Note;

    /// A key is not known here.
    ///
    /// The server passes it over, so that what it should have set keeps its default. It is an error where the key is
    /// like a known one, and where rules stand below it, which then decide nothing; a warning otherwise, as a later
    /// version may know it.
    UNKNOWN_KEY = "C0201" "unknown-key" Warning;
    /// A key that must be there is missing.
    MISSING_REQUIRED = "C0202" "missing-required" Error;
    /// A value is of the wrong kind: a table where a number belongs.
    WRONG_KIND = "C0203" "wrong-kind" Error;
    /// A value is none of the words or numbers that the setting takes.
    INVALID_VALUE = "C0204" "invalid-value" Error;
    /// Two definitions have the same name.
    DUPLICATE_DEFINITION = "C0205" "duplicate-definition" Error;
    /// A macro such as `%{env:NAME}%` cannot be resolved.
    MACRO_UNRESOLVED = "C0206" "macro-unresolved" Error;
    /// A file that the policy names cannot be read.
    FILE_UNREADABLE = "C0207" "file-unreadable" Error;
    /// A duration is written as text where the server wants milliseconds as a number (2026).
    STRING_DURATION = "C0208" "string-duration" Error;

    /// A rule has an `if` and no `then`, or the other way round.
    INCOMPLETE_RULE = "C0301" "incomplete-rule" Error;
    /// A chain of rules has no `else`.
    ///
    /// The server drops the whole chain and uses its built-in one; those of 2022 and 2023 do not start.
    MISSING_ELSE = "C0302" "missing-else" Error;
    /// A chain of rules goes on behind its `else`, has two, or begins with one.
    ///
    /// No server takes the rest of such a chain. Those since 0.6 drop all of it, log an error and decide by their built-in
    /// rules; those of 2022 and 2023 do not start. Where the rules have numbers for keys, the order is that of texts, in
    /// which `10` stands before `2`.
    RULE_AFTER_ELSE = "C0303" "rule-after-else" Error;
    /// A chain of rules has an `else` and no rule.
    ///
    /// Version 0.15 refuses it and uses its built-in chain; a single value says the same and is read by all.
    ELSE_ONLY = "C0304" "else-only" Note;
    /// A list has numbers for keys, and is read in another order than they have.
    ///
    /// Servers up to 0.15 keep all settings in one list of keys, in the order of texts: `0`, `1`, `10`, `2`. So the rule
    /// `10` is asked before the rule `2`, and the `else` of a chain may stand before some of its rules. An element of an
    /// array has a key of four digits, `0000`, and stands before a key `1`. The policy is read in that order here, for
    /// every target. Since 0.16 such keys are ordered by number.
    TEXT_ORDER = "C0305" "text-order" Warning;

    /// A strategy is named that nothing defines.
    ///
    /// The server logs it and goes on with its built-in strategy: a misspelled route sends mail by MX. This project's
    /// own engine refuses the policy.
    UNDEFINED_STRATEGY = "C0401" "undefined-strategy" Error;
    /// A strategy of another kind is named: a route in a TLS policy.
    WRONG_KIND_STRATEGY = "C0402" "wrong-kind-strategy" Error;
    /// A schedule names a virtual queue that nothing defines; the server drops the schedule.
    UNDEFINED_QUEUE = "C0403" "undefined-queue" Error;
    /// The document names strategies of a kind and defines none of that kind.
    ///
    /// It is taken for a part of a configuration whose rest defines them.
    NO_DEFINITIONS = "C0404" "no-definitions" Warning;
    /// A section has a prefix that the server does not read: `[route."x"]` instead of `[queue.route."x"]`.
    WRONG_PREFIX = "C0405" "wrong-prefix" Warning;
    /// A strategy has none of the keys by which the server knows it, and is passed over.
    UNREGISTERED_STRATEGY = "C0406" "unregistered-strategy" Warning;
    /// The name of a virtual queue is longer than 8 bytes; the server does not create it.
    QUEUE_NAME_TOO_LONG = "C0407" "queue-name-too-long" Error;
    /// A schedule has no list of retries; the server uses one of an hour.
    MISSING_RETRY = "C0408" "missing-retry" Error;
    /// A list that must have an entry is empty.
    EMPTY_INTERVALS = "C0409" "empty-intervals" Error;
    /// A setting has no effect on delivery.
    INEFFECTIVE_SETTING = "C0410" "ineffective-setting" Warning;
    /// A name that only a run can tell is chosen; it is checked when the policy runs.
    OPEN_OUTCOME = "C0411" "open-outcome" Note;
    /// A policy has errors that keep it from being run.
    NO_PLAN = "C0412" "no-plan" Error;
    /// A list is merged with the one that the server writes into its database at its first start (0.13 to 0.15).
    ///
    /// File and database are one list of keys there, and each element of a list has a key of its own, `retry.0000` in a
    /// file and `retry.0` in the database. They are read in the order of these keys as texts. `--bare` leaves out what
    /// the server ships.
    MERGED_LIST = "C0413" "merged-list" Warning;

    /// A limiter or quota counts by a variable that it cannot count by.
    LIMITER_KEY = "C0501" "limiter-key" Error;
    /// A rate has a count or a period below its minimum.
    RATE_INVALID = "C0502" "rate-invalid" Error;
    /// A quota limits neither messages nor size.
    QUOTA_WITHOUT_LIMIT = "C0503" "quota-without-limit" Error;
    /// A quota has no condition; the server then never applies it.
    QUOTA_WITHOUT_MATCH = "C0504" "quota-without-match" Warning;
    /// A quota counts by nothing, which the server refuses (2026).
    QUOTA_EMPTY_KEY = "C0505" "quota-empty-key" Error;
    /// The rules of a condition are dropped by the server, which reads its `else` only (2026).
    IGNORED_MATCH = "C0506" "ignored-match" Warning;

    /// A list is written as an array, which the server refuses; it wants an object with number keys (2026).
    LIST_AS_ARRAY = "C0601" "list-as-array" Error;
    /// An object or a method is not known.
    UNKNOWN_OBJECT = "C0602" "unknown-object" Warning;
    /// An operation is always refused by the server.
    UNSUPPORTED_OPERATION = "C0603" "unsupported-operation" Error;
    /// A placeholder stands where an object's id belongs.
    PLACEHOLDER_ID = "C0604" "placeholder-id" Warning;
    /// An object that does not say what it is was taken for what its fields tell (2026).
    ASSUMED_OBJECT = "C0605" "assumed-object" Note;
    /// An id names an object that the document does not hold, so that only the server knows it (2026).
    OBJECT_ELSEWHERE = "C0606" "object-elsewhere" Note;
    /// A response says that the server refused a call or an object (2026).
    REFUSED_BY_SERVER = "C0607" "refused-by-server" Error;
    /// A field is changed that the server never changes: the name of an object (2026).
    READ_ONLY_FIELD = "C0608" "read-only-field" Error;
    /// A pointer of a patch leads nowhere (2026).
    BAD_PATCH = "C0609" "bad-patch" Error;

    /// A structured rule compares by an operator that its key does not have (2022).
    OPERATOR_TYPE = "C0701" "operator-type" Error;
    /// A structured rule asks for a key that has no value in this setting (2022).
    KEY_NOT_AVAILABLE = "C0702" "key-not-available" Error;
    /// A list, a remote host or a lookup is named that nothing defines (2022).
    UNKNOWN_LIST = "C0703" "unknown-list" Error;
    /// A rule names a remote host that nothing defines; the server does not start (2022).
    UNKNOWN_REMOTE = "C0704" "unknown-remote" Error;
    /// A structured condition has no operator, more than one, or one that does not exist (2022).
    ///
    /// A condition is a key and one operator, `{ if = "rcpt-domain", eq = "example.org" }`, or a group of conditions:
    /// `any-of`, `all-of`, `none-of`.
    MALFORMED_CONDITION = "C0705" "malformed-condition" Error;

    /// A schedule says twice when mail is given up, after a time and after a number of attempts.
    ///
    /// The server drops the schedule, and uses its built-in one.
    CONFLICTING_EXPIRY = "C0801" "conflicting-expiry" Error;
    /// A limit is 0, which is not what it says: no limit at all in one setting, no delivery in the other.
    LIMIT_OF_ZERO = "C0802" "limit-of-zero" Warning;
    /// Something is defined that nothing uses.
    UNUSED_OBJECT = "C0803" "unused-object" Warning;
    /// A length of time has no unit, and the server takes it for milliseconds.
    ///
    /// `expire = 5` gives mail up after 5 ms, `expire = 86400` after a minute and a half. Write the unit, also where
    /// milliseconds are meant: `5d`, `86400s`, `5ms`. The objects of 2026 have milliseconds and no units.
    NO_UNIT = "C0804" "no-unit" Warning;
    /// A server takes a value that cannot have been meant.
    ///
    /// Such as waits, lives and timeouts of less than a second or of months, thousands of hosts, a quota smaller than a
    /// message, a source address that no connection can begin at. The finding says what is taken.
    UNLIKELY_VALUE = "C0805" "unlikely-value" Warning;
    /// A schedule lists waits that no message lives to see: longer than mail is tried, or more than it has attempts.
    RETRY_AFTER_EXPIRY = "C0806" "retry-after-expiry" Warning;
    /// A schedule tells of a delay at a time at which the mail has been given up, so that nobody is told.
    NOTIFY_AFTER_EXPIRY = "C0807" "notify-after-expiry" Warning;
}
