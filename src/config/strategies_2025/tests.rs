//! The reader against documents of its own, and against published ones where they are at hand.

use document::{Source, render};

use crate::{NoResources, load};

#[test]
#[ignore = "scratch"]
fn scratch() {
    let dir = std::env::var("DIRS").unwrap();
    for dir in dir.split(',') {
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let source = Source::new(name, text);
            let loaded = load(&source, None, &NoResources);
            println!(
                "=== {name}: {:?}\n{}",
                loaded.settings.as_ref().map(|settings| settings.dialect),
                render::text(&source, &loaded.findings, render::Colour::Never)
            );
        }
    }
}
