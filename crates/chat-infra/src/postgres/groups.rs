//! Groups' records.

use std::time::Duration;

use async_trait::async_trait;
use chat_domain::{
    group::{Description, Group, GroupChange, GroupName},
    id::{Epoch, GroupId, UserId},
    member::Role,
    ports::{GroupEntry, GroupRepo, PortError, PortResult},
};
use sqlx::{Row, postgres::PgRow};
use tokio::time::timeout;

use super::{
    PostgresDatabase,
    marks::unread,
    row::{self, message_columns, message_joins},
};

/// Less than any call may take: what is late here is no sign of a server that is away.
const DELETED_WITHIN: Duration = Duration::from_secs(2);

/// The columns of a group.
macro_rules! group_columns {
    () => {
        "groups.id as own_id, groups.name as group_name, groups.description, groups.is_private,
         groups.epoch, groups.last_seq, groups.created_at as group_created_at"
    };
}

// The roster of a group that was deleted and made again is another one.
const CREATE: &str = "
    with created as (
        insert into groups (id, name, description, is_private, epoch, last_seq, created_at, roster)
        values ($1, $2, $3, $4, $5, $6, $7, $10) on conflict (id) do nothing returning id
    )
    insert into group_members (group_id, user_id, role, joined_at, last_read_seq)
    select id, $8, $9, $7, 0 from created";

const FIND: &str = concat!("select ", group_columns!(), " from groups where id = $1");

const CHANGE: &str = concat!(
    "update groups set
        name = coalesce($2, name),
        description = case when $3 then $4 else description end,
        is_private = coalesce($5, is_private)
    where id = $1
    returning ",
    group_columns!(),
);

const DELETE: &str = "delete from groups where id = $1";

const NEW_EPOCH: &str = "update groups set epoch = $1";

// No id is empty: '' stands before the first.
const LIST: &str = concat!(
    "select p.role, p.last_read_seq, ",
    unread!(),
    " as unread, ",
    group_columns!(),
    ", ",
    message_columns!(),
    " from group_members p
    join groups on groups.id = p.group_id
    left join messages m on m.group_id = p.group_id
        and m.seq = (select max(newest.seq) from messages newest where newest.group_id = p.group_id) ",
    message_joins!(),
    " where p.user_id = $1 and p.group_id > $2 order by p.group_id limit $3",
);

#[async_trait]
impl GroupRepo for PostgresDatabase {
    async fn create(&self, group: &Group, owner: &UserId) -> PortResult<bool> {
        self.connections
            .within(self.create_group(group, owner))
            .await
            .map_err(PortError::during("create a group"))
    }

    async fn find(&self, group: &GroupId) -> PortResult<Option<Group>> {
        self.connections
            .within(self.find_group(group))
            .await
            .map_err(PortError::during("find a group"))
    }

    async fn change(&self, group: &GroupId, change: &GroupChange) -> PortResult<Option<Group>> {
        self.connections
            .within(self.change_group(group, change))
            .await
            .map_err(PortError::during("change a group"))
    }

    async fn delete(&self, group: &GroupId) -> PortResult<bool> {
        self.connections
            .within(self.delete_group(group))
            .await
            .map_err(PortError::during("delete a group"))
    }

    async fn list(
        &self,
        user: &UserId,
        after: Option<&GroupId>,
        limit: usize,
    ) -> PortResult<Vec<GroupEntry>> {
        self.connections
            .within(self.list_groups(user, after, limit))
            .await
            .map_err(PortError::during("list the groups of a user"))
    }
}

impl PostgresDatabase {
    async fn create_group(&self, group: &Group, owner: &UserId) -> sqlx::Result<bool> {
        let statement = sqlx::query(CREATE)
            .bind(group.id.as_str())
            .bind(group.name.as_str())
            .bind(group.description.as_ref().map(Description::as_str))
            .bind(group.is_private)
            .bind(group.head.epoch.as_str())
            .bind(row::integer(group.head.last_seq.get()))
            .bind(row::moment(group.created_at))
            .bind(owner.as_str())
            .bind(Role::Owner.as_str())
            .bind(row::integer(group.created_at.as_millis()));
        Ok(self.connections.change(statement).await? == 1)
    }

    async fn find_group(&self, group: &GroupId) -> sqlx::Result<Option<Group>> {
        let question = sqlx::query(FIND).bind(group.as_str());
        let found = self.connections.row(question).await?;
        found.as_ref().map(own).transpose()
    }

    async fn change_group(
        &self,
        group: &GroupId,
        change: &GroupChange,
    ) -> sqlx::Result<Option<Group>> {
        let description = change.description.as_ref();
        let statement = sqlx::query(CHANGE)
            .bind(group.as_str())
            .bind(change.name.as_ref().map(GroupName::as_str))
            .bind(description.is_some())
            .bind(
                description
                    .and_then(Option::as_ref)
                    .map(Description::as_str),
            )
            .bind(change.is_private);
        let changed = self.connections.row(statement).await?;
        changed.as_ref().map(own).transpose()
    }

    /// Members and messages go with it: the tables cascade.
    ///
    /// A million messages take longer than anybody waits. The server goes on all the same, and commits.
    async fn delete_group(&self, group: &GroupId) -> sqlx::Result<bool> {
        let mut connection = self.connections.connect_patiently().await?;
        let deleting = sqlx::query(DELETE)
            .bind(group.as_str())
            .execute(&mut connection);
        let deleted = timeout(DELETED_WITHIN, deleting)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(deleted.rows_affected() == 1)
    }

    async fn list_groups(
        &self,
        user: &UserId,
        after: Option<&GroupId>,
        limit: usize,
    ) -> sqlx::Result<Vec<GroupEntry>> {
        let question = sqlx::query(LIST)
            .bind(user.as_str())
            .bind(after.map_or("", GroupId::as_str))
            .bind(row::limit(limit));
        let rows = self.connections.rows(question).await?;
        rows.iter().map(entry).collect()
    }

    /// There may be many groups.
    pub(super) async fn write_epoch(&self, epoch: &Epoch) -> sqlx::Result<()> {
        let mut connection = self.connections.connect_patiently().await?;
        sqlx::query(NEW_EPOCH)
            .bind(epoch.as_str())
            .execute(&mut connection)
            .await?;
        Ok(())
    }
}

/// A group, from the columns above.
fn own(found: &PgRow) -> sqlx::Result<Group> {
    let description = row::optional_text(found, "description")?.map(Description::parse);
    let name = GroupName::parse(row::text(found, "group_name")?);
    Ok(Group {
        id: row::group_id(found, "own_id")?,
        name: name.map_err(row::odd("group_name"))?,
        description: description.transpose().map_err(row::odd("description"))?,
        is_private: found.try_get("is_private")?,
        head: row::head(found)?,
        created_at: row::time(found, "group_created_at")?,
    })
}

fn entry(found: &PgRow) -> sqlx::Result<GroupEntry> {
    let newest: Option<i64> = found.try_get("seq")?;
    Ok(GroupEntry {
        group: own(found)?,
        role: row::role(found)?,
        last_message: newest.map(|_| row::message(found)).transpose()?,
        mark: row::mark(found)?,
    })
}
