//! For everything that can be wrong, a record in which exactly that is wrong; and records in which nothing is.

mod support;

use chat_load::{
    record::{End, Event, Key, Room, User},
    verdict::Kind,
};

use support::{ANOTHER, EPOCH, ROOM, Story, id};

const ADA: User = User(0);
const BOB: User = User(1);

/// Ada and Bob are in the room; Ada sends three messages, which both receive.
fn conversation() -> Story {
    let mut story = Story::new();
    story.joins(ADA, 0, 0);
    story.joins(BOB, 0, 0);
    for seq in 1..=3 {
        story.sends(ADA, seq);
        story.receives(ADA, seq);
        story.receives(BOB, seq);
    }
    story
}

#[test]
fn a_conversation_is_clean() {
    conversation().ends_clean();
}

#[test]
fn a_resumed_session_is_clean() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Server));
    story.sends(ADA, 4);
    story.receives(ADA, 4);
    story.joins(BOB, 1, 4);
    // A later page may overlap with what comes live.
    story.sends(ADA, 5);
    story.receives(ADA, 5);
    story.receives(BOB, 5);
    story.reads(BOB, 2..=3, true);
    story.reads(BOB, 4..=5, false);

    story.ends_clean();
}

#[test]
fn a_message_that_was_never_acknowledged_may_be_there_and_may_not() {
    for stored in [false, true] {
        let mut story = conversation();
        let sent = Event::Sent {
            room: ROOM,
            key: Key(4),
            intended: 0,
        };
        story.tells(ADA, sent);
        if stored {
            story.stores(4);
            story.receives(ADA, 4);
            story.receives(BOB, 4);
        }

        story.has_only(Kind::Unanswered);
    }
}

#[test]
fn an_acknowledged_message_that_is_not_in_the_history_is_lost() {
    let mut story = conversation();
    story.forget_last_row();
    story.drop_receipts_of(3);

    story.has_only(Kind::Lost);
}

#[test]
fn an_acknowledged_message_that_is_another_in_the_history_is_lost() {
    let mut story = conversation();
    story.acknowledges(ADA, 3, id(77), false);

    story.has_only(Kind::Lost);
}

#[test]
fn a_message_that_an_open_session_did_not_get_is_lost() {
    for seq in [2, 3] {
        let mut story = conversation();
        story.drop_receipt(BOB, seq);

        story.has_only(Kind::Lost);
    }
}

#[test]
fn a_message_that_a_session_had_time_to_get_is_lost() {
    let mut story = conversation();
    story.drop_receipt(BOB, 3);
    story.waits(60);
    story.leaves(BOB);

    story.has_only(Kind::Lost);
}

#[test]
fn a_message_that_was_under_way_when_the_session_ended_is_not_lost() {
    let mut story = conversation();
    story.drop_receipt(BOB, 3);
    story.leaves(BOB);
    story.tells(BOB, received(3));

    story.ends_clean();
}

#[test]
fn history_that_ends_before_the_first_live_message_is_lost() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Client));
    story.joins(BOB, 0, 3);
    story.reads(BOB, 1..=2, false);

    story.has_only(Kind::Lost);
}

#[test]
fn history_that_never_came_is_lost() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Client));
    story.joins(BOB, 0, 3);

    story.has_only(Kind::Lost);
}

#[test]
fn a_silent_gap_is_lost_also_for_somebody_who_does_not_read() {
    let mut story = conversation();
    story.drop_receipt(BOB, 2);
    story.tells(BOB, Event::StoppedReading);
    story.waits(20);
    story.tells(BOB, Event::Closed(End::Server));

    story.has_only(Kind::Lost);
}

#[test]
fn a_number_that_the_history_leaves_out_is_lost() {
    let mut story = Story::new();
    story.joins(ADA, 0, 1);
    story.sends(ADA, 2);
    story.receives(ADA, 2);

    story.has_only(Kind::Lost);
}

#[test]
fn a_message_that_comes_twice_is_duplicated() {
    let mut story = conversation();
    story.receives(BOB, 2);

    story.has_only(Kind::Duplicated);
}

#[test]
fn a_message_that_comes_in_a_page_twice_is_duplicated() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Client));
    story.joins(BOB, 0, 3);
    story.reads(BOB, 1..=2, true);
    story.reads(BOB, 2..=3, false);

    story.has_only(Kind::Duplicated);
}

