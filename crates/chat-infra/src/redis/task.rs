//! A task that ends with its owner.

use tokio::task::JoinHandle;

/// Ends the task when it is dropped.
pub(super) struct Task<T = ()>(JoinHandle<T>);

impl Task {
    /// On the runtime that this is called on.
    pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Task<T> {
    pub(super) const fn of(running: JoinHandle<T>) -> Self {
        Self(running)
    }

    /// Waits until it has ended by itself. `None` if it broke. Must not be asked again afterwards.
    pub(super) async fn ended(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
