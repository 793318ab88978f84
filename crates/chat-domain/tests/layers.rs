//! The walls between the layers, kept by reading the sources.
//!
//! Another layer is reached by a path that starts with `crate::` or with the name of a crate. `super::`
//! is for the neighbours in one's own folder.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What the files whose path starts with `within` may reach of what `root` names. The first wall
/// that fits a file counts.
struct Wall {
    within: &'static str,
    root: &'static str,
    rule: Rule,
}

enum Rule {
    Only(&'static [&'static str]),
    AnythingBut(&'static [&'static str]),
}

use Rule::{AnythingBut, Only};

const fn wall(within: &'static str, root: &'static str, rule: Rule) -> Wall {
    Wall { within, root, rule }
}

/// `memory`, `usecase` -> `ports` -> the rules, that is the nouns and the state machines.
const DOMAIN: &[Wall] = &[
    wall("chat-domain/src/lib.rs", "crate", AnythingBut(&[])),
    wall(
        "chat-domain/src/ports",
        "crate",
        AnythingBut(&["usecase", "memory", "contract"]),
    ),
    wall(
        "chat-domain/src/usecase",
        "crate",
        AnythingBut(&["memory", "contract"]),
    ),
    wall(
        "chat-domain/src/memory",
        "crate",
        AnythingBut(&["usecase", "contract"]),
    ),
    wall(
        "chat-domain/src/contract",
        "crate",
        AnythingBut(&["usecase", "memory"]),
    ),
    wall(
        "chat-domain/src/",
        "crate",
        AnythingBut(&["ports", "usecase", "memory", "contract"]),
    ),
];

/// No input, no output, no threads: whoever uses the domain brings them.
const PURE: &[Wall] = &[wall(
    "chat-domain/src/",
    "std",
    AnythingBut(&["env", "fs", "io", "net", "os", "process", "thread"]),
)];

/// `io`, `http` -> `app`, `wire`; `compose` -> all. `config`, `auth`, `bearer`, `logging` and `tls` stand below.
const SERVER: &[Wall] = &[
    wall("chat-server/src/wire", "crate", Only(&["wire"])),
    wall("chat-server/src/config", "crate", Only(&["config", "wire"])),
    wall("chat-server/src/tls", "crate", Only(&["tls"])),
    wall(
        "chat-server/src/logging",
        "crate",
        Only(&["config", "logging", "metrics"]),
    ),
    wall(
        "chat-server/src/metrics",
        "crate",
        Only(&["lately", "metrics", "traces", "wire"]),
    ),
    wall("chat-server/src/lately", "crate", Only(&["lately", "wire"])),
    wall(
        "chat-server/src/traces",
        "crate",
        Only(&["config", "tls", "traces"]),
    ),
    wall(
        "chat-server/src/auth",
        "crate",
        Only(&["auth", "config", "tls", "wire"]),
    ),
    wall("chat-server/src/bearer", "crate", Only(&["bearer"])),
    wall(
        "chat-server/src/app",
        "crate",
        Only(&[
            "app", "auth", "config", "lately", "metrics", "traces", "wire",
        ]),
    ),
    wall(
        "chat-server/src/io",
        "crate",
        Only(&[
            "app", "auth", "bearer", "config", "io", "lately", "metrics", "tls", "traces", "wire",
        ]),
    ),
    // Here the two sides are put on one address.
    wall(
        "chat-server/src/http.rs",
        "crate",
        AnythingBut(&["compose"]),
    ),
    wall(
        "chat-server/src/http",
        "crate",
        Only(&[
            "app", "auth", "bearer", "config", "http", "lately", "logging", "metrics", "traces",
            "wire",
        ]),
    ),
];

/// The contract as types knows what there is to say, and nothing that does anything.
const WIRE: &[Wall] = &[wall(
    "chat-server/src/wire",
    "chat_domain",
    AnythingBut(&["contract", "delivery", "memory", "room"]),
)];

#[test]
fn the_rules_know_no_ports_and_the_layers_above_them_not_each_other() {
    assert_kept(DOMAIN);
    assert_kept(PURE);
}

#[test]
fn the_two_sides_of_the_server_meet_in_the_app() {
    assert_kept(SERVER);
    assert_kept(WIRE);
}

