//! Faults that tests plant in the core, to show that they are found.
//!
//! A build for use has no way to plant one: `Queue::plant` is there with the feature `planted` only, which
//! nothing but tests asks for.

/// A fault of the core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// What a transaction came to is not stored.
    LostStore,
    /// A recipient that was delivered beside one that was not is sent to again.
    DoubleSend,
    /// A rate limit that is spent is passed over.
    SkippedLimit,
    /// A recipient is given up after three failures, whatever its schedule says.
    EarlyBounce,
    /// TLS is never demanded, nor a certificate looked at.
    Downgrade,
}

impl Fault {
    /// Every one of them.
    pub const ALL: [Self; 5] =
        [Self::LostStore, Self::DoubleSend, Self::SkippedLimit, Self::EarlyBounce, Self::Downgrade];
}
