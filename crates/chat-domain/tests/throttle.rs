//! What costs a node much is limited.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::time::Duration;

use chat_domain::{
    limit::Quota,
    usecase::{
        Policy,
        history::{From, ReadError},
        join::JoinError,
    },
};

use self::support::{
    group, user_id,
    world::{POLICY, World},
};

#[tokio::test]
async fn joins_of_a_user_are_limited_whatever_becomes_of_them() {
    let policy = Policy {
        joins: Quota::new(2, 1),
        ..POLICY
    };
    let world = World::with(1, policy);
    world.group("tea", &["ada", "bob"]).await;
    let mut desk = world.connect(0, "ada").await;
    let mut phone = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    desk.join("tea").await.unwrap();
    desk.join("milk").await.unwrap_err();

    let refused = phone.join("tea").await;
    let of_bob = bob.join("tea").await;
    world.advance(Duration::from_secs(1)).await;
    let later = phone.join("tea").await;

    let Err(JoinError::TooMany(wait)) = refused else {
        panic!("a join in vain counts too");
    };
    assert_eq!(wait.0, Duration::from_secs(1));
    assert!(of_bob.is_ok());
    assert!(later.is_ok());
}

#[tokio::test]
async fn pages_of_history_are_limited_whatever_becomes_of_them() {
    let policy = Policy {
        history: Quota::new(2, 1),
        ..POLICY
    };
    let world = World::with(1, policy);
    world.group("tea", &["ada"]).await;
    let chat = &world.nodes[0].chat;
    let (ada, tea, milk) = (user_id("ada"), group("tea"), group("milk"));
    chat.history(&ada, &tea, From::Newest, 2).await.unwrap();
    let foreign = chat.history(&ada, &milk, From::Newest, 2).await;

    let refused = chat.history(&ada, &tea, From::Newest, 2).await;

    assert!(matches!(foreign, Err(ReadError::NotAMember)));
    assert!(matches!(refused, Err(ReadError::TooMany(_))));
}
