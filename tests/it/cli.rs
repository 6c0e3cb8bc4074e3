//! The program as a process: exit codes, outputs that programs read, and what none of them may show.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value as Json;

/// What the program did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

#[expect(clippy::disallowed_methods, reason = "the program under test is a process")]
pub(crate) fn run_with(arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A program that does not read its input closes it early.
    drop(feeder.join());
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, "", &[])
}

/// A folder for one test's files, below the target folder.
pub(crate) fn scratch(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder
}

pub(crate) const POLICY: &str = "corpus/quickstart/policy.toml";
pub(crate) const MESSAGE: &str = "corpus/quickstart/message.toml";

#[test]
fn exit_codes_say_what_was_found() {
    let folder = scratch(
        "exit-codes",
        &[
            ("broken.toml", "queue.strategy.route = \"'mx\"\n"),
            ("warned.toml", "queue.strategy.route = \"if_then(size = 1, 'mx', 'local')\"\n"),
            (
                "unmet.scenario.toml",
                "[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n[environment]\nlocal_domains = []\n[[expect]]\nmessage = \"m\"\nroute = \"local\"\n",
            ),
            (
                "open.scenario.toml",
                "[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n[[expect]]\nmessage = \"m\"\nroute = \"local\"\n",
            ),
            (
                "open-and-unmet.scenario.toml",
                "[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n[[expect]]\nmessage = \"m\"\ntls = \"strict\"\n",
            ),
            ("bad.scenario.toml", "[[message]]\nrecipient = \"c@d.test\"\n"),
            (
                "computed.toml",
                "queue.strategy.route = \"'to-' + rcpt_domain\"\nqueue.strategy.schedule = \"'default'\"\n",
            ),
            ("computed.scenario.toml", "[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n"),
            (
                "expected.scenario.toml",
                "[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n[[expect]]\nmessage = \"m\"\nroute = \"mx\"\n",
            ),
            ("a.eml", "From: a@b.test\nTo: c@d.test\n\nx\n"),
        ],
    );
    let file = |name: &str| folder.join(name).display().to_string();
    let (broken, warned) = (file("broken.toml"), file("warned.toml"));
    let (unmet, bad) = (file("unmet.scenario.toml"), file("bad.scenario.toml"));
    let (open, open_and_unmet) = (file("open.scenario.toml"), file("open-and-unmet.scenario.toml"));
    let absent = file("absent.toml");
    let (computed, surprise, expected) =
        (file("computed.toml"), file("computed.scenario.toml"), file("expected.scenario.toml"));
    let mail = file("a.eml");
    let local = ["--set", "rcpt_domain=home.example"];
    let cases: [(&[&str], i32); 24] = [
        (&["check", POLICY], 0),
        (&["check", &warned], 0),
        (&["check", &warned, "--deny", "warnings"], 1),
        (&["check", &broken], 1),
        (&["check", &absent], 2),
        (&["check"], 2),
        (&["no-such-command"], 2),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["eval", "1 + 1"], 0),
        (&["eval", "1 +"], 1),
        (&["eval", "is_local_domain(rcpt_domain)", local[0], local[1]], 3),
        (&["eval", "1", "--set", "no_such=1"], 2),
        (&["simulate", "corpus/quickstart"], 0),
        (&["simulate", POLICY, &unmet], 1),
        (&["simulate", POLICY, &open], 3),
        (&["simulate", POLICY, &open_and_unmet], 1),
        (&["simulate", POLICY, &bad], 2),
        (&["simulate", &absent, &unmet], 2),
        // A name that only a run can tell and nothing defines is no success, unless what becomes of it is expected.
        (&["simulate", &computed, &surprise], 1),
        (&["simulate", &computed, &expected], 0),
        (&["simulate", POLICY, &mail], 2),
        (&["explain", POLICY, "-m", MESSAGE], 3),
        (&["dump", POLICY, "--stage", "ir"], 0),
    ];
    for (arguments, expected) in cases {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(expected), "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn eval_answers_the_vectors_line_by_line() {
    let input = include_str!("../../corpus/vectors/expressions.jsonl");
    let arguments = [
        "eval",
        "--jsonl",
        "--contexts",
        "corpus/vectors/contexts.json",
        "--environment",
        "corpus/vectors/environment.json",
    ];
    let ran = run_with(&arguments, input, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let answers: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let vectors: Vec<Json> = input.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), vectors.len());
    let mut violations = Vec::new();
    for (vector, answer) in vectors.iter().zip(&answers) {
        assert_eq!(vector["id"], answer["id"]);
        let is = |expected: &Json| {
            let refused = expected["type"] == "parse_error" && answer["type"] == "parse_error";
            let failed = expected["type"] == "error" && answer["type"] == "error";
            refused || failed || expected["type"] == answer["type"] && same(&expected["value"], &answer["value"])
        };
        let refused = answer["type"] == "parse_error" && answer["code"].as_str().is_some_and(|code| !code.is_empty());
        let holds = match vector["ours"]["rule"].as_str().unwrap() {
            "same" => is(&vector["expect"]),
            "refuse" => refused,
            "fix" => is(&vector["ours"]["value"]),
            // A database that nothing answers leaves the line open, which is no evaluation error here.
            _ => refused || is(&vector["expect"]) || vector["category"] == "fn_sql_stub",
        };
        if !holds {
            violations.push(format!("{vector}\n  {answer}"));
        }
    }
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn every_line_is_answered_by_one() {
    let lines = [
        "{\"id\":1,\"expr\":\"1\"}",
        "{\"id\":2}",
        "{",
        "{\"id\":4,\"expr\":\"1\",\"block\":{}}",
        "{\"id\":5,\"expr\":\"2\"}",
    ];
    let ran = run_with(&["eval", "--jsonl"], &lines.join("\n"), &[]);
    assert_eq!(ran.code, Some(2));
    let answers: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        (Json::from(1), "int"),
        (2.into(), "invalid"),
        (Json::Null, "invalid"),
        (4.into(), "invalid"),
        (5.into(), "int"),
    ];
    let found: Vec<_> = answers.iter().map(|answer| (answer["id"].clone(), answer["type"].as_str().unwrap())).collect();
    assert_eq!(found, expected);
    assert_eq!((&answers[2]["line"], ran.stderr.lines().count()), (&Json::from(3), 3));
}

