//! What the documents say is what the code does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use chat_server::config::{Config, load};

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[test]
fn the_example_settings_are_the_defaults() {
    let example = load(Some(&project("config/chat.example.toml")), HashMap::new()).unwrap();

    assert_eq!(format!("{example:#?}"), format!("{:#?}", Config::default()));
}

#[test]
fn the_example_names_every_setting() {
    let example = fs::read_to_string(project("config/chat.example.toml")).unwrap();
    let written = |name: &str| {
        let mut lines = example.lines().map(|line| line.trim_start_matches("# "));
        lines.any(|line| line.starts_with(&format!("{name} = ")))
    };

    // `Debug` names every field, so a new setting cannot be forgotten here.
    let debug = format!("{:#?}", Config::default());
    let fields = debug
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let settings: Vec<&str> = fields
        .filter(|(_, value)| !value.ends_with('{'))
        .map(|(name, _)| name)
        .collect();

    assert!(settings.len() > 20, "{settings:?}");
    for setting in settings {
        assert!(
            written(setting),
            "config/chat.example.toml does not name `{setting}`"
        );
    }
}

#[test]
fn the_operations_manual_names_every_setting() {
    let manual = fs::read_to_string(project("docs/operations.md")).unwrap();
    let example = fs::read_to_string(project("config/chat.example.toml")).unwrap();
    let mut section = String::new();
    let mut missing = Vec::new();
    for line in example.lines().map(|line| line.trim_start_matches("# ")) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = format!("{name}__");
        } else if let Some((name, _)) = line
            .split_once(" = ")
            .filter(|(name, _)| !name.contains(' '))
        {
            let variable = format!("CHAT_{section}{name}").to_uppercase();
            if !manual.contains(&variable) {
                missing.push(variable);
            }
        }
    }

    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_tests_that_the_page_on_security_names_exist() {
    let page = fs::read_to_string(project("docs/security.md")).unwrap();
    let rust = texts_below(&project("crates"), "rs");
    let mut scripts = texts_below(&project("tests/js"), "js");
    scripts.extend(texts_below(&project("tests/browser"), "js"));

    let quoted = page.split('`').skip(1).step_by(2);
    let mut count = 0;
    for name in quoted {
        let exists = if let Some((file, title)) = name.split_once(".test.js: ") {
            let file = format!("{file}.test.js");
            let has_title = |text: &str| text.contains(&format!("test('{title}'"));
            let mut named = scripts.iter().filter(|(path, _)| path.ends_with(&file));
            named.any(|(_, text)| has_title(text))
        } else if let Some((file, test)) = name.split_once("::") {
            let function = format!("fn {test}(");
            let module = format!("mod {test};");
            let is_there = |text: &str| text.contains(&function) || text.contains(&module);
            let named = rust.iter().filter(|(path, _)| {
                let parts = path.iter().map(|part| part.to_string_lossy());
                parts
                    .map(|part| part.trim_end_matches(".rs").to_owned())
                    .any(|part| part == file)
            });
            named.into_iter().any(|(_, text)| is_there(text))
        } else {
            continue;
        };
        assert!(exists, "there is no test `{name}`");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn unsafe_code_is_one_call_and_forbidden_in_all_other_crates() {
    let forbids = |manifest: &str| {
        let manifest = fs::read_to_string(project(manifest)).unwrap();
        manifest.contains("unsafe_code = \"forbid\"")
            || manifest.contains("[lints]\nworkspace = true\n")
    };
    assert!(forbids("Cargo.toml"), "what the others refer to");
    let mut exceptions = Vec::new();
    for entry in fs::read_dir(project("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !forbids(&format!("crates/{name}/Cargo.toml")) {
            exceptions.push(name);
        }
    }

    assert_eq!(exceptions, ["chat-heap"]);
    let texts = texts_below(&project("crates/chat-heap"), "rs");
    let calls = texts
        .iter()
        .map(|(_, text)| text.matches("unsafe {").count());
    assert_eq!(calls.sum::<usize>(), 1);
}

/// The library takes a statement that was put together only if one swears that it is safe.
#[test]
fn no_statement_is_put_together_from_text() {
    let mut oaths = Vec::new();
    for (path, text) in texts_below(&project("crates/chat-infra/src"), "rs") {
        let is_a_test = path.ends_with("plans.rs") || path.ends_with("trouble.rs");
        let lines = text.lines().map(str::trim).filter(|_| !is_a_test);
        let sworn = lines.filter(|line| line.contains("AssertSqlSafe("));
        oaths.extend(sworn.map(str::to_owned));
    }

    let of_a_number = r#"let same = AssertSqlSafe(format!("pragma user_version = {version}"));"#;
    assert_eq!(oaths, [of_a_number]);
}

/// Every file of that kind, with what is in it.
fn texts_below(folder: &Path, kind: &str) -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                texts.extend(texts_below(&path, kind));
            }
        } else if path.extension().is_some_and(|it| it == kind) {
            let text = fs::read_to_string(&path).unwrap();
            texts.push((path, text));
        }
    }
    texts
}
