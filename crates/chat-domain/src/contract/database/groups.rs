//! What every [`GroupRepo`](crate::ports::GroupRepo) must do.

use crate::{
    contract::together::together,
    group::{Description, Group, GroupChange, GroupName},
    id::{GroupId, Seq},
    member::Role,
    news::ReadMark,
    ports::Appended,
    time::Timestamp,
};

use super::{
    Database,
    scene::{NOON, draft, draft_known_as, group, group_id, plain, user, user_id},
};

/// With everything in it.
pub async fn a_created_group_is_found_as_it_was_made(at: &Database) {
    at.users.save(&user("ada", "Ada"), NOON).await.unwrap();
    let ops = Group {
        description: Some(Description::parse("Night\nshift").unwrap()),
        is_private: true,
        ..group("ops")
    };

    assert!(at.groups.create(&ops, &user_id("ada")).await.unwrap());

    assert_eq!(at.groups.find(&ops.id).await.unwrap(), Some(ops));
}

/// Since the group was made, with nothing unread.
pub async fn who_creates_a_group_owns_it(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    let member = at.memberships.find(&group_id("ops"), &user_id("ada")).await;

    let member = member.unwrap().unwrap();
    assert_eq!((member.role, member.joined_at), (Role::Owner, NOON));
    assert_eq!(at.mark("ops", "ada", 0).await, Some((0, 0)));
}

/// The second attempt changes nothing, whoever makes it.
pub async fn a_group_is_created_once(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.users.save(&user("bob", "Bob"), NOON).await.unwrap();
    let other = Group {
        name: GroupName::parse("Other").unwrap(),
        ..group("ops")
    };

    let created = at.groups.create(&other, &user_id("bob")).await.unwrap();

    assert!(!created);
    assert_eq!(at.groups.find(&other.id).await.unwrap(), Some(group("ops")));
    assert_eq!(at.role("ops", "bob").await, None);
}

/// Provisioning may be started twice.
pub async fn of_many_creations_at_once_one_succeeds(at: &Database) {
    at.users.save(&user("ada", "Ada"), NOON).await.unwrap();
    let (ops, ada) = (group("ops"), user_id("ada"));

    let outcomes = together((0..10).map(|_| at.groups.create(&ops, &ada))).await;

    let made = outcomes.into_iter().filter(|made| *made.as_ref().unwrap());
    assert_eq!(made.count(), 1);
}

/// And answers with the group as it is then.
pub async fn a_change_touches_what_it_names(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let description = Description::parse("Night shift").unwrap();
    let mut expected = group("ops");

    expected.name = GroupName::parse("Operations").unwrap();
    let rename = GroupChange {
        name: Some(expected.name.clone()),
        ..GroupChange::default()
    };
    let renamed = at.groups.change(&expected.id, &rename).await.unwrap();
    assert_eq!(renamed.as_ref(), Some(&expected));

    expected.description = Some(description.clone());
    expected.is_private = true;
    let describe = GroupChange {
        description: Some(Some(description)),
        is_private: Some(true),
        ..GroupChange::default()
    };
    let described = at.groups.change(&expected.id, &describe).await.unwrap();
    assert_eq!(described.as_ref(), Some(&expected));

    let nothing = GroupChange::default();
    let same = at.groups.change(&expected.id, &nothing).await.unwrap();
    assert_eq!(same.as_ref(), Some(&expected));
    assert_eq!(at.groups.find(&expected.id).await.unwrap(), Some(expected));
}

/// To take away is not to leave alone.
pub async fn a_description_can_be_taken_away(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let change = |description| GroupChange {
        description: Some(description),
        ..GroupChange::default()
    };
    let text = Description::parse("Night shift").unwrap();
    let ops = group_id("ops");
    at.groups.change(&ops, &change(Some(text))).await.unwrap();

    at.groups.change(&ops, &change(None)).await.unwrap();

    assert_eq!(at.groups.find(&ops).await.unwrap(), Some(group("ops")));
}

/// It is no failure either.
pub async fn a_missing_group_is_neither_found_nor_changed_nor_deleted(at: &Database) {
    let gone = group_id("gone");
    let change = GroupChange::default();

    assert_eq!(at.groups.find(&gone).await.unwrap(), None);
    assert_eq!(at.groups.change(&gone, &change).await.unwrap(), None);
    assert!(!at.groups.delete(&gone).await.unwrap());
}