#[test]
fn only_the_composition_names_the_outside_world() {
    let allowed = |file: &str| {
        file.starts_with("chat-infra/")
            || file == "chat-server/src/compose.rs"
            || file.starts_with("chat-server/src/compose/")
    };
    for (file, code) in sources() {
        assert!(allowed(&file) || !code.contains("chat_infra"), "{file}");
    }
}

#[test]
fn crates_depend_on_the_crates_below_them_only() {
    for (name, below) in [
        ("chat-domain", &[][..]),
        ("chat-infra", &["chat-domain"]),
        ("chat-server", &["chat-domain", "chat-heap", "chat-infra"]),
        ("chat-heap", &[]),
        ("chat-fuzz", &["chat-server"]),
        ("chat-load", &[]),
        ("chat-testkit", &["chat-load"]),
    ] {
        let ours = dependencies(name)
            .into_iter()
            .filter(|dependency| dependency.starts_with("chat-"));
        for dependency in ours {
            assert!(below.contains(&&*dependency), "{name} -> {dependency}");
        }
    }
}

#[test]
fn the_domain_depends_on_next_to_nothing() {
    let allowed = BTreeSet::from(["async-trait", "thiserror"].map(str::to_owned));

    assert_eq!(dependencies("chat-domain"), allowed);
}

#[test]
fn paths_are_found_however_they_are_written() {
    let code = "use crate::{\n id::{GroupId, Seq},\n ports::Bus, self,\n};\nlet x = crate::news::News; $crate::room";

    let found: Vec<String> = reached(code, "crate").into_iter().collect();

    assert_eq!(found, ["id", "news", "ports", "room", "self"]);
    assert!(reached("my_crate::id; crate_x::id", "crate").is_empty());
}

fn assert_kept(walls: &[Wall]) {
    let mut kept = BTreeSet::new();
    for (file, code) in sources() {
        let Some(wall) = walls.iter().find(|wall| file.starts_with(wall.within)) else {
            continue;
        };
        kept.insert(wall.within);
        for module in reached(&code, wall.root) {
            let may = match wall.rule {
                Only(these) => these.contains(&&*module),
                AnythingBut(these) => !these.contains(&&*module),
            };
            assert!(may, "{file} must not reach {}::{module}", wall.root);
        }
    }
    let idle: Vec<_> = walls
        .iter()
        .filter(|wall| !kept.contains(wall.within))
        .collect();
    for wall in idle {
        assert!(
            !wall.within.starts_with("chat-domain"),
            "nothing is in {}",
            wall.within
        );
    }
}

/// The first segments of all paths that start with `root`.
fn reached(code: &str, root: &str) -> BTreeSet<String> {
    let start = format!("{root}::");
    let is_whole = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let starts = code.match_indices(&start).filter(|(at, _)| is_whole(*at));
    let mut found = BTreeSet::new();
    for (at, _) in starts {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(branches(group).iter().map(|branch| ident(branch))),
            None => {
                found.insert(ident(rest));
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The parts of a group in braces, up to its end.
fn branches(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn ident(path: &str) -> String {
    let path = path.trim_start();
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    path[..end.unwrap_or(path.len())].to_owned()
}

/// Every source file of the workspace's crates but tests and examples, without its comments.
fn sources() -> Vec<(String, String)> {
    let crates = crates();
    let mut found = Vec::new();
    for folder in fs::read_dir(&crates).unwrap() {
        collect(&folder.unwrap().path().join("src"), &mut found);
    }
    assert!(found.len() > 20, "the sources are where they should be");
    found
        .into_iter()
        .map(|file| {
            let code = fs::read_to_string(&file).unwrap();
            let lines = code
                .lines()
                .map(|line| line.split("//").next().unwrap_or(line));
            let name = file
                .strip_prefix(&crates)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            (name, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn crates() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("it lies beside the others").to_owned()
}

/// What a crate needs to be built: not what its tests need.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
    let mut is_needed = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_needed = section.contains("dependencies") && !section.starts_with("dev-");
            if let Some((_, name)) = section.trim_end_matches(']').split_once("dependencies.") {
                found.extend(is_needed.then(|| name.to_owned()));
                is_needed = false;
            }
        } else if is_needed && !line.is_empty() && !line.starts_with('#') {
            let key = line.split(['.', '=', ' ']).next().unwrap_or(line);
            found.insert(key.to_owned());
        }
    }
    found
}
