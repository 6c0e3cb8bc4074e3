//! This floor's kinds of findings.

base::codes! {
    /// x
    NOT_UTF8 = "D0001" "not-utf8" Error;
    /// x
    DOCUMENT_TOO_LARGE = "D0002" "document-too-large" Error;
}
