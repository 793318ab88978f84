//! Many things at once, without a runtime.

use std::{future, pin::Pin, task::Poll};

/// Runs all of these at once, on one task: none waits for another. The outcomes are in the order of the futures.
pub(super) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Running<F>> = futures.into_iter().map(Running::new).collect();
    future::poll_fn(|context| {
        let mut left = 0;
        for one in &mut running {
            if one.outcome.is_some() {
                continue;
            }
            match one.future.as_mut().poll(context) {
                Poll::Ready(outcome) => one.outcome = Some(outcome),
                Poll::Pending => left += 1,
            }
        }
        if left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|one| one.outcome).collect()
}

struct Running<F: Future> {
    future: Pin<Box<F>>,
    outcome: Option<F::Output>,
}

impl<F: Future> Running<F> {
    fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            outcome: None,
        }
    }
}