/// Members, messages and marks.
pub async fn a_deleted_group_takes_everything_with_it(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "ada", 3).await;
    let ops = group_id("ops");

    assert!(at.groups.delete(&ops).await.unwrap());

    assert_eq!(at.groups.find(&ops).await.unwrap(), None);
    assert_eq!(at.role("ops", "ada").await, None);
    assert!(
        at.memberships
            .list(&ops, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let groups = at.memberships.groups_of(&user_id("bob")).await.unwrap();
    assert!(groups.is_empty());
    let listed = at.groups.list(&user_id("bob"), None, 10).await.unwrap();
    assert!(listed.is_empty());
    assert_eq!(at.last_seq("ops").await, None);
    assert!(at.all_messages("ops").await.is_empty());
    assert_eq!(at.mark("ops", "bob", 1).await, None);
    let late = at.append(draft("ops", "ada", "hello?")).await;
    assert_eq!(late, Appended::NoSuchGroup);
}

/// People stay, and what they said elsewhere.
pub async fn a_deleted_group_leaves_the_others_alone(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.people_in("dev", &["ada", "bob"]).await;
    at.say("ops", "ada", "here").await;
    let there = at.say("dev", "ada", "there").await;

    at.groups.delete(&group_id("ops")).await.unwrap();

    assert_eq!(at.all_messages("dev").await, [there]);
    assert_eq!(at.role("dev", "bob").await, Some(Role::Member));
}

/// Nothing of the old one shows through, not even a client id.
pub async fn a_group_made_again_starts_anew(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    let draft = draft_known_as("ops", "ada", "c1");
    at.append(draft.clone()).await;
    at.groups.delete(&group_id("ops")).await.unwrap();

    at.people_in("ops", &["ada"]).await;

    assert_eq!(at.last_seq("ops").await, Some(0));
    assert_eq!(at.role("ops", "bob").await, None);
    let again = at.append(draft.clone()).await;
    assert_eq!(
        again,
        Appended::Stored(draft.into_message(Seq::new(1), None))
    );
}

/// Ids are in the order of their bytes: no language has a say.
pub async fn groups_are_listed_by_id_page_by_page(at: &Database) {
    for id in ["b", "_", "a", "B", "-", "9", "aa"] {
        at.people_in(id, &["ada"]).await;
    }

    let mut pages: Vec<Vec<GroupId>> = Vec::new();
    let mut after = None;
    while pages.len() < 10 {
        let page = at.groups.list(&user_id("ada"), after.as_ref(), 3).await;
        let ids: Vec<GroupId> = page.unwrap().into_iter().map(|it| it.group.id).collect();
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        pages.push(ids);
    }

    let expected = [&["-", "9", "B"][..], &["_", "a", "aa"], &["b"]];
    assert_eq!(
        pages,
        expected.map(|ids| ids.iter().map(|id| group_id(id)).collect::<Vec<_>>())
    );
}

/// All that a list of groups shows, without further questions.
pub async fn a_listed_group_shows_role_newest_message_and_mark(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "ada", 2).await;
    let newest = at.say("ops", "bob", "newest").await;
    at.mark("ops", "bob", 1).await;

    let listed = at.groups.list(&user_id("bob"), None, 10).await.unwrap();

    let [entry] = &listed[..] else {
        panic!("one group, not {listed:?}");
    };
    assert_eq!(entry.group.id, group_id("ops"));
    assert_eq!(entry.group.head.last_seq, newest.seq);
    assert_eq!(
        entry.group.created_at,
        Timestamp::from_millis(NOON.as_millis())
    );
    assert_eq!(entry.role, Role::Member);
    assert_eq!(entry.last_message.as_ref(), Some(&newest));
    assert_eq!(plain(entry.mark), (1, 1));
}

/// It is listed all the same.
pub async fn a_listed_group_without_messages_has_no_newest_one(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    let listed = at.groups.list(&user_id("ada"), None, 10).await.unwrap();

    let nothing = ReadMark {
        last_read: Seq::ZERO,
        unread: 0,
    };
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].group, group("ops"));
    assert_eq!((&listed[0].last_message, listed[0].mark), (&None, nothing));
}

/// Whoever else is where.
pub async fn only_the_users_own_groups_are_listed(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["bob", "ada"]).await;
    at.people_in("hr", &["bob"]).await;

    let listed = at.groups.list(&user_id("ada"), None, 10).await.unwrap();

    let ids: Vec<GroupId> = listed.into_iter().map(|entry| entry.group.id).collect();
    assert_eq!(ids, [group_id("dev"), group_id("ops")]);
}
