use proptest::prelude::*;

use crate::{
    delivery::Source,
    id::MessageId,
    message::{Draft, MessageBody},
    presence::{Counts, Movement, PresenceChange, RoomSnapshot},
};

use super::*;

fn group() -> GroupId {
    GroupId::parse("tea").unwrap()
}

fn user(number: usize) -> UserId {
    UserId::parse(&format!("u{number}")).unwrap()
}

fn socket(id: &str) -> SocketId {
    SocketId::new(id)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An empty room whose view and history are known.
fn opened(large: Option<usize>) -> Room {
    let policy = RoomPolicy {
        members_update_interval: Duration::from_millis(250),
        online_members_listed: 200,
        large,
    };
    let mut room = Room::new(group(), NodeId::new(1), policy);
    room.refresh(RoomSnapshot::default(), at(0), &mut ignore);
    room.notice_head(Seq::ZERO, at(0), &mut ignore);
    room
}

fn ignore(_: News) {}

fn message(seq: u64) -> Arc<Message> {
    let id = MessageId::v7(at(seq), 0);
    let draft = Draft::by_system(group(), MessageBody::stored("hello"), None, id, at(seq));
    Arc::new(draft.into_message(Seq::new(seq), None))
}

fn commit(room: &mut Room, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        room.committed(message(seq), at(seq), &mut ignore);
    }
}

/// The change that makes so many users of the room, who were one more or one less before.
fn change(members: usize, movement: Movement, version: u64) -> PresenceChange {
    let number = match movement {
        Movement::Left => members + 1,
        Movement::Joined | Movement::Came | Movement::Went => members,
    };
    PresenceChange {
        group: group(),
        user: user(number),
        name: UserName::of_id(&user(number)),
        node: NodeId::new(2),
        movement,
        previous: version - 1,
        version,
        counts: Counts {
            members,
            sockets: members + 1,
        },
    }
}

#[test]
fn a_socket_that_waits_is_handed_what_was_told_meanwhile() {
    let mut room = opened(None);
    commit(&mut room, 1..=3);

    let through = room.await_seat(&socket("a"));
    commit(&mut room, 4..=5);
    let welcome = room.seat(&socket("a"), &user(1), at(0)).unwrap();

    let missed: Vec<Seq> = welcome.missed.iter().map(|message| message.seq).collect();
    assert_eq!(through, Seq::new(3));
    assert_eq!(missed, [Seq::new(4), Seq::new(5)]);
    assert_eq!(welcome.last_seq, Seq::new(5));
}

#[test]
fn a_socket_that_waits_too_long_is_turned_away_and_may_try_again() {
    let mut room = opened(None);
    let most = u64::try_from(seats::MISSED_MESSAGES).unwrap();
    room.await_seat(&socket("patient"));
    commit(&mut room, 1..=most);
    room.await_seat(&socket("late"));

    let in_time = room.seat(&socket("patient"), &user(1), at(0));
    commit(&mut room, most + 1..=most * 2 + 1);
    let too_late = room.seat(&socket("late"), &user(2), at(0));
    room.await_seat(&socket("late"));
    let again = room.seat(&socket("late"), &user(2), at(0)).unwrap();

    assert_eq!(in_time.unwrap().missed.len(), seats::MISSED_MESSAGES);
    assert_eq!(too_late, None);
    assert_eq!((again.missed.len(), again.last_seq), (0, room.delivered()));
}

#[test]
fn a_socket_that_gave_up_or_went_keeps_nothing() {
    let mut room = opened(None);
    room.await_seat(&socket("a"));
    room.await_seat(&socket("b"));

    room.give_up_seat(&socket("a"));
    room.unseat(&socket("b"), Departure::Gone, &mut ignore);

    commit(&mut room, 1..=1);
    for id in ["a", "b"] {
        let welcome = room.seat(&socket(id), &user(1), at(0)).unwrap();
        assert!(welcome.missed.is_empty());
    }
}

