use std::sync::Arc;

use axum::extract::State;
use chat_domain::member::Role;

use super::{
    super::{
        answer::{Answer, created, done, ok},
        audit::Trail,
        body::{Body, Parameters, Segments, group_id, user_id},
        caller::Caller,
    },
    cut, one_more,
};
use crate::{
    app::App,
    wire::{
        incoming::{AddMember, GiveRole, MembersPage, PassOn},
        record::{List, ListedMember, Member},
    },
};

/// The group's members, with their roles and whether they are in the room.
#[utoipa::path(
    get, path = "/api/v1/groups/{groupId}/members", operation_id = "list_members", tag = "members",
    params(("groupId" = String, Path), MembersPage),
    responses((status = 200, body = List<ListedMember<'static>>))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
    Parameters(page): Parameters<MembersPage>,
) -> Answer {
    let (limit, after) = (
        page.limit.unwrap_or_default(),
        page.cursor.map(|cursor| cursor.0),
    );
    let group = group_id(&id)?;
    let listed = app
        .chat
        .members_of(&user.id, &group, after.as_ref(), one_more(limit));
    let mut members = listed.await?;
    let next_cursor = cut(&mut members, limit, |entry| entry.member.user.clone());
    let items = members.iter().map(ListedMember::from).collect();
    ok(&List { items, next_cursor })
}

/// Add a member; `ADMIN` and above, with a role below one's own.
#[utoipa::path(
    post, path = "/api/v1/groups/{groupId}/members", operation_id = "add_member", tag = "members", params(("groupId" = String, Path)),
    request_body = AddMember, responses((status = 201, body = Member<'static>))
)]
pub async fn add(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    trail: Trail,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let AddMember { user_id, role } = body.read()?;
    let role = role.unwrap_or(Role::Member);
    trail.concerns(&user_id);
    trail.gives(role);
    let member = app
        .chat
        .add_member(&user.id, &group_id(&id)?, &user_id, role)
        .await?;
    created(&Member::from(&member))
}

/// Give a member another role; `ADMIN` and above, from and to roles below one's own.
#[utoipa::path(
    patch, path = "/api/v1/groups/{groupId}/members/{userId}", tag = "members",
    params(("groupId" = String, Path), ("userId" = String, Path)),
    request_body = GiveRole, responses((status = 200, body = Member<'static>))
)]
pub async fn give_role(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    trail: Trail,
    Segments((group, other)): Segments<(String, String)>,
    body: Body,
) -> Answer {
    let role = body.read::<GiveRole>()?.role;
    trail.gives(role);
    let (group, other) = (group_id(&group)?, user_id(&other)?);
    let member = app.chat.change_role(&user.id, &group, &other, role).await?;
    ok(&Member::from(&member))
}

/// Remove a member; `ADMIN` and above, somebody below; or anybody themselves.
#[utoipa::path(
    delete, path = "/api/v1/groups/{groupId}/members/{userId}", operation_id = "remove_member", tag = "members",
    params(("groupId" = String, Path), ("userId" = String, Path)), responses((status = 204))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments((group, other)): Segments<(String, String)>,
) -> Answer {
    app.chat
        .remove_member(&user.id, &group_id(&group)?, &user_id(&other)?)
        .await?;
    done()
}

/// Pass the group on to another member; `OWNER`, who becomes `ADMIN`.
#[utoipa::path(
    post, path = "/api/v1/groups/{groupId}/owner", operation_id = "pass_on_group", tag = "members", params(("groupId" = String, Path)),
    request_body = PassOn, responses((status = 200, body = Member<'static>))
)]
pub async fn pass_on(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    trail: Trail,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let heir = body.read::<PassOn>()?.user_id;
    trail.concerns(&heir);
    trail.gives(Role::Owner);
    let member = app.chat.pass_on(&user.id, &group_id(&id)?, &heir).await?;
    ok(&Member::from(&member))
}
