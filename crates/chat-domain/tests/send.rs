//! Saying something, and the order in which it arrives.

mod support;

use std::{sync::Arc, time::Duration};

use chat_domain::{
    id::{MessageId, Seq},
    limit::Quota,
    member::Composition,
    message::MessageBody,
    news::Notice,
    ports::Listener,
    time::Timestamp,
    usecase::{Policy, send::SendError},
};

use self::support::{
    client::{composition, named},
    failing::{away, log_with_head},
    group,
    line::Weather,
    user,
    world::{POLICY, World},
};

#[tokio::test]
async fn everybody_in_the_room_hears_a_message_the_sender_included() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    let cid = world.connect(1, "cid").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();

    let sent = ada.send("tea", "hello").await.unwrap();

    assert_eq!((sent.message.seq, sent.is_duplicate), (Seq::new(1), false));
    assert_eq!(
        ada.heard(),
        ["welcome after 0", "bob joined (2)", "1 ada: hello"]
    );
    assert_eq!(bob.heard(), ["welcome after 0", "1 ada: hello"]);
    assert!(cid.heard().is_empty());
}

#[tokio::test]
async fn a_sender_is_a_member_and_in_the_room() {
    let world = World::new(1);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    let other_tab = world.connect(0, "ada").await;
    let eve = world.connect(0, "eve").await;

    let by_stranger = eve.send("tea", "hi").await;
    let from_outside = other_tab.send("tea", "hi").await;
    let to_nothing = ada.send("nothing", "hi").await;

    assert!(matches!(by_stranger, Err(SendError::NotAMember)));
    assert!(matches!(from_outside, Err(SendError::NotInRoom)));
    assert!(matches!(to_nothing, Err(SendError::NotAMember)));
    assert_eq!(ada.heard(), ["welcome after 0"]);
}

#[tokio::test]
async fn posting_needs_membership_but_no_socket() {
    let world = World::new(1);
    world.group("tea", &["ada", "bob"]).await;
    let mut bob = world.connect(0, "bob").await;
    bob.join("tea").await.unwrap();
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));

    let by_member = chat.post(&user("ada"), &tea, composition("hi")).await;
    let by_stranger = chat.post(&user("eve"), &tea, composition("hi")).await;
    let notice = MessageBody::stored("closing soon");
    let by_server = chat.announce(&tea, notice.clone(), None).await;
    let to_nothing = chat.announce(&group("nothing"), notice, None).await;

    assert!(by_member.is_ok() && by_server.is_ok());
    assert!(matches!(by_stranger, Err(SendError::NotAMember)));
    assert!(matches!(to_nothing, Err(SendError::NotAMember)));
    assert_eq!(
        bob.heard(),
        ["welcome after 0", "1 ada: hi", "2 the server: closing soon"]
    );
}

#[tokio::test]
async fn an_answer_stays_in_its_group_and_quotes_what_it_answers() {
    let world = World::new(1);
    world.group("tea", &["ada"]).await;
    world.group("milk", &["ada"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    ada.join("milk").await.unwrap();
    let question = ada.send("tea", "one or two?").await.unwrap().message.id;
    let answer = |to| Composition {
        reply_to: Some(to),
        ..composition("two")
    };

    let here = ada.send_with("tea", answer(question)).await.unwrap();
    let elsewhere = ada.send_with("milk", answer(question)).await;
    let unknown = MessageId::v7(Timestamp::default(), 0);
    let nowhere = ada.send_with("tea", answer(unknown)).await;

    let quote = here.message.reply_to.as_ref().unwrap();
    assert_eq!((quote.id, quote.body.as_str()), (question, "one or two?"));
    assert!(matches!(elsewhere, Err(SendError::NoSuchReply)));
    assert!(matches!(nowhere, Err(SendError::NoSuchReply)));
}

#[tokio::test]
async fn the_same_message_sent_again_is_answered_with_the_first_and_told_nobody() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut desk = world.connect(0, "ada").await;
    let mut phone = world.connect(1, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    for client in [&mut desk, &mut phone, &mut bob] {
        client.join("tea").await.unwrap();
    }

    let first = desk.send_with("tea", named("hello", "m1")).await.unwrap();
    let again = phone.send_with("tea", named("other", "m1")).await.unwrap();
    let others = bob.send_with("tea", named("mine", "m1")).await.unwrap();

    assert!(again.is_duplicate && !first.is_duplicate && !others.is_duplicate);
    assert_eq!(again.message, first.message);
    assert_eq!(
        bob.heard(),
        ["welcome after 0", "1 ada: hello", "2 bob: mine"]
    );
}

#[tokio::test]
async fn a_message_ends_its_senders_typing_for_everybody() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    ada.type_in("tea").await.unwrap();

    ada.send("tea", "hello").await.unwrap();
    let mut late = world.connect(0, "bob").await;
    let joined = late.join("tea").await.unwrap();
    world.advance(Duration::from_secs(20)).await;

    assert_eq!(
        bob.heard_but_lists(),
        [
            "welcome after 0",
            "ada types",
            "ada stopped typing",
            "1 ada: hello"
        ]
    );
    assert_eq!(joined.typing, []);
}

#[tokio::test]
async fn messages_that_come_in_reverse_are_told_in_their_order() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();

    world.nodes[1].gate.set(Weather::Holding);
    for text in ["one", "two", "three"] {
        ada.send("tea", text).await.unwrap();
    }
    world.nodes[1].gate.release_reversed();

    assert_eq!(
        bob.heard(),
        [
            "welcome after 0",
            "1 ada: one",
            "2 ada: two",
            "3 ada: three"
        ]
    );
}

