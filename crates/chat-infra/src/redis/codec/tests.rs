use chat_domain::{
    group::{Description, Group, GroupName, Head},
    id::{Epoch, GroupId, MessageId, Seq, SocketId, UserId},
    member::Role,
    message::{Author, ClientMessageId, Message, MessageBody, MessageKind, Quote},
    news::{Addition, ReadMark},
    revocation::{Revocation, TokenId},
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};
use proptest::{collection::vec, option, prelude::*};
use std::sync::Arc;

use super::*;

const NEAR: NodeId = NodeId::new(1);
const FAR: NodeId = NodeId::new(2);

fn heard(publication: &Publication) -> Notice {
    match decode(FAR, &publication.payload) {
        Ok(Heard::Notice(notice)) => notice,
        other => panic!("not heard: {other:?}"),
    }
}

fn group_id() -> impl Strategy<Value = GroupId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|raw| GroupId::parse(&raw).unwrap())
}

fn user_id() -> impl Strategy<Value = UserId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|raw| UserId::parse(&raw).unwrap())
}

fn user_name() -> impl Strategy<Value = UserName> {
    "\\PC{1,128}".prop_filter_map("a name", |raw| UserName::parse(&raw).ok())
}

fn group_name() -> impl Strategy<Value = GroupName> {
    "\\PC{1,128}".prop_filter_map("a name", |raw| GroupName::parse(&raw).ok())
}

fn seq() -> impl Strategy<Value = Seq> {
    (0..=i64::MAX.unsigned_abs()).prop_map(Seq::new)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn message_id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 16]>().prop_map(MessageId::from_bytes)
}

fn body() -> impl Strategy<Value = MessageBody> {
    ".{0,300}".prop_map(|text| MessageBody::stored(&text))
}

fn author() -> impl Strategy<Value = Author> {
    let image = option::of("https://[a-z]{1,20}/[!-~]{0,40}");
    let image = image.prop_map(|raw| raw.and_then(|raw| ImageUrl::parse(&raw)));
    let user = (user_id(), user_name(), image);
    let user = user.prop_map(|(id, name, image)| Author::User(User { id, name, image }));
    prop_oneof![user, Just(Author::System)]
}

fn message() -> impl Strategy<Value = Message> {
    let quote = (message_id(), body(), option::of((user_id(), user_name())));
    let quote = quote.prop_map(|(id, body, author)| Quote { id, body, author });
    let client_id = option::of("[!-~]{1,64}")
        .prop_map(|raw| raw.and_then(|raw| ClientMessageId::parse(&raw).ok()));
    let names = (message_id(), group_id(), seq(), seq(), client_id);
    let kind = prop::sample::select(MessageKind::ALL.to_vec());
    let said = (author(), body(), kind, option::of(quote));
    let times = (time(), option::of(time()), option::of(time()));
    (names, said, times).prop_map(|(names, said, times)| {
        let (id, group, seq, updated_seq, client_id) = names;
        let (author, body, kind, reply_to) = said;
        let (created_at, edited_at, deleted_at) = times;
        Message {
            id,
            group,
            seq,
            updated_seq,
            author,
            body,
            kind,
            reply_to,
            client_id,
            created_at,
            edited_at,
            deleted_at,
        }
    })
}

fn group() -> impl Strategy<Value = Group> {
    let description =
        option::of(".{0,300}".prop_filter_map("one", |raw| Description::parse(&raw).ok()));
    let epoch = "[0-9a-f]{1,16}".prop_map(|raw| Epoch::new(&raw));
    let names = (group_id(), group_name(), description);
    (names, any::<bool>(), seq(), epoch, time()).prop_map(
        |((id, name, description), is_private, last_seq, epoch, created_at)| Group {
            id,
            name,
            description,
            is_private,
            head: Head { last_seq, epoch },
            created_at,
        },
    )
}

