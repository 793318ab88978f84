//! What every [`Roster`](crate::ports::Roster) must do.

use std::time::Duration;

use crate::{
    contract::together::together,
    group::Group,
    member::Role,
    ports::{Added, Changed},
};

use super::{
    Database,
    scene::{NOON, group, group_id, member, user, user_id},
};

/// In that role.
pub async fn an_added_member_is_one(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.users.save(&user("bob", "Bob"), NOON).await.unwrap();

    let added = at.roster.add(&member("ops", "bob", Role::Admin)).await;

    assert_eq!(added.unwrap(), Added::Done);
    assert_eq!(at.role("ops", "bob").await, Some(Role::Admin));
}

/// Neither the role nor the mark.
pub async fn adding_a_member_again_changes_nothing(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say("ops", "ada", "unread").await;

    let added = at.roster.add(&member("ops", "bob", Role::Admin)).await;

    assert_eq!(added.unwrap(), Added::AlreadyMember);
    assert_eq!(at.role("ops", "bob").await, Some(Role::Member));
    assert_eq!(at.mark("ops", "bob", 0).await, Some((0, 1)));
}

/// The others hear that there is a member already.
pub async fn of_many_additions_at_once_one_succeeds(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.users.save(&user("bob", "Bob"), NOON).await.unwrap();
    let bob = member("ops", "bob", Role::Member);

    let outcomes = together((0..10).map(|_| at.roster.add(&bob))).await;

    let count = |wanted| {
        let same = outcomes.iter().filter(|it| *it.as_ref().unwrap() == wanted);
        same.count()
    };
    assert_eq!((count(Added::Done), count(Added::AlreadyMember)), (1, 9));
}

/// It is no failure either.
pub async fn nobody_is_added_to_a_missing_group(at: &Database) {
    at.users.save(&user("bob", "Bob"), NOON).await.unwrap();

    let added = at.roster.add(&member("gone", "bob", Role::Member)).await;

    assert_eq!(added.unwrap(), Added::NoSuchGroup);
}

/// Also who comes back.
pub async fn a_new_member_has_nothing_to_catch_up_with(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.say_many("ops", "ada", 3).await;
    at.add("ops", "bob", Role::Member).await;
    assert_eq!(at.mark("ops", "bob", 0).await, Some((3, 0)));

    at.remove("ops", "bob").await;
    at.say("ops", "ada", "meanwhile").await;
    at.add("ops", "bob", Role::Member).await;

    assert_eq!(at.mark("ops", "bob", 0).await, Some((4, 0)));
}

/// To any role, and to the same one.
pub async fn a_role_is_changed(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;

    for role in [Role::Owner, Role::Member, Role::Admin, Role::Admin] {
        assert_eq!(at.set_role("ops", "bob", role).await, Changed::Done);
        assert_eq!(at.role("ops", "bob").await, Some(role));
    }
    assert_eq!(at.role("ops", "ada").await, Some(Role::Owner));
}

/// Whether the group exists or not.
pub async fn who_is_no_member_has_no_role_to_change(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    for (group, user) in [("ops", "bob"), ("gone", "ada")] {
        let changed = at.set_role(group, user, Role::Admin).await;
        assert_eq!(changed, Changed::NotAMember, "{user} of {group}");
    }
}

/// Being made an owner again is no loss.
pub async fn the_last_owner_keeps_the_role(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;

    let lowered = at.set_role("ops", "ada", Role::Admin).await;
    let kept = at.set_role("ops", "ada", Role::Owner).await;

    assert_eq!((lowered, kept), (Changed::LastOwner, Changed::Done));
    assert_eq!(at.role("ops", "ada").await, Some(Role::Owner));
}

/// Whoever comes last.
pub async fn of_owners_who_step_down_at_once_one_stays(at: &Database) {
    let owners = ["ada", "bob", "cyd"];
    at.people_in("ops", &owners).await;
    for owner in owners {
        at.set_role("ops", owner, Role::Owner).await;
    }

    let step_down = |owner| at.set_role("ops", owner, Role::Member);
    let outcomes = together(owners.map(step_down)).await;

    let refused = outcomes.iter().filter(|it| **it == Changed::LastOwner);
    assert_eq!(refused.count(), 1, "{outcomes:?}");
    assert_eq!(at.who_is("ops", Role::Owner).await.len(), 1);
}

/// The mark goes too.
pub async fn a_removed_member_is_none_any_more(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;

    let removed = at.remove("ops", "bob").await;

    assert_eq!(removed, Changed::Done);
    assert_eq!(at.role("ops", "bob").await, None);
    assert_eq!(at.mark("ops", "bob", 0).await, None);
}

/// Whether the group exists or not.
pub async fn who_is_no_member_is_not_removed(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    assert_eq!(at.remove("ops", "bob").await, Changed::NotAMember);
    assert_eq!(at.remove("gone", "ada").await, Changed::NotAMember);
}

