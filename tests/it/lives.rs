//! What a life says: how connections were secured, what held a recipient and until when, who went together, how recipients
//! stand in the queue, what was said to hosts, and what became of reports.

use serde_json::{Value as Json, json};

use crate::cli::{run, scratch};

const TARGETS: [&str; 3] = ["native", "stalwart-0.16", "stalwart-0.15"];

/// The lines of a kind that a trial writes for a target.
fn lines(trial: &str, target: &str, options: &[&str], kind: &str) -> Vec<Json> {
    let path = format!("corpus/scenarios/trials/{trial}.scenario.toml");
    let ran = run(&[&["simulate", &path, "--target", target, "--json"], options].concat());
    assert_eq!(ran.code, Some(0), "{trial} {target}: {}{}", ran.stdout, ran.stderr);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines.filter(|line| line["type"] == kind).collect()
}

/// What a person reads of a trial.
fn text(trial: &str, target: &str, options: &[&str]) -> String {
    let path = format!("corpus/scenarios/trials/{trial}.scenario.toml");
    run(&[&["simulate", &path, "--target", target], options].concat()).stdout
}

/// The life of the recipient of a message.
fn life<'l>(lives: &'l [Json], message: &str, rcpt: &str) -> &'l Json {
    lives.iter().find(|life| life["message"] == message && life["rcpt"] == rcpt).unwrap()
}

#[test]
fn each_connection_says_how_it_was_secured_and_from_where_it_was_made() {
    let wanted = [
        ("a@dane.test", Some("dane"), "verified by DANE"),
        ("a@sts.test", Some("mta-sts"), "verified by MTA-STS"),
        ("a@pkix.test", Some("pkix"), "verified by PKIX"),
        ("a@self.test", None, "secured by TLS, unverified"),
        ("a@plain.test", None, "in clear text"),
    ];
    for target in TARGETS {
        let lives = lines("24-secured", target, &[], "life");
        let text = text("24-secured", target, &[]);
        for (rcpt, verified, words) in wanted {
            let steps = life(&lives, "m", rcpt)["attempts"][0]["steps"].as_array().unwrap();
            let of = |kind: &str| steps.iter().find(|step| step["step"] == kind);
            let own = text.split("\n\n").find(|part| part.starts_with(&format!("m to {rcpt}"))).unwrap();
            assert!(own.contains(words), "{target} {rcpt}: no {words} in\n{own}");
            let is_clear = words == "in clear text";
            assert_eq!(of("in_clear").is_some(), is_clear, "{target} {rcpt}");
            assert_eq!(own.contains("in clear text"), is_clear, "{target} {rcpt}: {own}");
            let secured = of("secured").map(|step| step["verified"].as_str());
            assert_eq!(secured, (!is_clear).then_some(verified), "{target} {rcpt}");
            let connecting = of("connecting").unwrap();
            let (from, ehlo) = if rcpt == "a@self.test" {
                (Json::Null, "mail.home.example")
            } else {
                (json!("198.51.100.7"), "mta7.home.example")
            };
            assert_eq!((&connecting["from"], &connecting["ehlo"]), (&from, &json!(ehlo)), "{target} {rcpt}");
            let shown = if from.is_null() { format!(" as {ehlo}") } else { format!(" from 198.51.100.7 as {ehlo}") };
            assert!(own.contains(&format!("]{shown}\n")), "{target} {rcpt}: {own}");
        }
    }
}

