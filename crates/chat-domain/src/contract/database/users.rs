//! What every [`UserRepo`](crate::ports::UserRepo) must do.

use crate::{
    contract::together::together,
    user::{ImageUrl, User},
};

use super::{
    Database,
    scene::{NOON, user, user_id},
};

/// With everything in it.
pub async fn a_saved_user_is_found(at: &Database) {
    let ada = User {
        image: ImageUrl::parse("https://example.org/ada.png"),
        ..user("ada", "Ada \u{1F680} Lovelace")
    };

    at.users.save(&ada, NOON).await.unwrap();

    assert_eq!(at.users.find(&ada.id).await.unwrap(), Some(ada));
}

/// Ids are exact: case counts.
pub async fn an_unknown_user_is_not_found(at: &Database) {
    at.users.save(&user("ada", "Ada"), NOON).await.unwrap();

    assert_eq!(at.users.find(&user_id("Ada")).await.unwrap(), None);
}

/// What the new record does not have is gone.
pub async fn saving_a_user_again_replaces_the_record(at: &Database) {
    let before = User {
        image: ImageUrl::parse("https://example.org/ada.png"),
        ..user("ada", "Ada")
    };
    at.users.save(&before, NOON).await.unwrap();

    let after = user("ada", "Countess Ada");
    at.users.save(&after, NOON).await.unwrap();

    assert_eq!(at.users.find(&after.id).await.unwrap(), Some(after));
}

/// A change of one thing is a change.
pub async fn a_new_name_or_picture_alone_is_saved(at: &Database) {
    let with_picture = User {
        image: ImageUrl::parse("https://example.org/ada.png"),
        ..user("ada", "Ada")
    };
    let renamed = User {
        name: user("ada", "Countess Ada").name,
        ..with_picture.clone()
    };

    for ada in [user("ada", "Ada"), with_picture, renamed] {
        at.users.save(&ada, NOON).await.unwrap();
        assert_eq!(at.users.find(&ada.id).await.unwrap(), Some(ada));
    }
}

/// Somebody may be made a member before the first connection.
pub async fn an_ensured_user_is_named_after_the_id(at: &Database) {
    at.users.ensure(&user_id("ada"), NOON).await.unwrap();

    let found = at.users.find(&user_id("ada")).await.unwrap();
    assert_eq!(found, Some(user("ada", "ada")));
}

/// Who has a name keeps it.
pub async fn ensuring_a_user_keeps_the_record(at: &Database) {
    let ada = user("ada", "Ada");
    at.users.save(&ada, NOON).await.unwrap();

    at.users.ensure(&ada.id, NOON).await.unwrap();

    assert_eq!(at.users.find(&ada.id).await.unwrap(), Some(ada));
}

/// Nobody is in the way of anybody.
pub async fn a_user_ensured_many_times_at_once_is_there(at: &Database) {
    let ada = user_id("ada");

    let outcomes = together((0..20).map(|_| at.users.ensure(&ada, NOON))).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(at.users.find(&ada).await.unwrap().is_some());
}
