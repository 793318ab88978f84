//! Engine.IO and Socket.IO packets, and the acknowledgements in them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What the server says, taken apart no further than needed.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The transport is open.
    Open,
    /// To be answered.
    Ping,
    /// The namespace is joined; JSON with the socket's `sid`.
    Connected(&'a str),
    /// The namespace is closed.
    Disconnected,
    /// The client is not let in; JSON with a `message`.
    Refused(&'a str),
    /// An event's name and its one argument as JSON.
    Event(&'a str, &'a str),
    /// An acknowledgement's number and its one value as JSON.
    Ack(u32, &'a str),
    /// Nothing that this client knows.
    Unknown,
}

impl<'a> Packet<'a> {
    /// Takes a text message apart.
    pub fn read(text: &'a str) -> Self {
        Self::known(text).unwrap_or(Self::Unknown)
    }

    fn known(text: &'a str) -> Option<Self> {
        if let Some(event) = text.strip_prefix("42[\"") {
            let (name, rest) = event.split_once('"')?;
            let argument = match rest.strip_suffix(']')? {
                "" => "null",
                rest => rest.strip_prefix(',')?,
            };
            return Some(Self::Event(name, argument));
        }
        if let Some(ack) = text.strip_prefix("43") {
            let (number, value) = ack.split_once('[')?;
            return Some(Self::Ack(number.parse().ok()?, value.strip_suffix(']')?));
        }
        match text.split_at_checked(2) {
            Some(("40", socket)) => Some(Self::Connected(socket)),
            Some(("41", _)) => Some(Self::Disconnected),
            Some(("44", why)) => Some(Self::Refused(why)),
            _ if text.starts_with('0') => Some(Self::Open),
            _ if text.starts_with('2') => Some(Self::Ping),
            _ => None,
        }
    }
}

/// An acknowledgement.
#[derive(Debug, Deserialize)]
pub struct Answer<'a> {
    /// Whether it was done.
    pub ok: bool,
    /// Whether it had been done before.
    #[serde(default)]
    pub duplicate: bool,
    /// What came of it.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// Why not.
    #[serde(borrow)]
    pub error: Option<Refusal<'a>>,
}

/// Why something was not done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal<'a> {
    /// The code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// When to try again.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    /// The event that was refused.
    #[serde(borrow, default)]
    pub event: Option<Cow<'a, str>>,
}

impl Refusal<'_> {
    /// Whether trying again may help.
    pub fn passes(&self) -> bool {
        !matches!(
            self.code.as_ref(),
            "VALIDATION_ERROR" | "PAYLOAD_TOO_LARGE" | "CONFLICT"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let read = Packet::read;
        assert_eq!(read("0{\"sid\":\"a\"}"), Packet::Open);
        assert_eq!(read("2"), Packet::Ping);
        assert_eq!(
            read("40{\"sid\":\"a\"}"),
            Packet::Connected("{\"sid\":\"a\"}")
        );
        assert_eq!(read("41"), Packet::Disconnected);
        assert_eq!(
            read("44{\"message\":\"no\"}"),
            Packet::Refused("{\"message\":\"no\"}")
        );
        assert_eq!(
            read("42[\"a\",{\"b\":[1]}]"),
            Packet::Event("a", "{\"b\":[1]}")
        );
        assert_eq!(read("42[\"a\"]"), Packet::Event("a", "null"));
        assert_eq!(
            read("4317[{\"ok\":true}]"),
            Packet::Ack(17, "{\"ok\":true}")
        );
        assert_eq!(read("43x[1]"), Packet::Unknown);
        assert_eq!(read("é"), Packet::Unknown);
    }

    #[test]
    fn an_answer_is_read_without_copying() {
        let text = r#"{"ok":false,"error":{"code":"RATE_LIMITED","message":"Say \"please\".","event":"x","retryAfterMs":9}}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let error = answer.error.unwrap();

        assert_eq!(
            (error.code.as_ref(), error.retry_after_ms),
            ("RATE_LIMITED", Some(9))
        );
        assert!(!answer.ok && error.passes());
    }
}
