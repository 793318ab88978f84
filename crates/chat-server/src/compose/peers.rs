//! Asking all nodes: this one, and the others over Redis if there are any.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use chat_domain::id::NodeId;
use chat_infra::redis::peers::{RedisPeers, Responder};

use crate::{
    app::{
        App,
        answers::answer,
        peers::{Peers, Replies},
    },
    wire::peers::Question,
};

/// The nodes of a fleet, or one alone.
pub(super) struct Nodes {
    node: NodeId,
    others: Option<RedisPeers>,
    here: Arc<Here>,
}

/// Answers for this node.
#[derive(Default)]
struct Here(OnceLock<Weak<App>>);

impl Nodes {
    pub fn new(node: NodeId, others: Option<RedisPeers>) -> Self {
        let here = Arc::new(Here::default());
        if let Some(others) = &others {
            let responder: Arc<dyn Responder> = Arc::clone(&here) as _;
            others.attach(Arc::downgrade(&responder));
        }
        Self { node, others, here }
    }

    /// From now on there is something to answer.
    pub fn attach(&self, app: &Arc<App>) {
        // Called once.
        let _ = self.here.0.set(Arc::downgrade(app));
    }
}

impl Here {
    fn app(&self) -> Option<Arc<App>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

#[async_trait]
impl Peers for Nodes {
    async fn ask(&self, question: Question) -> Replies {
        let written = serde_json::to_vec(&question).unwrap_or_default();
        let own = self.here.app().map(|app| answer(&app, question));
        let mut answers: Vec<_> = own.map(|own| (self.node, own)).into_iter().collect();
        let mut silent = Vec::new();
        if let Some(others) = &self.others {
            let replies = others.ask(&written).await;
            silent = replies.silent;
            for (node, said) in replies.answers {
                match serde_json::from_slice(&said) {
                    Ok(said) => answers.push((node, said)),
                    // A node of another version.
                    Err(_) => silent.push(node),
                }
            }
        }
        Replies { answers, silent }
    }
}

#[async_trait]
impl Responder for Here {
    async fn respond(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = serde_json::from_slice(question).ok()?;
        serde_json::to_vec(&answer(&*self.app()?, question)).ok()
    }
}
