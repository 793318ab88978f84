//! What is read when somebody looks.

use metrics::{describe_gauge, gauge};
use metrics_process::Collector;
use tokio::runtime::Handle;

const BUILD: &str = "chat_build_info";
const DRAINING: &str = "chat_draining";
const CONNECTIONS: &str = "chat_connections";
const ROOMS: &str = "chat_rooms";
const ROOMS_BY_USERS: &str = "chat_rooms_by_users";
const TYPING: &str = "chat_typing_users";
const QUEUE_LENGTH: &str = "chat_queue_length";
const TASKS: &str = "chat_tasks";

pub(super) fn describe() {
    describe_gauge!(BUILD, "Always 1: the label is what counts.");
    describe_gauge!(DRAINING, "1 while the node lets its clients go.");
    describe_gauge!(CONNECTIONS, "Signed-in connections.");
    describe_gauge!(ROOMS, "Rooms that somebody at this node is in.");
    describe_gauge!(
        ROOMS_BY_USERS,
        "The same rooms, by how many users are in them over all nodes."
    );
    describe_gauge!(
        TYPING,
        "Users who are shown as typing in the rooms of this node."
    );
    describe_gauge!(TASKS, "Tasks of the runtime.");
    Collector::default().describe();
}

/// What goes on at this node at the moment.
#[derive(Debug, Default)]
pub struct Figures {
    /// Whether it lets its clients go.
    pub is_draining: bool,
    /// Connections over WebSocket, and by polling.
    pub connections: [usize; 2],
    /// How many users are in each room.
    pub rooms: Vec<usize>,
    /// Users who are shown as typing.
    pub typists: usize,
    /// What is to be done later.
    pub agenda: usize,
}

/// How many users rooms have: the most of each class, and its name.
const CLASSES: [(usize, &str); 5] = [
    (1, "1"),
    (10, "2-10"),
    (100, "11-100"),
    (500, "101-500"),
    (usize::MAX, "501+"),
];

impl Figures {
    /// Shows them, with those of the process.
    pub fn show(&self) {
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
        gauge!(DRAINING).set(u8::from(self.is_draining));
        for (transport, count) in ["websocket", "polling"].into_iter().zip(self.connections) {
            gauge!(CONNECTIONS, "transport" => transport).set(figure(count));
        }
        gauge!(ROOMS).set(figure(self.rooms.len()));
        let mut least = 0;
        for (most, name) in CLASSES {
            let is_in = |users: &&usize| (least..=most).contains(*users);
            let count = self.rooms.iter().filter(is_in).count();
            gauge!(ROOMS_BY_USERS, "users" => name).set(figure(count));
            least = most.saturating_add(1);
        }
        gauge!(TYPING).set(figure(self.typists));
        gauge!(QUEUE_LENGTH, "queue" => "agenda").set(figure(self.agenda));
        if let Ok(runtime) = Handle::try_current() {
            let runtime = runtime.metrics();
            let waiting = figure(runtime.global_queue_depth());
            gauge!(QUEUE_LENGTH, "queue" => "runtime").set(waiting);
            gauge!(TASKS).set(figure(runtime.num_alive_tasks()));
        }
        Collector::default().collect();
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "above 2^53 nobody counts single ones"
)]
const fn figure(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn each_room_is_in_one_class() {
        let recorder = DebuggingRecorder::new();
        let rooms = vec![0, 1, 2, 10, 11, 100, 101, 500, 501, 9_000];
        let figures = Figures {
            rooms,
            ..Figures::default()
        };

        metrics::with_local_recorder(&recorder, || figures.show());

        let shown = recorder.snapshotter().snapshot().into_vec().into_iter();
        let mut classes: Vec<(String, f64)> = shown
            .filter(|(key, ..)| key.key().name() == ROOMS_BY_USERS)
            .map(|(key, _, _, value)| {
                let DebugValue::Gauge(value) = value else {
                    panic!("it is a gauge")
                };
                let class = key.key().labels().next().unwrap().value().to_owned();
                (class, value.into_inner())
            })
            .collect();
        classes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let expected = [
            ("1", 2.0),
            ("101-500", 2.0),
            ("11-100", 2.0),
            ("2-10", 2.0),
            ("501+", 2.0),
        ];
        assert_eq!(
            classes,
            expected.map(|(class, count)| (class.to_owned(), count))
        );
    }
}
