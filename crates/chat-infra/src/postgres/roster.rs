//! Changing who is a member of what. A group never loses its last owner.

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, UserId},
    member::{Member, Role},
    ports::{Added, Changed, PortError, PortResult, Roster},
};
use sqlx::{PgConnection, Row};

use super::{PostgresDatabase, lease::Lease, row};

// Who is new has nothing to catch up with.
const ADD: &str = "
    with target as (select id, last_seq from groups where id = $1),
    added as (
        insert into group_members (group_id, user_id, role, joined_at, last_read_seq)
        select id, $2, $3, $4, last_seq from target
        on conflict (group_id, user_id) do nothing returning user_id
    )
    select exists (select 1 from target) as has_group, exists (select 1 from added) as is_new";

// Two changes of one group's members come one after the other: each sees what the other did. The group is not deleted
// meanwhile.
const TAKE_TURNS: &str = "select 1 from groups where id = $1 for no key update";

const STANDING: &str = "
    select role, exists (
        select 1 from group_members o where o.group_id = $1 and o.role = 'OWNER' and o.user_id <> $2
    ) as has_other_owner
    from group_members where group_id = $1 and user_id = $2";

const SET_ROLE: &str = "update group_members set role = $3 where group_id = $1 and user_id = $2";

const REMOVE: &str = "delete from group_members where group_id = $1 and user_id = $2";

const FORMER_OWNERS: &str = "
    select user_id from group_members
    where group_id = $1 and role = 'OWNER' and user_id <> $2 order by user_id";

const STEP_DOWN: &str = "
    update group_members set role = 'ADMIN' where group_id = $1 and role = 'OWNER' and user_id <> $2";

const CHANGED: &str = "update groups set roster = roster + 1 where id = $1";

#[async_trait]
impl Roster for PostgresDatabase {
    async fn add(&self, member: &Member) -> PortResult<Added> {
        self.connections
            .within(self.add_member(member))
            .await
            .map_err(PortError::during("add a member"))
    }

    async fn set_role(&self, group: &GroupId, user: &UserId, role: Role) -> PortResult<Changed> {
        self.connections
            .within(self.change_role(group, user, role))
            .await
            .map_err(PortError::during("change the role of a member"))
    }

    async fn remove(&self, group: &GroupId, user: &UserId) -> PortResult<Changed> {
        self.connections
            .within(self.remove_member(group, user))
            .await
            .map_err(PortError::during("remove a member"))
    }

    async fn pass_on(&self, group: &GroupId, heir: &UserId) -> PortResult<Option<Vec<UserId>>> {
        self.connections
            .within(self.pass_group_on(group, heir))
            .await
            .map_err(PortError::during("pass a group on"))
    }
}

impl PostgresDatabase {
    async fn add_member(&self, member: &Member) -> sqlx::Result<Added> {
        let mut writing = self.begin_turn(&member.group).await?;
        let answer = sqlx::query(ADD)
            .bind(member.group.as_str())
            .bind(member.user.as_str())
            .bind(member.role.as_str())
            .bind(row::moment(member.joined_at))
            .fetch_one(&mut *writing)
            .await?;
        let (has_group, is_new) = (answer.try_get("has_group")?, answer.try_get("is_new")?);
        if is_new {
            note_change(&mut writing, &member.group).await?;
        }
        writing.commit().await?;
        Ok(match (is_new, has_group) {
            (true, _) => Added::Done,
            (false, true) => Added::AlreadyMember,
            (false, false) => Added::NoSuchGroup,
        })
    }

    async fn change_role(
        &self,
        group: &GroupId,
        user: &UserId,
        role: Role,
    ) -> sqlx::Result<Changed> {
        let mut writing = self.begin_turn(group).await?;
        let changed = match standing(&mut writing, group, user).await? {
            Standing::NotAMember => Changed::NotAMember,
            Standing::LastOwner if role != Role::Owner => Changed::LastOwner,
            Standing::LastOwner | Standing::Free => {
                set_role(&mut writing, group, user, role).await?;
                note_change(&mut writing, group).await?;
                Changed::Done
            }
        };
        writing.commit().await?;
        Ok(changed)
    }

    async fn remove_member(&self, group: &GroupId, user: &UserId) -> sqlx::Result<Changed> {
        let mut writing = self.begin_turn(group).await?;
        let changed = match standing(&mut writing, group, user).await? {
            Standing::NotAMember => Changed::NotAMember,
            Standing::LastOwner => Changed::LastOwner,
            Standing::Free => {
                sqlx::query(REMOVE)
                    .bind(group.as_str())
                    .bind(user.as_str())
                    .execute(&mut *writing)
                    .await?;
                note_change(&mut writing, group).await?;
                Changed::Done
            }
        };
        writing.commit().await?;
        Ok(changed)
    }

    async fn pass_group_on(
        &self,
        group: &GroupId,
        heir: &UserId,
    ) -> sqlx::Result<Option<Vec<UserId>>> {
        let mut writing = self.begin_turn(group).await?;
        if !set_role(&mut writing, group, heir, Role::Owner).await? {
            writing.commit().await?;
            return Ok(None);
        }
        let former = sqlx::query(FORMER_OWNERS)
            .bind(group.as_str())
            .bind(heir.as_str())
            .fetch_all(&mut *writing)
            .await?;
        sqlx::query(STEP_DOWN)
            .bind(group.as_str())
            .bind(heir.as_str())
            .execute(&mut *writing)
            .await?;
        note_change(&mut writing, group).await?;
        writing.commit().await?;
        let former = former.iter().map(|found| row::user_id(found, "user_id"));
        former.collect::<sqlx::Result<_>>().map(Some)
    }
}

impl PostgresDatabase {
    /// Begins a transaction that nobody else's change of this group's members runs beside.
    async fn begin_turn(&self, group: &GroupId) -> sqlx::Result<Lease> {
        let mut writing = self.connections.begin().await?;
        sqlx::query(TAKE_TURNS)
            .bind(group.as_str())
            .execute(&mut *writing)
            .await?;
        Ok(writing)
    }
}

/// Whether a member may go.
enum Standing {
    NotAMember,
    LastOwner,
    Free,
}

async fn standing(
    writing: &mut PgConnection,
    group: &GroupId,
    user: &UserId,
) -> sqlx::Result<Standing> {
    let found = sqlx::query(STANDING)
        .bind(group.as_str())
        .bind(user.as_str())
        .fetch_optional(writing)
        .await?;
    let Some(found) = found else {
        return Ok(Standing::NotAMember);
    };
    let has_other_owner: bool = found.try_get("has_other_owner")?;
    if row::role(&found)? == Role::Owner && !has_other_owner {
        return Ok(Standing::LastOwner);
    }
    Ok(Standing::Free)
}

/// Returns whether the user is a member.
async fn set_role(
    writing: &mut PgConnection,
    group: &GroupId,
    user: &UserId,
    role: Role,
) -> sqlx::Result<bool> {
    let changed = sqlx::query(SET_ROLE)
        .bind(group.as_str())
        .bind(user.as_str())
        .bind(role.as_str())
        .execute(writing)
        .await?;
    Ok(changed.rows_affected() == 1)
}

/// Other nodes may not be told: they see it at the group.
async fn note_change(writing: &mut PgConnection, group: &GroupId) -> sqlx::Result<()> {
    sqlx::query(CHANGED)
        .bind(group.as_str())
        .execute(writing)
        .await?;
    Ok(())
}