#[test]
fn what_is_held_says_by_which_limit_and_until_when() {
    const POLICY: &str = "corpus/scenarios/trials/24-policy.toml";
    for target in TARGETS {
        let lives = lines("24-held", target, &[], "life");
        for (message, rcpt, number, line, key, until) in [
            ("second", "b@fast.test", 1, 44, json!({ "sender": "news@bulk.example" }), 600_000),
            ("late", "d@slow.test", 2, 49, json!({ "rcpt_domain": "slow.test" }), 1_800_000),
        ] {
            let life = life(&lives, message, rcpt);
            let held = &life["attempts"][0]["held"];
            let limiter = &held["limiter"];
            assert_eq!(held["until_ms"], until, "{target} {message}: {held}");
            assert_eq!(limiter["number"], number, "{target} {message}");
            assert_eq!(limiter["place"], format!("{POLICY}:{line}"), "{target} {message}");
            assert_eq!((&limiter["key"], &limiter["count"]), (&key, &json!(2)), "{target} {message}");
            assert_eq!(life["attempts"].as_array().unwrap().len(), 2, "{target} {message}");
            assert!(life["attempts"][1]["held"].is_null() && life["counted"].is_null(), "{target} {message}");
        }
        let plain = text("24-held", target, &[]);
        let told = format!(
            "held until +30m by rate limit 2 ({POLICY}:49: 1 in 30m by rcpt_domain): 2 counted for rcpt_domain `slow.test`"
        );
        assert!(plain.contains(&told), "{target}: no {told} in\n{plain}");
        // What was counted and had room is shown where it is asked for.
        let told = format!("rate limit 1 ({POLICY}:44: 1 in 10m by sender): 1 counted for sender `news@bulk.example`");
        assert!(!plain.contains(&told), "{target}: {plain}");
        let verbose = text("24-held", target, &["-v"]);
        assert!(verbose.contains(&told) && verbose.contains("> EHLO mta7.home.example"), "{target}: {verbose}");
        let lives = lines("24-held", target, &["--verbose"], "life");
        // A quota that the server ships is counted as well.
        let counted = life(&lives, "first", "a@fast.test")["counted"].as_array().unwrap().iter();
        let counted: Vec<&Json> = counted.filter(|counted| !counted["place"].is_null()).collect();
        assert_eq!(counted.len(), 1, "{target}: {counted:?}");
        assert_eq!((&counted[0]["kind"], &counted[0]["has_room"]), (&json!("limiter"), &json!(true)));
    }
}

#[test]
fn a_refused_message_says_by_which_quota() {
    let ran = run(&["simulate", "corpus/scenarios/life/quota-native.scenario.toml", "--json", "-v"]);
    let lives: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<&Json> = lives.iter().filter(|life| life["refused"].is_string()).collect();
    assert!(refused.len() >= 2, "{}", ran.stdout);
    for life in refused {
        let by = &life["refused_by"];
        assert!(by["place"].as_str().unwrap().starts_with("corpus/scenarios/life/quota.toml:"), "{by}");
        assert!(by["messages"].is_u64() && by["key"].is_object(), "{by}");
        let counted = life["counted"].as_array().unwrap();
        assert!(counted.iter().any(|counted| counted["kind"] == "quota" && counted["has_room"] == false), "{life}");
    }
    let accepted = lives.iter().find(|life| life["type"] == "life" && life["refused"].is_null()).unwrap();
    assert!(accepted["refused_by"].is_null());
    let counted = accepted["counted"].as_array().unwrap();
    assert!(counted.iter().any(|counted| counted["kind"] == "quota" && counted["has_room"] == true), "{accepted}");
}

#[test]
fn an_attempt_says_who_went_together_and_how_they_stand_in_the_queue() {
    for target in TARGETS {
        let lives = lines("25-together", target, &[], "life");
        let one = life(&lives, "m", "a@pair.test");
        let [first, second] = one["attempts"].as_array().unwrap().as_slice() else { panic!("{target}: {one}") };
        let together = json!(["a@pair.test", "b@pair.test"]);
        assert_eq!((&first["transaction"], &second["transaction"]), (&together, &together), "{target}");
        assert_eq!(life(&lives, "m", "c@never.test")["attempts"][0]["transaction"], json!(["c@never.test"]));
        let standing = |queue: &str, retry_num: u32, expires_ms: u64| json!({ "queue": queue, "retry_num": retry_num, "expires_ms": expires_ms, "expires_after": null });
        let day = 86_400_000;
        assert_eq!(one["queued"], standing("remote", 0, day), "{target}");
        assert_eq!(first["queued"], standing("remote", 0, day), "{target}");
        assert_eq!(first["requeued"], standing("slow", 1, 2 * day), "{target}");
        assert_eq!(second["queued"], standing("slow", 1, 2 * day), "{target}");
        assert!(second["requeued"].is_null(), "{target}");
        let name = |decision: &Json| decision["name"].as_str().map(str::to_owned);
        let chosen = (name(&first["tls_before_hosts"]), name(&first["tls"]));
        assert_eq!(chosen, (Some("default".to_owned()), Some("strict".to_owned())), "{target}");
    }
}