#[test]
fn a_message_from_before_the_session_is_duplicated() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Client));
    story.joins(BOB, 3, 3);
    story.receives(BOB, 3);

    story.has_only(Kind::Duplicated);
}

#[test]
fn two_rows_of_one_message_are_duplicated() {
    let mut story = conversation();
    story.stores_as(4, Key(3));
    story.receives_as(ADA, 4, Key(3));
    story.receives_as(BOB, 4, Key(3));

    story.has_only(Kind::Duplicated);
}

#[test]
fn messages_that_change_places_are_reordered() {
    let mut story = conversation();
    story.drop_receipt(BOB, 2);
    story.receives(BOB, 2);

    story.has_only(Kind::Reordered);
}

#[test]
fn a_socket_whose_first_message_gets_the_larger_number_is_reordered() {
    let mut story = conversation();
    for (key, seq) in [(5, 4), (4, 5)] {
        story.stores_as(seq, Key(key));
        story.receives_as(ADA, seq, Key(key));
        story.receives_as(BOB, seq, Key(key));
    }
    for key in [4, 5] {
        story.tells(
            ADA,
            Event::Sent {
                room: ROOM,
                key: Key(key),
                intended: 0,
            },
        );
    }
    for (key, seq) in [(5, 4), (4, 5)] {
        let (room, key, id, fresh) = (ROOM, Key(key), id(seq), true);
        story.tells(
            ADA,
            Event::Acked {
                room,
                key,
                seq,
                id,
                fresh,
            },
        );
    }

    story.has_only(Kind::Reordered);
}

#[test]
fn a_history_that_goes_backwards_is_reordered() {
    let mut story = conversation();
    story.swap_last_rows();

    story.has_only(Kind::Reordered);
}

#[test]
fn a_row_that_nobody_sent_is_a_phantom() {
    let mut story = conversation();
    story.stores_as(4, Key::FOREIGN);
    story.receives_as(ADA, 4, Key::FOREIGN);
    story.receives_as(BOB, 4, Key::FOREIGN);

    story.has_only(Kind::Phantom);
}

#[test]
fn a_message_that_the_history_does_not_have_is_a_phantom() {
    let mut story = conversation();
    story.receives(BOB, 4);

    story.has_only(Kind::Phantom);
}

#[test]
fn a_message_before_the_session_began_is_a_phantom() {
    let mut story = conversation();
    story.tells(BOB, Event::Closed(End::Client));
    story.tells(BOB, received(3));
    story.joins(BOB, 3, 3);

    story.has_only(Kind::Phantom);
}

#[test]
fn another_epoch_or_a_reset_is_a_restored_history() {
    for (epoch, reset) in [(EPOCH + 1, false), (EPOCH, true)] {
        let mut story = conversation();
        story.tells(BOB, Event::Closed(End::Client));
        let (room, after, last) = (ROOM, 3, 3);
        story.tells(
            BOB,
            Event::Joined {
                room,
                after,
                last,
                epoch,
                reset,
            },
        );

        story.has_only(Kind::Restored);
    }
}

#[test]
fn somebody_who_left_and_is_shown_is_a_ghost() {
    for how in [Event::Left { room: ROOM }, Event::Closed(End::Client)] {
        let mut story = conversation();
        story.tells(BOB, how);

        story.shows(&[ADA, BOB], 2, 2);
        story.has_only(Kind::Ghost);
    }
}

#[test]
fn a_stranger_is_a_ghost() {
    let mut story = conversation();
    story.shows(&[ADA, BOB, User::STRANGER], 3, 3);
    story.has_only(Kind::Ghost);
}

#[test]
fn a_socket_too_many_is_a_ghost() {
    let mut story = conversation();
    story.shows(&[ADA, BOB], 2, 3);
    story.has_only(Kind::Ghost);
}

#[test]
fn somebody_who_is_there_and_not_shown_is_absent() {
    let mut story = conversation();
    story.shows(&[BOB], 1, 1);
    story.has_only(Kind::Absent);
}

#[test]
fn what_is_shown_last_is_judged_like_the_answer() {
    let mut story = conversation();
    story.shows_to(BOB, &[BOB], 1, 1);
    story.has_only(Kind::Absent);
}

#[test]
fn a_room_that_nobody_could_ask_about_is_unanswered() {
    let mut story = conversation();
    story.asks_nobody();
    story.has_only(Kind::Unanswered);
}

