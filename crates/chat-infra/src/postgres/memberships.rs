//! Reading who is a member of what.

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, UserId},
    member::Member,
    ports::{MembershipRepo, PortError, PortResult},
    user::User,
};

use sqlx::postgres::PgRow;

use super::{PostgresDatabase, row};

const FIND: &str = "
    select group_id, user_id, role, joined_at from group_members where group_id = $1 and user_id = $2";

// No id is empty: '' stands before the first.
const LIST: &str = "
    select m.group_id, m.user_id, m.role, m.joined_at, u.name, u.image
    from group_members m join users u on u.id = m.user_id
    where m.group_id = $1 and m.user_id > $2 order by m.user_id limit $3";

const GROUPS_OF: &str = "
    select group_id from group_members where user_id = $1 order by group_id";

const AMONG: &str = "
    select m.group_id, m.user_id from unnest($1::text[], $2::text[]) pair (group_id, user_id)
    cross join lateral (
        select * from group_members m where m.group_id = pair.group_id and m.user_id = pair.user_id limit 1
    ) m";

#[async_trait]
impl MembershipRepo for PostgresDatabase {
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>> {
        self.connections
            .within(self.find_member(group, user))
            .await
            .map_err(PortError::during("find a member"))
    }

    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>> {
        self.connections
            .within(self.list_members(group, after, limit))
            .await
            .map_err(PortError::during("list the members of a group"))
    }

    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>> {
        self.connections
            .within(self.ids_of_groups(user))
            .await
            .map_err(PortError::during("list the groups of a user"))
    }

    async fn among(&self, pairs: &[(GroupId, UserId)]) -> PortResult<Vec<(GroupId, UserId)>> {
        self.connections
            .within(self.members_among(pairs))
            .await
            .map_err(PortError::during("find members among users"))
    }
}

impl PostgresDatabase {
    async fn find_member(&self, group: &GroupId, user: &UserId) -> sqlx::Result<Option<Member>> {
        let question = sqlx::query(FIND).bind(group.as_str()).bind(user.as_str());
        let found = self.connections.row(question).await?;
        found.as_ref().map(row::member).transpose()
    }

    async fn list_members(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> sqlx::Result<Vec<(Member, User)>> {
        let question = sqlx::query(LIST)
            .bind(group.as_str())
            .bind(after.map_or("", UserId::as_str))
            .bind(row::limit(limit));
        let rows = self.connections.rows(question).await?;
        rows.iter()
            .map(|found| {
                let user = row::user(found, "user_id", "name", "image")?;
                Ok((row::member(found)?, user))
            })
            .collect()
    }

    async fn ids_of_groups(&self, user: &UserId) -> sqlx::Result<Vec<GroupId>> {
        let question = sqlx::query(GROUPS_OF).bind(user.as_str());
        let rows = self.connections.rows(question).await?;
        rows.iter()
            .map(|found| row::group_id(found, "group_id"))
            .collect()
    }

    async fn members_among(
        &self,
        pairs: &[(GroupId, UserId)],
    ) -> sqlx::Result<Vec<(GroupId, UserId)>> {
        let groups: Vec<&str> = pairs.iter().map(|(group, _)| group.as_str()).collect();
        let users: Vec<&str> = pairs.iter().map(|(_, user)| user.as_str()).collect();
        let question = sqlx::query(AMONG).bind(groups).bind(users);
        let rows = self.connections.rows(question).await?;
        rows.iter().map(member_pair).collect()
    }
}

fn member_pair(found: &PgRow) -> sqlx::Result<(GroupId, UserId)> {
    Ok((
        row::group_id(found, "group_id")?,
        row::user_id(found, "user_id")?,
    ))
}
