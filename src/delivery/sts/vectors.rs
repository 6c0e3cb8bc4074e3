//! What RFC 8461 says of records, policies and hosts, row by row, beside what the reference makes of them.
//!
//! Among the rows are the cases that other implementations of MTA-STS publish with their tests, by what they show.

use base::Millis;
use policy::Behaviour;

use super::{Mode, NoPolicy, Policy, record};

/// What the TXT records of a name come to: for `native`, and for the reference.
type RecordRow<'a> = (Vec<&'a str>, Result<&'a str, NoPolicy>, Result<&'a str, NoPolicy>);

const NONE: Result<&str, NoPolicy> = Err(NoPolicy::NotPublished);
const BAD: Result<&str, NoPolicy> = Err(NoPolicy::Invalid);

#[test]
fn records_are_those_of_the_grammar() {
    let id_32 = "0123456789abcdefghijABCDEFGHIJ01";
    let texts = [format!("v=STSv1; id={id_32}"), format!("v=STSv1; id={id_32}2")];
    let name_32 = format!("v=STSv1; id=a; a{}=1", "0".repeat(31));
    let name_33 = format!("v=STSv1; id=a; a{}=1", "0".repeat(32));
    let long = format!("{id_32}2");
    let rows: Vec<RecordRow<'_>> = vec![
        // §3.1: the version, then fields, each behind a semicolon with blanks around it, and one more at the end or not.
        (vec!["v=STSv1; id=20160831085700Z;"], Ok("20160831085700Z"), Ok("20160831085700Z")),
        (vec!["v=STSv1;id=1"], Ok("1"), Ok("1")),
        (vec!["v=STSv1; \t id=1  \t;"], Ok("1"), Ok("1")),
        (vec!["v=STSv1 ;id=1 ; \t"], Ok("1"), Ok("1")),
        (vec!["v=STSv1; id=a; more=a; ext=2"], Ok("a"), Ok("a")),
        (vec!["v=STSv1; x.y-z_0=https://corp.test/; id=a"], Ok("a"), Ok("a")),
        (vec!["v=STSv1; id=a "], BAD, Ok("a")),
        (vec!["v=STSv1; id=a;;"], BAD, Ok("a")),
        (vec!["v=STSv1;; id=a"], BAD, Ok("a")),
        (vec!["v=STSv1; id =a"], BAD, Ok("a")),
        (vec!["v=STSv1; id= a"], BAD, Ok("a")),
        (vec!["v=STSv1; id"], BAD, BAD),
        // The id has 1 to 32 letters and digits; the reference takes any text.
        (vec![&texts[0]], Ok(id_32), Ok(id_32)),
        (vec![&texts[1]], BAD, Ok(&long)),
        (vec!["v=STSv1; id=test-123"], BAD, Ok("test-123")),
        (vec!["v=STSv1; id=2024_01"], BAD, Ok("2024_01")),
        (vec!["v=STSv1; id=1.2"], BAD, Ok("1.2")),
        (vec!["v=STSv1; id=é"], BAD, Ok("é")),
        (vec!["v=STSv1; id=1 2"], BAD, Ok("12")),
        (vec!["v=STSv1; id=a=b"], BAD, Ok("a=b")),
        (vec!["v=STSv1; id="], BAD, Ok("")),
        (vec!["v=STSv1; ID=1"], BAD, Ok("1")),
        (vec!["v=STSv1"], NONE, BAD),
        (vec!["v=STSv1;"], BAD, BAD),
        (vec!["v=STSv1; ext=1"], BAD, BAD),
        // An extension's name begins with a letter or a digit and has 32 characters at most; its value has no `=`, no blank.
        (vec![&name_32], Ok("a"), Ok("a")),
        (vec![&name_33], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; more="], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; 1%=a"], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; _x=a"], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; test=="], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; x=\u{7f}"], BAD, Ok("a")),
        (vec!["v=STSv1; id=a; x=é"], BAD, Ok("a")),
        // §3.2, of records, too: of a field that is there twice the first counts, and the second need not even be one.
        (vec!["v=STSv1; id=first; id=second"], Ok("first"), Ok("second")),
        (vec!["v=STSv1; id=first; id=a-b"], Ok("first"), Ok("a-b")),
        (vec!["v=STSv1; id=a-b; id=second"], BAD, Ok("second")),
        // §3.1: what does not begin with the version is no record; letters of the version count as they are.
        (vec!["v=STSv0; id=1"], NONE, NONE),
        (vec!["v=STSv10; id=1"], NONE, BAD),
        (vec!["v=STSv2; id=1"], NONE, NONE),
        (vec!["v=stsv1; id=1"], NONE, Ok("1")),
        (vec!["V=STSv1; id=1"], NONE, Ok("1")),
        (vec![" v=STSv1; id=1"], NONE, Ok("1")),
        (vec!["v= STSv1; id=1"], NONE, Ok("1")),
        (vec!["v=STSv1 id=1"], NONE, BAD),
        (vec!["id=1; v=STSv1"], NONE, Ok("1")),
        (vec!["id=1; v=STSv1;"], NONE, Ok("1")),
        // Of several records none counts; others are passed over before that.
        (vec!["v=spf1 -all", "v=STSv1; id=2;"], Ok("2"), Ok("2")),
        (vec!["v=STSv10; id=1", "v=STSv1; id=2;"], Ok("2"), Ok("2")),
        (vec!["v=STSv1", "v=STSv1; id=2;"], Ok("2"), Ok("2")),
        (vec!["v=STSv1; id=1;", "v=STSv1; id=2;"], BAD, Ok("1")),
        (vec!["v=STSv1; id=1;", "v=STSv1; id=1;"], BAD, Ok("1")),
        (vec!["v=STSv1;", "v=STSv1; id=2;"], BAD, Ok("2")),
        (vec!["abc", "def"], NONE, NONE),
        (vec![""], NONE, NONE),
        (vec![], NONE, NONE),
    ];
    for (texts, native, reference) in rows {
        let texts: Vec<Box<str>> = texts.iter().map(|text| (*text).into()).collect();
        let read = |target| record(&texts, target);
        assert_eq!(read(Behaviour::NATIVE).as_deref(), native.as_ref().map(|id| *id), "{texts:?}");
        for target in [Behaviour::STALWART_015, Behaviour::STALWART_016] {
            assert_eq!(read(target).as_deref(), reference.as_ref().map(|id| *id), "{target} {texts:?}");
        }
    }
}

