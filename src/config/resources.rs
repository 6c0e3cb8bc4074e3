//! What a reader may ask of the machine: variables of the environment and files that a policy names.

use base::Secret;

/// Who answers macros such as `%{env:NAME}%` and `%{file:/path}%`, and lists kept in files.
///
/// What comes back is a secret: no output shows it.
pub trait Resources {
    /// The environment variable `name`; an error says why there is none, in lower case and without a full stop.
    fn variable(&self, name: &str) -> Result<Secret, String>;

    /// The content of the file `path`.
    fn file(&self, path: &str) -> Result<Secret, String>;

    /// Whether macros and files are resolved at all; where not, they stay unexpanded and are no error.
    fn resolves(&self) -> bool;
}

/// Nothing is asked: macros stay as they are written, files unopened.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoResources;

impl Resources for NoResources {
    fn variable(&self, _name: &str) -> Result<Secret, String> {
        Err("variables are not asked for here".to_owned())
    }

    fn file(&self, _path: &str) -> Result<Secret, String> {
        Err("files are not opened here".to_owned())
    }

    fn resolves(&self) -> bool {
        false
    }
}