#[test]
fn joins_and_leaves_alternate() {
    let (entered, gone) = moves();
    let mut story = conversation();
    for event in [gone, entered, gone, entered] {
        story.tells(ADA, event);
    }
    story.ends_clean();

    for twice in [entered, gone] {
        let mut story = conversation();
        story.tells(ADA, twice);
        story.tells(ADA, twice);
        story.has_only(Kind::NotAlternating);
    }
}

#[test]
fn a_large_room_may_skip_moves() {
    let (entered, _) = moves();
    let mut story = conversation();
    story.tells(ADA, entered);
    story.tells(
        ADA,
        Event::Counted {
            room: ROOM,
            users: 501,
        },
    );
    story.tells(ADA, entered);

    story.ends_clean();
}

#[test]
fn typing_that_ends_in_time_is_clean() {
    let (key, typing, stopped) = typing();
    let mut story = conversation();
    story.tells(BOB, key);
    story.tells(ADA, typing);
    story.waits(8);
    story.tells(BOB, key);
    story.tells(ADA, typing);
    story.waits(10);
    story.tells(ADA, stopped);

    story.ends_clean();
}

#[test]
fn typing_that_goes_on_is_stuck() {
    let (key, typing, stopped) = typing();
    for ends in [false, true] {
        let mut story = conversation();
        story.tells(BOB, key);
        story.tells(ADA, typing);
        story.waits(11);
        if ends {
            story.tells(ADA, stopped);
        }

        story.has_only(Kind::StuckTyping);
    }
}

#[test]
fn typing_without_a_keystroke_is_stuck() {
    let (_, typing, stopped) = typing();
    let mut story = conversation();
    story.tells(ADA, typing);
    story.tells(ADA, stopped);

    story.has_only(Kind::StuckTyping);
}

#[test]
fn typing_that_is_told_to_somebody_who_asked_to_leave_is_clean() {
    let (key, typing, stopped) = typing();
    let mut story = conversation();
    story.tells(BOB, key);
    story.tells(ADA, typing);
    story.leaves(ADA);
    story.tells(ADA, stopped);
    story.tells(ADA, typing);
    story.joins(ADA, 3, 3);
    story.waits(11);

    story.ends_clean();
}

#[test]
fn typing_that_stops_twice_is_a_repeated_stop() {
    let (key, typing, stopped) = typing();
    let mut story = conversation();
    story.tells(BOB, key);
    for event in [typing, stopped, stopped] {
        story.tells(ADA, event);
    }

    story.has_only(Kind::RepeatedStop);
}

#[test]
fn somebody_who_does_not_read_must_be_put_out_in_time() {
    for (ends, seconds, wrong) in [(true, 20, false), (true, 40, true), (false, 40, true)] {
        let mut story = conversation();
        story.tells(BOB, Event::StoppedReading);
        story.waits(seconds);
        if ends {
            story.tells(ADA, moves().1);
            story.tells(BOB, Event::Closed(End::Server));
        }

        if wrong {
            story.has_only(Kind::Eviction);
        } else {
            story.ends_clean();
        }
    }
}

#[test]
fn somebody_who_reads_must_not_be_put_out() {
    let mut story = conversation();
    let slow_consumer = true;
    story.tells(BOB, Event::Farewell { slow_consumer });
    story.tells(BOB, Event::Closed(End::Server));

    story.has_only(Kind::Eviction);
}

#[test]
fn the_rooms_are_judged_apart() {
    let mut story = conversation();
    story.tells(
        BOB,
        Event::Entered {
            room: ANOTHER,
            user: ADA,
        },
    );
    story.tells(
        BOB,
        Event::Entered {
            room: ROOM,
            user: ADA,
        },
    );

    story.ends_clean();
}

fn received(seq: u32) -> Event {
    let (key, id) = (Key(seq), id(seq));
    Event::Received {
        room: ROOM,
        seq,
        key,
        id,
    }
}

/// Bob comes, and goes.
fn moves() -> (Event, Event) {
    let room: Room = ROOM;
    (
        Event::Entered { room, user: BOB },
        Event::Gone { room, user: BOB },
    )
}

/// Bob presses a key, is shown as typing, and no more.
fn typing() -> (Event, Event, Event) {
    let (room, user) = (ROOM, BOB);
    (
        Event::Keystroke { room, intended: 0 },
        Event::Typing { room, user },
        Event::StoppedTyping { room, user },
    )
}
