//! A Socket.IO packet of the main namespace, written once for all who get it.
//!
//! What a server sends over a WebSocket is not masked, so the same frame serves everybody.

use std::{cell::OnceCell, io::Write as _};

use serde::Serialize;
use serde_json::value::RawValue;

/// The longest header of a frame.
const HEADER: usize = 10;

/// A whole message of text (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;

/// An event, or an acknowledgement.
pub struct Packet<'a> {
    /// What is sent besides the payload; empty for an acknowledgement.
    event: &'a str,
    /// Room for the header, and then the text.
    bytes: Vec<u8>,
    /// Where the frame begins.
    start: usize,
    /// Where the payload begins.
    payload: usize,
    raw: OnceCell<Box<RawValue>>,
}

impl<'a> Packet<'a> {
    /// An event. Its name is one of ours, and needs no escaping.
    ///
    /// # Errors
    /// The payload cannot be written.
    pub fn event<T: Serialize>(event: &'a str, payload: &T) -> serde_json::Result<Self> {
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(b"42[\"");
        bytes.extend_from_slice(event.as_bytes());
        bytes.extend_from_slice(b"\",");
        Self::around(event, bytes, payload)
    }

    /// The acknowledgement of that number.
    ///
    /// # Errors
    /// The answer cannot be written.
    pub fn acknowledgement<T: Serialize>(number: i64, answer: &T) -> serde_json::Result<Self> {
        let mut bytes = vec![0; HEADER];
        // Writing to memory does not fail.
        let _ = write!(bytes, "43{number}[");
        Self::around("", bytes, answer)
    }

    fn around<T: Serialize>(
        event: &'a str,
        mut bytes: Vec<u8>,
        payload: &T,
    ) -> serde_json::Result<Self> {
        let begin = bytes.len();
        serde_json::to_writer(&mut bytes, payload)?;
        bytes.push(b']');
        let start = put_header(&mut bytes);
        Ok(Self {
            event,
            bytes,
            start,
            payload: begin,
            raw: OnceCell::new(),
        })
    }

    /// The name of the event.
    pub fn name(&self) -> &'a str {
        self.event
    }

    /// As it goes over a WebSocket.
    pub fn frame(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How many bytes it has without the frame.
    pub fn len(&self) -> usize {
        self.bytes.len() - HEADER
    }

    /// What the event or the acknowledgement says, for whoever writes the rest.
    pub fn payload(&self) -> &RawValue {
        self.raw.get_or_init(|| {
            let json = &self.bytes[self.payload..self.bytes.len() - 1];
            serde_json::from_slice(json).expect("what was just written can be read")
        })
    }
}

/// Writes the header right before the text. Returns where it begins.
fn put_header(bytes: &mut [u8]) -> usize {
    let length = bytes.len() - HEADER;
    let start = match u16::try_from(length) {
        Ok(short @ 0..=125) => {
            bytes[9] = short.to_be_bytes()[1];
            8
        }
        Ok(middle) => {
            bytes[7] = 126;
            bytes[8..10].copy_from_slice(&middle.to_be_bytes());
            6
        }
        Err(_) => {
            bytes[1] = 127;
            bytes[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            0
        }
    };
    bytes[start] = TEXT;
    start
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::{
        Message,
        protocol::{Role, WebSocket},
    };

    use super::*;

    /// As a client reads it.
    fn read(packet: &Packet<'_>) -> String {
        let stream = std::io::Cursor::new(packet.frame().to_vec());
        let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
        match socket.read() {
            Ok(Message::Text(text)) => text.to_string(),
            other => panic!("not a text: {other:?}"),
        }
    }

    #[test]
    fn a_client_reads_what_was_written_whatever_its_length() {
        for length in [
            0, 100, 110, 125, 126, 1_000, 65_520, 65_535, 65_536, 100_000,
        ] {
            let text = "ü".repeat(length);
            let packet = Packet::event("said", &text).unwrap();

            assert_eq!(read(&packet), format!("42[\"said\",\"{text}\"]"));
            assert_eq!(packet.len(), read(&packet).len());
            assert_eq!(packet.payload().get(), format!("\"{text}\""));
        }
    }

    #[test]
    fn an_acknowledgement_has_its_number_and_no_name() {
        let packet = Packet::acknowledgement(17, &[true]).unwrap();

        assert_eq!(read(&packet), "4317[[true]]");
        assert_eq!(packet.payload().get(), "[true]");
    }
}
