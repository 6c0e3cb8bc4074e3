//! Certificates as the text that everybody exchanges them in (RFC 7468 §5): what lies between the lines that begin and end
//! each, and nothing of what stands around them.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::limits;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Certificates, as a scenario gives them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Certificates {
    /// The text, out of a file or the scenario itself.
    pub text: String,
    /// Each in DER, in the order of the text.
    pub all: Vec<Box<[u8]>>,
}

impl Certificates {
    /// The certificates in `text`, or why there are none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all: Vec<Box<[u8]>> = Vec::new();
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once(BEGIN) {
            let (inner, behind) = behind.split_once(END).ok_or_else(|| format!("a certificate has no `{END}`"))?;
            let packed: String = inner.split_ascii_whitespace().collect();
            let der = BASE64.decode(packed).map_err(|_| "a certificate is no base64".to_owned())?;
            if all.len() == limits::CERTIFICATES_MAX {
                return Err(format!("it has more than {} certificates", limits::CERTIFICATES_MAX));
            }
            all.push(der.into());
            rest = behind;
        }
        if all.is_empty() {
            return Err(format!("it has no certificate between `{BEGIN}` and `{END}`"));
        }
        Ok(Self { text: text.to_owned(), all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_what_lies_between_their_lines() {
        let one = "-----BEGIN CERTIFICATE-----\nAQID\r\nBA==\n-----END CERTIFICATE-----\n";
        let parse = |text: &str| Certificates::parse(text).map(|found| found.all.concat());
        assert_eq!(parse(one), Ok(vec![1, 2, 3, 4]));
        assert_eq!(parse(&format!("subject=x\n{one}and then\n{one}")), Ok(vec![1, 2, 3, 4, 1, 2, 3, 4]));
        assert!(Certificates::parse(&one.repeat(limits::CERTIFICATES_MAX)).is_ok());
        for bad in [
            "",
            "AQID",
            "-----BEGIN CERTIFICATE-----\nAQID\n",
            "-----BEGIN CERTIFICATE-----\nA*ID\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n",
            &one.repeat(limits::CERTIFICATES_MAX + 1),
        ] {
            assert!(Certificates::parse(bad).is_err(), "{bad}");
        }
    }
}
