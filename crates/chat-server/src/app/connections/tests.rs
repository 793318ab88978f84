use chat_domain::memory::MemoryLedger;

use super::*;

#[derive(Default)]
struct Recorded(Mutex<Vec<Closing>>);

impl Line for Recorded {
    fn figures(&self) -> LineFigures {
        LineFigures::default()
    }

    fn close(&self, closing: Closing) {
        self.0.lock().unwrap().push(closing);
    }
}

fn connections(per_user: u32, per_address: u32, evict: bool) -> Arc<Connections> {
    let limits = Limits {
        connections_per_user: per_user,
        connections_per_address: per_address,
        connections_evict_oldest: evict,
        ..Limits::default()
    };
    Connections::new(&limits, Arc::new(MemoryLedger::default()), NodeId::new(1))
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn socket(number: usize) -> SocketId {
    SocketId::new(&number.to_string())
}

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn admit(
    connections: &Arc<Connections>,
    name: &str,
    number: usize,
) -> Result<Admitted, TooMany> {
    admit_line(connections, name, number, Arc::default()).await
}

async fn admit_line(
    connections: &Arc<Connections>,
    name: &str,
    number: usize,
    line: Arc<Recorded>,
) -> Result<Admitted, TooMany> {
    connections
        .admit(&user(name), HOME, &socket(number), line)
        .await
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_is_gone() {
    let connections = connections(1, 0, false);
    let first = admit(&connections, "ada", 1).await.unwrap();

    let refused = admit(&connections, "ada", 2).await.err();
    drop(first);
    // The place is given back by a task.
    while admit(&connections, "ada", 3).await.is_err() {
        tokio::task::yield_now().await;
    }

    assert_eq!(refused, Some(TooMany::OfUser));
}

#[tokio::test]
async fn an_address_is_counted_over_all_users() {
    let connections = connections(0, 2, false);
    let _one = admit(&connections, "a", 1).await.unwrap();
    let two = admit(&connections, "b", 2).await.unwrap();

    let refused = admit(&connections, "c", 3).await.err();
    drop(two);

    assert_eq!(refused, Some(TooMany::FromAddress));
    assert!(admit(&connections, "c", 4).await.is_ok());
}

#[tokio::test]
async fn the_oldest_makes_room_where_that_is_configured() {
    let connections = connections(1, 0, true);
    let line = Arc::<Recorded>::default();
    let old = admit_line(&connections, "ada", 1, Arc::clone(&line)).await;
    let old = old.unwrap();

    let new = admit(&connections, "ada", 2).await.unwrap();
    for (user, socket) in &new.displaced {
        connections.close_socket(user, socket, Closing::Evicted);
    }

    assert_eq!(new.displaced, [(user("ada"), socket(1))]);
    assert_eq!(*line.0.lock().unwrap(), [Closing::Evicted]);
    drop(old);
    assert_eq!(
        connections.close_user(&user("ada"), Closing::Evicted),
        1,
        "the new one is still there"
    );
}

#[tokio::test]
async fn the_oldest_from_an_address_makes_room_once() {
    let connections = connections(0, 2, true);
    let _one = admit(&connections, "a", 1).await.unwrap();
    let _two = admit(&connections, "b", 2).await.unwrap();

    let three = admit(&connections, "c", 3).await.unwrap();
    // Those who have to go are not gone yet.
    let four = admit(&connections, "d", 4).await.unwrap();

    assert_eq!(three.displaced, [(user("a"), socket(1))]);
    assert_eq!(four.displaced, [(user("b"), socket(2))]);
}

#[tokio::test]
async fn who_makes_room_for_the_user_makes_room_at_the_address_too() {
    let connections = connections(1, 2, true);
    let _one = admit(&connections, "a", 1).await.unwrap();
    let _two = admit(&connections, "b", 2).await.unwrap();

    let three = admit(&connections, "b", 3).await.unwrap();

    assert_eq!(three.displaced, [(user("b"), socket(2))]);
}

#[tokio::test]
async fn a_node_takes_so_many_of_whomever() {
    let limits = Limits {
        connections_per_node: 2,
        ..Limits::default()
    };
    let connections = Connections::new(&limits, Arc::new(MemoryLedger::default()), NodeId::new(1));
    let _one = admit(&connections, "a", 1).await.unwrap();
    let two = admit(&connections, "b", 2).await.unwrap();

    let refused = admit(&connections, "c", 3).await.err();
    let was_full = connections.is_full();
    drop(two);

    assert_eq!((refused, was_full), (Some(TooMany::AtNode), true));
    assert!(admit(&connections, "c", 4).await.is_ok());
}

#[tokio::test]
async fn when_the_server_stops_everybody_gets_a_time_of_their_own() {
    let connections = connections(0, 0, false);
    let lines: Vec<Arc<Recorded>> = (0..4).map(|_| Arc::default()).collect();
    let mut slots = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let admitted = admit_line(&connections, "ada", number, Arc::clone(line)).await;
        slots.push(admitted.unwrap().slot);
    }

    connections.close_all(Duration::from_millis(400));

    let told: Vec<Closing> = lines.iter().map(|line| line.0.lock().unwrap()[0]).collect();
    let expected = [0, 100, 200, 300].map(|ms| Closing::Shutdown {
        reconnect_in: Duration::from_millis(ms),
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn who_connects_again_on_the_same_transport_is_not_lost_with_the_old_place() {
    let connections = connections(0, 0, false);
    let line = Arc::<Recorded>::default();
    let old = admit(&connections, "ada", 1).await.unwrap();
    let _new = admit_line(&connections, "ada", 1, Arc::clone(&line))
        .await
        .unwrap();

    drop(old);

    assert_eq!(connections.close_user(&user("ada"), Closing::Evicted), 1);
    assert_eq!(line.0.lock().unwrap().len(), 1);
}