/// A policy as it was read: its mode, its patterns and its age in seconds.
type Read<'a> = Option<(Mode, &'a [&'a str], u64)>;

#[test]
fn policies_are_those_of_the_grammar() {
    const DAY: u64 = 86_400;
    use Mode::{Enforce, None as NoMode, Testing};
    let one: &[&str] = &["mx.corp.test"];
    let name_32 = format!("version: STSv1\nmode: none\nmax_age: 0\na{}: 1\n", "0".repeat(31));
    let name_33 = format!("version: STSv1\nmode: none\nmax_age: 0\na{}: 1\n", "0".repeat(32));
    let rows: Vec<(&str, Read<'_>, Read<'_>)> = vec![
        // §3.2: fields in any order, each line ending in LF or CRLF, and the last one if it likes.
        (
            "version: STSv1\r\nmode: enforce\r\nmx: mx.corp.test\r\nmax_age: 86400\r\n",
            Some((Enforce, one, DAY)),
            Some((Enforce, one, DAY)),
        ),
        (
            "max_age: 604800\nmx: mx.corp.test\nmx: *.Mail.Test\nmode: testing\nversion: STSv1",
            Some((Testing, &["mx.corp.test", "*.mail.test"], 604_800)),
            Some((Testing, &["mx.corp.test", "*.mail.test"], 604_800)),
        ),
        (
            "version:STSv1\r\nmode:\tenforce\nmx:  \t\t *.corp.test \t\r\nmax_age: 7200 \nmore:ext e  ns ion",
            Some((Enforce, &["*.corp.test"], 7_200)),
            Some((Enforce, &["*.corp.test"], 7_200)),
        ),
        ("version: STSv1\rmode: none\rmax_age: 86400\r", None, None),
        ("version: STSv1\nmode: none\nmax_age: 86400\r", None, None),
        ("version: STSv1\n\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n\n", None, Some((Enforce, one, DAY))),
        ("\nversion: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n", None, Some((Enforce, one, DAY))),
        ("\u{feff}version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n", None, Some((Enforce, one, DAY))),
        (" version: STSv1\n mode: enforce\n mx: mx.corp.test\n max_age: 86400\n", None, Some((Enforce, one, DAY))),
        ("version : STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 86400\ngarbage\n", None, Some((Enforce, one, DAY))),
        ("garbage", None, None),
        ("<html>\n<body>Not found</body>\n</html>\n", None, None),
        ("", None, None),
        ("\n", None, None),
        // The version is there, and is this one; names of fields and their values are in these letters.
        ("version: STSv0\nmode: none\nmax_age: 0\nmx: mx.corp.test\n", None, None),
        ("version: STSv10\nmode: none\nmax_age: 0\nmx: mx.corp.test\n", None, None),
        ("version: STSv2\nmode: enforce\nmax_age: 86400\nmx: mx.corp.test\n", None, None),
        ("version: stsv1\nmode: none\nmax_age: 0\n", None, None),
        ("mode: enforce\nmax_age: 86400\nmx: mx.corp.test\n", None, Some((Enforce, one, DAY))),
        ("Version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx.corp.test\n", None, Some((Enforce, one, DAY))),
        // The mode is there, and is a known one.
        ("version: STSv1\nmax_age: 86400\nmx: mx.corp.test\n", None, Some((NoMode, one, DAY))),
        ("version: STSv1\nmode: doubt\nmax_age: 86400\nmx: mx.corp.test\n", None, None),
        ("version: STSv1\nmode: Enforce\nmax_age: 86400\nmx: mx.corp.test\n", None, None),
        ("version: STSv1\nmode:\nmax_age: 86400\nmx: mx.corp.test\n", None, None),
        // `max_age` is there, a number of ten digits at most, up to a year; 0 is an age.
        ("version: STSv1\nmode: none\n", None, None),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\n", None, Some((Enforce, one, DAY))),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 0\n",
            Some((Enforce, one, 0)),
            Some((Enforce, one, DAY)),
        ),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 3599\n",
            Some((Enforce, one, 3_599)),
            Some((Enforce, one, DAY)),
        ),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 3600\n",
            Some((Enforce, one, 3_600)),
            Some((Enforce, one, 3_600)),
        ),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 0000003600\n",
            Some((Enforce, one, 3_600)),
            Some((Enforce, one, 3_600)),
        ),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 31557599\n",
            Some((Enforce, one, 31_557_599)),
            Some((Enforce, one, 31_557_599)),
        ),
        (
            "version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 31557600\n",
            Some((Enforce, one, 31_557_600)),
            Some((Enforce, one, DAY)),
        ),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 31557601\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 9999999999\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: none\nmax_age: 00000000000\n", None, None),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: -1\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: +3600\n", None, Some((Enforce, one, 3_600))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 1d\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmx: mx.corp.test\nmax_age: 8.6e4\n", None, Some((Enforce, one, DAY))),
        // Hosts are needed, but for mode `none`; the reference wants one there, too.
        ("version: STSv1\nmode: enforce\nmax_age: 86400\n", None, None),
        ("version: STSv1\nmode: testing\nmax_age: 86400\n", None, None),
        ("version: STSv1\nmode: none\nmax_age: 86400\n", Some((NoMode, &[], DAY)), None),
        (
            "version: STSv1\nmode: none\nmax_age: 86400\nmx: mx.corp.test\n",
            Some((NoMode, one, DAY)),
            Some((NoMode, one, DAY)),
        ),
        // A host is a domain of RFC 5321, or one behind `*.`, in A-labels.
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx:\n", None, Some((Enforce, &[""], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: *\n", None, Some((Enforce, &["*"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: *.*.test\n", None, Some((Enforce, &["*.*.test"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: **.test\n", None, Some((Enforce, &["**.test"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx*.test\n", None, Some((Enforce, &["mx*.test"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: a.*.test\n", None, Some((Enforce, &["a.*.test"], DAY))),
        (
            "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: .corp.test\n",
            None,
            Some((Enforce, &[".corp.test"], DAY)),
        ),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx.corp-\n", None, Some((Enforce, &["mx.corp-"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: -mx.corp\n", None, Some((Enforce, &["-mx.corp"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx_1.test\n", None, Some((Enforce, &["mx_1.test"], DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx.corp.test.\n", None, Some((Enforce, one, DAY))),
        ("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: møx.test\n", None, Some((Enforce, &["møx.test"], DAY))),
        (
            "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: xn--mx-lka.test\n",
            Some((Enforce, &["xn--mx-lka.test"], DAY)),
            Some((Enforce, &["xn--mx-lka.test"], DAY)),
        ),
        (
            "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: a.test, b.test\n",
            None,
            Some((Enforce, &["a.test, b.test"], DAY)),
        ),
        // Extensions: a name of 32 characters, and a value without control characters.
        (&name_32, Some((NoMode, &[], 0)), None),
        (&name_33, None, None),
        ("version: STSv1\nmode: none\nmax_age: 0\nExt.1-a_b: ü and more\n", Some((NoMode, &[], 0)), None),
        ("version: STSv1\nmode: none\nmax_age: 0\next:\n", None, None),
        ("version: STSv1\nmode: none\nmax_age: 0\n_bad: test\n", None, None),
        ("version: STSv1\nmode: none\nmax_age: 0\nb@d: test\n", None, None),
        ("version: STSv1\nmode: none\nmax_age: 0\next: a\tb\n", None, None),
        ("version: STSv1\nmode: none\nmax_age: 0\next: a\u{0}\n", None, None),
        // §3.2: of a field that is there twice the first counts, whatever the other is; of hosts all do.
        (
            "version: STSv1\nmode: enforce\nmode: none\nmax_age: 7200\nmax_age: x\nmx: mx.corp.test\nversion: STSv2\n",
            Some((Enforce, one, 7_200)),
            None,
        ),
        (
            "version: STSv1\nmode: enforce\nmode: testing\nmax_age: 7200\nmax_age: 9000\nmx: mx.corp.test\n",
            Some((Enforce, one, 7_200)),
            Some((Testing, one, 9_000)),
        ),
        ("version: STSv1\nmode: doubt\nmode: enforce\nmax_age: 7200\nmx: mx.corp.test\n", None, None),
        (
            "version: STSv1\nmode: enforce\nmax_age: x\nmax_age: 7200\nmx: mx.corp.test\n",
            None,
            Some((Enforce, one, 7_200)),
        ),
        ("version: STSv1\nmode: enforce\nmax_age: 7200\nmx: mx.corp.test\nmx: *.*\n", None, {
            Some((Enforce, &["mx.corp.test", "*.*"], 7_200))
        }),
    ];
    for (text, native, reference) in rows {
        let policy = |read: Read<'_>| {
            read.map(|(mode, mx, age)| Policy {
                mode,
                mx: mx.iter().map(|pattern| (*pattern).into()).collect(),
                max_age: Millis::from_secs(age),
            })
        };
        assert_eq!(Policy::parse(text.as_bytes(), Behaviour::NATIVE), policy(native), "{text:?}");
        for target in [Behaviour::STALWART_015, Behaviour::STALWART_016] {
            assert_eq!(Policy::parse(text.as_bytes(), target), policy(reference), "{target} {text:?}");
        }
    }
    for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
        let text = b"version: STSv1\nmode: none\nmax_age: 0\nmx: mx.test\next: \xff\n";
        assert_eq!(Policy::parse(text, target), None);
    }
}

#[test]
fn hosts_are_compared_label_by_label() {
    let rows = [
        ("mx.corp.test", "mx.corp.test", true),
        ("MX.Corp.Test", "mx.corp.test", true),
        ("mx.corp.test", "MX.corp.TEST", true),
        ("mx.corp.test.", "mx.corp.test", true),
        ("x.mx.corp.test", "mx.corp.test", false),
        ("corp.test", "mx.corp.test", false),
        // §4.1: a wildcard is one whole label, the first.
        ("mx.corp.test", "*.corp.test", true),
        ("MX.CORP.TEST", "*.Corp.test", true),
        ("corp.test", "*.corp.test", false),
        (".corp.test", "*.corp.test", false),
        ("a.b.corp.test", "*.corp.test", false),
        ("mx.corp.test", "*.test", false),
        ("corp.test", "*.test", true),
        ("mxcorp.test", "*.corp.test", false),
        // §3.2: names that are not ASCII are in A-labels, and hosts may be told in either form.
        ("mx.xn--mnchen-3ya.test", "mx.xn--mnchen-3ya.test", true),
        ("mx.münchen.test", "mx.xn--mnchen-3ya.test", true),
        ("MX.MÜNCHEN.test", "*.xn--mnchen-3ya.test", true),
        ("münchen.test", "xn--mnchen-3ya.test", true),
        ("mx.munchen.test", "mx.xn--mnchen-3ya.test", false),
        ("\u{ff00}.corp.test", "*.corp.test", false),
        ("", "*.corp.test", false),
    ];
    for (host, pattern, expected) in rows {
        let text = format!("version: STSv1\nmode: enforce\nmx: {pattern}\nmax_age: 86400\n");
        for target in [Behaviour::NATIVE, Behaviour::STALWART_016] {
            let policy = Policy::parse(text.as_bytes(), target).unwrap();
            assert_eq!(policy.allows(host), expected, "{target}: {host} by {pattern}");
        }
    }
    // §5: mode `none` forbids nothing; whether `testing` forbids is for whoever asks.
    for (mode, expected) in [("none", true), ("testing", false)] {
        let text = format!("version: STSv1\nmode: {mode}\nmx: mx.corp.test\nmax_age: 86400\n");
        let policy = Policy::parse(text.as_bytes(), Behaviour::NATIVE).unwrap();
        assert_eq!(policy.allows("other.test"), expected);
    }
}