/// Not even as the last member.
pub async fn the_last_owner_is_not_removed(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    assert_eq!(at.remove("ops", "ada").await, Changed::LastOwner);
    assert_eq!(at.role("ops", "ada").await, Some(Role::Owner));
}

/// Whoever comes last.
pub async fn of_owners_removed_at_once_one_stays(at: &Database) {
    let owners = ["ada", "bob", "cyd"];
    at.people_in("ops", &owners).await;
    for owner in owners {
        at.set_role("ops", owner, Role::Owner).await;
    }

    let outcomes = together(owners.map(|owner| at.remove("ops", owner))).await;

    let refused = outcomes.iter().filter(|it| **it == Changed::LastOwner);
    assert_eq!(refused.count(), 1, "{outcomes:?}");
    assert_eq!(at.who_is("ops", Role::Owner).await.len(), 1);
}

/// Who were owners before become admins, and are named.
pub async fn passing_on_makes_the_heir_the_only_owner(at: &Database) {
    at.people_in("ops", &["cyd", "bob", "eve", "ada"]).await;
    at.set_role("ops", "ada", Role::Owner).await;

    let former = at.roster.pass_on(&group_id("ops"), &user_id("bob")).await;

    let former_owners = vec![user_id("ada"), user_id("cyd")];
    assert_eq!(former.unwrap().as_ref(), Some(&former_owners));
    assert_eq!(at.who_is("ops", Role::Owner).await, [user_id("bob")]);
    assert_eq!(at.who_is("ops", Role::Admin).await, former_owners);
    assert_eq!(at.who_is("ops", Role::Member).await, [user_id("eve")]);
}

/// Nobody loses a role.
pub async fn passing_on_to_oneself_changes_nothing(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;

    let former = at.roster.pass_on(&group_id("ops"), &user_id("ada")).await;

    assert_eq!(former.unwrap(), Some(Vec::new()));
    assert_eq!(at.who_is("ops", Role::Owner).await, [user_id("ada")]);
}

/// Whether the group exists or not.
pub async fn passing_on_to_who_is_no_member_changes_nothing(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    for group in ["ops", "gone"] {
        let former = at.roster.pass_on(&group_id(group), &user_id("bob")).await;
        assert_eq!(former.unwrap(), None, "{group}");
    }
    assert_eq!(at.who_is("ops", Role::Owner).await, [user_id("ada")]);
}

async fn roster_of(at: &Database, group: &str) -> u64 {
    let tips = at.log.tips(&[group_id(group)]).await.unwrap();
    tips[0].1.roster
}

/// And so of nodes that nobody tells. What is said is none.
pub async fn every_change_of_members_is_seen_at_the_group(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["ada"]).await;
    let other = roster_of(at, "dev").await;
    let mut rosters = vec![roster_of(at, "ops").await];

    at.add("ops", "bob", Role::Member).await;
    rosters.push(roster_of(at, "ops").await);
    at.set_role("ops", "bob", Role::Admin).await;
    rosters.push(roster_of(at, "ops").await);
    let passed_on = at.roster.pass_on(&group_id("ops"), &user_id("bob")).await;
    passed_on.unwrap();
    rosters.push(roster_of(at, "ops").await);
    at.remove("ops", "ada").await;
    rosters.push(roster_of(at, "ops").await);
    at.say("ops", "bob", "hello").await;

    let mut distinct = rosters.clone();
    distinct.dedup();
    assert_eq!(distinct, rosters);
    assert!(rosters.is_sorted());
    assert_eq!(roster_of(at, "ops").await, rosters[4]);
    assert_eq!(roster_of(at, "dev").await, other);
}

/// Nobody has to look.
pub async fn what_changes_nobody_is_not_seen_at_the_group(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    let before = roster_of(at, "ops").await;

    let again = at.roster.add(&member("ops", "bob", Role::Member)).await;
    let refused = at.remove("ops", "ada").await;
    let missing = at.remove("ops", "cyd").await;
    let nobody = at.roster.pass_on(&group_id("ops"), &user_id("cyd")).await;

    assert_eq!(again.unwrap(), Added::AlreadyMember);
    assert_eq!(
        (refused, missing),
        (Changed::LastOwner, Changed::NotAMember)
    );
    assert_eq!(nobody.unwrap(), None);
    assert_eq!(roster_of(at, "ops").await, before);
}

/// Who was a member of the first may be none of the second.
pub async fn a_group_that_was_made_again_has_another_roster(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let first = roster_of(at, "ops").await;

    at.groups.delete(&group_id("ops")).await.unwrap();
    let again = Group {
        created_at: NOON + Duration::from_millis(1),
        ..group("ops")
    };
    at.groups.create(&again, &user_id("ada")).await.unwrap();

    assert_ne!(roster_of(at, "ops").await, first);
}
