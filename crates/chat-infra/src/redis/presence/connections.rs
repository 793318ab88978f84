//! Connections of a node's users: owned like seats, and counted.

use chat_domain::{
    id::{SocketId, UserId},
    ports::{Admission, WhenFull},
};

use crate::{breaker::Away, redis::connection::Trouble};

use super::{
    echo::NOBODY,
    holdings::Entry,
    standing::Doubt,
    store::{Admitting, Question},
    tenant::Tenant,
};

impl Tenant {
    /// `since_here` is when it comes, in microseconds, if the store cannot be asked.
    pub(in crate::redis) async fn admit(
        &self,
        user: &UserId,
        socket: &SocketId,
        most: usize,
        when_full: WhenFull,
        since_here: u64,
    ) -> Admission {
        let _open = self.gate.read().await;
        let question = Question {
            user,
            socket,
            most,
            when_full,
        };
        match self.store.admit(&question).await {
            Ok(Admitting::Admitted { since, instead_of }) => {
                let entry = Entry::connection(user, socket);
                self.holdings.take(entry, since);
                admission(instead_of)
            }
            Ok(Admitting::Refused) => Admission::Refused,
            Ok(Admitting::Fenced) => {
                self.standing.doubt(&Doubt::LeaseLost);
                self.admit_here(&question, since_here)
            }
            Err(trouble) => {
                self.standing.doubt(&trouble);
                self.admit_here(&question, since_here)
            }
        }
    }

    pub(in crate::redis) async fn release(&self, user: &UserId, socket: &SocketId) {
        let _open = self.gate.read().await;
        let entry = Entry::connection(user, socket);
        self.holdings.give_up(&entry);
        if let Err(trouble) = self.store.leave(NOBODY, &[entry]).await {
            self.standing.doubt(&trouble);
        }
    }

    /// Nobody is known to have been told if this node is in doubt about the others.
    pub(in crate::redis) async fn end_all(&self, user: &UserId) -> Result<usize, Trouble> {
        if self.standing.is_lost() {
            return Err(Trouble::Away(Away));
        }
        let ended = self.store.end_all(user).await;
        ended.inspect_err(|trouble| self.standing.doubt(trouble))
    }

    /// Counts what is connected to this node.
    fn admit_here(&self, question: &Question<'_>, since: u64) -> Admission {
        let entry = Entry::connection(question.user, question.socket);
        let others = self.holdings.connections_but(question.user, &entry);
        let surplus = (others.len() + 1).saturating_sub(question.most);
        if surplus > 0 && question.when_full == WhenFull::Refuse {
            return Admission::Refused;
        }
        let displaced = others.into_iter().take(surplus);
        let displaced: Vec<SocketId> = displaced
            .map(|entry| {
                self.holdings.give_up(&entry);
                let [_, _, socket] = entry.parts();
                SocketId::new(socket)
            })
            .collect();
        self.holdings.take(entry, since.to_string());
        admission(displaced)
    }
}

fn admission(instead_of: Vec<SocketId>) -> Admission {
    if instead_of.is_empty() {
        Admission::Admitted
    } else {
        Admission::AdmittedInsteadOf(instead_of)
    }
}
