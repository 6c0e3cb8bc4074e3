//! What no compiler checks about the project's own files: heads, layers, links, origins, leftovers.
//!
//! Every file is read once. A rule is a function from files to complaints, so that the same rule is shown to catch
//! what it is for: each has a planted file in [`each_rule_catches_what_it_is_for`]. The longest functions and files
//! are printed for whoever looks (`cargo test tidy -- --show-output`); their length is a reason to look, not a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use pointsman::{
    document::{Node, Source, Table, toml},
    policy::Quirk,
};

/// A file of the project: its path from the top, with `/`, and its text; empty where it is no text.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }
}

/// A rule: what is wrong with these files, a line each.
type Rule = fn(&[File]) -> Vec<String>;

/// A floor and those below it that it may use.
struct Floor {
    name: &'static str,
    uses: &'static [&'static str],
}

/// The floors, lowest first, as ARCHITECTURE.md has them.
const FLOORS: [Floor; 8] = [
    Floor { name: "base", uses: &[] },
    Floor { name: "policy", uses: &["base"] },
    Floor { name: "document", uses: &["base"] },
    Floor { name: "jit", uses: &["base", "policy"] },
    Floor { name: "config", uses: &["base", "policy", "document"] },
    Floor { name: "scenario", uses: &["base", "policy", "document"] },
    Floor { name: "delivery", uses: &["base", "policy"] },
    Floor { name: "simulate", uses: &["base", "policy", "scenario", "delivery"] },
];

/// Crates, by how their names begin, and the one floor that may use them.
const RESERVED: [(&str, &str); 4] = [("cranelift", "jit"), ("hickory", "live"), ("rustls", "live"), ("tokio", "live")];

/// Those of them that only compute: they verify what they are given as bytes, at a moment that they are given, and may be used
/// by any floor.
const PURE: [&str; 2] = ["rustls-pki-types", "rustls-webpki"];

/// The one floor that may say `unsafe`, and so cannot take the lints of the workspace, which forbid it.
const UNSAFE: &str = "jit";

/// Words that say that something is unfinished. They are put together at run time, or this file would be found.
const UNFINISHED: [[&str; 2]; 6] =
    [["to", "do!("], ["unimple", "mented!("], ["FIX", "ME"], ["TO", "DO"], ["#[ig", "nore"], ["db", "g!("]];

/// Where only one machine has its files, put together as above.
const MACHINE_PATHS: [[&str; 2]; 3] = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"]];

/// The table of quirks.
const QUIRKS: &str = "src/policy/quirk.rs";

/// The one place that packages come from, as a lock file writes it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The first line of a Rust file is its head.
fn heads(files: &[File]) -> Vec<String> {
    let headless = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    headless.map(|file| format!("{} does not begin with a line `//! …` that says what it is", file.path)).collect()
}

/// Every quirk of the table is asked for by something that does otherwise then.
fn quirks(files: &[File]) -> Vec<String> {
    let code: Vec<&File> =
        files.iter().filter(|file| file.is_rust() && file.path.starts_with("src/") && file.path != QUIRKS).collect();
    let is_asked = |name: &&str| {
        let asked = format!("Quirk::{name})");
        code.iter().any(|file| file.text.contains(&asked))
    };
    let names = quirk_names(files).into_iter();
    names.filter(|name| !is_asked(name)).map(|name| format!("nothing asks for the quirk `{name}`")).collect()
}

/// The names in the table of quirks.
fn quirk_names(files: &[File]) -> Vec<&str> {
    let table = files.iter().find(|file| file.path == QUIRKS).map_or("", |file| &file.text);
    let names = table.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("    ")?.split_once(" \"")?;
        let is_name =
            name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric);
        (is_name && rest.ends_with(']')).then_some(name)
    });
    names.collect()
}

/// Nothing is put off in code: a thing is finished, or it is not there.
fn unfinished(files: &[File]) -> Vec<String> {
    let words = UNFINISHED.map(|halves| halves.concat());
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{}: `{word}`", file.path, number + 1));
            }
        }
    }
    wrong
}

