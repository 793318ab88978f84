//! Asking all nodes of a fleet.

use async_trait::async_trait;
use chat_domain::id::NodeId;

use crate::wire::peers::{Answer, Question};

/// Asks all nodes, this one among them.
#[async_trait]
pub trait Peers: Send + Sync {
    /// It takes a second at most.
    async fn ask(&self, question: Question) -> Replies;
}

/// What all nodes said.
#[derive(Debug, Clone)]
pub struct Replies {
    pub answers: Vec<(NodeId, Answer)>,
    /// Those that did not answer, as far as they are known.
    pub silent: Vec<NodeId>,
}

impl Replies {
    /// The answers of the kind that was asked for; who said something else was silent.
    pub fn pick<T>(self, pick: impl Fn(Answer) -> Option<T>) -> (Vec<(NodeId, T)>, Vec<NodeId>) {
        let (mut picked, mut silent) = (Vec::new(), self.silent);
        for (node, answer) in self.answers {
            match pick(answer) {
                Some(answer) => picked.push((node, answer)),
                None => silent.push(node),
            }
        }
        picked.sort_by_key(|(node, _)| *node);
        silent.sort_unstable();
        (picked, silent)
    }
}
