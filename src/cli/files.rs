//! The machine behind the traits of the floors: files, variables of the environment and databases.
//!
//! Invariant: nothing but what the user named on the command line is opened, unless `--resolve` allows what a policy
//! names, or a scenario names files of its own.

use std::path::{Path, PathBuf};

use base::{Findings, Secret};
use config::Resources;
use document::Source;

use super::{Failure, masked};

/// Reads the document `path`; `-` is standard input. The findings are those of its bytes.
pub(crate) fn read(path: &Path) -> Result<(Source, Findings), Failure> {
    let bytes = bytes(path)?;
    Ok(Source::from_bytes(path.display().to_string(), bytes))
}

/// The bytes of the file `path`, at most one more than a document may have.
#[expect(clippy::disallowed_methods, reason = "the root is where files are opened")]
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let limit = document::limits::DOCUMENT_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    result.map_err(|error| Failure::Usage(format!("cannot read `{}`: {error}", path.display())))?;
    Ok(bytes)
}

/// What a policy may ask of this machine.
#[derive(Debug)]
pub(crate) struct Machine {
    resolve: bool,
    /// Relative paths in a policy start here.
    folder: PathBuf,
}

impl Machine {
    /// The resources for the policy `path`; with `resolve`, macros and files are.
    pub(crate) fn new(path: &Path, resolve: bool) -> Self {
        Self { resolve, folder: path.parent().map_or_else(PathBuf::new, Path::to_path_buf) }
    }
}

/// A secret that no output of this process will show.
fn remembered(text: impl Into<Box<str>>) -> Secret {
    let secret = Secret::new(text);
    masked::remember(&secret);
    secret
}

impl Resources for Machine {
    #[expect(clippy::disallowed_methods, reason = "the root is where the environment is read")]
    fn variable(&self, name: &str) -> Result<Secret, String> {
        match std::env::var(name) {
            Ok(value) => Ok(remembered(value)),
            Err(std::env::VarError::NotPresent) => Err(format!("the environment has no variable `{name}`")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the variable `{name}` is not valid UTF-8")),
        }
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        let bytes = bytes(&self.folder.join(path)).map_err(|failure| failure.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| format!("`{path}` is not valid UTF-8"))?;
        Ok(remembered(text.trim_end_matches(['\r', '\n'])))
    }

    fn resolves(&self) -> bool {
        self.resolve
    }
}
