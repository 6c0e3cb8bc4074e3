//! The functions of the language: names, arity, result, and what they touch.
//!
//! What each one computes stands in `builtin`; how lookups reach the world stands in `lookup`.
//!
//! Source: delivery spec 2.4; language page, part E.

use std::fmt;

use crate::ir::Type;

/// Which writing of the language a text is in: a few functions differ in arity or do not exist.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Edition {
    /// String expressions in the `queue.outbound.*` layout (0.6 to 0.12).
    Expressions2024,
    /// String expressions in the `queue.strategy.*` layout (0.13 to 0.15).
    Strategies2025,
    /// Expressions in JSON objects (0.16 and later).
    Objects2026,
}

/// What calling a function does besides giving a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Nothing: equal arguments give equal values.
    None,
    /// It asks the world, which answers the same within one evaluation.
    Asks,
    /// It changes a store, so each call happens, in source order.
    Changes,
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $arity:literal $ty:ident $effect:ident;)+) => {
        /// A function, but for `matches`, `system`, `metric` and `config_get`, which take a literal.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Function {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Function {
            /// Every function.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in an expression.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// How many arguments it takes; the two directory functions take one more before 2026.
            #[must_use]
            pub const fn arity(self) -> usize {
                match self {
                    $(Self::$variant => $arity,)+
                }
            }

            /// The type of its value; [`Type::Any`] where that depends on the arguments.
            #[must_use]
            pub const fn ty(self) -> Type {
                match self {
                    $(Self::$variant => Type::$ty,)+
                }
            }

            /// What calling it does.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self {
                    $(Self::$variant => Effect::$effect,)+
                }
            }

            /// What it gives, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+),)+
                }
            }
        }
    };
}

functions! {
    /// Whether the domain is one that this server holds mailboxes for.
    IsLocalDomain = "is_local_domain" 1 Int Asks;
    /// Whether the address is a mailbox of this server.
    IsLocalAddress = "is_local_address" 1 Int Asks;
    /// The value of a key in a store, empty where it has none.
    KeyGet = "key_get" 2 String Asks;
    /// Whether a store has a key.
    KeyExists = "key_exists" 2 Int Asks;
    /// Sets a key in a store; 1.
    KeySet = "key_set" 3 Int Changes;
    /// The value of a counter in a store, 0 where it has none.
    CounterGet = "counter_get" 2 Int Asks;
    /// Adds to a counter in a store and gives its new value.
    CounterIncr = "counter_incr" 3 Int Changes;
    /// The first value, row or rows that a query of a database gives.
    SqlQuery = "sql_query" 3 Any Asks;
    /// The records of a name: `ip`, `ipv4`, `ipv6`, `mx`, `txt` or `ptr`; `txt` is one string, the others are arrays.
    DnsQuery = "dns_query" 2 Any Asks;
    /// Without blanks at both ends.
    Trim = "trim" 1 Any None;
    /// Without blanks at its beginning.
    TrimStart = "trim_start" 1 Any None;
    /// Without blanks at its end.
    TrimEnd = "trim_end" 1 Any None;
    /// The length in bytes, of an array its number of elements.
    Len = "len" 1 Int None;
    /// In lower case.
    ToLowercase = "to_lowercase" 1 Any None;
    /// In upper case.
    ToUppercase = "to_uppercase" 1 Any None;
    /// Whether it has no letter in upper case.
    IsLowercase = "is_lowercase" 1 Any None;
    /// Whether it has no letter in lower case.
    IsUppercase = "is_uppercase" 1 Any None;
    /// Whether it has a digit.
    HasDigits = "has_digits" 1 Any None;
    /// How many characters it has.
    CountChars = "count_chars" 1 Any None;
    /// How many blanks it has.
    CountSpaces = "count_spaces" 1 Any None;
    /// How many letters in upper case it has.
    CountUppercase = "count_uppercase" 1 Any None;
    /// How many letters in lower case it has.
    CountLowercase = "count_lowercase" 1 Any None;
    /// Its lines.
    Lines = "lines" 1 Any None;
    /// Its words.
    SplitWords = "split_words" 1 Array None;
    /// Whether an array has an element, or a string a part.
    Contains = "contains" 2 Int None;
    /// The same, whatever the case of letters.
    ContainsIgnoreCase = "contains_ignore_case" 2 Int None;
    /// Whether two texts are equal but for the case of ASCII letters.
    EqIgnoreCase = "eq_ignore_case" 2 Int None;
    /// Whether it begins with a text.
    StartsWith = "starts_with" 2 Int None;
    /// Whether it ends with a text.
    EndsWith = "ends_with" 2 Int None;
    /// Without a text at its beginning, empty where it has none.
    StripPrefix = "strip_prefix" 2 Any None;
    /// Without a text at its end, empty where it has none.
    StripSuffix = "strip_suffix" 2 Any None;
    /// Its parts between a delimiter.
    Split = "split" 2 Array None;
    /// Its parts between a delimiter, the last one first.
    Rsplit = "rsplit" 2 Array None;
    /// Its two parts around the first delimiter, empty where it has none.
    SplitOnce = "split_once" 2 Any None;
    /// Its two parts around the last delimiter, empty where it has none.
    RsplitOnce = "rsplit_once" 2 Any None;
    /// Its first parts between a delimiter, and the rest.
    SplitN = "split_n" 3 Array None;
    /// A number of characters from a place on.
    Substring = "substring" 3 Any None;
    /// Its digest in hexadecimal: `md5`, `sha1`, `sha256` or `sha512`.
    Hash = "hash" 2 String None;
    /// How many elements it has; an empty string has none, another value is one.
    Count = "count" 1 Int None;
    /// An array in ascending order, or descending where the second argument is false.
    Sort = "sort" 2 Array None;
    /// An array with each element once.
    Dedup = "dedup" 1 Array None;
    /// An array without its empty strings.
    Winnow = "winnow" 1 Any None;
    /// Whether two arrays share an element.
    IsIntersect = "is_intersect" 2 Int None;
    /// Whether it is the empty string or array.
    IsEmpty = "is_empty" 1 Int None;
    /// Whether its type is a number.
    IsNumber = "is_number" 1 Int None;
    /// Whether it is an IP address.
    IsIpAddr = "is_ip_addr" 1 Int None;
    /// Whether it is an IPv4 address.
    IsIpv4Addr = "is_ipv4_addr" 1 Int None;
    /// Whether it is an IPv6 address.
    IsIpv6Addr = "is_ipv6_addr" 1 Int None;
    /// The name of an address in the reverse tree, without its zone.
    IpReverseName = "ip_reverse_name" 1 String None;
    /// Whether an address is within a network.
    IsIpInCidr = "is_ip_in_cidr" 2 Int None;
    /// Whether it is an address of mail.
    IsEmail = "is_email" 1 Int None;
    /// The `local` part or the `domain` of an address.
    EmailPart = "email_part" 2 Any None;
    /// The second argument where the first is true, else the third.
    IfThen = "if_then" 3 Any None;
}

