use std::sync::Arc;

use axum::extract::State;
use chat_domain::member::Role;

use super::super::{
    answer::{Answer, HttpRefusal, done, ok},
    api::messages::{answer, to_the_end},
    audit::Trail,
    body::{Body, Segments, group_id, user_id},
    caller::Administrator,
};
use crate::{
    app::App,
    wire::{
        field::Problem,
        incoming::{AdminMessage, PutGroup, PutMember},
        record::{GroupRecord, Member, Message},
    },
};

/// Create a group, or give it that name and owner.
#[utoipa::path(
    put, path = "/api/v1/admin/groups/{groupId}", tag = "admin", params(("groupId" = String, Path)),
    request_body = PutGroup, responses((status = 200, body = GroupRecord<'static>))
)]
pub async fn put_group(
    _: Administrator,
    State(app): State<Arc<App>>,
    trail: Trail,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let PutGroup { name, owner_id } = body.read()?;
    trail.concerns(&owner_id);
    trail.gives(Role::Owner);
    let group = app.chat.put_group(&group_id(&id)?, name, &owner_id).await?;
    ok(&GroupRecord::from(&group))
}

/// Make a user a member with that role, whatever was before.
#[utoipa::path(
    put, path = "/api/v1/admin/groups/{groupId}/members/{userId}", tag = "admin",
    params(("groupId" = String, Path), ("userId" = String, Path)),
    request_body = PutMember, responses((status = 200, body = Member<'static>))
)]
pub async fn put_member(
    _: Administrator,
    State(app): State<Arc<App>>,
    trail: Trail,
    Segments((group, user)): Segments<(String, String)>,
    body: Body,
) -> Answer {
    let role = body.read::<PutMember>()?.role.unwrap_or(Role::Member);
    trail.gives(role);
    let member = app
        .chat
        .put_member(&group_id(&group)?, &user_id(&user)?, role)
        .await?;
    ok(&Member::from(&member))
}

/// Remove a member, if there is one.
#[utoipa::path(
    delete, path = "/api/v1/admin/groups/{groupId}/members/{userId}", tag = "admin",
    params(("groupId" = String, Path), ("userId" = String, Path)), responses((status = 204))
)]
pub async fn delete_member(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments((group, user)): Segments<(String, String)>,
) -> Answer {
    app.chat
        .delete_member(&group_id(&group)?, &user_id(&user)?)
        .await?;
    done()
}

/// Send in a member's name, or, without `senderId`, in the server's own.
#[utoipa::path(
    post, path = "/api/v1/admin/groups/{groupId}/messages", operation_id = "announce", tag = "admin", params(("groupId" = String, Path)),
    request_body = AdminMessage,
    responses(
        (status = 201, body = Message<'static>),
        (status = 200, body = Message<'static>, description = "sent before"),
    )
)]
pub async fn send(
    _: Administrator,
    State(app): State<Arc<App>>,
    trail: Trail,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let group = group_id(&id)?;
    let message = body.read::<AdminMessage>()?;
    let (sender, what) = message.into_parts(app.config.limits.message_chars)?;
    if let Some(sender) = &sender {
        trail.concerns(sender);
    }
    let Some(sender) = sender else {
        let sending = async move { app.chat.announce(&group, what.body, what.client_id).await };
        return answer(&to_the_end(sending).await?);
    };
    let stranger = || HttpRefusal::from(Problem::new("senderId", "is no user"));
    let user = app.chat.user(&sender).await?.ok_or_else(stranger)?;
    let sending = async move { app.chat.post_for(&user, &group, what).await };
    answer(&to_the_end(sending).await?)
}