#[tokio::test]
async fn a_lost_message_is_read_from_the_log_after_fifty_milliseconds() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    world.nodes[1].gate.set(Weather::Losing);
    ada.send("tea", "lost").await.unwrap();
    world.nodes[1].gate.set(Weather::Fair);

    ada.send("tea", "heard").await.unwrap();
    world.advance(Duration::from_millis(49)).await;
    let before = bob.heard();
    world.advance(Duration::from_millis(1)).await;

    assert_eq!(before, ["welcome after 0"]);
    assert_eq!(bob.heard(), ["1 ada: lost", "2 ada: heard"]);
}

#[tokio::test]
async fn a_lost_message_that_none_follows_is_found_by_comparing_heads() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    world.nodes[1].gate.set(Weather::Losing);
    ada.send("tea", "lost").await.unwrap();

    world.nodes[1].chat.compare_heads().await.unwrap();
    world.nodes[1].chat.compare_heads().await.unwrap();

    assert_eq!(bob.heard(), ["welcome after 0", "1 ada: lost"]);
}

#[tokio::test]
async fn what_is_too_large_to_be_told_is_read_at_once() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    world.nodes[1].gate.set(Weather::Losing);
    let sent = ada.send("tea", "a long story").await.unwrap();

    let chat = &world.nodes[1].chat;
    chat.hear(Notice::Grown(group("tea"), sent.message.seq));
    world.advance(Duration::ZERO).await;

    assert_eq!(bob.heard(), ["welcome after 0", "1 ada: a long story"]);
}

#[tokio::test]
async fn every_well_formed_send_spends_a_token_on_whichever_node() {
    let policy = Policy {
        messages: Quota::new(2, 1),
        ..POLICY
    };
    let world = World::with(2, policy);
    world.group("tea", &["ada"]).await;
    let mut desk = world.connect(0, "ada").await;
    let mut phone = world.connect(1, "ada").await;
    desk.join("tea").await.unwrap();
    phone.join("tea").await.unwrap();
    desk.send_with("tea", named("hello", "m1")).await.unwrap();
    desk.send_with("tea", named("hello", "m1")).await.unwrap();

    let refused = phone.send("tea", "too much").await;
    world.advance(Duration::from_secs(1)).await;
    let later = phone.send("tea", "now").await;

    let Err(SendError::TooMany(wait)) = refused else {
        panic!("the duplicate cost a token too");
    };
    assert_eq!(wait.0, Duration::from_secs(1));
    assert!(later.is_ok());
}

#[tokio::test]
async fn what_is_not_durable_is_told_nobody() {
    let world = World::rigged(1, POLICY, |ports| {
        let mut log = log_with_head(0);
        log.expect_append().returning(|_| away());
        ports.log = Arc::new(log);
    });
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();

    let sent = ada.send("tea", "hello").await;
    world.advance(Duration::from_secs(2)).await;

    assert!(matches!(sent, Err(SendError::Unavailable(_))));
    assert_eq!(bob.heard_but_lists(), ["welcome after 0"]);
    assert_eq!(ada.heard_but_lists(), ["welcome after 0", "bob joined (2)"]);
}
