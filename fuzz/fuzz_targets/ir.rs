//! IR text: what is read is written, and reads back to the same text with the same value.

#![no_main]

use base::Findings;
use libfuzzer_sys::fuzz_target;
use policy::ir_text::{self, IrText};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut findings = Findings::new();
    let read = ir_text::read(text, &mut findings);
    fuzz::findings_lie_within(text, &findings);
    let Some(read) = read else {
        assert!(findings.has_errors(), "refused without a word");
        return;
    };
    let written = ir_text::write(&read);
    let again = ir_text::read(&written, &mut findings).expect("what is written can be read");
    assert_eq!(written, ir_text::write(&again));
    assert_eq!(value(&read), value(&again));
});

fn value(text: &IrText) -> String {
    match text {
        IrText::Block(block) => fuzz::decided(block),
        IrText::Expression { ir, root } => fuzz::evaluated(ir, *root),
    }
}
