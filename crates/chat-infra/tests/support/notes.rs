//! Somebody who notes what he is told.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use chat_domain::{news::Notice, ports::Listener, service::Shared};
use chat_infra::redis::subscriber::Ear;
use tokio::{sync::Notify, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);

/// One who is told something.
#[derive(Default)]
pub struct Notes {
    written: Mutex<Vec<String>>,
    more: Notify,
}

impl Notes {
    fn pages(&self) -> MutexGuard<'_, Vec<String>> {
        self.written.lock().expect("nobody panics with it")
    }

    fn write(&self, what: &str) {
        self.pages().push(what.to_owned());
        self.more.notify_one();
    }

    pub fn read(&self) -> Vec<String> {
        self.pages().clone()
    }

    pub async fn until(&self, is_enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let enough = async {
            loop {
                let written = self.read();
                if is_enough(&written) {
                    return written;
                }
                self.more.notified().await;
            }
        };
        let waited = timeout(PATIENCE, enough).await;
        waited.unwrap_or_else(|_| panic!("only {:?}", self.read()))
    }

    pub async fn until_it_says(&self, last: &str) -> Vec<String> {
        self.until(|written| written.last().is_some_and(|it| it == last))
            .await
    }

    pub fn forget(&self) {
        self.pages().clear();
    }
}

impl Ear for Notes {
    fn hear(&self, channel: &str, payload: &[u8]) {
        self.write(&format!("{channel}: {}", String::from_utf8_lossy(payload)));
    }

    fn missed(&self) {
        self.write("missed");
    }

    fn lost(&self) {
        self.write("lost");
    }

    fn restored(&self) {
        self.write("restored");
    }
}

impl Listener for Notes {
    fn hear(&self, notice: Notice) {
        self.write(&format!("{notice:?}"));
    }

    fn missed(&self) {
        self.write("missed");
    }

    fn lost(&self, shared: Shared) {
        self.write(&format!("lost {shared:?}"));
    }

    fn restored(&self, shared: Shared) {
        self.write(&format!("restored {shared:?}"));
    }
}
