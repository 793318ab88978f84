//! The harness and the peers that are built with it still fit together.

use std::path::Path;

use chat_bench::{
    contender::Contender::{Limit, Socketioxide},
    measure::Bench,
    row::Row,
};

#[tokio::test]
async fn the_peers_in_rust_deliver_what_the_generator_says() {
    let program = Path::new(env!("CARGO_BIN_EXE_peer-limit"));
    let programs = program.parent().expect("a program is in a folder");
    let mut bench = Bench::new(programs.to_path_buf(), None);
    let load = "typing --clients 20 --room-size 10 --rate 40 --seconds 1";
    let row = Row::new("try", &[Socketioxide, Limit], load);

    for contender in row.contenders {
        let values = bench.sample(&row, *contender).await;

        // The last ones may be under way when the run ends.
        let (sent, deliveries) = (values["sent"], values["deliveries"]);
        assert!(sent > 30.0, "{contender:?} let in {sent}");
        assert!(deliveries > 8.0 * sent, "{contender:?}: {deliveries}");
        assert!(values["delivery p50"] > 0.0);
    }
}
