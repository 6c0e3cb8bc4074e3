//! TOML text as a policy: detected, and read as each dialect.

#![no_main]

use config::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (source, findings) = fuzz::document("policy.toml", bytes);
    fuzz::findings_lie_within(source.text(), &findings);
    fuzz::loads(&source, None);
    for dialect in Dialect::ALL {
        fuzz::loads(&source, Some(dialect));
    }
});
