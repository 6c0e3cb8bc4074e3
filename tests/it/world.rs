//! What hosts do, whatever a client wants: scenarios that are generated from tables, for every target.

use std::fmt::Write as _;

use crate::cli::{run, scratch};

const TARGETS: [&str; 3] = ["native", "stalwart-0.16", "stalwart-0.15"];

/// How a client secures a connection: a relay's `tls.implicit`, and the strategy's `starttls`.
const CLIENTS: [(&str, bool, &str); 4] = [
    ("implicit", true, "optional"),
    ("optional", false, "optional"),
    ("require", false, "require"),
    ("disable", false, "disable"),
];

/// What a host does: the entry of its port, and its `starttls`.
const HOSTS: [(&str, &str, &str); 4] = [
    ("at-once", "tls", "offered"),
    ("offering", "clear", "offered"),
    ("mute", "clear", "absent"),
    ("closed", "closed", "offered"),
];

/// What comes of the first attempt: the status, the error, and whether the connection was secured.
type Row = (&'static str, &'static str, bool);

/// What RFC 8314 §3, RFC 3207 §4 and the delivery spec 3.5 to 3.7 say.
fn expected(client: &str, host: &str, target: &str) -> Row {
    match (client, host) {
        (_, "closed") => ("deferred", "connection", false),
        ("implicit", "at-once") | ("optional" | "require", "offering") => ("delivered", "none", true),
        // A greeting is no handshake.
        ("implicit", _) => ("deferred", "tls", false),
        // Each side waits for the other, until the greeting has taken too long.
        (_, "at-once") => ("deferred", "connection", false),
        // The reference takes a demand that is not met for permanent (3.6).
        ("require", _) if target != "native" => ("bounced", "tls", false),
        ("require", _) => ("deferred", "tls", false),
        _ => ("delivered", "none", false),
    }
}

/// A policy with a relay for every client and host, on `port`.
fn policy(port: u16) -> String {
    let mut text = "[server]\nhostname = \"out.home.test\"\n[queue.strategy]\nroute = [\n".to_owned();
    let pairs = || CLIENTS.iter().flat_map(|client| HOSTS.iter().map(move |host| (client, host)));
    for ((client, ..), (host, ..)) in pairs() {
        writeln!(text, "{{ if = \"rcpt_domain == '{client}.{host}.test'\", then = \"'{client}-{host}'\" }},").unwrap();
    }
    text.push_str("{ else = \"'mx'\" } ]\nschedule = \"'default'\"\nconnection = \"'default'\"\ntls = [\n");
    for (client, ..) in CLIENTS {
        writeln!(text, "{{ if = \"starts_with(rcpt_domain, '{client}.')\", then = \"'{client}'\" }},").unwrap();
    }
    text.push_str("{ else = \"'optional'\" } ]\n");
    for (client, _, starttls) in CLIENTS {
        writeln!(text, "[queue.tls.{client}]\nstarttls = \"{starttls}\"").unwrap();
    }
    for ((client, implicit, _), (host, ..)) in pairs() {
        let route = format!("[queue.route.{client}-{host}]\ntype = \"relay\"\naddress = \"{host}.test\"");
        writeln!(text, "{route}\nport = {port}\nprotocol = \"smtp\"\ntls.implicit = {implicit}").unwrap();
    }
    text.push_str("[queue.route.mx]\ntype = \"mx\"\n[queue.connection.default]\ntimeout.connect = \"1m\"\n");
    text + "[queue.schedule.default]\nqueue-name = \"default\"\nretry = [\"1d\"]\n[queue.virtual.default]\nthreads-per-node = 50\n"
}

/// A message for every client and host, as is expected of `target` by `rows`. Where `is_usual`, nothing is said of ports.
fn scenario(port: u16, is_usual: bool, target: &str, rows: fn(&str, &str, &str) -> Row) -> String {
    let mut text = "policy = \"policy.toml\"\nlength = \"20h\"\n[world]\nzone = \"\"\"\n".to_owned();
    for (place, (host, ..)) in HOSTS.iter().enumerate() {
        writeln!(text, "{host}.test. IN A 192.0.2.{}", place + 1).unwrap();
    }
    text.push_str("\"\"\"\n");
    for (host, listens, starttls) in HOSTS {
        writeln!(text, "[world.host.\"{host}.test\"]\nstarttls = \"{starttls}\"").unwrap();
        if !is_usual {
            writeln!(text, "ports = {{ {port} = \"{listens}\" }}").unwrap();
        }
    }
    for (client, ..) in CLIENTS {
        for (host, ..) in HOSTS {
            let id = format!("{client}-{host}");
            let (status, error, secured) = rows(client, host, target);
            writeln!(text, "[[message]]\nid = \"{id}\"\nsender = \"\"\nrecipients = [\"a@{client}.{host}.test\"]")
                .unwrap();
            writeln!(text, "[[expect]]\nmessage = \"{id}\"\nattempt = 1\nstatus = \"{status}\"").unwrap();
            writeln!(text, "error = \"{error}\"\nsecured = {secured}").unwrap();
        }
    }
    text
}

/// What is not as `rows` has it.
fn unmet(name: &str, port: u16, is_usual: bool, rows: fn(&str, &str, &str) -> Row) -> Vec<String> {
    let mut found = Vec::new();
    for target in TARGETS {
        let scenario = scenario(port, is_usual, target, rows);
        let folder =
            scratch(&format!("{name}-{target}"), &[("policy.toml", &policy(port)), ("s.scenario.toml", &scenario)]);
        let ran = run(&["simulate", folder.join("s.scenario.toml").to_str().unwrap(), "--target", target]);
        let lines = ran.stdout.lines().filter(|line| line.contains("expectation failed") || line.contains("never be"));
        found.extend(lines.map(|line| format!("{target}: {line}")));
        assert_eq!(ran.code == Some(0), found.iter().all(|line| !line.starts_with(target)), "{}", ran.stderr);
    }
    found
}

#[test]
fn a_connection_is_secured_as_client_and_port_agree() {
    for port in [25, 465, 587] {
        assert_eq!(unmet(&format!("ports-{port}"), port, false, expected), Vec::<String>::new());
    }
}

/// Where nothing is said of ports, TLS comes at once on 465 alone.
#[test]
fn the_port_of_tls_is_as_usual() {
    assert_eq!(
        unmet("usual-465", 465, true, |client, _, target| expected(client, "at-once", target)),
        Vec::<String>::new()
    );
    let in_clear = |client: &str, host: &str, target: &str| match host {
        "mute" => expected(client, "mute", target),
        _ => expected(client, "offering", target),
    };
    assert_eq!(unmet("usual-25", 25, true, in_clear), Vec::<String>::new());
}

#[test]
fn a_row_that_is_otherwise_is_seen() {
    let wrong = |client: &str, host: &str, target: &str| match (client, host) {
        ("implicit", "offering") => ("delivered", "none", true),
        _ => expected(client, host, target),
    };
    let unmet = unmet("ports-wrong", 25, false, wrong);
    assert_eq!(unmet.len(), 9, "{unmet:#?}");
}