/// The names of every kind of dependency in a manifest.
fn dependencies(manifest: &Node<'_>) -> BTreeSet<String> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Node::as_table);
    let targets = targets.into_iter().flat_map(Table::entries).map(|entry| &entry.value);
    targets
        .chain([manifest])
        .flat_map(|node| KINDS.iter().filter_map(|kind| node.get(kind)?.as_table()))
        .flat_map(|table| table.entries().iter().map(|entry| entry.key().to_owned()))
        .collect()
}

/// A floor uses only what lies below it, and takes the lints of the workspace, `unsafe_code` among them.
fn layers(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("src/").and_then(|path| path.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        let Some(floor) = FLOORS.iter().find(|floor| floor.name == name) else {
            wrong.push(format!("`{name}` is no floor: say in FLOORS what it may use"));
            continue;
        };
        let source = Source::new(&*file.path, &*file.text);
        let (manifest, _) = toml::parse(&source);
        let inherits = manifest.get_path("lints.workspace").and_then(Node::scalar_text);
        if inherits != Some("true") && name != UNSAFE {
            wrong.push(format!("`{name}` does not take the lints of the workspace"));
        }
        for used in dependencies(&manifest) {
            let is_floor = FLOORS.iter().any(|other| other.name == used) || used == "pointsman";
            if is_floor && !floor.uses.contains(&used.as_str()) {
                wrong.push(format!("`{name}` uses `{used}`, which does not lie below it"));
            }
            let is_pure = PURE.contains(&used.as_str());
            let owner = RESERVED.iter().find(|(begin, _)| used.starts_with(begin) && !is_pure);
            if let Some((_, owner)) = owner
                && *owner != name
            {
                wrong.push(format!("`{name}` uses `{used}`, which belongs to `{owner}` alone"));
            }
        }
    }
    wrong
}

/// The floor that may say `unsafe` has every other lint of the workspace, and says why with each use.
fn lints(files: &[File]) -> Vec<String> {
    let tables = |path: &str, tables: &[&str]| -> Vec<String> {
        let Some(file) = files.iter().find(|file| file.path == path) else { return Vec::new() };
        let mut is_in = false;
        let mut lints = Vec::new();
        for line in file.text.lines().filter(|line| line.contains('=') || line.starts_with('[')) {
            if line.starts_with('[') {
                is_in = tables.contains(&line);
            } else if is_in {
                lints.push(line.to_owned());
            }
        }
        lints
    };
    let all = tables("Cargo.toml", &["[workspace.lints.rust]", "[workspace.lints.clippy]"]);
    let own = tables(&format!("src/{UNSAFE}/Cargo.toml"), &["[lints.rust]", "[lints.clippy]"]);
    let missing = all.iter().filter(|lint| !lint.starts_with("unsafe_code") && !own.contains(lint));
    let mut wrong: Vec<String> = missing.map(|lint| format!("`{UNSAFE}` lacks `{lint}`")).collect();
    let needed = "multiple_unsafe_ops_per_block";
    if !all.is_empty() && !own.iter().any(|lint| lint.starts_with(needed)) {
        wrong.push(format!("`{UNSAFE}` lacks `{needed}`"));
    }
    wrong
}

/// The workspace lists the floors in their order, and a bare `cargo test` tests all of them.
fn members(files: &[File]) -> Vec<String> {
    let Some(root) = files.iter().find(|file| file.path == "Cargo.toml") else {
        return Vec::new();
    };
    let source = Source::new(&*root.path, &*root.text);
    let (manifest, _) = toml::parse(&source);
    let list = |path: &str| -> Vec<String> {
        let nodes = manifest.get_path(path).and_then(Node::as_list).unwrap_or_default();
        nodes.iter().filter_map(|node| node.as_text().map(str::to_owned)).collect()
    };
    let floors: Vec<_> = FLOORS.iter().map(|floor| format!("src/{}", floor.name)).collect();
    let everything: Vec<_> = std::iter::once(".".to_owned()).chain(floors.iter().cloned()).collect();
    let mut wrong = Vec::new();
    if list("workspace.members") != floors {
        wrong.push(format!("`members` is not {floors:?}"));
    }
    if list("workspace.default-members") != everything {
        wrong.push(format!("`default-members` is not {everything:?}"));
    }
    wrong
}