fn addition() -> impl Strategy<Value = Addition> {
    let names = (group_id(), group_name(), user_id(), option::of(user_id()));
    (names, role()).prop_map(|((group, name, user, by), role)| Addition {
        group,
        name,
        user,
        role,
        by,
    })
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn notice() -> impl Strategy<Value = Notice> {
    let mark = (seq(), any::<u32>()).prop_map(|(last_read, unread)| ReadMark { last_read, unread });
    prop_oneof![
        message().prop_map(|it| Notice::Committed(Arc::new(it))),
        (group_id(), seq()).prop_map(|(group, seq)| Notice::Grown(group, seq)),
        (group_id(), user_id(), user_name())
            .prop_map(|(group, user, name)| Notice::TypingStarted(group, user, name)),
        (group_id(), user_id()).prop_map(|(group, user)| Notice::TypingStopped(group, user)),
        group().prop_map(|it| Notice::GroupChanged(Arc::new(it))),
        group_id().prop_map(Notice::GroupDeleted),
        addition().prop_map(|it| Notice::MemberAdded(Arc::new(it))),
        (group_id(), user_id(), role())
            .prop_map(|(group, user, role)| Notice::RoleChanged(group, user, role)),
        (group_id(), user_id()).prop_map(|(group, user)| Notice::MemberRemoved(group, user)),
        (group_id(), user_id(), mark)
            .prop_map(|(group, user, mark)| Notice::Read(group, user, mark)),
        group_id().prop_map(Notice::Stirred),
        user_id().prop_map(Notice::SessionsEnded),
        ("\\PC{1,256}", time()).prop_map(|(token, until)| {
            let token = TokenId::parse(&token).expect("it has no control characters");
            Notice::TokenRevoked(Revocation { token, until })
        }),
        (user_id(), ".{0,40}")
            .prop_map(|(user, socket)| Notice::Displaced(user, SocketId::new(&socket))),
    ]
}

proptest! {
    #[test]
    fn whatever_is_told_is_heard_as_it_was_told(notice in notice()) {
        let told = encode(NEAR, &notice).unwrap();

        prop_assert_eq!(format!("{:?}", heard(&told)), format!("{notice:?}"));
        prop_assert!(matches!(decode(NEAR, &told.payload), Ok(Heard::Own)));
    }

    #[test]
    fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..400), named in any::<bool>()) {
        let mut payload = if named { NEAR.to_string().into_bytes() } else { Vec::new() };
        payload.extend(bytes);

        let _ = decode(FAR, &payload);
    }

    /// More of it is read before it is refused.
    #[test]
    fn no_notice_that_was_tampered_with_does_harm(
        notice in notice(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut payload = encode(NEAR, &notice).unwrap().payload;
        for (place, byte) in changes {
            let place = place.index(payload.len());
            payload[place] = byte;
        }
        let _ = decode(FAR, &payload);
        payload.truncate(end.index(payload.len()));

        let _ = decode(FAR, &payload);
    }
}

#[test]
fn what_cannot_be_is_no_notice() {
    for wire in [
        r#"{"grown":["tea",9223372036854775808]}"#,
        r#"{"grown":["t:a",1]}"#,
        r#"{"typing_started":["tea","ada",""]}"#,
        r#"{"role_changed":["tea","ada","KING"]}"#,
        r#"{"stirred":"{}"}"#,
    ] {
        let payload = format!("{NEAR}{wire}");
        let read = decode(FAR, payload.as_bytes());
        assert!(matches!(read, Err(Unreadable::Invalid)), "{wire}");
    }
    for wire in [
        "",
        "{",
        "[]",
        r#"{"of a later version":1}"#,
        &"[".repeat(10_000),
    ] {
        let payload = format!("{NEAR}{wire}");
        let read = decode(FAR, payload.as_bytes());
        assert!(matches!(read, Err(Unreadable::NoNotice(_))), "{wire}");
    }
    for payload in ["", "x", &"x".repeat(40), &"é".repeat(16)] {
        let read = decode(FAR, payload.as_bytes());
        assert!(matches!(read, Err(Unreadable::Nameless)), "{payload}");
    }
}

#[test]
fn of_a_message_that_is_too_large_its_place_is_told() {
    let draft = |chars| {
        let text = MessageBody::stored(&"😀".repeat(chars));
        let group = GroupId::parse("tea").unwrap();
        let id = MessageId::from_bytes([0; 16]);
        chat_domain::message::Draft::by_system(group, text, None, id, Timestamp::default())
    };
    let told = |chars| {
        let message = draft(chars).into_message(Seq::new(7), None);
        let told = encode(NEAR, &Notice::Committed(Arc::new(message))).unwrap();
        assert!(told.payload.len() <= LARGEST_BYTES);
        assert_eq!(told.channel, "chat:room:tea");
        heard(&told)
    };

    assert!(matches!(told(3_900), Notice::Committed(_)));
    assert!(matches!(told(4_200), Notice::Grown(_, seq) if seq == Seq::new(7)));
}

#[test]
fn what_has_a_topic_has_a_channel_of_its_own() {
    let group = GroupId::parse("tea").unwrap();
    let user = UserId::parse("ada").unwrap();
    let mark = ReadMark {
        last_read: Seq::new(1),
        unread: 0,
    };
    let told_on = |notice| encode(NEAR, &notice).unwrap().channel;

    assert_eq!(told_on(Notice::Stirred(group.clone())), "chat:news:tea");
    assert_eq!(told_on(Notice::Read(group, user, mark)), "chat:user:ada");
}

#[test]
fn a_gap_is_told() {
    let told = encode_gap(NEAR);

    assert_eq!(told.channel, "chat:all");
    assert!(matches!(decode(FAR, &told.payload), Ok(Heard::Gap)));
}
