//! What the documents say is what the code does.

use std::{collections::HashMap, fs, path::PathBuf};

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
