//! Paging and joining in a group with a long history, beside one with a short one.

use std::time::{Duration, Instant};

use chat_load::report::Report;
use chat_testkit::chat_server::SECRET;
use hdrhistogram::Histogram;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use reqwest::Client;
use serde_json::json;
use sqlx::Connection;

use crate::{
    contender::{Contender, start_server},
    measure::{Bench, play},
    samples::{Taken, Values},
    services::{Services, settle},
};

/// What the row is called.
pub const ROW: &str = "history";

/// The messages of the short history.
const SHORT: u32 = 1_000;
const PAGES: u32 = 500;
const MEMBERS: usize = 50;
const JOINS: &str = "join-storm --clients 50 --over-ms 1000 --rounds 3 --every 2";

/// A short history and one of so many messages, each read and joined in turn.
pub async fn take(bench: &mut Bench, repeats: u32, messages: u32) -> Taken {
    let names = [bench.name(), bench.name()];
    let services = bench.services();
    for (name, messages) in names.iter().zip([SHORT, messages]) {
        eprintln!("{ROW}: making {messages} messages");
        write(services, name, messages).await;
    }
    let mut taken = Taken::new();
    for repeat in 1..=repeats {
        eprintln!("{ROW} {repeat}/{repeats}");
        services.tidy();
        let program = bench.programs.join("chat-server");
        let server = start_server(program, Some(services), &[]).await;
        let mut sample = Values::new();
        for (name, (which, last)) in names.iter().zip([("short", SHORT), ("long", messages)]) {
            let urls = [server.url()];
            let report = play(name, &urls, &[server.pid()], None, JOINS).await;
            sample.insert(format!("join {which} p50"), p50(&report, "join"));
            for (what, newest) in [("newest page", true), ("page", false)] {
                let latency = read(&server.url(), name, last, newest).await;
                for (percentile, quantile) in [("p50", 0.5), ("p99", 0.99)] {
                    let micros = latency.value_at_quantile(quantile);
                    let millis = Duration::from_micros(micros).as_secs_f64() * 1_000.0;
                    sample.insert(format!("{what} {which} {percentile}"), millis);
                }
            }
        }
        taken.entry(Contender::ChatServer).or_default().push(sample);
    }
    taken
}

/// Makes a group with that many messages.
async fn write(services: &Services, name: &str, messages: u32) {
    let everybody = (0..).map(chat_load::record::User).take(MEMBERS).collect();
    services.stage(name, MEMBERS, &[everybody]).await;
    let mut connection = services.postgres.connect().await;
    // What is made here refers to what is there.
    let trusting = "set session_replication_role = replica";
    (sqlx::query(trusting).execute(&mut connection).await).expect("a superuser may");
    sqlx::query(
        "insert into messages (group_id, seq, updated_seq, id, sender_id, kind, created_at, content)
         select $1 || '-g0', n, n, overlay(md5($1) placing lpad(to_hex(n), 12, '0') from 1)::uuid,
                $1 || '-u' || n % $2, 'TEXT', now(), 'This is message number ' || n || ' of a long conversation.'
           from generate_series(1, $3) n",
    )
    .bind(name)
    .bind(i32::try_from(MEMBERS).expect("they are few"))
    .bind(i32::try_from(messages).expect("they fit"))
    .execute(&mut connection)
    .await
    .expect("messages are made");
    sqlx::query("update groups set last_seq = $2 where id = $1 || '-g0'")
        .bind(name)
        .bind(i64::from(messages))
        .execute(&mut connection)
        .await
        .expect("they are counted");
    (sqlx::query("vacuum analyze messages")
        .execute(&mut connection)
        .await)
        .expect("tidy");
    settle(&mut connection).await;
    let _ = connection.close().await;
}

/// Reads pages over HTTP, one after another: the newest one, or any.
async fn read(url: &str, name: &str, last: u32, newest: bool) -> Histogram<u64> {
    let user = format!("{name}-u0");
    let claims = json!({"sub": user, "name": user, "exp": get_current_timestamp() + 3_600});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&Header::default(), &claims, &key).expect("it can be signed");
    let http = Client::new();
    let mut latency = Histogram::new(3).expect("three digits are possible");
    for _ in 0..PAGES {
        let place = if newest {
            String::new()
        } else {
            format!("&afterSeq={}", fastrand::u32(0..last - 50))
        };
        let page = format!("{url}/api/v1/groups/{name}-g0/messages?limit=50{place}");
        let begun = Instant::now();
        let answer = http.get(page).bearer_auth(&token).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let body = answer.expect("it is answered").bytes().await;
        let spent = begun.elapsed();
        assert!(body.is_ok_and(|body| body.len() > 5_000), "a page is full");
        latency.saturating_record(u64::try_from(spent.as_micros()).unwrap_or(u64::MAX));
    }
    latency
}

fn p50(report: &Report, name: &str) -> f64 {
    let mut latencies = report.latencies.iter();
    let latency = latencies.find(|latency| latency.name == name);
    latency.expect("everybody joined").p50
}
