use std::sync::Arc;

use axum::extract::State;
use chat_domain::{
    ports::PortError,
    revocation::{Revocation, TokenId},
    service::Shared,
};

use super::super::{
    answer::{Answer, HttpRefusal, ok},
    body::{Body, Segments, user_id},
    caller::Administrator,
};
use crate::{
    app::App,
    auth::LEEWAY,
    wire::{
        admin::{NodeReceipt, Receipt, Session, Sessions, names},
        field::{Problem, Seconds},
        incoming::RevokeToken,
        peers::{self, Question},
        refusal::{Code, Refusal},
        time::END_OF_TIME,
    },
};

/// No connection has a longer name.
const LONGEST_NAME: usize = 64;

/// The connections of a user, over all nodes.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{userId}/sessions", operation_id = "list_sessions", tag = "admin", params(("userId" = String, Path)),
    responses((status = 200, body = Sessions))
)]
pub async fn list(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
) -> Answer {
    let user = user_id(&id)?.to_string();
    let replies = app.peers.ask(Question::Sessions { user }).await;
    let (answers, silent) = replies.pick(|answer| match answer {
        peers::Answer::Sessions(sessions) => Some(sessions),
        _ => None,
    });
    let count = answers.iter().map(|(_, sessions)| sessions.count).sum();
    let items = answers.into_iter().flat_map(|(node, sessions)| {
        let first = sessions.first.into_iter();
        first.map(move |session| Session::new(node, session))
    });
    ok(&Sessions {
        count,
        items: items.collect(),
        silent: names(silent),
    })
}

/// End one connection of a user. Its name is that of the list.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{userId}/sessions/{session}", operation_id = "end_session", tag = "admin",
    params(("userId" = String, Path), ("session" = String, Path)), responses((status = 200, body = Receipt))
)]
pub async fn end(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments((id, session)): Segments<(String, String)>,
) -> Answer {
    let user = user_id(&id)?.to_string();
    if session.len() > LONGEST_NAME {
        return Err(Refusal::new(Code::NotFound, "There is no such session.").into());
    }
    ok(&closed(&app, Question::EndSession { user, session }).await)
}

/// End every connection of a user.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{userId}/sessions", operation_id = "end_sessions", tag = "admin", params(("userId" = String, Path)),
    responses((status = 200, body = Receipt))
)]
pub async fn end_all(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
) -> Answer {
    let user = user_id(&id)?;
    // First, so that each node counts what it ends; whoever does not hear it, hears what follows.
    let of_user = user.to_string();
    let receipt = closed(&app, Question::EndSessions { user: of_user }).await;
    app.chat.end_sessions(&user);
    app.connections.end_elsewhere(&user).await?;
    if app.chat.lacks(Shared::Bus) {
        // Those at other nodes go on: asking again when the nodes can be reached ends them too.
        let away = PortError::during("tell the other nodes")("they cannot be reached");
        return Err(HttpRefusal::from(away));
    }
    ok(&receipt)
}

/// Refuse a token by its `jti`, on every node and after restarts, and end its connections.
#[utoipa::path(
    post, path = "/api/v1/admin/tokens/{jti}/revoke", tag = "admin", params(("jti" = String, Path)),
    request_body = RevokeToken, responses((status = 200, body = Receipt))
)]
pub async fn revoke_token(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let token = TokenId::parse(&id).map_err(|error| Problem::new("jti", error))?;
    let exp = body.read::<RevokeToken>()?.exp;
    // Nodes' clocks may be apart as far as those of clients.
    let until = exp.map_or(END_OF_TIME, |Seconds(exp)| exp + LEEWAY + LEEWAY);
    let asked = Question::RevokeToken {
        token: token.as_str().to_owned(),
        until_ms: until.as_millis(),
    };
    let receipt = closed(&app, asked).await;
    app.chat.revoke_token(Revocation { token, until }).await?;
    ok(&receipt)
}

/// Has connections ended at every node.
async fn closed(app: &App, question: Question) -> Receipt {
    let replies = app.peers.ask(question).await;
    let (answers, silent) = replies.pick(|answer| match answer {
        peers::Answer::Closed(count) => Some(count),
        _ => None,
    });
    let nodes = answers.iter().map(|(node, count)| NodeReceipt {
        node: node.to_string(),
        sessions_closed: *count,
    });
    Receipt {
        sessions_closed: answers.iter().map(|(_, count)| count).sum(),
        nodes: nodes.collect(),
        silent: names(silent),
    }
}
