use std::sync::Arc;

use axum::extract::State;
use chat_domain::user::User as DomainUser;

use super::super::{
    answer::{Answer, ok},
    body::{Body, Segments, user_id},
    caller::Administrator,
};
use crate::{
    app::App,
    wire::{incoming::PutUser, record::User},
};

/// Create a user's record, or bring it up to date.
#[utoipa::path(
    put, path = "/api/v1/admin/users/{userId}", tag = "admin", params(("userId" = String, Path)),
    request_body = PutUser, responses((status = 200, body = User<'static>))
)]
pub async fn put_user(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let record = body.read::<PutUser>()?;
    let image = record.image()?;
    let user = DomainUser {
        id: user_id(&id)?,
        name: record.name,
        image,
    };
    app.chat.save_user(&user).await?;
    app.known_users.forget(&user.id);
    ok(&User::from(&user))
}
