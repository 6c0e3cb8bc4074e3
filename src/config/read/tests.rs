//! What a macro gives is kept for the one who must use it, and is in nothing that a person reads.

use base::Secret;
use document::{Source, render};
use policy::{Answers, Kind, Target, interpret};

use super::whole_number;
use crate::{
    Dialect::{self, Expressions2024, Legacy2022, Strategies2025},
    NoResources, Resources, Settings, load,
    settings::{Placed, Route, Sensitive, Setting},
};

/// What every macro stands for: the name of a queue, too, so it is short.
const PLANTED: &str = "pl4nted";

struct Planted;

impl Resources for Planted {
    fn variable(&self, _name: &str) -> Result<Secret, String> {
        Ok(Secret::new(PLANTED))
    }

    fn file(&self, _path: &str) -> Result<Secret, String> {
        Ok(Secret::new(PLANTED))
    }

    fn resolves(&self) -> bool {
        true
    }
}

/// The settings of `document`, after a look at everything that can be shown of them.
fn read(dialect: Dialect, document: &str) -> Settings {
    let source = Source::new("policy.toml", document);
    let loaded = load(&source, Some(dialect), &Planted);
    let text = render::text(&source, &loaded.findings, render::Colour::Never);
    let mut shown = vec![format!("{:?}", loaded.findings), text];
    let settings = loaded.settings.expect("TOML is readable");
    shown.extend([format!("{settings:?}"), format!("{settings:#?}")]);
    for target in Target::ALL {
        for kind in Kind::ALL {
            for name in settings.defined(kind) {
                shown.push(format!("{:?}", settings.describe(kind, name, target)));
            }
        }
        shown.push(format!("{:?}", crate::resolve::plan(&settings, target)));
    }
    for shown in shown {
        assert!(!shown.contains(PLANTED), "{dialect}: {shown}");
    }
    settings
}

fn relay(settings: &Settings, name: &str) -> Setting<Sensitive> {
    match settings.routes.get(name).map(|route| &route.value) {
        Some(Route::Relay(relay)) => relay.address.clone(),
        other => panic!("{other:?}"),
    }
}

/// Every text setting that the older layouts have, each from a macro.
fn outbound_document(quote: &str) -> String {
    let value = format!("\"{quote}%{{env:X}}%{quote}\"");
    let sign = if quote.is_empty() { format!("[{value}]") } else { format!("\"[{quote}%{{env:X}}%{quote}]\"") };
    format!(
        "server.hostname = \"%{{env:X}}%\"\n[queue.outbound]\nhostname = {value}\n[remote.hub]\naddress = \
         \"%{{file:/x}}%\"\nport = 25\nprotocol = \"smtp\"\nauth.username = \"%{{env:X}}%\"\nauth.secret = \
         \"%{{env:X}}%\"\n[report]\nsubmitter = {value}\ndsn.from-name = {value}\ndsn.from-address = {value}\n\
         dsn.sign = {sign}\n"
    )
}

const DOCUMENT_2025: &str = "\
    server.hostname = '%{env:X}%'\n\
    [queue.route.hub]\n\
    type = 'relay'\n\
    address = '%{file:/x}%'\n\
    port = 25\n\
    protocol = 'smtp'\n\
    auth = { username = '%{env:X}%', secret = '%{env:X}%' }\n\
    [queue.virtual.pl4n]\n\
    threads-per-node = 1\n\
    [queue.schedule.default]\n\
    queue-name = '%{env:X}%'\n\
    retry = '1m'\n\
    [queue.connection.default]\n\
    ehlo-hostname = '%{env:X}%'\n\
    source-ips = '192.0.2.1'\n\
    [queue.source-ip.'192.0.2.1']\n\
    ehlo-hostname = '%{env:X}%'\n\
    [report]\n\
    submitter = \"'%{env:X}%'\"\n\
    dsn.from-name = \"'%{env:X}%'\"\n\
    dsn.from-address = \"'%{env:X}%'\"\n\
    dsn.sign = \"['%{env:X}%']\"\n";

