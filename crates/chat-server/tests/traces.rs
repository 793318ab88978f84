//! A message's way, as a collector for OpenTelemetry sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use axum::{Router, body::Bytes, extract::State, routing::post};
use chat_testkit::{chat_server::ChatServer, postgres::PostgresServer, redis::RedisServer};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any,
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;
use support::{Site, token};
use tokio::{
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// Takes what is sent, and keeps the spans with the node that they come from.
struct Collector {
    address: SocketAddr,
    spans: Receiver<(String, Span)>,
}

impl Collector {
    async fn start() -> Self {
        let (tell, spans) = channel(1_000);
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(tell);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(tcp, router).await });
        Self { address, spans }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn next(&mut self) -> (String, Span) {
        let next = timeout(COMES_WITHIN, self.spans.recv()).await;
        next.expect("a span in time").unwrap()
    }
}

async fn take(State(tell): State<Sender<(String, Span)>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for spans in request.resource_spans {
        let resource = spans.resource.unwrap();
        let node = resource.attributes.into_iter();
        let node = node.filter(|it| it.key == "service.instance.id");
        let node = node.map(|it| format!("{:?}", it.value)).next().unwrap();
        for span in spans.scope_spans.into_iter().flat_map(|it| it.spans) {
            tell.send((node.clone(), span)).await.unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

fn number(span: &Span, name: &str) -> Option<i64> {
    let mut attributes = span.attributes.iter();
    let attribute = attributes.find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Any::IntValue(number) => Some(*number),
        _ => None,
    }
}

#[tokio::test]
async fn from_socket_to_sockets_a_message_is_one_trace_over_all_nodes() {
    let (postgres, redis) = (PostgresServer::start().await, RedisServer::start().await);
    let mut collector = Collector::start().await;
    let (database, shared, url) = (postgres.url(), redis.url(), collector.url());
    let settings = [
        ("CHAT_DATABASE__URL", &*database),
        ("CHAT_REDIS__URL", &shared),
        ("CHAT_OTLP__ENDPOINT", &url),
        // Sooner than in five seconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let near = ChatServer::start(PROGRAM, &settings).await;
    let far = ChatServer::start(PROGRAM, &settings).await;
    let [near, far] = [&near, &far].map(|server| Site {
        address: server.address(),
    });
    near.group("g", &["ada", "ben", "eve"]).await;
    let mut ada = near.join("ada", "g").await;
    let mut others = [far.join("ben", "g").await, far.join("eve", "g").await];

    let said = json!({"groupId": "g", "content": "hello", "clientMessageId": "c-1"});
    let sent = ada.call("send_message", said.clone()).await;
    for other in &mut others {
        other.wait_for("message_received").await;
    }
    ada.ask("send_message", said).await;
    let posted = near
        .http(
            "POST",
            "groups/g/messages",
            &token("ben", 60),
            json!({"content": "by HTTP"}),
        )
        .await;

    let id = |id: &serde_json::Value| id.as_str().unwrap().replace('-', "");
    let (first, second) = (id(&sent["id"]), id(&posted.1["id"]));
    let mut journeys: BTreeMap<String, Vec<(String, Span)>> = BTreeMap::new();
    while journeys.values().map(Vec::len).sum::<usize>() < 10 {
        let (node, span) = collector.next().await;
        let journey = journeys.entry(hex(&span.trace_id)).or_default();
        journey.push((node, span));
    }
    assert_eq!(
        journeys.len(),
        2,
        "a repeated message has no second journey"
    );
    for (trace, whole) in [(&first, "send_message"), (&second, "POST message")] {
        let journey = &journeys[trace];
        let root = trace[16..].to_owned();
        let mut names: Vec<&str> = journey.iter().map(|(_, span)| &*span.name).collect();
        names.sort_unstable();
        let mut expected = [whole, "commit", "publish", "deliver", "deliver"];
        expected.sort_unstable();
        assert_eq!(names, expected);
        for (_, span) in journey {
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
            if span.name == whole {
                assert_eq!(
                    (hex(&span.span_id), &*span.parent_span_id),
                    (root.clone(), &[][..])
                );
                assert!(number(span, "chat.message.seq").is_some());
            } else {
                assert_eq!(hex(&span.parent_span_id), root);
            }
        }
        let delivered = journey.iter().filter(|(_, span)| span.name == "deliver");
        let delivered: BTreeMap<&String, i64> = delivered
            .map(|(node, span)| (node, number(span, "chat.sockets").unwrap()))
            .collect();
        let mut sockets: Vec<i64> = delivered.into_values().collect();
        sockets.sort_unstable();
        assert_eq!(sockets, [1, 2], "each node delivers to its own sockets");
    }
}

#[tokio::test]
async fn without_its_collector_a_server_serves_and_stops_as_always() {
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", away.local_addr().unwrap());
    drop(away);
    let settings = [
        ("CHAT_OTLP__ENDPOINT", &*url),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let mut server = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: server.address(),
    };
    site.group("g", &["ada"]).await;
    let mut ada = site.join("ada", "g").await;

    for _ in 0..5 {
        ada.call("send_message", json!({"groupId": "g", "content": "x"}))
            .await;
    }

    drop(ada);
    assert!(server.stop().await);
    let log = server.log();
    let lines = log.matches("the collector does not take traces");
    assert_eq!(lines.count(), 1, "{log}");
}

#[tokio::test]
async fn of_no_messages_at_all_nothing_is_sent() {
    let mut collector = Collector::start().await;
    let url = collector.url();
    let settings = [
        ("CHAT_OTLP__ENDPOINT", &*url),
        ("CHAT_OTLP__SAMPLE_RATIO", "0.0"),
    ];
    let mut server = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: server.address(),
    };
    site.group("g", &["ada"]).await;
    let mut ada = site.join("ada", "g").await;

    ada.call("send_message", json!({"groupId": "g", "content": "x"}))
        .await;
    drop(ada);
    assert!(server.stop().await);

    assert!(collector.spans.try_recv().is_err());
}