#[test]
fn commands_are_shown_with_what_they_say_but_for_secrets() {
    for target in TARGETS {
        let lives = lines("25-together", target, &[], "life");
        let commands = |rcpt: &str| {
            let steps = life(&lives, "m", rcpt)["attempts"][0]["steps"].as_array().unwrap();
            let connecting = steps.iter().find(|step| step["step"] == "connecting").unwrap();
            let commands = connecting["commands"].as_array().unwrap().iter();
            commands.map(|command| command.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let said = commands("a@pair.test");
        for wanted in [
            "EHLO out.home.example",
            "STARTTLS",
            "MAIL FROM:<alice@sender.example> SIZE=1234 RET=HDRS ENVID=QQ314159",
            "DATA",
            "QUIT",
        ] {
            assert!(said.iter().any(|command| command == wanted), "{target}: no {wanted} in {said:?}");
        }
        let rcpt = "RCPT TO:<b@pair.test>";
        assert!(said.iter().any(|command| command.starts_with(rcpt)), "{target}: no {rcpt} in {said:?}");
        let said = commands("d@auth.test");
        assert!(said.iter().any(|command| command == "AUTH PLAIN ***"), "{target}: {said:?}");
    }
}

/// Neither of the forms of AUTH shows what it says, also where a host asks out of turn.
#[test]
fn no_secret_is_shown_whatever_a_host_asks() {
    let policy = include_str!("../../corpus/scenarios/trials/25-policy.toml");
    let scenario = |extension: &str, reply: &str| {
        format!(
            "policy = \"policy.toml\"\nlength = \"1h\"\n[world]\nzone = \"relay.auth.test. IN A 192.0.2.3\"\n\
             [world.host.\"relay.auth.test\"]\nextensions = [\"{extension}\"]\n{reply}\
             [[message]]\nsender = \"a@b.test\"\nrecipients = [\"d@auth.test\"]\n"
        )
    };
    // In base 64: the user, the secret, and both as PLAIN has them.
    let hidden = ["aG9tZQ==", "b3BlbiBzZXNhbWU=", "AGhvbWUAb3BlbiBzZXNhbWU=", "open sesame"];
    let asks = "[[world.host.\"relay.auth.test\".reply]]\nstage = \"auth\"\nreply = \"334 UGFzc3dvcmQ6\"\n";
    let cases = [("AUTH PLAIN", ""), ("AUTH LOGIN", ""), ("AUTH LOGIN", asks), ("AUTH PLAIN LOGIN", asks)];
    for (number, (extension, reply)) in cases.into_iter().enumerate() {
        let text = scenario(extension, reply);
        let folder = scratch(&format!("secrets-{number}"), &[("policy.toml", policy), ("s.scenario.toml", &text)]);
        for options in [&["--json"][..], &["-v"]] {
            let path = folder.join("s.scenario.toml");
            let ran = run(&[&["simulate", path.to_str().unwrap()], options].concat());
            assert!(ran.stdout.contains("AUTH "), "{extension}: {}", ran.stdout);
            for secret in hidden {
                assert!(!ran.stdout.contains(secret), "{extension} {reply}: {secret} is in\n{}", ran.stdout);
            }
        }
    }
}

#[test]
fn a_report_is_a_message_whose_fate_is_its_own() {
    for target in TARGETS {
        let reports = lines("25-together", target, &[], "report");
        let [report] = reports.as_slice() else { panic!("{target}: {reports:?}") };
        assert_eq!((&report["about"], &report["to"]), (&json!("m"), &json!("alice@sender.example")), "{target}");
        assert_eq!(report["told"], json!([{ "rcpt": "c@never.test", "action": "failed" }]), "{target}");
        // It tells of a failure, and comes to grief itself by another one.
        let own = &report["life"];
        assert_eq!((&report["status"], &own["status"]), (&json!("bounced"), &json!("bounced")), "{target}");
        assert_eq!(own["rcpt"], "alice@sender.example", "{target}");
        let attempt = &own["attempts"][0];
        assert!(attempt["outcome"]["text"].as_str().unwrap().contains("no reports, please"), "{target}: {attempt}");
        assert_eq!(attempt["transaction"], json!(["alice@sender.example"]), "{target}");
        let connecting = attempt["steps"].as_array().unwrap().iter().find(|step| step["step"] == "connecting").unwrap();
        let commands = connecting["commands"].as_array().unwrap();
        assert!(commands.iter().any(|command| command.as_str().unwrap().starts_with("MAIL FROM:<>")), "{commands:?}");
        let text = text("25-together", target, &[]);
        let (_, own) = text.split_once("\nreport 1 about m to alice@sender.example: c@never.test failed\n").unwrap();
        assert!(own.lines().take(6).any(|line| line.contains("bounced: 550 5.7.1 no reports, please")), "{own}");
    }
}

/// Quirks are named for any number of messages where that is asked for; those of words only on request.
#[test]
fn quirks_of_words_and_of_many_messages_are_named_on_request() {
    let named = |options: &[&str]| {
        let lives = lines("25-together", "stalwart-0.16", options, "life");
        let quirks = life(&lives, "m", "b@pair.test")["quirks"].clone();
        let names = |quirks: &Vec<Json>| quirks.iter().map(|one| one["quirk"].as_str().unwrap().to_owned()).collect();
        quirks.as_array().map(names)
    };
    let has =
        |names: &Option<Vec<String>>, name: &str| names.as_ref().is_some_and(|all| all.iter().any(|one| one == name));
    let (usual, all) = (named(&[]), named(&["--quirks", "all"]));
    assert_eq!(named(&["--quirks", "affecting"]), usual);
    assert_eq!(named(&["--quirks", "none"]), None);
    assert!(has(&all, "rcpt-reply-kept") && !has(&usual, "rcpt-reply-kept"), "{usual:?} {all:?}");
    let shown = text("25-together", "stalwart-0.16", &["--quirks", "all"]);
    assert!(shown.contains("`rcpt-reply-kept` (words only) from +"), "{shown}");

    let many = |count: u32| {
        format!(
            "policy = \"policy.toml\"\nlength = \"30m\"\n[world]\nzone = \"never.test. IN A 192.0.2.2\"\n\
             [world.host.\"never.test\"]\nstarttls = \"refused\"\ncertificate = \"expired\"\n\
             [[world.host.\"never.test\".reply]]\nstage = \"ehlo\"\nreply = \"500 5.5.1 what\"\n\
             [[generate]]\ncount = {count}\nuntil = \"1m\"\ndomains = {{ \"never.test\" = 1 }}\n"
        )
    };
    let policy = include_str!("../../corpus/scenarios/trials/25-policy.toml");
    let (most, more) = (many(200), many(201));
    let folder = scratch(
        "quirks-many",
        &[("policy.toml", policy), ("most.scenario.toml", &most), ("more.scenario.toml", &more)],
    );
    let ran = |name: &str, options: &[&str]| {
        let path = folder.join(name);
        let ran =
            run(&[&["simulate", path.to_str().unwrap(), "--target", "stalwart-0.16", "--json"], options].concat());
        let lines: Vec<Json> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let not_checked = lines.last().unwrap()["not_checked"].to_string();
        let lives: Vec<Json> = lines.into_iter().filter(|line| line["type"] == "life").collect();
        let affected = lives.iter().filter(|life| life["quirks"].to_string().contains("no-helo-fallback")).count();
        (lives.len(), affected, lives[0]["quirks"].is_null(), not_checked.contains("--quirks affecting"))
    };
    assert_eq!(ran("most.scenario.toml", &[]), (200, 200, false, false));
    assert_eq!(ran("more.scenario.toml", &[]), (201, 0, true, true));
    assert_eq!(ran("more.scenario.toml", &["--quirks", "affecting"]), (201, 201, false, false));
    assert_eq!(ran("most.scenario.toml", &["--quirks", "none"]), (200, 0, true, false));
}
