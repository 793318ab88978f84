//! The AsyncAPI document: one channel, a message for each event and each answer.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    catalogue::{Catalogue, News, Request, Schemas},
    recorded::payload,
};

/// The document. What it consists of is in this order in the file.
#[derive(Serialize)]
pub struct AsyncApi<'a> {
    asyncapi: &'static str,
    info: Value,
    #[serde(rename = "defaultContentType")]
    content_type: &'static str,
    servers: Value,
    channels: Value,
    operations: Value,
    components: Components<'a>,
}

#[derive(Serialize)]
struct Components<'a> {
    messages: Value,
    schemas: &'a Schemas,
    #[serde(rename = "securitySchemes")]
    security_schemes: Value,
}

/// The document of these events.
pub fn document(catalogue: &Catalogue) -> AsyncApi<'_> {
    let Catalogue {
        requests,
        news,
        schemas,
        ..
    } = catalogue;
    let messages: Vec<(String, Value)> = requests
        .iter()
        .flat_map(of_request)
        .chain([("refused".to_owned(), refused())])
        .chain(
            news.iter()
                .map(|news| (news.event.to_owned(), of_news(news))),
        )
        .collect();
    let told = news.iter().map(told);
    let operations = requests.iter().map(asked).chain(told).collect();
    AsyncApi {
        asyncapi: "3.0.0",
        info: json!({
            "title": "chat-server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Group chat over Socket.IO (Engine.IO 4). Each message here is an event of Socket.IO: its name, \
                and one argument, the payload. An event that a client sends may have an acknowledgement; its answer is \
                the reply. Without one, a refusal comes as the event `error`. Fields that are not known are ignored.",
            "license": { "name": "MIT OR Apache-2.0" },
        }),
        content_type: "application/json",
        servers: json!({ "chat": {
            "host": "localhost:8001",
            "pathname": "/socket.io/",
            "protocol": "ws",
            "protocolVersion": "4",
            "description": "Socket.IO, namespace `/`, over WebSocket or long polling.",
            "security": [reference("securitySchemes", "token")],
        } }),
        channels: json!({ "socket": {
            "address": "/",
            "description": "The namespace.",
            "messages": named(messages.iter().map(|(name, _)| (name.clone(), reference("messages", name)))),
        } }),
        operations: Value::Object(operations),
        components: Components {
            messages: named(messages.iter().cloned()),
            schemas,
            security_schemes: json!({ "token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "As `auth.token` of the handshake, or as the header `Authorization`.",
            } }),
        },
    }
}

fn of_request(request: &Request) -> [(String, Value); 2] {
    let Request {
        event,
        summary,
        argument,
        done,
        example,
    } = request;
    let asked = json!({
        "name": event,
        "summary": summary,
        "payload": reference("schemas", argument),
        "examples": [{ "payload": example }],
    });
    let name = format!("{event}_ack");
    let answered = json!({
        "name": name,
        "summary": format!("`{event}` is done."),
        "payload": reference("schemas", done),
        "examples": [{ "payload": payload(&name) }],
    });
    [((*event).to_owned(), asked), (name, answered)]
}

fn refused() -> Value {
    let examples = [
        "refusal_validation",
        "refusal_forbidden",
        "refusal_rate_limited",
    ];
    json!({
        "name": "refused",
        "summary": "It is not done.",
        "payload": reference("schemas", "Refused"),
        "examples": examples.map(|name| json!({ "payload": payload(name) })),
    })
}

fn of_news(
    News {
        event,
        summary,
        payload: schema,
    }: &News,
) -> Value {
    json!({
        "name": event,
        "summary": summary,
        "payload": reference("schemas", schema),
        "examples": [{ "payload": payload(event) }],
    })
}

/// The server receives an event, and answers.
fn asked(Request { event, summary, .. }: &Request) -> (String, Value) {
    let operation = json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/socket" },
        "summary": summary,
        "messages": [in_channel(event)],
        "reply": {
            "channel": { "$ref": "#/channels/socket" },
            "messages": [in_channel(&format!("{event}_ack")), in_channel("refused")],
        },
    });
    ((*event).to_owned(), operation)
}

/// The server sends an event.
fn told(News { event, summary, .. }: &News) -> (String, Value) {
    let operation = json!({
        "action": "send",
        "channel": { "$ref": "#/channels/socket" },
        "summary": summary,
        "messages": [in_channel(event)],
    });
    ((*event).to_owned(), operation)
}

fn named(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect())
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn in_channel(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/socket/messages/{message}") })
}
