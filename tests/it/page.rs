//! The page of `simulate --report`: whole, needing nothing else, and safe to open whatever a scenario says.

use crate::cli::{run, scratch};

/// What is wrong with how tags open and close.
fn unbalanced(page: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let tag = piece.split(['>', ' ']).next().unwrap_or_default();
        let closes_itself = piece.split('>').next().unwrap_or_default().ends_with('/');
        match tag.strip_prefix('/') {
            Some(closed) if open.last() == Some(&closed) => drop(open.pop()),
            Some(closed) => return Some(format!("</{closed}> within {open:?}")),
            None if closes_itself || tag == "meta" || tag == "!DOCTYPE" => {}
            None => open.push(tag),
        }
    }
    (!open.is_empty()).then(|| format!("{open:?} stay open"))
}

#[expect(clippy::disallowed_methods, reason = "a test reads what it had written")]
fn page(name: &str, arguments: &[&str]) -> String {
    let path = scratch(name, &[]).join("page.html");
    let ran = run(&[&["simulate"], arguments, &["--report", path.to_str().unwrap()]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    std::fs::read_to_string(&path).unwrap()
}

#[test]
fn a_page_has_every_life_every_report_and_the_policies_lines() {
    let page = page("page", &["corpus/quickstart"]);
    assert_eq!(unbalanced(&page), None);
    for part in [
        "<summary>hello to bob@corp.test</summary>",
        "451 4.7.1 greylisted, try later",
        "recipients in the queue, at most 2",
        "attempts for a delivery",
        "100.0% of its rules and strategies were reached",
        // A line of the policy, how often it was taken, and a line that none begins at.
        "<tr class=\"taken\"><td>12</td><td>8</td>",
        "<tr><td>1</td><td></td>",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    for outside in ["<script", "http:", "https:", "url(", "src=", "href="] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn what_a_scenario_says_is_no_markup_and_secrets_stay_hidden() {
    let policy = "[queue.strategy]\nroute = \"'out'\"\nschedule = \"'default'\"\nconnection = \"'default'\"\ntls = \"'default'\"\n\
                  [queue.route.out]\ntype = \"relay\"\naddress = \"smart.test\"\nport = 25\nprotocol = \"smtp\"\n\
                  [queue.route.out.tls]\nimplicit = false\n[queue.route.out.auth]\nusername = \"home\"\nsecret = \"open sesame\"\n\
                  [queue.schedule.default]\nqueue-name = \"default\"\nretry = [\"10m\"]\nexpire = \"1h\"\n\
                  [queue.virtual.default]\nthreads-per-node = 5\n[queue.connection.default]\ntimeout.connect = \"30s\"\n\
                  [queue.tls.default]\nstarttls = \"optional\"\n# </pre><b>\n";
    let scenario = "policy = \"policy.toml\"\nlength = \"2h\"\n[world]\nzone = \"smart.test. IN A 198.51.100.1\"\n\
                    [[world.host.\"smart.test\".reply]]\nstage = \"mail\"\nreply = \"550 5.7.1 <script>alert(1)</script>\"\n\
                    [[message]]\nid = \"<i>&\"\nsender = \"alice@home.example\"\nrecipients = [\"bob@corp.test\"]\n";
    let folder = scratch("hostile-page", &[("policy.toml", policy), ("hostile.scenario.toml", scenario)]);
    let page = page(
        "hostile-page-out",
        &[folder.join("hostile.scenario.toml").to_str().unwrap(), "--target", "stalwart-0.16"],
    );
    assert_eq!(unbalanced(&page), None);
    assert!(page.contains("&lt;i&gt;&amp; to bob@corp.test") && page.contains("# &lt;/pre&gt;&lt;b&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains("open sesame"), "{page}");
    assert!(page.contains("***"), "the secret's place is shown");
}

#[test]
fn a_page_that_is_cut_off_is_noticed() {
    assert_eq!(unbalanced("<p>x</p>"), None);
    assert!(unbalanced("<p><pre>x</p>").is_some() && unbalanced("<p>").is_some());
}

/// Of many recipients the first are shown, and it is said how many there are; so is that quirks are not looked for.
#[test]
fn of_many_recipients_some_are_shown() {
    let scenario = "corpus/scenarios/capacity/monday.scenario.toml";
    let page = page("many", &[scenario, "--target", "stalwart-0.16"]);
    assert!(page.contains("<p>The first 500 of 3013 recipients are shown.</p>"));
    assert_eq!(page.matches("<details open>").count(), 500);
    assert_eq!(unbalanced(&page), None);
    let ran = run(&["simulate", scenario, "--target", "stalwart-0.16"]);
    let told = "not checked: which quirks of stalwart-0.16 affected each recipient";
    assert!(ran.stdout.contains(told) && !ran.stdout.contains("affected by quirk"), "{}", ran.stdout);
    assert!(page.contains(told), "the page says it as well");
}
