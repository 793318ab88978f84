//! A development server: anybody signs in by name, and meets in the lobby.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use axum::extract::State;
use chat_domain::{
    group::GroupName,
    id::{GroupId, UserId},
    member::Role,
    user::{User as DomainUser, UserName},
};
use serde::Deserialize;

use super::{
    answer::{Answer, HttpRefusal, ok},
    body::{Body, Parameters},
};
use crate::{
    app::App,
    wire::{
        incoming::DevLogin,
        record::{DevSession, User},
        refusal::{Code, Refusal},
    },
};

const TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the token is to be like.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// After how many seconds it expires: for whoever wants to see that. 30 days, if absent and at most.
    ttl_seconds: Option<u32>,
}

/// Sign in by name; the same name is the same user.
#[utoipa::path(
    post, path = "/api/v1/dev/login", tag = "dev", request_body = DevLogin,
    params(("ttlSeconds" = Option<u32>, Query, description = "After how long the token expires. Default: 30 days.")),
    responses((status = 200, body = DevSession<'static>)), security(())
)]
pub async fn login(
    State(app): State<Arc<App>>,
    Parameters(wanted): Parameters<Wanted>,
    body: Body,
) -> Answer {
    let name = body.read::<DevLogin>()?.name;
    let user = DomainUser {
        id: id_of(&name),
        name,
        image: None,
    };
    app.greet(&user).await?;
    enter_lobby(&app, &user.id).await?;
    let lifetime = wanted.ttl_seconds.map_or(TOKEN_LIFETIME, |seconds| {
        Duration::from_secs(seconds.into()).min(TOKEN_LIFETIME)
    });
    let signed = app.tokens.sign(&user, app.now(), lifetime);
    let token =
        signed.map_err(|_| Refusal::new(Code::InternalError, "The token could not be signed."))?;
    ok(&DevSession {
        token,
        user: User::from(&user),
    })
}

/// Makes a newcomer a member of the group that everybody meets in. Who is one stays what they are.
async fn enter_lobby(app: &App, user: &UserId) -> Result<(), HttpRefusal> {
    let lobby = GroupId::parse("lobby").expect("the id is plain");
    if app.chat.is_member(&lobby, user).await? {
        return Ok(());
    }
    // No name leads to an id with an underscore.
    let host = UserId::parse("_host").expect("the id is plain");
    if !app.chat.is_member(&lobby, &host).await? {
        let name = GroupName::parse("Lobby").expect("the name is plain");
        app.chat.put_group(&lobby, name, &host).await?;
    }
    app.chat.put_member(&lobby, user, Role::Member).await?;
    Ok(())
}

/// Plain names are their own ids; what has to be changed gets a number, so that it stays one of its own.
fn id_of(name: &UserName) -> UserId {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let slug: String = name.as_str().chars().take(40).map(plain).collect();
    let id = if slug == name.as_str() {
        slug
    } else {
        let mut hasher = DefaultHasher::new();
        name.as_str().hash(&mut hasher);
        format!("{slug}-{:08x}", hasher.finish() >> 32)
    };
    UserId::parse(&id).expect("at most 49 plain characters are an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> String {
        id_of(&UserName::parse(name).unwrap()).to_string()
    }

    #[test]
    fn the_same_name_is_the_same_user_and_another_is_another() {
        assert_eq!(id("ada"), "ada");
        assert_eq!(id("Ada"), id("Ada"));
        assert_ne!(id("Ada"), id("ada"));
        assert_ne!(id("ä"), id("ö"));
        assert!(id(&"x".repeat(128)).len() <= 64);
    }
}
