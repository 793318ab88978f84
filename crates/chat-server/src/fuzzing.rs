//! What `chat-fuzz` throws bytes at: everything that reads what others wrote, as the server calls it.
//!
//! A function returns if all is well, and panics if what it reads does, or if a promise about it is broken.

#![allow(clippy::missing_panics_doc, reason = "to panic is what they are for")]

use std::{collections::HashMap, path::Path, sync::LazyLock};

use chat_domain::{
    id::{GroupId, Seq, UserId},
    member::Composition,
};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    auth::{Identity, LEEWAY, Tokens},
    config::{self, Auth, Secret},
    wire::{
        cursor::{Place, decode, encode},
        field::{Problem, read},
        incoming as wire,
    },
};

const SECRET: &str = "a secret that is long enough for HS256";

/// More characters are no message.
const MOST_CHARS: usize = 4_000;

/// The text of an event packet, and what stands in it as the body of each request.
pub fn event(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(argument) = wire::argument(text) else {
        return;
    };
    let in_group = wire::with_group_id(argument.clone());
    tried::<wire::InGroup>(&in_group);
    if let Some(join) = tried::<wire::JoinGroup>(&in_group) {
        join.into_request();
    }
    if let Ok(message) = wire::SendMessage::read(&argument, MOST_CHARS) {
        check_message(&message.what);
    }
    if let Ok(page) = wire::GetGroupMessages::read(&argument) {
        let _ = page.page.from();
    }
    if let Ok(mark) = wire::MarkRead::read(&argument) {
        assert!(mark.seq.get() < 1 << 53, "JavaScript knows the number");
    }
    if let Some(message) = tried::<wire::AdminMessage>(&argument)
        && let Ok((_, what)) = message.into_parts(MOST_CHARS)
    {
        check_message(&what);
    }
    if let Some(user) = tried::<wire::PutUser>(&argument) {
        let _ = user.image();
    }
    tried::<wire::GetRoomInfo>(&argument);
    tried::<wire::RefreshToken>(&argument);
    tried::<wire::GroupsPage>(&argument);
    tried::<wire::MembersPage>(&argument);
    tried::<wire::CreateGroup>(&argument);
    tried::<wire::ChangeGroup>(&argument);
    tried::<wire::AddMember>(&argument);
    tried::<wire::GiveRole>(&argument);
    tried::<wire::PutMember>(&argument);
    tried::<wire::PassOn>(&argument);
    tried::<wire::PutGroup>(&argument);
    tried::<wire::DevLogin>(&argument);
}

/// A token as it came; or claims, which are signed first.
pub fn token(bytes: &[u8]) {
    static TOKENS: LazyLock<Vec<Tokens>> =
        LazyLock::new(|| configured().iter().map(tokens).collect());
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let claims: Option<Map<String, Value>> = serde_json::from_str(text).ok();
    let Some(claims) = claims else {
        for tokens in TOKENS.iter() {
            let verified = tokens.verify(text).now_or_never();
            assert!(verified.is_some_and(|it| it.is_err()), "nobody signed this");
        }
        return;
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let Ok(token) = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key) else {
        return;
    };
    for (tokens, has_secret) in TOKENS.iter().zip([true, false, false, false]) {
        let verified = tokens.verify(&token).now_or_never();
        if let Some(Ok(identity)) = verified {
            assert!(has_secret, "a public key is no secret");
            check_identity(&identity, &claims);
        }
    }
}

/// A file of settings; after a NUL the variables, one a line.
pub fn settings(bytes: &[u8]) {
    // Whoever put it there has it in a setting that may show.
    const MARK: &str = "s3cr3t";
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if text.contains(MARK) {
        return;
    }
    let (file, variables) = text.split_once('\0').unwrap_or((text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    // What such a variable names would be read.
    let variables = variables.filter(|(name, _)| !name.ends_with("_FILE"));
    let environment: HashMap<String, String> = variables
        .map(|(name, value)| match name {
            "CHAT_AUTH__SECRET" | "CHAT_ADMIN__KEY" | "CHAT_DATABASE__URL" | "CHAT_REDIS__URL" => {
                (name.to_owned(), format!("{value}{MARK}"))
            }
            _ => (name.to_owned(), value.to_owned()),
        })
        .collect();

    match config::read(Some((Path::new("chat.toml"), file)), environment) {
        Ok(config) => {
            assert!(!format!("{config:?}").contains(MARK), "{config:?}");
            let _ = (
                config.policy(),
                config.auth.source(),
                config.limits.events(),
            );
        }
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains(MARK), "{line}");
        }
    }
}

/// A cursor of each list.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let places = [
        comes_back::<Seq>(text),
        comes_back::<UserId>(text),
        comes_back::<GroupId>(text),
    ];
    let lists = places.into_iter().filter(|is_place| *is_place).count();
    assert!(lists <= 1, "a cursor of one list is none in another");
}

fn tried<T: for<'de> Deserialize<'de>>(argument: &Value) -> Option<T> {
    let problem: Problem = match read(argument) {
        Ok(read) => return Some(read),
        Err(problem) => problem,
    };
    assert!(
        problem.message.len() < 200,
        "nothing is repeated: {problem:?}"
    );
    None
}

fn check_message(what: &Composition) {
    let text = what.body.as_str();
    let is_fine = |it: char| !it.is_control() || it == '\n' || it == '\t';
    assert!(text.chars().all(is_fine), "{text:?}");
    assert!((1..=MOST_CHARS).contains(&text.chars().count()), "{text:?}");
    assert_eq!(text, text.trim());
}

fn check_identity(identity: &Identity, claims: &Map<String, Value>) {
    let now = jsonwebtoken::get_current_timestamp();
    assert!(identity.expires_at.as_millis() / 1_000 + LEEWAY.as_secs() >= now - 1);
    assert!(claims.contains_key("exp"));
    let named = [claims.get("sub"), claims.get("userId")];
    assert!(named.contains(&Some(&Value::from(identity.user.id.as_str()))));
    assert!(!identity.user.name.as_str().chars().any(char::is_control));
}

fn comes_back<P: Place>(text: &str) -> bool {
    let place = decode::<P>(text);
    if let Ok(place) = &place {
        assert_eq!(encode(place), text, "there is one cursor for a place");
    }
    place.is_ok()
}

/// A secret first, and then public keys.
fn configured() -> [Auth; 4] {
    let secret = Auth {
        secret: Secret::new(SECRET.to_owned()).ok(),
        ..Auth::default()
    };
    let [rsa, ec, ed] = ["rsa", "ec", "ed"].map(|name| {
        let file = format!("{}/tests/keys/{name}.pub.pem", env!("CARGO_MANIFEST_DIR"));
        Auth {
            public_key_file: Some(file.into()),
            ..Auth::default()
        }
    });
    [secret, rsa, ec, ed]
}

fn tokens(auth: &Auth) -> Tokens {
    let opened = Tokens::open(auth).now_or_never();
    let opened = opened.expect("nothing of this is far away");
    opened.expect("there are such keys").0
}