#[test]
fn what_was_read_is_told_as_such_and_what_was_held_meanwhile_is_not() {
    let (mut room, mut told) = (opened(None), Vec::new());
    let mut note = |news: News| {
        if let News::Message(message, source) = news {
            told.push((message.seq.get(), source));
        }
    };

    room.committed(message(1), at(1), &mut note);
    room.committed(message(4), at(2), &mut note);
    let read = vec![message(2), message(3)];
    room.repaired(read, Seq::new(3), at(60), &mut note);

    let expected = [
        (1, Source::Hint),
        (2, Source::Database),
        (3, Source::Database),
        (4, Source::Hint),
    ];
    assert_eq!(told, expected);
}

#[test]
fn whoever_is_put_out_is_on_the_way_out_until_the_store_knows() {
    let mut room = opened(None);
    room.seat(&socket("a"), &user(1), at(0));
    room.seat(&socket("b"), &user(1), at(0));
    room.seat(&socket("c"), &user(2), at(0));

    let mut out = room.evict(&user(1), &mut ignore);
    out.sort();
    room.unseat(&socket("c"), Departure::Left, &mut ignore);

    assert_eq!(out, [socket("a"), socket("b")]);
    assert!(room.is_departing(&socket("a")) && !room.is_departing(&socket("c")));
    assert!(!room.is_empty(), "somebody is still on the way out");
    room.departed(&socket("a"));
    room.departed(&socket("b"));
    assert!(room.is_empty());
}

#[test]
fn the_exact_limits_of_a_large_room() {
    for (limit, is_large_at, is_small_at) in [(1, 2, 0), (2, 3, 1), (10, 11, 8), (500, 501, 449)] {
        let mut room = opened(Some(limit));
        for members in 1..=is_large_at {
            assert!(!room.is_large, "{limit}: with {} not yet", members - 1);
            let change = change(members, Movement::Joined, members as u64);
            room.presence(change, at(0), &mut ignore);
        }
        assert!(room.is_large);

        for (step, members) in (is_small_at..is_large_at).rev().enumerate() {
            assert!(room.is_large, "{limit}: with {} still", members + 1);
            let version = (is_large_at + step + 1) as u64;
            let change = change(members, Movement::Left, version);
            room.presence(change, at(0), &mut ignore);
        }
        assert!(!room.is_large, "{limit}: with {is_small_at} no longer");
    }
}

/// What the naive model expects to be told for one step.
#[derive(Debug, PartialEq)]
enum Told {
    Joined,
    Left,
    List,
    TypingStopped,
}

proptest! {
    /// The naive model walks with the number of users, and counts in per cent.
    #[test]
    fn a_large_room_tells_its_size_at_each_switch_and_single_changes_only_while_it_is_small(
        limit in 1_usize..12, steps in prop::collection::vec(any::<bool>(), 0..120),
    ) {
        let mut room = opened(Some(limit));
        let typist = user(0);
        let (mut members, mut was_large, mut typing) = (0, false, false);
        for (step, comes) in steps.into_iter().enumerate() {
            let comes = comes || members == 0;
            members = if comes { members + 1 } else { members - 1 };
            let percent = members * 100 / limit;
            let is_large = if was_large { percent >= 90 } else { members > limit };
            let mut expected = Vec::new();
            if is_large && typing {
                expected.push(Told::TypingStopped);
                typing = false;
            }
            if is_large != was_large {
                expected.push(Told::List);
            } else if !is_large {
                expected.push(if comes { Told::Joined } else { Told::Left });
            }
            was_large = is_large;

            let mut told = Vec::new();
            let movement = if comes { Movement::Joined } else { Movement::Left };
            let change = change(members, movement, step as u64 + 1);
            room.presence(change, at(0), &mut |news| told.push(match news {
                News::UserJoined { .. } => Told::Joined,
                News::UserLeft { .. } => Told::Left,
                News::MembersUpdate(_) => Told::List,
                News::TypingStopped { .. } => Told::TypingStopped,
                other => panic!("nobody did that: {other:?}"),
            }));

            prop_assert_eq!(told, expected);
            let name = UserName::of_id(&typist);
            let is_shown = room.typing_started(&typist, &name, None, at(0), &mut ignore);
            prop_assert_eq!(is_shown, !is_large);
            typing |= is_shown;
        }
    }
}
