//! Phones that lose the connection at random, resume with `afterSeq`, and send things twice: nothing is lost, doubled
//! or out of order.

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    load,
    postgres::PostgresServer,
    proof::{Claim, Length},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

async fn prove(claim: Claim, settings: &[(&str, &str)]) {
    let length = Length::asked();
    let messages = length.pick(1_500, 100_000);
    let (clients, rooms, rate) = length.pick((50, 5, 500), (200, 20, 1_000));
    let server = ChatServer::start(PROGRAM, &[WITHOUT_LIMITS, settings].concat()).await;
    let scenario =
        format!("flaky --clients {clients} --rooms {rooms} --messages {messages} --rate {rate}");

    let outcome = load::run(&[server.url()], &scenario).await;

    let holds = load::is_complete(&outcome, messages);
    claim.measured(length, holds, load::summary(&outcome));
    assert!(holds, "{}\n{}", outcome.report, outcome.verdict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flaky_phones_lose_and_double_nothing_on_sqlite() {
    prove(Claim::FlakyOnSqlite, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flaky_phones_lose_and_double_nothing_on_postgres() {
    let postgres = PostgresServer::start().await;
    let url = postgres.url();
    prove(Claim::FlakyOnPostgres, &[("CHAT_DATABASE__URL", &url)]).await;
}