/// Equal, but for the sign of zero and the writing of floats.
fn same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(_)) => a.iter().all(|(key, value)| same(value, &found[key])),
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

#[test]
fn findings_as_json_have_the_documented_shape() {
    let folder = scratch("json-shape", &[("a.toml", "[queue.strategy]\nroute = \"'é' + rcpt_domian\"\n")]);
    let path = folder.join("a.toml").display().to_string();
    let ran = run(&["check", "--format", "json", &path]);
    assert_eq!(ran.code, Some(1));
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["version"], 1);
    let finding = &report["findings"][0];
    let expected = [
        ("code", Json::from("P0103")),
        ("rule", Json::from("unknown-identifier")),
        ("severity", Json::from("error")),
        ("file", Json::from(path.as_str())),
        ("line", Json::from(2)),
        // Columns count characters: the é is one.
        ("column", Json::from(16)),
        ("end_line", Json::from(2)),
        ("end_column", Json::from(27)),
    ];
    for (key, value) in expected {
        assert_eq!(finding[key], value, "{key}: {finding}");
    }
    assert_eq!(finding["fix"]["safe"], false);
    assert_eq!(finding["fix"]["edits"][0]["text"], "rcpt_domain");
    assert!(finding["message"].is_string() && finding["help"].is_string());
}

