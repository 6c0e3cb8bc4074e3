//! The layout `legacy_2022`.

use base::Findings;
use document::Node;

use crate::{Dialect, Resources, Settings};

/// What `tree` says in this layout.
pub(crate) fn read(tree: &Node<'_>, resources: &dyn Resources, findings: &mut Findings) -> Settings {
    let _ = (tree, resources, findings);
    Settings::empty(Dialect::Strategies2025)
}
