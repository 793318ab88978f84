//! Whatever is killed under load, and however often: nothing is lost, doubled or out of order.

use std::time::{Duration, Instant};

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    load,
    postgres::PostgresServer,
    proof::{Claim, Length},
};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// Messages a second: so that some are always under way.
const RATE: u64 = 100;
/// From one kill to the next; the server comes back and gets on meanwhile.
const MESSAGES_BETWEEN: u64 = 400;

const GETS_ON_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

const STORED: &str = "select cast(coalesce(sum(last_seq), 0) as bigint) from groups";

/// How it is judged at which length.
struct Plan {
    length: Length,
    kills: u64,
    messages: u64,
}

impl Plan {
    fn new(length: Length, bounded: u64) -> Self {
        let kills = length.pick(bounded, 50);
        let between = length.pick(MESSAGES_BETWEEN / 2, MESSAGES_BETWEEN);
        let messages = (kills + 1) * between;
        Self {
            length,
            kills,
            messages,
        }
    }

    /// How many messages are stored when it is time for a kill: there are always more to come.
    fn stored_before(&self, kill: u64) -> u64 {
        (kill + 1) * self.messages / (self.kills + 1)
    }

    /// Puts the server under load, and judges what came of it.
    async fn prove(&self, claim: Claim, url: String, killing: impl Future<Output = ()>) {
        let messages = self.messages;
        let scenario = format!("flaky --clients 40 --rooms 5 --rate {RATE} --messages {messages}");
        let urls = [url];

        let (outcome, ()) = tokio::join!(load::run(&urls, &scenario), killing);

        let holds = load::is_complete(&outcome, messages);
        claim.measured(self.length, holds, load::summary(&outcome));
        assert!(holds, "{}\n{}", outcome.report, outcome.verdict);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_sqlite_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let plan = Plan::new(Length::asked(), 3);
    let mut server = ChatServer::start(PROGRAM, WITHOUT_LIMITS).await;
    let url = server.url();
    let file = format!("sqlite://{}?mode=ro", server.file().display());

    let killing = async {
        for kill in 0..plan.kills {
            wait_until(plan.stored_before(kill), || stored_in_file(&file)).await;
            server.kill();
            server.restart().await;
        }
    };
    plan.prove(Claim::KillsOnSqlite, url, killing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_postgres_loses_and_doubles_nothing_whatever_is_killed() {
    let plan = Plan::new(Length::asked(), 6);
    let mut postgres = PostgresServer::start().await;
    let database = postgres.url();
    let settings = [WITHOUT_LIMITS, &[("CHAT_DATABASE__URL", &database)]].concat();
    let mut server = ChatServer::start(PROGRAM, &settings).await;
    let url = server.url();

    let killing = async {
        for kill in 0..plan.kills {
            wait_until(plan.stored_before(kill), || stored_in(&postgres)).await;
            match kill % 3 {
                0 => end_connections(&postgres).await,
                1 => {
                    postgres.kill();
                    postgres.restart().await;
                }
                _ => {
                    server.kill();
                    server.restart().await;
                }
            }
        }
    };
    plan.prove(Claim::KillsOnPostgres, url, killing).await;
}

/// Returns when so many messages are stored.
async fn wait_until(goal: u64, stored: impl AsyncFn() -> i64) {
    let goal = i64::try_from(goal).expect("it is small");
    let start = Instant::now();
    while stored().await < goal {
        assert!(start.elapsed() < GETS_ON_WITHIN, "nothing goes on");
        sleep(LOOK_EVERY).await;
    }
}

async fn stored_in_file(url: &str) -> i64 {
    let mut file = SqliteConnection::connect(url).await.expect("it is there");
    let counted = sqlx::query_scalar(STORED).fetch_one(&mut file).await;
    counted.expect("it can be read")
}

async fn stored_in(postgres: &PostgresServer) -> i64 {
    let mut connection = postgres.connect().await;
    let counted = sqlx::query_scalar(STORED).fetch_one(&mut connection).await;
    counted.expect("it can be read")
}

/// All that the server has to its database.
async fn end_connections(postgres: &PostgresServer) {
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'chat-server'";
    let killed = postgres.connect().await.execute(kill).await;
    assert!(
        killed.is_ok_and(|killed| killed.rows_affected() > 0),
        "they were there"
    );
}