#[test]
fn a_text_out_of_a_macro_is_kept_and_shown_nowhere() {
    for (dialect, document) in [
        (Legacy2022, outbound_document("")),
        (Expressions2024, outbound_document("'")),
        (Strategies2025, DOCUMENT_2025.to_owned()),
    ] {
        let settings = read(dialect, &document);
        let connection = &settings.connections.get("default").expect("it is defined").value;
        let hostname = settings.hostname.clone().map_or(Setting::Default, Setting::Given);
        let dsn = settings.dsn.clone();
        let sign = dsn.sign.map(|mut names| names.pop().expect("there is one"));
        let mut texts = vec![
            ("hostname", hostname),
            ("address", relay(&settings, "hub")),
            ("ehlo-hostname", connection.ehlo_hostname.clone()),
            ("from-name", dsn.from_name),
            ("from-address", dsn.from_address),
            ("sign", sign),
            ("submitter", dsn.submitter),
        ];
        if dialect == Strategies2025 {
            let source = connection.source_ips.given().and_then(|ips| ips.first()?.ehlo_hostname.clone());
            let source =
                source.map_or(Setting::Default, |name| Setting::Given(Placed::new(name, base::TextRange::at(0))));
            let schedule = &settings.schedules.get("default").expect("it is defined").value;
            texts.extend([("source-ip", source), ("queue-name", schedule.queue_name.clone())]);
        }
        for (key, text) in texts {
            let text = text.given().unwrap_or_else(|| panic!("{dialect}: {key} is not given"));
            assert_eq!((text.text(), text.shown(), text.is_expanded()), (PLANTED, "***", true), "{dialect}: {key}");
        }
    }
}

#[test]
fn a_text_that_rules_choose_is_kept_and_shown_nowhere() {
    let cases = [
        (Legacy2022, "[ { if = \"sender\", eq = \"x\", then = \"a\" }, { else = \"%{env:X}%\" } ]"),
        (Expressions2024, "[ { if = \"sender == 'x'\", then = \"'a'\" }, { else = \"'%{env:X}%'\" } ]"),
    ];
    for (dialect, rules) in cases {
        let settings = read(dialect, &format!("[queue.outbound]\nhostname = {rules}\n"));
        let hostname = &settings.connections.get("default").expect("it is defined").value.ehlo_hostname;
        let Setting::Chosen(block) = hostname else { panic!("{dialect}: {hostname:?}") };
        let decision =
            interpret::block(block, &policy::Row::new(), &Answers::new(), &mut ()).expect("nothing is asked");
        assert_eq!(decision.value.to_text().as_ref(), PLANTED, "{dialect}");
        let line = settings.describe(Kind::Connection, "default", Target::STALWART_015);
        assert!(line.iter().any(|line| line.key == "ehlo-hostname" && line.value == "***"), "{dialect}: {line:?}");
    }
}

#[test]
fn a_name_out_of_a_macro_is_looked_up_and_not_quoted() {
    // Each document once with the name defined and once without: what is reported then.
    let queue =
        "[queue.schedule.a]\nretry = '1m'\nqueue-name = '%{env:X}%'\n[queue.virtual.other]\nthreads-per-node = 1\n";
    let defined_queue = "[queue.virtual.pl4nted]\nthreads-per-node = 1\n";
    let route = "[queue.strategy]\nroute = \"'%{env:X}%'\"\n[queue.route.other]\ntype = 'mx'\n";
    let defined_route = "[queue.route.pl4nted]\ntype = 'mx'\n";
    let wrong_kind = "[queue.strategy]\nroute = \"'%{env:X}%'\"\n[queue.tls.pl4nted]\ndane = 'optional'\n";
    let rules = |document: &str| {
        let source = Source::new("policy.toml", document);
        let loaded = load(&source, Some(Strategies2025), &Planted);
        loaded
            .findings
            .iter()
            .map(|finding| format!("{} {}", finding.code.rule, finding.message))
            .collect::<Vec<_>>()
            .join("; ")
    };
    read(Strategies2025, queue);
    read(Strategies2025, route);
    assert_eq!(rules(queue), "undefined-queue no virtual queue `***` is defined");
    assert_eq!(rules(&format!("{queue}{defined_queue}")), "");
    assert_eq!(rules(route), "undefined-strategy no route strategy `***` is defined");
    assert_eq!(rules(&format!("{route}{defined_route}")), "");
    assert_eq!(rules(wrong_kind), "wrong-kind-strategy `***` is a tls strategy, and a route strategy is wanted here");
}

#[test]
fn a_macro_that_is_not_expanded_stays_as_it_is_written() {
    let source = Source::new("policy.toml", "server.hostname = '%{env:X}%'\nresolver.attempts = 2");
    let settings = load(&source, Some(Strategies2025), &NoResources).settings.expect("TOML is readable");
    let shown = settings.hostname.map(|name| name.value.shown().to_owned());
    assert_eq!(shown.as_deref(), Some("%{env:X}%"));
}

#[test]
fn a_bound_is_named_where_it_matters() {
    let cases = [
        (whole_number(&(0..=u32::MAX)), "it is a whole number"),
        (whole_number(&(0..=u64::MAX)), "it is a whole number"),
        (whole_number(&(1..=u32::MAX)), "it is a whole number, at least 1"),
        (whole_number(&(1..=u16::MAX)), "it is a whole number from 1 to 65535"),
        (whole_number(&(1..=1_000_000)), "it is a whole number from 1 to 1000000"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}