/// Every path of the project and every folder on the way to one.
fn paths(files: &[File]) -> BTreeSet<&str> {
    let mut paths = BTreeSet::new();
    for file in files {
        let mut path = file.path.as_str();
        paths.insert(path);
        while let Some((folder, _)) = path.rsplit_once('/') {
            paths.insert(folder);
            path = folder;
        }
    }
    paths
}

/// The targets of the links of a Markdown text that lead to files: `[text](path)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']) && !target.starts_with("mailto:"))
        .map(|target| target.split_once('#').map_or(target, |(path, _)| path))
        .collect()
}

/// `target` as seen from the folder of `from`.
fn resolved(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A link in a document of the project leads to a file or folder of the project, and the map shows every floor.
fn documents(files: &[File]) -> Vec<String> {
    let paths = paths(files);
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| has_extension(&file.path, "md")) {
        for target in links(&file.text) {
            let path = resolved(&file.path, target);
            if !path.is_empty() && !paths.contains(path.as_str()) {
                wrong.push(format!("{} links `{target}`, which is not there", file.path));
            }
        }
    }
    for map in files.iter().filter(|file| file.path == "ARCHITECTURE.md") {
        let shown: BTreeSet<_> = links(&map.text).into_iter().map(|target| resolved(&map.path, target)).collect();
        let floors = FLOORS.iter().map(|floor| format!("src/{}", floor.name));
        let missing = floors.filter(|path| paths.contains(path.as_str()) && !shown.contains(path));
        wrong.extend(missing.map(|path| format!("ARCHITECTURE.md does not link `{path}/`")));
    }
    wrong
}

/// The folder of a file of `corpus/`, and the folders above it up to the one below `corpus/`.
fn corpus_folders(path: &str) -> Vec<&str> {
    let mut folders = Vec::new();
    let mut path = path;
    while let Some((folder, _)) = path.rsplit_once('/') {
        if folder == "corpus" || !folder.starts_with("corpus/") {
            break;
        }
        folders.push(folder);
        path = folder;
    }
    folders
}

fn is_data(file: &File) -> bool {
    file.path.starts_with("corpus/") && !has_extension(&file.path, "md")
}

/// Data says where it is from: an ORIGIN.md in its folder or in one above, below `corpus/`.
fn origins(files: &[File]) -> Vec<String> {
    let paths = paths(files);
    let unexplained = files.iter().filter(|file| {
        is_data(file)
            && !corpus_folders(&file.path).iter().any(|folder| paths.contains(format!("{folder}/ORIGIN.md").as_str()))
    });
    unexplained.map(|file| format!("{} has no ORIGIN.md in its folder or above", file.path)).collect()
}

/// Data is read by a test or an example: one that names its folder, or the folder below `corpus/` that it is in.
fn readers(files: &[File]) -> Vec<String> {
    let readers: Vec<_> = files.iter().filter(|file| file.is_rust() && file.path != "tests/it/tidy.rs").collect();
    let mut read = BTreeMap::new();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| is_data(file)) {
        let folders = corpus_folders(&file.path);
        let Some(&top) = folders.last() else {
            wrong.push(format!("{} stands in no folder of `corpus/`", file.path));
            continue;
        };
        let is_read = *read.entry(top).or_insert_with(|| readers.iter().any(|reader| reader.text.contains(top)));
        if !is_read {
            wrong.push(format!("no test reads {}: none names `{top}`", file.path));
        }
    }
    wrong
}

