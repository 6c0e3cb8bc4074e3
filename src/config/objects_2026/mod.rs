//! The layout `objects_2026`.

use base::Findings;
use document::{Format, Source};

use crate::{Dialect, Resources, Settings};

/// What `source` says in this layout.
pub(crate) fn read(source: &Source, format: Format, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    let _ = (source, format, resources, findings);
    Settings::empty(Dialect::Objects2026)
}
