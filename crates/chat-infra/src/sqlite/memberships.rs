//! Reading who is a member of what.

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, UserId},
    member::Member,
    ports::{MembershipRepo, PortError, PortResult},
    user::User,
};
use sqlx::{sqlite::SqliteRow, types::Json};

use super::{SqliteDatabase, row};

pub(super) const FIND: &str = "
    select group_id, user_id, role, joined_at from group_members where group_id = ?1 and user_id = ?2";

// No id is empty: '' stands before the first.
pub(super) const LIST: &str = "
    select m.group_id, m.user_id, m.role, m.joined_at, u.name, u.image
    from group_members m join users u on u.id = m.user_id
    where m.group_id = ?1 and m.user_id > ?2 order by m.user_id limit ?3";

pub(super) const GROUPS_OF: &str = "
    select group_id from group_members where user_id = ?1 order by group_id";

pub(super) const AMONG: &str = "
    select m.group_id, m.user_id from json_each(?1) pair
    cross join group_members m on m.group_id = pair.value ->> 0 and m.user_id = pair.value ->> 1";

#[async_trait]
impl MembershipRepo for SqliteDatabase {
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>> {
        self.find_member(group, user)
            .await
            .map_err(PortError::during("find a member"))
    }

    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>> {
        self.list_members(group, after, limit)
            .await
            .map_err(PortError::during("list the members of a group"))
    }

    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>> {
        self.ids_of_groups(user)
            .await
            .map_err(PortError::during("list the groups of a user"))
    }

    async fn among(&self, pairs: &[(GroupId, UserId)]) -> PortResult<Vec<(GroupId, UserId)>> {
        self.members_among(pairs)
            .await
            .map_err(PortError::during("find members among users"))
    }
}

impl SqliteDatabase {
    async fn find_member(&self, group: &GroupId, user: &UserId) -> sqlx::Result<Option<Member>> {
        let found = sqlx::query(FIND)
            .bind(group.as_str())
            .bind(user.as_str())
            .fetch_optional(self.connections.readers())
            .await?;
        found.as_ref().map(row::member).transpose()
    }

    async fn list_members(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> sqlx::Result<Vec<(Member, User)>> {
        let rows = sqlx::query(LIST)
            .bind(group.as_str())
            .bind(after.map_or("", UserId::as_str))
            .bind(row::limit(limit))
            .fetch_all(self.connections.readers())
            .await?;
        rows.iter()
            .map(|found| {
                let user = row::user(found, "user_id", "name", "image")?;
                Ok((row::member(found)?, user))
            })
            .collect()
    }

    async fn ids_of_groups(&self, user: &UserId) -> sqlx::Result<Vec<GroupId>> {
        let rows = sqlx::query(GROUPS_OF)
            .bind(user.as_str())
            .fetch_all(self.connections.readers())
            .await?;
        rows.iter()
            .map(|found| row::group_id(found, "group_id"))
            .collect()
    }

    async fn members_among(
        &self,
        pairs: &[(GroupId, UserId)],
    ) -> sqlx::Result<Vec<(GroupId, UserId)>> {
        let ids = pairs
            .iter()
            .map(|(group, user)| (group.as_str(), user.as_str()));
        let rows = sqlx::query(AMONG)
            .bind(Json(ids.collect::<Vec<_>>()))
            .fetch_all(self.connections.readers())
            .await?;
        rows.iter().map(member_pair).collect()
    }
}

fn member_pair(found: &SqliteRow) -> sqlx::Result<(GroupId, UserId)> {
    Ok((
        row::group_id(found, "group_id")?,
        row::user_id(found, "user_id")?,
    ))
}
