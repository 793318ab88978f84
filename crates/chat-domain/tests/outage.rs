//! What goes on while the database is away.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_domain::usecase::{
    history::ReadError, join::JoinError, send::SendError, typing::TypingError,
};

use self::support::{
    failing::Register,
    group, user_id,
    world::{POLICY, World},
};

/// For this long a membership is believed without asking.
const BELIEVED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn being_in_the_room_counts_as_membership_while_the_register_is_away() {
    let is_away = Arc::new(AtomicBool::new(false));
    let world = World::rigged(1, POLICY, |ports| {
        let register = Register::new(Arc::clone(&ports.memberships), Arc::clone(&is_away));
        ports.memberships = Arc::new(register);
    });
    world.group("tea", &["ada", "bob", "cid"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    let mut cid = world.connect(0, "cid").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    is_away.store(true, Ordering::SeqCst);
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));

    let sent_at_first = ada.send("tea", "hello").await;
    world.advance(BELIEVED).await;
    bob.take();
    let typed = ada.type_in("tea").await;
    let seen = chat.room_info(&user_id("ada"), &tea, None, 200).await;
    let typed_outside = cid.type_in("tea").await;
    let seen_outside = chat.room_info(&user_id("cid"), &tea, None, 200).await;
    let sent = ada.send("tea", "hello").await;
    let joined = cid.join("tea").await;
    let left = ada.leave("tea").await;

    assert!(sent_at_first.is_ok(), "a membership is asked for rarely");
    assert!(typed.is_ok() && seen.is_ok() && left.is_ok());
    assert!(matches!(typed_outside, Err(TypingError::Unavailable(_))));
    assert!(matches!(seen_outside, Err(ReadError::Unavailable(_))));
    assert!(matches!(sent, Err(SendError::Unavailable(_))));
    assert!(matches!(joined, Err(JoinError::Unavailable(_))));
    assert_eq!(
        bob.heard(),
        ["ada types", "ada stopped typing", "ada left (1)"]
    );
}