/// No file knows the machine that it was written on. Policies of the corpus may name a home folder: mail lives there.
fn machines(files: &[File]) -> Vec<String> {
    let words = MACHINE_PATHS.map(|halves| halves.concat());
    let mut wrong = Vec::new();
    for file in files {
        for word in &words {
            let is_mail = file.path.starts_with("corpus/") && word.ends_with("me/");
            if !is_mail && file.text.contains(word.as_str()) {
                wrong.push(format!("{} names `{word}…`, a place of one machine", file.path));
            }
        }
    }
    wrong
}

/// Every package comes from crates.io, under its own name, and no configuration puts another place before it.
fn registries(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let place = |line: &str| match file.path.rsplit('/').next() {
            Some("Cargo.lock") => line.starts_with("source = ") && !line.contains(REGISTRY),
            Some("config.toml") => line.starts_with("[source") || line.starts_with("[registr"),
            _ => false,
        };
        let lines = file.text.lines().filter(|line| place(line));
        wrong.extend(lines.map(|line| format!("{}: {line}", file.path)));
    }
    wrong
}

/// A snapshot's test file is there, and so is the file that it was taken of.
fn snapshots(files: &[File]) -> Vec<String> {
    let paths = paths(files);
    let is_there = |path: &str| {
        // A package below `src/` may write paths from its own folder.
        paths.contains(path) || FLOORS.iter().any(|floor| paths.contains(format!("src/{}/{path}", floor.name).as_str()))
    };
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| has_extension(&file.path, "snap")) {
        let head = file.text.lines().skip(1).take_while(|line| *line != "---");
        let keys = head.filter_map(|line| line.strip_prefix("source: ").or_else(|| line.strip_prefix("input_file: ")));
        for path in keys.filter(|path| !is_there(path)) {
            wrong.push(format!("{} was taken of `{path}`, which is gone", file.path));
        }
    }
    wrong
}

/// A rule by its name, the files that break it, and a part of its complaint.
type Planted<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// Every rule, with what it is called in a failure.
const RULES: [(&str, Rule); 12] = [
    ("heads", heads),
    ("quirks", quirks),
    ("unfinished", unfinished),
    ("layers", layers),
    ("lints", lints),
    ("members", members),
    ("documents", documents),
    ("origins", origins),
    ("readers", readers),
    ("machines", machines),
    ("registries", registries),
    ("snapshots", snapshots),
];

/// What builds and runs leave behind, and the inputs that libFuzzer made up.
const LEFT_BEHIND: [&str; 5] = ["target", "fuzz/target", "fuzz/artifacts", "fuzz/coverage", "fuzz/corpus"];

