//! What becomes of many drafts at once: fetch what is [`Known`], decide here, store the [`Plan`].
//!
//! Invariants: each group's numbers go on without a gap, in the order of the drafts; a draft that is
//! refused takes no number; of two drafts that are the same one, only the first is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chat_domain::{
    id::{GroupId, MessageId, Seq, UserId},
    message::{ClientMessageId, Draft, Message, Quote},
    ports::Appended,
};

/// What makes two drafts the same one; the server itself has no user's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) group: GroupId,
    pub(crate) author: Option<UserId>,
    pub(crate) client_id: ClientMessageId,
}

impl Key {
    /// The key of a draft that may come again.
    pub(crate) fn of_draft(draft: &Draft) -> Option<Self> {
        Some(Self {
            group: draft.group.clone(),
            author: draft.author.user_id().cloned(),
            client_id: draft.client_id.clone()?,
        })
    }

    fn of_message(message: &Message) -> Option<Self> {
        Some(Self {
            group: message.group.clone(),
            author: message.author.user_id().cloned(),
            client_id: message.client_id.clone()?,
        })
    }
}

/// What the store knows about the drafts of a batch. It must not change before the plan is stored.
#[derive(Debug, Default)]
pub(crate) struct Known {
    heads: HashMap<GroupId, Seq>,
    firsts: HashMap<Key, Message>,
    quotes: HashMap<(GroupId, MessageId), Quote>,
}

/// What is to be stored, and what each draft's sender is told then.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// One a draft, in the order of the drafts. What is `Stored` has yet to be.
    pub(crate) answers: Vec<Appended>,
    /// The new head of each group that got a message.
    pub(crate) heads: BTreeMap<GroupId, Seq>,
}

impl Known {
    /// A group that exists, with its newest `seq`.
    pub(crate) fn head(&mut self, group: GroupId, last_seq: Seq) {
        self.heads.insert(group, last_seq);
    }

    /// A message that a draft repeats.
    pub(crate) fn first(&mut self, message: Message) {
        if let Some(key) = Key::of_message(&message) {
            self.firsts.insert(key, message);
        }
    }

    /// A message that a draft answers.
    pub(crate) fn quote(&mut self, group: GroupId, quote: Quote) {
        self.quotes.insert((group, quote.id), quote);
    }

    /// Decides what becomes of each draft.
    pub(crate) fn decide(mut self, drafts: &[Draft]) -> Plan {
        let mut plan = Plan::default();
        for draft in drafts {
            let answer = self.decide_one(draft, &mut plan.heads);
            plan.answers.push(answer);
        }
        plan
    }

    fn decide_one(&mut self, draft: &Draft, heads: &mut BTreeMap<GroupId, Seq>) -> Appended {
        let Some(last_seq) = self.heads.get_mut(&draft.group) else {
            return Appended::NoSuchGroup;
        };
        let key = Key::of_draft(draft);
        if let Some(first) = key.as_ref().and_then(|key| self.firsts.get(key)) {
            return Appended::Duplicate(first.clone());
        }
        let answered = |id| self.quotes.get(&(draft.group.clone(), id)).cloned();
        let quote = match draft.reply_to.map(answered) {
            Some(None) => return Appended::NoSuchReply,
            Some(found) => found,
            None => None,
        };
        *last_seq = last_seq.next();
        heads.insert(draft.group.clone(), *last_seq);
        let message = draft.clone().into_message(*last_seq, quote);
        // The drafts behind this one see it as if it were stored.
        let author = message.author.user();
        let quote = Quote {
            id: message.id,
            body: message.body.clone(),
            author: author.map(|user| (user.id.clone(), user.name.clone())),
        };
        self.quote(message.group.clone(), quote);
        self.first(message.clone());
        Appended::Stored(message)
    }
}

impl Plan {
    /// What is to be stored, in the order of `seq`.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &Message> {
        self.answers.iter().filter_map(|answer| match answer {
            Appended::Stored(message) => Some(message),
            Appended::Duplicate(_) | Appended::NoSuchReply | Appended::NoSuchGroup => None,
        })
    }
}

/// The groups of these drafts, each once.
pub(crate) fn groups(drafts: &[Draft]) -> BTreeSet<&GroupId> {
    drafts.iter().map(|draft| &draft.group).collect()
}

#[cfg(test)]
mod tests {
    use chat_domain::{message::MessageBody, time::Timestamp};

    use super::*;

    fn group(id: &str) -> GroupId {
        GroupId::parse(id).unwrap()
    }

    fn draft(group_id: &str, client_id: Option<&str>, number: u128) -> Draft {
        let body = MessageBody::stored("hello");
        let client_id = client_id.map(|raw| ClientMessageId::parse(raw).unwrap());
        let now = Timestamp::from_millis(1);
        Draft::by_system(
            group(group_id),
            body,
            client_id,
            MessageId::v7(now, number),
            now,
        )
    }

    /// `dev` has three messages, `ops` has none.
    fn known() -> Known {
        let mut known = Known::default();
        known.head(group("dev"), Seq::new(3));
        known.head(group("ops"), Seq::ZERO);
        known
    }

    fn in_short(plan: &Plan) -> Vec<(&'static str, u64)> {
        let in_short = |answer: &Appended| match answer {
            Appended::Stored(message) => ("stored", message.seq.get()),
            Appended::Duplicate(message) => ("duplicate", message.seq.get()),
            Appended::NoSuchReply => ("no such reply", 0),
            Appended::NoSuchGroup => ("no such group", 0),
        };
        plan.answers.iter().map(in_short).collect()
    }

    #[test]
    fn each_group_counts_on_from_its_head() {
        let drafts = ["dev", "ops", "gone", "dev", "ops"].map(|id| draft(id, None, 0));

        let plan = known().decide(&drafts);

        let expected = [
            ("stored", 4),
            ("stored", 1),
            ("no such group", 0),
            ("stored", 5),
            ("stored", 2),
        ];
        assert_eq!(in_short(&plan), expected);
        let heads = BTreeMap::from([(group("dev"), Seq::new(5)), (group("ops"), Seq::new(2))]);
        assert_eq!(plan.heads, heads);
        assert_eq!(plan.fresh().count(), 4);
    }

    #[test]
    fn of_the_same_drafts_in_a_batch_the_first_is_stored() {
        let drafts = [1, 2, 3].map(|number| draft("ops", Some("c1"), number));

        let plan = known().decide(&drafts);

        assert_eq!(
            in_short(&plan),
            [("stored", 1), ("duplicate", 1), ("duplicate", 1)]
        );
        assert_eq!(
            plan.fresh().map(|it| it.id).collect::<Vec<_>>(),
            [drafts[0].id]
        );
    }

    #[test]
    fn a_batch_of_what_is_known_moves_no_head() {
        let first = draft("dev", Some("c1"), 1).into_message(Seq::new(2), None);
        let mut known = known();
        known.first(first);

        let plan = known.decide(&[draft("dev", Some("c1"), 2)]);

        assert_eq!(in_short(&plan), [("duplicate", 2)]);
        assert!(plan.heads.is_empty());
    }

    #[test]
    fn a_reply_may_answer_a_draft_before_it_but_none_behind_it() {
        let question = draft("ops", None, 1);
        let answer = Draft {
            reply_to: Some(question.id),
            ..draft("ops", None, 2)
        };

        let plan = known().decide(&[answer.clone(), question, answer]);

        assert_eq!(
            in_short(&plan),
            [("no such reply", 0), ("stored", 1), ("stored", 2)]
        );
    }
}
