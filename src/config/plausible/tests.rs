//! Values that cannot have been meant, as tables: what is told, and what lies just within the bounds.

use document::Source;

use crate::{NoResources, load};

/// The rules and messages of the findings that are about values.
fn told(name: &str, text: &str) -> Vec<String> {
    let loaded = load(&Source::new(name, text), None, &NoResources);
    assert!(!loaded.findings.has_errors(), "{text}: {:?}", loaded.findings);
    let rules = ["no-unit", "unlikely-value", "retry-after-expiry", "notify-after-expiry"];
    let about_values = loaded.findings.iter().filter(|finding| rules.contains(&finding.code.rule));
    about_values.map(|finding| format!("{}: {}", finding.code.rule, finding.message)).collect()
}

#[test]
fn what_cannot_have_been_meant_is_told() {
    let schedule = |lines: &str| format!("[queue.schedule.a]\nqueue-name = 'remote'\n{lines}\n");
    let connection = |lines: &str| format!("[queue.connection.a]\nehlo-hostname = 'a.test'\n{lines}\n");
    let cases = [
        (schedule("retry = ['5m']\nexpire = 5"), "no-unit: `queue.schedule.a.expire` has no unit, and is 5ms"),
        (
            schedule("retry = ['5m']\nexpire = '86400'"),
            "no-unit: `queue.schedule.a.expire` has no unit, and is 86400ms",
        ),
        (schedule("retry = [300, '5m']\nexpire = '5d'"), "no-unit: `queue.schedule.a.retry` has no unit, and is 300ms"),
        (schedule("retry = ['5ms', '5m']"), "unlikely-value: a message is tried again after 5ms"),
        (schedule("retry = ['999ms']"), "unlikely-value: a message is tried again after 999ms"),
        (schedule("retry = ['60d']"), "unlikely-value: a message is tried again after 60d"),
        (schedule("retry = ['5m']\nnotify = ['1ms']"), "unlikely-value: a sender is told of a delay after 1ms"),
        (schedule("retry = ['5m']\nexpire = '5000d'"), "unlikely-value: mail is given up after 5000d"),
        (schedule("retry = ['5m']\nmax-attempts = 5000"), "unlikely-value: mail is given up after 5000 attempts"),
        (
            schedule("retry = ['5m', '2d']\nexpire = '1d'"),
            "retry-after-expiry: nothing is tried again after 2d: mail is given up after 1d",
        ),
        (
            schedule("retry = ['1m', '2m', '3m']\nmax-attempts = 2"),
            "retry-after-expiry: of 3 waits only the first are used: mail is given up after attempt 2",
        ),
        (
            schedule("retry = ['5m']\nnotify = ['1h', '2d']\nexpire = '1d'"),
            "notify-after-expiry: a notice after 2d is never sent: mail is given up after 1d",
        ),
        (connection("timeout.connect = '30ms'"), "unlikely-value: a host has 30ms for the stage `connect`"),
        (connection("timeout.data = '2d'"), "unlikely-value: a host has 2d for the stage `data`"),
        (connection("timeout.data = 600"), "no-unit: `queue.connection.a.timeout.data` has no unit, and is 600ms"),
        (
            connection("source-ips = ['0.0.0.0']"),
            "unlikely-value: `0.0.0.0` as a source address: it stands for no address in particular",
        ),
        (
            connection("source-ips = ['::1']"),
            "unlikely-value: `::1` as a source address: no other host is reached from it",
        ),
        (
            connection("source-ips = ['224.0.0.1']"),
            "unlikely-value: `224.0.0.1` as a source address: it is one of a group",
        ),
        (
            connection("source-ips = ['192.0.2.1', '192.0.2.1']"),
            "unlikely-value: `192.0.2.1` as a source address: it is listed twice, and then picked twice as often",
        ),
        (
            "[queue.tls.a]\ndane = 'optional'\ntimeout.tls = '3ms'".to_owned(),
            "unlikely-value: a host has 3ms for the stage `tls`",
        ),
        (
            "[queue.virtual.a]\nthreads-per-node = 1000000".to_owned(),
            "unlikely-value: the number of threads is 1000000",
        ),
        ("[queue.route.a]\ntype = 'mx'\nlimits.mx = 5000".to_owned(), "unlikely-value: the number of hosts is 5000"),
        (
            "[[queue.quota]]\nmatch = 'true'\nsize = 10".to_owned(),
            "unlikely-value: the quota is 10 bytes, which is less than one message has",
        ),
        ("[resolver]\ntimeout = '5ms'".to_owned(), "unlikely-value: 5ms is too short for a name server to answer"),
        // 2022 and 2024, by rules and for all mail.
        (
            "[queue.schedule]\nretry = [{ if = 'sender', eq = 'a', then = ['5ms'] }, { else = ['5m'] }]".to_owned(),
            "unlikely-value: a message is tried again after 5ms",
        ),
        (
            "[queue.schedule]\nretry = ['2m', '5m']\nexpire = 5".to_owned(),
            "no-unit: `queue.schedule.expire` has no unit, and is 5ms",
        ),
        (
            "[[queue.limiter.outbound]]\nrate = '5/3600'".to_owned(),
            "no-unit: the period of `5/3600` has no unit, and is 3600ms",
        ),
        ("[[queue.throttle]]\nrate = '5/60'".to_owned(), "no-unit: the period of `5/60` has no unit, and is 60ms"),
        ("[queue.schedule]\nretry = '[2m, 5]'".to_owned(), "no-unit: `queue.schedule.retry` has no unit, and is 5ms"),
        (
            "[queue.schedule]\nexpire = [{ if = \"sender == ''\", then = \"300000\" }, { else = '5d' }]".to_owned(),
            "no-unit: `queue.schedule.expire` has no unit, and is 300000ms",
        ),
        (
            "[queue.outbound.timeouts]\nconnect = [{ if = \"mx == ''\", then = \"5ms\" }, { else = '5m' }]".to_owned(),
            "unlikely-value: a host has 5ms for the stage `connect`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told("policy.toml", &text), [expected], "{text}");
    }
}

#[test]
fn objects_are_looked_at_too() {
    let cases = [
        (
            r#"{"MtaConnectionStrategy": {"name": "a", "connectTimeout": 30}}"#,
            "unlikely-value: a host has 30ms for the stage `connect`",
        ),
        (
            r#"{"MtaVirtualQueue": {"name": "a", "threadsPerNode": 50000}}"#,
            "unlikely-value: the number of threads is 50000",
        ),
        (
            r#"{"MtaRoute": {"@type": "Mx", "name": "a", "maxMxHosts": 5000}}"#,
            "unlikely-value: the number of hosts is 5000",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told("policy.json", text), [expected], "{text}");
    }
}

#[test]
fn what_may_have_been_meant_is_not_told() {
    let cases = [
        "[queue.schedule.a]\nqueue-name = 'remote'\nretry = ['1s', '31d']\nnotify = ['1d', '3d']\nexpire = '366d'",
        "[queue.schedule.a]\nqueue-name = 'remote'\nretry = ['1d', '3d']\nnotify = ['1d', '3d']\nexpire = '3d'",
        "[queue.schedule.a]\nqueue-name = 'remote'\nretry = ['1m', '2m']\nmax-attempts = 2",
        "[queue.connection.a]\nsource-ips = ['192.0.2.1', '2001:db8::1']\ntimeout.connect = '1s'\ntimeout.data = '1d'",
        "[queue.virtual.a]\nthreads-per-node = 10000",
        "[queue.route.a]\ntype = 'mx'\nlimits.mx = 100",
        "[[queue.quota]]\nmatch = 'true'\nsize = 256",
        "[resolver]\ntimeout = '50ms'\nattempts = 100",
        "[queue.schedule]\nretry = '[2m, 5m, 1h]'\nexpire = '5d'",
        "[queue.schedule]\nexpire = \"if_then(priority > 0, 86400000, 5d)\"",
        // What a macro stands for is not shown.
        "[queue.schedule.a]\nqueue-name = 'remote'\nretry = ['5m']\nexpire = '%{env:EXPIRE}%'",
    ];
    for text in cases {
        assert_eq!(told("policy.toml", text), Vec::<String>::new(), "{text}");
    }
}