#[expect(clippy::disallowed_methods, reason = "this test is about the files of the project")]
fn project() -> Vec<File> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![String::new()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            // A work tree beside the main one has a file of that name.
            if path == ".git" {
                continue;
            }
            if !entry.file_type().unwrap().is_dir() {
                let text = std::fs::read(entry.path()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                files.push(File::new(path, text.unwrap_or_default()));
            } else if !LEFT_BEHIND.contains(&path.as_str()) && !entry.path().join("CACHEDIR.TAG").exists() {
                folders.push(path);
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The functions of a file as `rustfmt` lays them out: name, first line, number of lines.
fn functions(file: &File) -> Vec<(String, usize, usize)> {
    let lines: Vec<_> = file.text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        let name = inner
            .split_once("fn ")
            .filter(|(before, _)| before.split_whitespace().all(|word| word.starts_with("pub") || word == "const"))
            .map(|(_, rest)| {
                rest.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect::<String>()
            });
        let Some(name) = name else { continue };
        let end = format!("{}}}", " ".repeat(indent));
        if line.ends_with('}') {
            found.push((name, number + 1, 1));
        } else if let Some(length) = lines[number..].iter().position(|line| *line == end) {
            found.push((name, number + 1, length + 1));
        }
    }
    found
}

#[test]
fn the_project_keeps_its_rules() {
    let files = project();
    assert!(files.len() > 50, "the project was not found");
    // What a rule looks at is there: one whose subject moved would find nothing any more.
    assert_eq!(quirk_names(&files).len(), Quirk::ALL.len(), "the table of quirks is written otherwise");
    for path in ["Cargo.toml", "ARCHITECTURE.md", "Cargo.lock", "src/jit/Cargo.toml", "fuzz/Cargo.lock"] {
        assert!(files.iter().any(|file| file.path == path), "there is no {path}");
    }
    for ending in [".snap", ".md", "ORIGIN.md", "lib.rs"] {
        assert!(files.iter().filter(|file| file.path.ends_with(ending)).count() > 3, "there are no {ending}");
    }
    let wrong: Vec<_> = RULES
        .iter()
        .flat_map(|(name, rule)| rule(&files).into_iter().map(move |complaint| format!("{name}: {complaint}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_longest_functions_and_files_are_known() {
    let files = project();
    let rust: Vec<_> = files.iter().filter(|file| file.is_rust()).collect();
    let mut functions: Vec<_> = rust
        .iter()
        .flat_map(|file| {
            functions(file).into_iter().map(|(name, line, length)| (length, format!("{}:{line} {name}", file.path)))
        })
        .collect();
    let mut lengths: Vec<_> = rust.iter().map(|file| (file.text.lines().count(), file.path.clone())).collect();
    for (what, list) in [("functions", &mut functions), ("files", &mut lengths)] {
        list.sort_by(|one, other| other.cmp(one));
        println!("the longest {what}, in lines:");
        for (length, name) in list.iter().take(10) {
            println!("{length:6}  {name}");
        }
    }
    assert!(functions.len() > lengths.len(), "no functions are found");
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_last() {
    let text = "//! x\npub fn short() {}\n\nimpl X {\n    pub(crate) const fn long(\n        self,\n    ) -> u8 {\n        1\n    }\n}\n";
    let found = functions(&File::new("x.rs", text));
    assert_eq!(found, [("short".to_owned(), 2, 1), ("long".to_owned(), 5, 5)]);
}

#[test]
fn each_rule_catches_what_it_is_for() {
    let unfinished = UNFINISHED.map(|halves| format!("//! x\nfn f() {{ {} }}", halves.concat()));
    let machine = format!("see {}user/x", MACHINE_PATHS[0].concat());
    let home = format!("see {}user/x", MACHINE_PATHS[2].concat());
    let manifest = |rest: &str| format!("{rest}\n[lints]\nworkspace = true\n");
    let upward = manifest("[dependencies]\npolicy.workspace = true");
    let sideways = manifest("[dev-dependencies]\ndocument = { path = \"../document\" }");
    let hidden = manifest("[target.'cfg(unix)'.dependencies]\nsimulate.workspace = true");
    let reserved = manifest("[build-dependencies.tokio-util]\nversion = \"1\"");
    let lint = "[workspace.lints.rust]\nmissing_docs = \"warn\"\nunsafe_code = \"forbid\"\n";
    let root = "[workspace]\nmembers = [\"src/policy\", \"src/base\"]\ndefault-members = [\".\"]\n";
    let cases: &[Planted<'_>] = &[
        ("heads", &[("src/base/x.rs", "fn f() {}")], "src/base/x.rs"),
        ("heads", &[("fuzz/fuzz_targets/x.rs", "// x\n//! late")], "fuzz_targets"),
        (
            "quirks",
            &[
                (QUIRKS, "//! x\n    Asked \"asked\" \"1\" [yes no]\n    Idle \"idle\" \"1\" [yes no]"),
                ("src/a/x.rs", "has(Quirk::Asked)"),
            ],
            "`Idle`",
        ),
        ("layers", &[("src/base/Cargo.toml", &upward)], "`base` uses `policy`"),
        ("layers", &[("src/policy/Cargo.toml", &sideways)], "`policy` uses `document`"),
        ("layers", &[("src/config/Cargo.toml", &hidden)], "`config` uses `simulate`"),
        ("layers", &[("src/scenario/Cargo.toml", &reserved)], "belongs to `live`"),
        ("layers", &[("src/base/Cargo.toml", "[package]")], "lints"),
        ("layers", &[("src/utils/Cargo.toml", &manifest(""))], "no floor"),
        ("lints", &[("Cargo.toml", lint), ("src/jit/Cargo.toml", "[lints.rust]\n")], "missing_docs"),
        ("lints", &[("Cargo.toml", lint), ("src/jit/Cargo.toml", "[lints.rust]\n")], "multiple_unsafe"),
        ("members", &[("Cargo.toml", root)], "`members`"),
        ("members", &[("Cargo.toml", root)], "`default-members`"),
        ("documents", &[("README.md", "[x](src/gone.rs)")], "src/gone.rs"),
        ("documents", &[("docs/a.md", "[x](../docs/b.md#part)")], "../docs/b.md"),
        ("documents", &[("ARCHITECTURE.md", "nothing"), ("src/base/lib.rs", "//! x")], "does not link `src/base/`"),
        ("origins", &[("corpus/new/a.toml", "")], "corpus/new/a.toml"),
        ("origins", &[("corpus/new/a/b.toml", ""), ("corpus/ORIGIN.md", "too high")], "corpus/new/a/b.toml"),
        ("readers", &[("corpus/new/a.toml", ""), ("tests/it/x.rs", "//! corpus/old")], "none names `corpus/new`"),
        ("readers", &[("corpus/a.toml", "")], "stands in no folder"),
        ("machines", &[("docs/x.md", &machine)], "docs/x.md"),
        ("machines", &[("corpus/x/a.toml", &machine)], "corpus/x/a.toml"),
        ("machines", &[("script/x", &home)], "script/x"),
        ("registries", &[("fuzz/Cargo.lock", "source = \"registry+https://mirror.test/index\"")], "mirror.test"),
        ("registries", &[("Cargo.lock", "source = \"git+https://code.test/x\"")], "code.test"),
        ("registries", &[(".cargo/config.toml", "[source.crates-io]\nreplace-with = \"x\"")], "[source"),
        ("snapshots", &[("tests/it/snapshots/x.snap", "---\nsource: tests/it/gone.rs\n---\nx")], "tests/it/gone.rs"),
        (
            "snapshots",
            &[(
                "tests/it/snapshots/x.snap",
                "---\nsource: tests/it/snapshots/x.snap\ninput_file: corpus/gone.toml\n---\nx",
            )],
            "corpus/gone.toml",
        ),
    ];
    let planted = unfinished.iter().map(|text| ("unfinished", vec![("a.rs", text.as_str())], "a.rs:2"));
    let cases = cases.iter().map(|&(rule, files, expected)| (rule, files.to_vec(), expected));
    let mut tried = BTreeSet::new();
    for (name, files, expected) in cases.chain(planted) {
        let (_, rule) = RULES.iter().find(|(rule, _)| *rule == name).unwrap();
        let files: Vec<_> = files.into_iter().map(|(path, text)| File::new(path, text)).collect();
        let wrong = rule(&files);
        assert!(
            wrong.iter().any(|complaint| complaint.contains(expected)),
            "`{name}` does not say `{expected}` but {wrong:?}"
        );
        tried.insert(name);
    }
    assert_eq!(tried.len(), RULES.len(), "a rule has no planted file");
}

#[test]
fn the_rules_let_what_is_right_pass() {
    let files = [
        File::new("docs/a.md", "[b](b.md) [top](../README.md#use) [web](https://x.test) [here](#part)"),
        File::new("docs/b.md", "[folder](../corpus/new/)"),
        File::new("README.md", ""),
        File::new("corpus/new/ORIGIN.md", "written here"),
        File::new("corpus/new/deep/a.toml", MACHINE_PATHS[2].concat()),
        File::new("tests/it/x.rs", "//! Reads `corpus/new`."),
        File::new("Cargo.lock", format!("source = \"{REGISTRY}\"")),
        File::new(
            "src/config/Cargo.toml",
            "[dependencies]\nbase.workspace = true\npolicy.workspace = true\n[lints]\nworkspace = true\n",
        ),
    ];
    for (name, rule) in RULES {
        assert_eq!(rule(&files), Vec::<String>::new(), "{name}");
    }
}
