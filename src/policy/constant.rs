//! The constants of the language: bare words that name one choice of a setting.
//!
//! Source: the reference's list; delivery spec 0.2 and 2.4.

use std::fmt;

macro_rules! constants {
    ($($variant:ident = $name:literal,)+) => {
        /// A constant, in the alphabetical order of its name, which is also its order when sorted.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Constant {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Constant {
            /// Every constant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in an expression.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

constants! {
    Daily = "daily",
    Disable = "disable",
    Hourly = "hourly",
    Ipv4Only = "ipv4_only",
    Ipv4ThenIpv6 = "ipv4_then_ipv6",
    Ipv6Only = "ipv6_only",
    Ipv6ThenIpv4 = "ipv6_then_ipv4",
    Login = "login",
    Mixer = "mixer",
    Nsep = "nsep",
    OauthBearer = "oauthbearer",
    Optional = "optional",
    Plain = "plain",
    Relaxed = "relaxed",
    Require = "require",
    Stanag4406 = "stanag4406",
    Strict = "strict",
    Weekly = "weekly",
    Xoauth2 = "xoauth2",
}

impl Constant {
    /// The constant called `name`; letters are compared as they are.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|constant| constant.name() == name)
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
