//! Users, groups and history over HTTP, so that any server that speaks the contract will do.

use std::{fmt::Display, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Client, Method, Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::sleep;

use crate::{
    cast::{Cast, read_key},
    record::{MessageId, Room, Row, User},
};

const REQUESTS_AT_ONCE: usize = 16;
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Longer than any run.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

/// How a run gets its users and groups.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Access {
    /// As another backend: with the administrator's key, and tokens signed here.
    Admin { key: String, secret: String },
    /// At a development server: by name.
    Dev,
    /// They are there already, under the run's name; tokens are signed here. Nothing is asked over HTTP.
    Given { secret: String },
}

/// Why the stage could not be set, or the history not be read.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum StageError {
    /// The server could not be asked.
    #[error("could not {doing}: {source}")]
    Unreachable {
        doing: String,
        source: reqwest::Error,
    },
    /// The server did not do it.
    #[error("could not {doing}: the server answers {status}: {body}")]
    Refused {
        doing: String,
        status: StatusCode,
        body: String,
    },
    /// A token could not be signed.
    #[error("could not sign a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// The server, over HTTP.
pub struct Stage {
    http: Client,
    base: String,
    access: Access,
}

#[derive(Deserialize)]
struct Login {
    token: String,
    user: Id,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Item>,
    has_next_page: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    seq: u32,
    updated_seq: u32,
    sender_id: Option<String>,
    client_message_id: Option<String>,
}

impl Stage {
    /// At that address.
    pub fn new(url: &str, access: Access) -> Self {
        Self {
            http: Client::new(),
            base: format!("{}/api/v1", url.trim_end_matches('/')),
            access,
        }
    }

    /// Makes so many users, and groups with these members. `run` is in every name.
    ///
    /// # Errors
    /// The server did not do it.
    pub async fn set(
        &self,
        run: &str,
        users: u32,
        rooms: &[Vec<User>],
    ) -> Result<Cast, StageError> {
        let users = stream::iter(0..users)
            .map(|number| self.make_user(format!("{run}-u{number}")))
            .buffered(REQUESTS_AT_ONCE);
        let (users, tokens): (Vec<_>, Vec<_>) =
            users.try_collect::<Vec<_>>().await?.into_iter().unzip();
        let cast = Cast::new(users, tokens, Vec::new());
        let groups = stream::iter(rooms.iter().enumerate())
            .map(|(number, members)| self.make_group(&cast, format!("{run}-g{number}"), members))
            .buffered(REQUESTS_AT_ONCE);
        let groups: Vec<String> = groups.try_collect().await?;
        let joins = rooms.iter().zip(&groups).flat_map(|(members, group)| {
            // The first one owns the group.
            let owner = members.first().copied();
            (members.iter().skip(1)).map(move |member| (owner, *member, group))
        });
        stream::iter(joins)
            .map(|(owner, member, group)| self.make_member(&cast, group, owner, member))
            .buffer_unordered(REQUESTS_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let Cast { users, tokens, .. } = cast;
        Ok(Cast::new(users, tokens, groups))
    }

    /// Reads all of a room's history, as one of its members.
    ///
    /// # Errors
    /// The server did not tell it.
    pub async fn history(
        &self,
        cast: &Cast,
        room: Room,
        member: User,
    ) -> Result<Vec<Row>, StageError> {
        let group = cast.room_id(room);
        let token = token(cast, member);
        let (mut rows, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("groups/{group}/messages?limit=100&afterSeq={after}");
            let doing = format!("read the history of `{group}`");
            let page: Page = self.ask(Method::GET, &path, token, None, doing).await?;
            rows.extend(page.items.iter().map(|item| Row {
                seq: item.seq,
                key: read_key(item.client_message_id.as_deref(), item.sender_id.as_deref()),
                id: MessageId::fold(&item.id),
            }));
            match page.items.last() {
                Some(last) if page.has_next_page => after = last.updated_seq,
                _ => return Ok(rows),
            }
        }
    }

    /// Returns the id and a token.
    async fn make_user(&self, name: String) -> Result<(String, String), StageError> {
        let doing = format!("make the user `{name}`");
        match &self.access {
            Access::Dev => {
                let body = Some(json!({ "name": name }));
                let login: Login = self.ask(Method::POST, "dev/login", "", body, doing).await?;
                Ok((login.user.id, login.token))
            }
            Access::Admin { key, secret } => {
                let path = format!("admin/users/{name}");
                let body = Some(json!({ "name": name }));
                self.ask::<Value>(Method::PUT, &path, key, body, doing)
                    .await?;
                let token = sign(&name, secret)?;
                Ok((name, token))
            }
            Access::Given { secret } => {
                let token = sign(&name, secret)?;
                Ok((name, token))
            }
        }
    }

    /// Returns the id.
    async fn make_group(
        &self,
        cast: &Cast,
        name: String,
        members: &[User],
    ) -> Result<String, StageError> {
        let doing = format!("make the group `{name}`");
        let owner = members.first().copied().unwrap_or(User(0));
        let made: Id = match &self.access {
            Access::Dev => {
                let body = Some(json!({ "name": name }));
                let token = token(cast, owner);
                self.ask(Method::POST, "groups", token, body, doing).await?
            }
            Access::Admin { key, .. } => {
                let path = format!("admin/groups/{name}");
                let body = Some(json!({"name": name, "ownerId": cast.user_id(owner)}));
                self.ask(Method::PUT, &path, key, body, doing).await?
            }
            Access::Given { .. } => return Ok(name),
        };
        Ok(made.id)
    }

    async fn make_member(
        &self,
        cast: &Cast,
        group: &str,
        owner: Option<User>,
        member: User,
    ) -> Result<(), StageError> {
        let user = cast.user_id(member);
        let doing = format!("make `{user}` a member of `{group}`");
        let made: Result<Value, StageError> = match &self.access {
            Access::Dev => {
                let path = format!("groups/{group}/members");
                let body = Some(json!({ "userId": user }));
                let token = owner.map_or("", |owner| token(cast, owner));
                self.ask(Method::POST, &path, token, body, doing).await
            }
            Access::Admin { key, .. } => {
                let path = format!("admin/groups/{group}/members/{user}");
                self.ask(Method::PUT, &path, key, Some(json!({})), doing)
                    .await
            }
            Access::Given { .. } => return Ok(()),
        };
        made.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        body: Option<Value>,
        doing: impl Display,
    ) -> Result<T, StageError> {
        let unreachable = |source| StageError::Unreachable {
            doing: doing.to_string(),
            source,
        };
        let response = loop {
            let url = format!("{}/{path}", self.base);
            let mut request = (self.http.request(method.clone(), url))
                .bearer_auth(bearer)
                .timeout(ANSWERED_WITHIN);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(unreachable)?;
            match retry_after(&response) {
                Some(wait) => sleep(wait).await,
                None => break response,
            }
        };
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            let doing = doing.to_string();
            return Err(StageError::Refused {
                doing,
                status,
                body,
            });
        }
        response.json().await.map_err(unreachable)
    }
}

fn sign(user: &str, secret: &str) -> Result<String, jsonwebtoken::errors::Error> {
    let expires = jsonwebtoken::get_current_timestamp() + TOKEN_SECONDS;
    let claims = json!({"sub": user, "name": user, "exp": expires});
    let secret = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &secret)
}

/// How long a server that is asked too much wants to be left alone.
fn retry_after(response: &Response) -> Option<Duration> {
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

fn token(cast: &Cast, user: User) -> &str {
    &cast.tokens[user.0 as usize]
}
