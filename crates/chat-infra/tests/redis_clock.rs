//! Presence when Redis's clock is turned, in a time of the tests' own.

mod fleet;

use self::fleet::Fleet;

/// One user at each of so many nodes, all in one room.
async fn one_at_each_of(nodes: usize) -> Fleet {
    let mut fleet = Fleet::start(nodes, 1).await;
    for place in 0..nodes {
        let (user, socket) = (format!("u{place}"), format!("s{place}"));
        fleet.connect(place, &user, &socket, 1).await;
        fleet.join(&socket, "room0").await;
    }
    fleet.pass(10_000).await;
    fleet
}

#[tokio::test]
async fn a_clock_that_goes_back_does_not_keep_the_dead_alive() {
    let mut fleet = one_at_each_of(2).await;

    fleet.kill(1);
    // By less than a lease: the dead one's reaches further than any that is taken now.
    fleet.turn_clock(-11_500);
    // A heartbeat, a lease, and a moment until somebody looks.
    fleet.pass(17_000).await;

    fleet.assert_exact().await;
    fleet.assert_shown();
}

#[tokio::test]
async fn a_clock_that_goes_on_kills_nobody() {
    let mut fleet = one_at_each_of(3).await;
    let told = fleet.told;

    for millis in [3_600_000, 11_500, 13_000] {
        fleet.turn_clock(millis);
        fleet.pass(3_500).await;
        fleet.assert_exact().await;
    }

    fleet.pass(10_000).await;
    assert!(fleet.is_everybody_exact());
    assert_eq!(fleet.told, told, "nobody notices");
}

#[tokio::test]
async fn ghosts_in_old_data_are_not_seen_because_the_clock_goes_back() {
    let mut fleet = one_at_each_of(3).await;
    fleet.server.save();
    fleet.kill(2);
    fleet.pass(20_000).await;
    let told = fleet.told;

    fleet.server.kill();
    fleet.wait_until_redis(false).await;
    // By this clock the ghost's lease has not run out.
    fleet.turn_clock(-30_000);
    fleet.server.restart().await;
    fleet.wait_until_redis(true).await;
    // Those who were there have announced themselves, and wait for the ghost to die.
    fleet.pass(1_000).await;
    fleet.turn_clock(-11_500);
    fleet.pass(30_000).await;

    assert!(fleet.is_everybody_exact());
    assert_eq!(fleet.told, told, "nobody notices");
    fleet.assert_exact().await;
    fleet.assert_shown();
}
