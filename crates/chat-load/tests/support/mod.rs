//! Records made by hand.

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

use chat_load::{
    cast::Cast,
    record::{Census, Diary, Entry, Event, Key, MessageId, Record, Room, Row, Seq, User, micros},
    verdict::{Kind, Rules, Verdict, judge},
};

pub const ROOM: Room = Room(0);
pub const ANOTHER: Room = Room(1);
pub const EPOCH: u32 = 7;

/// The server's id of the message with that number.
pub fn id(seq: Seq) -> MessageId {
    MessageId(1_000 + u64::from(seq))
}

/// A run of two users, told step by step: a millisecond each.
pub struct Story {
    record: Record,
    now: Duration,
    asked: Option<Vec<Census>>,
}

impl Story {
    pub fn new() -> Self {
        let record = Record {
            diaries: vec![Diary::new(User(0)), Diary::new(User(1))],
            history: vec![Vec::new(), Vec::new()],
            ..Record::default()
        };
        let (now, asked) = (Duration::ZERO, None);
        Self { record, now, asked }
    }

    /// Something happens to a user's client.
    pub fn tells(&mut self, user: User, event: Event) {
        self.now += Duration::from_millis(1);
        let now = self.now;
        self.diary(user).note(now, event);
    }

    pub fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub fn joins(&mut self, user: User, after: Seq, last: Seq) {
        let (room, epoch, reset) = (ROOM, EPOCH, false);
        self.tells(
            user,
            Event::Joined {
                room,
                after,
                last,
                epoch,
                reset,
            },
        );
        if after == last {
            return;
        }
        self.tells(user, Event::Counted { room, users: 2 });
    }

    pub fn leaves(&mut self, user: User) {
        self.tells(user, Event::Left { room: ROOM });
    }

    /// A message is sent, stored and acknowledged.
    pub fn sends(&mut self, user: User, seq: Seq) {
        self.tells(
            user,
            Event::Sent {
                room: ROOM,
                key: Key(seq),
                intended: 0,
            },
        );
        self.stores(seq);
        self.acknowledges(user, seq, id(seq), true);
    }

    pub fn acknowledges(&mut self, user: User, seq: Seq, id: MessageId, fresh: bool) {
        let (room, key) = (ROOM, Key(seq));
        self.tells(
            user,
            Event::Acked {
                room,
                key,
                seq,
                id,
                fresh,
            },
        );
    }

    pub fn stores(&mut self, seq: Seq) {
        self.stores_as(seq, Key(seq));
    }

    pub fn stores_as(&mut self, seq: Seq, key: Key) {
        let id = id(seq);
        self.record.history[0].push(Row { seq, key, id });
    }

    pub fn receives(&mut self, user: User, seq: Seq) {
        self.receives_as(user, seq, Key(seq));
    }

    pub fn receives_as(&mut self, user: User, seq: Seq, key: Key) {
        let (room, id) = (ROOM, id(seq));
        self.tells(user, Event::Received { room, seq, key, id });
    }

    /// A page of history comes.
    pub fn reads(&mut self, user: User, seqs: RangeInclusive<Seq>, more: bool) {
        let room = ROOM;
        for seq in seqs {
            let (key, id) = (Key(seq), id(seq));
            self.tells(user, Event::Paged { room, seq, key, id });
        }
        self.tells(user, Event::PageEnd { room, more });
    }

    /// As if a user had not received that.
    pub fn drop_receipt(&mut self, user: User, missing: Seq) {
        let is_it =
            |entry: &Entry| matches!(entry.event, Event::Received { seq, .. } if seq == missing);
        self.diary(user).entries.retain(|entry| !is_it(entry));
    }

    pub fn drop_receipts_of(&mut self, missing: Seq) {
        for user in [User(0), User(1)] {
            self.drop_receipt(user, missing);
        }
    }

    pub fn forget_last_row(&mut self) {
        self.record.history[0].pop();
    }

    pub fn swap_last_rows(&mut self) {
        let last = self.record.history[0].len() - 1;
        self.record.history[0].swap(last - 1, last);
    }

    /// What the server says at the end about who is there.
    pub fn shows(&mut self, users: &[User], user_count: u32, socket_count: u32) {
        self.asked = Some(vec![census(users, user_count, socket_count)]);
    }

    /// What a client was shown last.
    pub fn shows_to(&mut self, user: User, users: &[User], user_count: u32, socket_count: u32) {
        let census = census(users, user_count, socket_count);
        self.record.shown.push((user.0 as usize, census));
    }

    pub fn asks_nobody(&mut self) {
        self.asked = Some(Vec::new());
    }

    pub fn ends_clean(self) {
        let verdict = self.verdict();
        assert!(verdict.is_clean(), "{verdict}");
    }

    pub fn has_only(self, kind: Kind) {
        let verdict = self.verdict();
        assert_eq!(verdict.kinds(), [kind], "{verdict}");
        let findings = &verdict.findings[&kind];
        assert!(
            findings.count > 0 && !findings.examples.is_empty(),
            "{verdict}"
        );
    }

    fn verdict(mut self) -> Verdict {
        self.record.end = micros(self.now);
        let truth = self.truth();
        self.record.asked = self.asked.take().unwrap_or(truth);
        let names = |ids: [&str; 2]| ids.map(str::to_owned).to_vec();
        let cast = Cast::new(
            names(["ada", "bob"]),
            Vec::new(),
            names(["room", "another"]),
        );
        judge(&self.record, &cast, &Rules::default())
    }

    /// What a good server would say.
    fn truth(&self) -> Vec<Census> {
        let mut there = BTreeSet::new();
        for diary in &self.record.diaries {
            for entry in &diary.entries {
                match entry.event {
                    Event::Joined { .. } => there.insert(diary.user),
                    Event::Left { .. } | Event::Closed(_) => there.remove(&diary.user),
                    _ => false,
                };
            }
        }
        let users: Vec<User> = there.into_iter().collect();
        let count = u32::try_from(users.len()).expect("there are two users");
        vec![census(&users, count, count)]
    }

    fn diary(&mut self, user: User) -> &mut Diary {
        &mut self.record.diaries[user.0 as usize]
    }
}

fn census(users: &[User], user_count: u32, socket_count: u32) -> Census {
    Census {
        room: ROOM,
        users: users.to_vec(),
        complete: true,
        user_count,
        socket_count,
    }
}
