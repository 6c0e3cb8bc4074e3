//! What a scenario asks of the machine: files that it names, and databases among them.
//!
//! This floor opens nothing itself. The root implements [`Files`] and takes relative paths as relative to the
//! scenario, so that a folder with a scenario and its files can be moved.

use std::{fmt, sync::Arc};

use policy::Value;

/// Who reads files and opens databases.
pub trait Files {
    /// The content of the file at `path`; an error says why there is none, in lower case and without a full stop.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The database at `path`.
    ///
    /// It is opened for reading only, so that a dry run leaves it as it was and messages cannot see each other's
    /// statements.
    fn open_database(&self, path: &str) -> Result<Arc<dyn Database>, String>;
}

/// Who answers `sql_query`.
pub trait Database: fmt::Debug + Send + Sync {
    /// What `query` gives, with `arguments` in place of its `?`; an error says why it fails.
    fn query(&self, query: &str, arguments: &[Value]) -> Result<Value, String>;
}

/// No file is opened: for texts that come from somewhere without files beside them.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("files are not opened here".to_owned())
    }

    fn open_database(&self, _path: &str) -> Result<Arc<dyn Database>, String> {
        Err("databases are not opened here".to_owned())
    }
}