#[test]
fn no_output_shows_a_secret() {
    const PLANTED: &str = "s3cr3t-c4n4ry";
    let policy = format!(
        "[queue.strategy]\nroute = \"'r' + rcpt_domian\"\nschedule = \"'%{{env:CANARY}}%' + nonsense\"\n[queue.route.r]\ntype = \"relay\"\n\
         address = \"%{{env:CANARY}}%\"\nport = \"%{{env:CANARY}}%\"\nauth.username = \"%{{env:CANARY}}%\"\nauth.secret = \"{PLANTED}\"\n\
         [queue.route.s]\ntype = \"relay\"\naddress = \"x.test\"\nauth.secret = \"%{{file:secret.txt}}%\"\nauth.secrt = \"y\"\n"
    );
    let objects = format!(
        "{{\"@type\":\"Relay\",\"name\":\"r\",\"address\":\"x.test\",\"port\":\"25\",\"authUsername\":\"u\",\
         \"authSecret\":{{\"@type\":\"Value\",\"secret\":\"{PLANTED}\"}}}}"
    );
    let clean = format!(
        "[queue.strategy]\nroute = \"'r'\"\n[queue.route.r]\ntype = \"relay\"\naddress = \"x.test\"\n\
         auth.username = \"%{{env:CANARY}}%\"\nauth.secret = \"{PLANTED}\"\n"
    );
    let scenario =
        "policy = \"clean.toml\"\n[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n";
    let folder = scratch(
        "secrets",
        &[
            ("policy.toml", &policy),
            ("objects.json", &objects),
            ("clean.toml", &clean),
            ("secret.txt", PLANTED),
            ("m.scenario.toml", scenario),
        ],
    );
    let file = |name: &str| folder.join(name).display().to_string();
    let mut outputs = 0;
    for policy in [file("policy.toml"), file("objects.json"), file("clean.toml")] {
        for resolve in [&[][..], &["--resolve"]] {
            let commands: [&[&str]; 10] = [
                &["check", &policy],
                &["check", "--format", "json", &policy],
                &["check", "--format", "github", &policy],
                &["dump", &policy, "--stage", "settings"],
                &["dump", &policy, "--stage", "ir"],
                &["dump", &policy, "--stage", "ast"],
                &["dump", &policy, "--stage", "tokens"],
                &["explain", &policy, "-m", MESSAGE],
                &["explain", &policy, "-m", MESSAGE, "--json"],
                &["simulate", &policy, &file("m.scenario.toml"), "--json"],
            ];
            for command in commands {
                let arguments: Vec<&str> = command.iter().chain(resolve).copied().collect();
                let ran = run_with(&arguments, "", &[("CANARY", PLANTED)]);
                outputs += 1;
                // What stands in the policy itself may be quoted by a finding about that very line; the secret of the
                // environment and of the file may not, and neither stands in the other outputs.
                for text in [&ran.stdout, &ran.stderr] {
                    let quoted = text.lines().filter(|line| line.contains(PLANTED));
                    let shown: Vec<_> = quoted.collect();
                    assert!(shown.is_empty(), "{arguments:?}\n{shown:#?}");
                }
            }
        }
    }
    assert_eq!(outputs, 60);
    // The canary is alive: a command that shows a value shows this one.
    let ran = run_with(&["eval", &format!("'{PLANTED}'")], "", &[]);
    assert!(ran.stdout.contains(PLANTED));
}

/// Whoever reads may stop, as `head` does: the program ends then, and has nothing to say about it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the program under test is a process")]
fn a_closed_output_ends_the_program_quietly() {
    // More than a pipe holds, so that the program is still writing.
    let line = "{\"sender\":\"a@home.example\",\"recipients\":[\"b@corp.test\"]}\n".repeat(4_000);
    let folder = scratch("closed", &[("m.ndjson", &line), ("environment.toml", "local_domains = []\n")]);
    let path = |name: &str| folder.join(name).display().to_string();
    let arguments = ["simulate", POLICY, &path("m.ndjson"), "--json", "--environment", &path("environment.toml")];
    let whole = run(&arguments);
    assert!(whole.code == Some(0) && whole.stdout.len() > 500_000, "{}", whole.stderr);
    let mut child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.code().is_some_and(|code| code <= 2), "{:?}", output.status);
}

#[test]
fn messages_stream_and_are_summed_up() {
    let line = |number: usize| {
        let domain = if number.is_multiple_of(4) { "home.example" } else { "corp.test" };
        format!("{{\"sender\":\"a@home.example\",\"recipients\":[\"u{number}@{domain}\"]}}\n")
    };
    let mut input: String = (0..2_000).map(line).collect();
    input.push_str("{\"sender\":\"a@home.example\",\"recipient\":[\"x@y.test\"]}\n");
    let folder = scratch("stream", &[("environment.toml", "local_domains = [\"home.example\"]\n")]);
    let environment = folder.join("environment.toml").display().to_string();
    let ran = run_with(&["simulate", POLICY, "-", "--environment", &environment], &input, &[]);
    // One line has an error, so not everything ran.
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for line in ["      1500  mx", "       500  local", "2000 recipients; 1 lines with errors"] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    assert!(ran.stderr.contains("recipients"), "{}", ran.stderr);
}

