use std::sync::Arc;

use axum::extract::State;

use super::{
    super::{
        answer::{Answer, created, done, ok},
        audit::Trail,
        body::{Body, Parameters, Segments, group_id},
        caller::Caller,
    },
    cut, one_more,
};
use crate::{
    app::App,
    wire::{
        incoming::{ChangeGroup, CreateGroup, GroupsPage},
        record::{GroupEntry, GroupRecord, List},
    },
};

/// Make a group; the caller owns it.
#[utoipa::path(
    post, path = "/api/v1/groups", operation_id = "create_group", tag = "groups", request_body = CreateGroup,
    responses((status = 201, body = GroupRecord<'static>))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    trail: Trail,
    body: Body,
) -> Answer {
    let new = body.read::<CreateGroup>()?.into_new_group();
    let group = app.chat.create_group(&user.id, new).await?;
    trail.makes(&group.group.id);
    created(&GroupRecord::from(&group))
}

/// The caller's groups.
#[utoipa::path(
    get, path = "/api/v1/groups", operation_id = "list_groups", tag = "groups", params(GroupsPage),
    responses((status = 200, body = List<GroupEntry<'static>>))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Parameters(page): Parameters<GroupsPage>,
) -> Answer {
    let (limit, after) = (
        page.limit.unwrap_or_default(),
        page.cursor.map(|cursor| cursor.0),
    );
    let mut groups = app
        .chat
        .groups_of(&user.id, after.as_ref(), one_more(limit))
        .await?;
    let next_cursor = cut(&mut groups, limit, |entry| entry.group.id.clone());
    let items = groups.iter().map(GroupEntry::from).collect();
    ok(&List { items, next_cursor })
}

/// A group.
#[utoipa::path(
    get, path = "/api/v1/groups/{groupId}", operation_id = "get_group", tag = "groups", params(("groupId" = String, Path)),
    responses((status = 200, body = GroupRecord<'static>))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
) -> Answer {
    let group = app.chat.group(&user.id, &group_id(&id)?).await?;
    ok(&GroupRecord::from(&group))
}

/// Change a group; `ADMIN` and above.
#[utoipa::path(
    patch, path = "/api/v1/groups/{groupId}", operation_id = "change_group", tag = "groups", params(("groupId" = String, Path)),
    request_body = ChangeGroup, responses((status = 200, body = GroupRecord<'static>))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let change = body.read::<ChangeGroup>()?.into_change();
    let group = app
        .chat
        .change_group(&user.id, &group_id(&id)?, &change)
        .await?;
    ok(&GroupRecord::from(&group))
}

/// Delete a group with its history; `OWNER`.
#[utoipa::path(
    delete, path = "/api/v1/groups/{groupId}", operation_id = "delete_group", tag = "groups", params(("groupId" = String, Path)),
    responses((status = 204))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
) -> Answer {
    app.chat.delete_group(&user.id, &group_id(&id)?).await?;
    done()
}
