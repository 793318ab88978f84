//! Who did what to whom: a line in the log for each administrative act, also for those that were refused.
//!
//! Administrative is all that needs the administrator's key, and what changes groups, members and roles. Texts are
//! never in it, nor is what is no id. Whoever has the key and only looks does nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    extract::{
        FromRequestParts, MatchedPath, RawPathParams, Request, rejection::RawPathParamsRejection,
    },
    http::{Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chat_domain::{
    id::{GroupId, UserId},
    member::Role,
};
use tracing::{Instrument, info};

use super::answer::HttpRefusal;
use crate::{
    logging::AUDIT,
    wire::refusal::{Code, Refusal},
};

/// Users talk here. That is no administration.
const TALK: [&str; 2] = ["/messages", "/read"];

const ADMINISTRATION: &str = "/api/v1/admin/";

/// What is known of an act so far. It goes with the request, and who learns more adds it.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Act>>);

#[derive(Default)]
struct Act {
    by: Option<String>,
    group: Option<GroupId>,
    user: Option<UserId>,
    role: Option<Role>,
}

impl Trail {
    /// A user with a valid token does it.
    pub fn is_by(&self, user: &UserId) {
        self.act().by = Some(format!("user {user}"));
    }

    /// Whoever has the administrator's key does it.
    pub fn is_by_administrator(&self) {
        self.act().by = Some("administrator".to_owned());
    }

    /// It makes this group.
    pub fn makes(&self, group: &GroupId) {
        self.act().group = Some(group.clone());
    }

    /// It is done to this user.
    pub fn concerns(&self, user: &UserId) {
        self.act().user = Some(user.clone());
    }

    /// It gives this role.
    pub fn gives(&self, role: Role) {
        self.act().role = Some(role);
    }

    fn write(&self, method: &Method, path: &str, response: &Response) {
        let act = self.act();
        info!(
            target: AUDIT,
            by = act.by.as_deref().unwrap_or("nobody"),
            group = act.group.as_ref().map(GroupId::as_str),
            user = act.user.as_ref().map(UserId::as_str),
            role = act.role.map(Role::as_str),
            status = response.status().as_u16(),
            "{method} {path}"
        );
    }

    fn act(&self) -> MutexGuard<'_, Act> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Trail {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpRefusal> {
        Ok(of(parts))
    }
}

/// The trail of a request; one that nobody reads, if it is no act.
pub fn of(parts: &Parts) -> Trail {
    parts.extensions.get().cloned().unwrap_or_default()
}

/// Writes the line when the act is over.
pub async fn note(
    path: MatchedPath,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    if !is_administrative(&method, path.as_str()) {
        return next.run(request).await;
    }
    let trail = Trail::default();
    for (name, value) in parameters.iter().flatten() {
        match name {
            "groupId" => trail.act().group = GroupId::parse(value).ok(),
            "userId" => trail.act().user = UserId::parse(value).ok(),
            _ => {}
        }
    }
    request.extensions_mut().insert(trail.clone());
    let is_look = method.is_safe();
    // Whoever asks may hang up: what was begun is finished, told and noted all the same.
    let acting = async move {
        let response = next.run(request).await;
        if !(is_look && response.status().is_success()) {
            trail.write(&method, path.as_str(), &response);
        }
        response
    };
    let acting = tokio::spawn(acting.in_current_span());
    acting.await.unwrap_or_else(|_| {
        let message = "Something went wrong in the server.";
        HttpRefusal::from(Refusal::new(Code::InternalError, message)).into_response()
    })
}

fn is_administrative(method: &Method, path: &str) -> bool {
    let is_talk = TALK.iter().any(|end| path.ends_with(end));
    path.starts_with(ADMINISTRATION) || !(method.is_safe() || is_talk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_and_is_no_talk_is_administrative() {
        for (method, path, expected) in [
            (Method::POST, "/api/v1/groups", true),
            (
                Method::DELETE,
                "/api/v1/groups/{groupId}/members/{userId}",
                true,
            ),
            (Method::POST, "/api/v1/groups/{groupId}/messages", false),
            (Method::POST, "/api/v1/groups/{groupId}/read", false),
            (Method::GET, "/api/v1/groups/{groupId}/members", false),
            (
                Method::POST,
                "/api/v1/admin/groups/{groupId}/messages",
                true,
            ),
            (Method::GET, "/api/v1/admin/anything", true),
        ] {
            assert_eq!(
                is_administrative(&method, path),
                expected,
                "{method} {path}"
            );
        }
    }
}