#[test]
fn a_database_answers_queries_and_is_left_as_it_was() {
    let folder = scratch("database", &[("environment.toml", "[databases]\ndb = \"users.sqlite\"\n")]);
    let connection = rusqlite::Connection::open(folder.join("users.sqlite")).unwrap();
    let table = "CREATE TABLE tiers (sender TEXT, tier TEXT); INSERT INTO tiers VALUES ('a@b.test', 'gold'), ('c@b.test', 'lead');";
    connection.execute_batch(table).unwrap();
    drop(connection);
    let environment = folder.join("environment.toml").display().to_string();
    let eval = |expression: &str| run(&["eval", expression, "--environment", &environment, "--set", "sender=a@b.test"]);
    let cases = [
        ("sql_query('db', 'SELECT tier FROM tiers WHERE sender = ?', [sender])", "'gold' : string"),
        ("sql_query('db', 'SELECT tier FROM tiers WHERE sender = ?', ['x'])", "'' : string"),
        ("sql_query('db', 'SELECT tier FROM tiers ORDER BY tier', [])", "['gold', 'lead'] : array"),
        ("sql_query('db', 'SELECT count(*) FROM tiers', []) + 1", "3 : int"),
    ];
    for (expression, expected) in cases {
        let ran = eval(expression);
        assert_eq!((ran.code, ran.stdout.trim()), (Some(0), expected), "{}", ran.stderr);
    }
    // A statement that writes, or is none, fails the evaluation; a database that is not there is told with its lines.
    for statement in ["DELETE FROM tiers", "SELEC 1"] {
        let ran = eval(&format!("sql_query('db', '{statement}', [])"));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    }
    let ran = eval("sql_query('other', 'SELECT 1', [])");
    assert!(ran.code == Some(3) && ran.stderr.contains("[databases]"), "{}", ran.stderr);
    assert_eq!(eval("sql_query('db', 'SELECT count(*) FROM tiers', [])").stdout.trim(), "2 : int");
}

#[test]
fn a_dry_run_says_where_the_server_reads_otherwise() {
    let policy = r#"queue.strategy.route = [ { if = 'matches("^a\.b$", rcpt)', then = "'mx'" }, { else = "'mx'" } ]"#;
    let folder = scratch(
        "otherwise",
        &[("policy.toml", policy), ("warned.toml", "queue.strategy.route = \"if_then(size = 1, 'mx', 'local')\"\n")],
    );
    let shown = |name: &str| run(&["explain", &folder.join(name).display().to_string(), "-m", MESSAGE]).stderr;
    assert!(shown("policy.toml").contains("D0110"), "{}", shown("policy.toml"));
    // So does any other finding of the policy.
    assert_eq!(shown("warned.toml").matches("P0109").count(), 1, "{}", shown("warned.toml"));
}

