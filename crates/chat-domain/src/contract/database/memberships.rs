//! What every [`MembershipRepo`](crate::ports::MembershipRepo) must do.

use crate::{
    id::UserId,
    member::Role,
    user::{ImageUrl, User},
};

use super::{
    Database,
    scene::{NOON, group_id, member, user, user_id},
};

/// With everything in it.
pub async fn a_member_is_found(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.add("ops", "bob", Role::Moderator).await;

    let found = at.memberships.find(&group_id("ops"), &user_id("bob")).await;

    let expected = member("ops", "bob", Role::Moderator);
    assert_eq!(found.unwrap(), Some(expected));
}

/// Whether the group exists or not.
pub async fn who_is_no_member_is_not_found(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["bob"]).await;

    assert_eq!(at.role("ops", "bob").await, None);
    assert_eq!(at.role("ops", "nobody").await, None);
    assert_eq!(at.role("gone", "ada").await, None);
}

/// Ids are in the order of their bytes: no language has a say.
pub async fn members_are_listed_by_id_page_by_page(at: &Database) {
    at.people_in("ops", &["b", "_", "a", "B", "-", "9", "aa"])
        .await;
    at.people_in("dev", &["c"]).await;

    let mut pages: Vec<Vec<UserId>> = Vec::new();
    let mut after = None;
    while pages.len() < 10 {
        let page = at
            .memberships
            .list(&group_id("ops"), after.as_ref(), 3)
            .await;
        let ids: Vec<UserId> = page.unwrap().into_iter().map(|(it, _)| it.user).collect();
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        pages.push(ids);
    }

    let expected = [&["-", "9", "B"][..], &["_", "a", "aa"], &["b"]];
    assert_eq!(
        pages,
        expected.map(|ids| ids.iter().map(|id| user_id(id)).collect::<Vec<_>>())
    );
}

/// Not as they were when they were added.
pub async fn members_are_listed_with_their_records_of_today(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let today = User {
        image: ImageUrl::parse("https://example.org/ada.png"),
        ..user("ada", "Countess Ada")
    };
    at.users.save(&today, NOON).await.unwrap();

    let listed = at.memberships.list(&group_id("ops"), None, 10).await;

    let expected = (member("ops", "ada", Role::Owner), today);
    assert_eq!(listed.unwrap(), [expected]);
}

/// In any order.
pub async fn the_groups_of_a_user_are_those_with_a_membership(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.people_in("dev", &["bob"]).await;
    at.people_in("hr", &["ada"]).await;

    let mut groups = at.memberships.groups_of(&user_id("bob")).await.unwrap();

    groups.sort();
    assert_eq!(groups, [group_id("dev"), group_id("ops")]);
    let none = at.memberships.groups_of(&user_id("nobody")).await.unwrap();
    assert!(none.is_empty());
}

/// In any order.
pub async fn members_are_found_among_others(at: &Database) {
    at.people_in("ops", &["ada", "bob", "cyd"]).await;
    at.people_in("dev", &["eve"]).await;
    let pair = |(group, user)| (group_id(group), user_id(user));
    let asked = [
        ("ops", "nobody"),
        ("ops", "bob"),
        ("ops", "eve"),
        ("dev", "eve"),
        ("dev", "bob"),
        ("ops", "ada"),
        ("gone", "ada"),
    ];

    let among = at.memberships.among(&asked.map(pair)).await;
    let of_nobody = at.memberships.among(&[]).await;

    let mut among = among.unwrap();
    among.sort();
    let expected = [("dev", "eve"), ("ops", "ada"), ("ops", "bob")];
    assert_eq!(among, expected.map(pair));
    assert!(of_nobody.unwrap().is_empty());
}