impl Function {
    /// The function called `name`; letters are compared as they are.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }

    /// Whether it takes a directory before its argument in the editions before 2026.
    #[must_use]
    pub const fn takes_directory(self) -> bool {
        matches!(self, Self::IsLocalDomain | Self::IsLocalAddress)
    }

    /// Whether it takes `count` arguments in `edition`.
    #[must_use]
    pub const fn takes(self, edition: Edition, count: usize) -> bool {
        match (self.takes_directory(), edition) {
            (true, Edition::Expressions2024 | Edition::Strategies2025) => count == self.arity() + 1,
            (true, Edition::Objects2026) | (false, _) => count == self.arity(),
        }
    }

    /// Whether `edition` has it.
    #[must_use]
    pub const fn exists_in(self, edition: Edition) -> bool {
        match (self, edition) {
            (Self::IsIpInCidr, Edition::Expressions2024 | Edition::Strategies2025) => false,
            (_, Edition::Expressions2024 | Edition::Strategies2025 | Edition::Objects2026) => true,
        }
    }

    /// Which argument names a store, if one does.
    #[must_use]
    pub const fn store_argument(self) -> Option<usize> {
        match self {
            Self::KeyGet | Self::KeyExists | Self::KeySet | Self::CounterGet | Self::CounterIncr | Self::SqlQuery => {
                Some(0)
            }
            _ => None,
        }
    }

    /// The words that one of its arguments must be, where it is a literal: which argument, and the words.
    #[must_use]
    pub const fn option_argument(self) -> Option<(usize, &'static [&'static str])> {
        match self {
            Self::Hash => Some((1, &["md5", "sha1", "sha256", "sha512"])),
            Self::DnsQuery => Some((1, &["ip", "ipv4", "ipv6", "mx", "txt", "ptr"])),
            Self::EmailPart => Some((1, &["local", "domain"])),
            _ => None,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What `system('…')` can be asked for.
pub const SYSTEM_NAMES: &[(&str, Type)] = &[
    ("domain", Type::String),
    ("hostname", Type::String),
    ("node_hostname", Type::String),
    ("node_id", Type::Int),
    ("node_role", Type::String),
];

/// The families of names that `metric('…')` knows, beside [`METRIC_GAUGES`]: each holds the server's event names.
pub const METRIC_FAMILIES: &[&str] = &[
    "acme",
    "ai",
    "arc",
    "auth",
    "cluster",
    "dane",
    "delivery",
    "dkim",
    "dmarc",
    "dns",
    "eval",
    "http",
    "housekeeper",
    "imap",
    "incoming-report",
    "iprev",
    "jmap",
    "limit",
    "mail-auth",
    "manage",
    "manage-sieve",
    "message-ingest",
    "milter",
    "mta-hook",
    "mta-sts",
    "network",
    "outgoing-report",
    "pop3",
    "purge",
    "queue",
    "resource",
    "security",
    "server",
    "sieve",
    "smtp",
    "spam",
    "spf",
    "store",
    "task-queue",
    "telemetry",
    "tls",
    "tls-rpt",
];

/// Measured values that are not events.
pub const METRIC_GAUGES: &[&str] = &["domain.count", "queue.count", "server.memory", "user.count"];