/// What a policy is, by itself, decides the exit code of every command that reads it.
#[test]
fn commands_agree_on_what_a_policy_is() {
    const SCENARIO: &str =
        "policy = \"warned.toml\"\n[[message]]\nid = \"m\"\nsender = \"a@b.test\"\nrecipients = [\"c@d.test\"]\n";
    let route = |rest: &str| format!("{rest}\n[queue.route.mx]\ntype = \"mx\"\n");
    let selector = "[queue.strategy]\nroute = \"'mx'\"\nschedule = \"'default'\"\n";
    let cases: [(&str, &str, i32); 10] = [
        ("fine.toml", &route(selector), 0),
        ("warned.toml", &route(&selector.replace("'mx'", "if_then(size = 1, 'mx', 'mx')")), 0),
        ("broken.toml", &route(&selector.replace("'mx'", "'mx")), 1),
        ("undefined.toml", &route(&selector.replace("'mx'", "'mxx'")), 1),
        ("empty.toml", "", 2),
        ("cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\n", 2),
        ("misspelled.toml", "[queue.strategie]\nroute = \"'mx'\"\n", 2),
        ("lost.toml", &route("[queue.strategie]\nroute = \"'mx'\"\n"), 1),
        ("package.json", "{\"name\": \"a\"}", 2),
        ("a.scenario.toml", SCENARIO, 2),
    ];
    let mut files: Vec<(&str, &str)> = cases.iter().map(|(name, text, _)| (*name, *text)).collect();
    files.extend([("b.scenario.toml", SCENARIO), ("environment.toml", "local_domains = []\n")]);
    let folder = scratch("agree", &files);
    let file = |name: &str| folder.join(name).display().to_string();
    let environment = file("environment.toml");
    for (name, _, code) in cases {
        let path = file(name);
        let commands: [&[&str]; 4] = [
            &["check", &path],
            &["dump", &path],
            &["explain", &path, "-m", MESSAGE, "--environment", &environment],
            &["explain", &path, "-m", MESSAGE, "--environment", &environment, "--json"],
        ];
        for arguments in commands {
            let ran = run(arguments);
            assert_eq!(ran.code, Some(code), "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
        }
        // A scenario is one wherever it stands.
        if code == 2 && !name.contains("scenario") {
            let ran = run(&["simulate", &path, &file("b.scenario.toml"), "--environment", &environment]);
            assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{name}");
            assert_eq!(ran.stderr.matches("C0103").count(), 1, "{name}");
        }
    }
    // Two scenarios with one policy show its findings once.
    let ran = run(&["simulate", &folder.display().to_string(), "--environment", &environment]);
    assert_eq!((ran.code, ran.stderr.matches("P0109").count()), (Some(0), 1), "{}", ran.stderr);
}

#[test]
fn explain_tells_the_rule_and_the_parts_as_json() {
    let folder = scratch("explain", &[("environment.toml", "local_domains = [\"home.example\"]\n")]);
    let environment = folder.join("environment.toml").display().to_string();
    let arguments = ["explain", POLICY, "-m", MESSAGE, "--environment", &environment, "--json"];
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    let decisions = report["recipients"][0]["decisions"].as_array().unwrap();
    let decision = |kind: &str| decisions.iter().find(|decision| decision["kind"] == kind).unwrap();
    assert_eq!(decision("route")["name"], "mx");
    assert_eq!(decision("route")["rules"].as_array().unwrap().len(), 3);
    let tls = decision("tls");
    assert_eq!((&tls["name"], &tls["status"]), (&Json::from("strict"), &Json::from("defined")));
    assert_eq!(tls["rules"][0]["place"]["line"], 20);
    assert_eq!(tls["rules"][0]["parts"][0]["text"], "rcpt_domain");
    let starttls = tls["settings"].as_array().unwrap().iter().find(|line| line["key"] == "starttls").unwrap();
    assert_eq!((&starttls["value"], &starttls["default"]), (&Json::from("require"), &Json::from(false)));
}

#[test]
fn manual_pages_and_completions_are_written() {
    let folder = scratch("man", &[]);
    let ran = run(&["man", &folder.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(folder.join("pointsman-check.1").is_file());
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]);
        assert!(ran.code == Some(0) && ran.stdout.contains("pointsman"), "{shell}");
    }
}

#[test]
fn a_policy_with_errors_is_refused_or_followed() {
    let scenario = "policy = \"broken.toml\"\n[environment]\nlocal_domains = [\"home.example\"]\n[world]\n\
                    zone = \"a.test. IN A 198.51.100.1\"\n\
                    [[message]]\nid = \"m\"\nsender = \"\"\nrecipients = [\"x@a.test\"]\n\
                    [[expect]]\nmessage = \"m\"\nroute = \"mx\"\nstatus = \"delivered\"\n";
    let known = "[queue.strategy]\nroute = \"nosuch(rcpt)\"\n";
    let unknown = "[queue.strategy]\nroute = \"rcpt sender\"\n";
    let name = "[queue.strategy]\nroute = \"'nowhere'\"\n";
    let dropped = "broken.toml:2:9: the server drops the rules of `route`";
    let cases: [(&str, &[&str], i32, &str, &str); 5] = [
        (known, &[], 1, "see what its server does with it by `--as-is`", ""),
        (known, &["--as-is"], 0, dropped, "as is: "),
        (known, &["--as-is", "--json"], 0, dropped, "\"type\":\"departure\""),
        (unknown, &["--as-is"], 3, "what the server reads here is not known", ""),
        // Each decision says what becomes of a name.
        (name, &[], 0, "such a name becomes the built-in `mx`", "delivered"),
    ];
    for (place, (policy, options, code, stderr, stdout)) in cases.into_iter().enumerate() {
        let files = [("broken.toml", policy), ("a.scenario.toml", scenario)];
        let folder = scratch(&format!("as-is-{place}"), &files);
        let path = folder.join("a.scenario.toml");
        let ran = run(&[&["simulate", path.to_str().unwrap()], options].concat());
        let said = ran.stderr.contains(stderr) && ran.stdout.contains(stdout);
        assert_eq!((ran.code, said), (Some(code), true), "{policy} {options:?}\n{}{}", ran.stdout, ran.stderr);
    }
}
