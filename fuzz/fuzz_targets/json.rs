//! JSON text as a policy, as one document and as one object a line.

#![no_main]

use config::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["policy.json", "policy.ndjson"] {
        let (source, findings) = fuzz::document(name, bytes);
        fuzz::findings_lie_within(source.text(), &findings);
        fuzz::loads(&source, None);
        fuzz::loads(&source, Some(Dialect::Objects2026));
    }
});
