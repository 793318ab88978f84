//! What every [`crate::ports::Bus`] must do.
//!
//! The bus is a hint, so nothing here says that a notice always comes: only that it does where
//! nothing is broken, and what must never happen.

use std::sync::Arc;

use crate::{
    group::{Group, GroupName, Head},
    id::{Epoch, GroupId, MessageId, Seq, SocketId},
    member::Role,
    message::{Author, ClientMessageId, Draft, Message, MessageBody, MessageKind, Quote},
    news::{Addition, Notice, ReadMark, Topic},
    ports::Care,
    time::Timestamp,
    user::{ImageUrl, User},
};

use super::cluster::{Cluster, Ear, Node, group, name, user};

/// Makes a test of each behaviour in [`crate::contract::bus`] on a fresh
/// [`crate::contract::cluster::Cluster`].
#[macro_export]
macro_rules! bus_contract {
    ($cluster:expr) => {
        $crate::contract_tests!(bus($cluster):
            every_other_node_that_follows_a_room_hears_of_it
            nobody_hears_what_they_told_themselves
            what_one_node_tells_is_heard_in_its_order
            following_twice_is_hearing_once
            whoever_follows_again_hears_again
            what_concerns_members_is_heard_without_following
            what_has_a_topic_is_heard_by_who_cares_and_by_nobody_else
            a_listener_that_is_gone_is_no_hindrance
            every_kind_of_notice_arrives_whole
        );
    };
}

/// Something about a room that can be told from the others by its number.
fn typing(room: &str, number: usize) -> Notice {
    let id = format!("user{number}");
    Notice::TypingStarted(group(room), user(&id), name(&id))
}

/// Notices have no equality, because nobody but a test compares them.
fn shown(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(|notice| format!("{notice:?}")).collect()
}

async fn follow(node: &Node, room: &GroupId) {
    node.bus.follow(room).await.expect("the bus answers");
}

/// That is what it is for.
pub async fn every_other_node_that_follows_a_room_hears_of_it(cluster: &dyn Cluster) {
    let nodes = [
        cluster.node().await,
        cluster.node().await,
        cluster.node().await,
    ];
    let second = Ear::at(&nodes[1], &group("tea")).await;
    let third = Ear::at(&nodes[2], &group("tea")).await;

    nodes[0].bus.publish(typing("tea", 1));

    let expected = shown(&[typing("tea", 1)]);
    assert_eq!(shown(&second.hears(1).await), expected);
    assert_eq!(shown(&third.hears(1).await), expected);
}

/// A node lets its own news take effect itself, and once.
pub async fn nobody_hears_what_they_told_themselves(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let near_ear = Ear::at(&near, &group("tea")).await;
    let far_ear = Ear::at(&far, &group("tea")).await;

    near.bus.publish(typing("tea", 1));
    far_ear.hears(1).await;
    far.bus.publish(typing("tea", 2));

    let heard = near_ear.hears(1).await;
    assert_eq!(shown(&heard), shown(&[typing("tea", 2)]));
}

/// Typing that starts and stops ends stopped.
pub async fn what_one_node_tells_is_heard_in_its_order(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::at(&far, &group("tea")).await;

    let told: Vec<Notice> = (0..500).map(|number| typing("tea", number)).collect();
    for notice in &told {
        near.bus.publish(notice.clone());
    }

    assert_eq!(shown(&ear.hears(500).await), shown(&told));
}

/// Doing it twice changes nothing.
pub async fn following_twice_is_hearing_once(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::at(&far, &group("tea")).await;
    follow(&far, &group("tea")).await;

    near.bus.publish(typing("tea", 1));
    near.bus.publish(typing("tea", 2));

    let expected = shown(&[typing("tea", 1), typing("tea", 2)]);
    assert_eq!(shown(&ear.hears(2).await), expected);
}

/// Whether anything is heard in between is not promised.
pub async fn whoever_follows_again_hears_again(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::at(&far, &group("tea")).await;
    far.bus.unfollow(&group("tea"));
    follow(&far, &group("tea")).await;

    near.bus.publish(typing("tea", 1));

    let heard = ear.hears(1).await;
    assert_eq!(shown(&heard), shown(&[typing("tea", 1)]));
}

/// Every node keeps memberships, and has sockets of users outside their rooms.
pub async fn what_concerns_members_is_heard_without_following(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::on(&far);
    // So that a bus that has to connect first has done so.
    follow(&far, &group("another")).await;

    let told = about_members();
    for notice in &told {
        near.bus.publish(notice.clone());
    }

    assert_eq!(shown(&ear.hears(told.len()).await), shown(&told));
}

/// Users outside the rooms have something to read, or have read it.
pub async fn what_has_a_topic_is_heard_by_who_cares_and_by_nobody_else(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::on(&far);
    let topics = [
        Topic::News(group("tea")),
        Topic::User(user("ada")),
        Topic::News(group("milk")),
        Topic::User(user("bob")),
        Topic::News(group("sugar")),
    ];
    far.bus.care(Care::Begins(&topics));
    far.bus.care(Care::Ends(&topics[2..]));
    far.bus.care(Care::Begins(&topics[4..]));
    // So that a bus that has to tell somebody first has done so.
    follow(&far, &group("another")).await;

    let stirred = |id| Notice::Stirred(group(id));
    for notice in [stirred("milk"), stirred("wine"), read("bob"), read("cid")] {
        near.bus.publish(notice);
    }
    let told = [stirred("tea"), read("ada"), stirred("sugar")];
    for notice in &told {
        near.bus.publish(notice.clone());
    }

    assert_eq!(shown(&ear.hears(3).await), shown(&told));
}

/// A node that stops takes its ear with it.
pub async fn a_listener_that_is_gone_is_no_hindrance(cluster: &dyn Cluster) {
    let nodes = [
        cluster.node().await,
        cluster.node().await,
        cluster.node().await,
    ];
    drop(Ear::at(&nodes[1], &group("tea")).await);
    let ear = Ear::at(&nodes[2], &group("tea")).await;

    nodes[0].bus.publish(typing("tea", 1));

    assert_eq!(ear.hears(1).await.len(), 1);
}

/// Whatever it travels through, nothing of it is lost on the way.
pub async fn every_kind_of_notice_arrives_whole(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::on(&far);
    let topics = [Topic::News(group("tea")), Topic::User(user("ada"))];
    far.bus.care(Care::Begins(&topics));
    follow(&far, &group("tea")).await;
    let mut told = about_members();
    told.extend([
        read("ada"),
        Notice::Stirred(group("tea")),
        Notice::Committed(Arc::new(answer())),
        Notice::Committed(Arc::new(system_message())),
        Notice::Grown(group("tea"), Seq::new(11)),
        Notice::TypingStarted(group("tea"), user("ada"), name("ada")),
        Notice::TypingStopped(group("tea"), user("ada")),
        Notice::GroupChanged(Arc::new(described_group())),
    ]);

    for notice in &told {
        near.bus.publish(notice.clone());
    }

    assert_eq!(shown(&ear.hears(told.len()).await), shown(&told));
}

fn about_members() -> Vec<Notice> {
    let addition = |by: Option<&str>| Addition {
        group: group("tea"),
        name: GroupName::parse("Tea \"time\" 茶").expect("it is a name"),
        user: user("ada"),
        role: Role::Moderator,
        by: by.map(user),
    };
    vec![
        Notice::MemberAdded(Arc::new(addition(None))),
        Notice::MemberAdded(Arc::new(addition(Some("bob")))),
        Notice::RoleChanged(group("tea"), user("ada"), Role::Admin),
        Notice::MemberRemoved(group("tea"), user("ada")),
        Notice::SessionsEnded(user("ada")),
        Notice::Displaced(user("ada"), SocketId::new("an old one")),
        Notice::GroupDeleted(group("tea")),
    ]
}

fn read(id: &str) -> Notice {
    let mark = ReadMark {
        last_read: Seq::new(7),
        unread: ReadMark::MOST,
    };
    Notice::Read(group("tea"), user(id), mark)
}

fn described_group() -> Group {
    let head = Head {
        last_seq: Seq::new(3),
        epoch: Epoch::random(u128::MAX),
    };
    Group {
        id: group("tea"),
        name: GroupName::parse("Tea").expect("it is a name"),
        description: crate::group::Description::parse("milk\nand sugar").ok(),
        is_private: true,
        head,
        created_at: Timestamp::from_millis(1),
    }
}

fn answer() -> Message {
    let author = User {
        id: user("ada"),
        name: name("ada"),
        image: ImageUrl::parse("https://example.org/ada.png"),
    };
    let now = Timestamp::from_millis(1_700_000_000_123);
    let draft = Draft {
        id: MessageId::v7(now, u128::MAX),
        group: group("tea"),
        author: Author::User(author),
        body: MessageBody::stored("line\n\"two\" 😀"),
        kind: MessageKind::Image,
        reply_to: None,
        client_id: ClientMessageId::parse("m-1").ok(),
        created_at: now,
    };
    let quote = Quote {
        id: MessageId::v7(now, 0),
        body: MessageBody::stored("one"),
        author: Some((user("bob"), name("bob"))),
    };
    Message {
        updated_seq: Seq::new(9),
        edited_at: Some(now),
        deleted_at: Some(now),
        ..draft.into_message(Seq::new(8), Some(quote))
    }
}

fn system_message() -> Message {
    let now = Timestamp::from_millis(2);
    let id = MessageId::v7(now, 1);
    let text = MessageBody::stored("closing soon");
    Draft::by_system(group("tea"), text, None, id, now).into_message(Seq::new(10), None)
}
