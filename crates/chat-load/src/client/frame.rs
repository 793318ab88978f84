//! WebSocket frames (RFC 6455), without I/O.
//!
//! What comes in is looked at where it lies. What goes out is masked with a zero key: the server must accept it,
//! and the generator does not have to touch the bytes.

use thiserror::Error;

/// The smallest piece of room for a read. Grows while more comes at once.
const READ_BYTES: usize = 4 * 1_024;
/// A message that is larger is not from a chat server.
const MESSAGE_BYTES: usize = 64 * 1_024 * 1_024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Why bytes are no frames.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// The server masked a frame.
    #[error("a frame of the server is masked")]
    Masked,
    /// The text is not UTF-8.
    #[error("a text frame is not UTF-8")]
    NotText,
    /// The message is larger than any can be.
    #[error("a message is too large")]
    TooLarge,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole text message.
    Text(&'a str),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The server closes.
    Close,
}

/// Bytes that came and were not looked at yet.
#[derive(Debug, Default)]
pub struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// A message in several frames, so far.
    fragments: Vec<u8>,
}

impl Incoming {
    /// Room for the next read.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.end < READ_BYTES {
            let len = (self.bytes.len() * 2).max(READ_BYTES * 2);
            self.bytes.resize(len, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes were read into [`Incoming::room`].
    pub fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// What was not looked at yet.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// So many bytes were looked at.
    pub fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// The next whole message, or `None` until more has been read.
    ///
    /// # Errors
    /// The bytes are no frames; the connection is of no use any more.
    pub fn take(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        loop {
            let Some((first, head, len)) = header(self.rest())? else {
                return Ok(None);
            };
            if self.rest().len() < head + len {
                return Ok(None);
            }
            let (start, end) = (self.start + head, self.start + head + len);
            self.start = end;
            match first & 0x0f {
                TEXT if first & FINAL != 0 => return text(&self.bytes[start..end]).map(Some),
                TEXT => self.fragments = self.bytes[start..end].to_vec(),
                CONTINUATION => {
                    self.fragments.extend_from_slice(&self.bytes[start..end]);
                    if self.fragments.len() > MESSAGE_BYTES {
                        return Err(FrameError::TooLarge);
                    }
                    if first & FINAL != 0 {
                        return text(&self.fragments).map(Some);
                    }
                }
                PING => return Ok(Some(Frame::Ping(&self.bytes[start..end]))),
                CLOSE => return Ok(Some(Frame::Close)),
                // A pong, or something binary, which the protocol of this server does not have.
                _ => {}
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FrameError::NotText)?;
    Ok(Frame::Text(text))
}

/// The first byte, the length of the header and the length of the payload.
fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, FrameError> {
    let &[first, second, ..] = bytes else {
        return Ok(None);
    };
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let (head, len) = match second {
        126 => (
            4,
            bytes[2..]
                .first_chunk()
                .map(|len| u16::from_be_bytes(*len).into()),
        ),
        127 => (
            10,
            bytes[2..].first_chunk().map(|len| u64::from_be_bytes(*len)),
        ),
        len => (2, Some(u64::from(len))),
    };
    let Some(len) = len else {
        return Ok(None);
    };
    match usize::try_from(len) {
        Ok(len) if len <= MESSAGE_BYTES => Ok(Some((first, head, len))),
        _ => Err(FrameError::TooLarge),
    }
}

/// Bytes that are to be written.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// From `written` on.
    bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Adds a text message.
    pub fn text(&mut self, text: &str) {
        self.frame(TEXT, text.as_bytes());
    }

    /// Adds bytes as they are: the handshake.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds the answer to a ping.
    pub fn pong(&mut self, payload: &[u8]) {
        self.frame(PONG, payload);
    }

    /// Adds a close frame.
    pub fn close(&mut self) {
        self.frame(CLOSE, &[]);
    }

    /// What is left to write.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// So much of it was written.
    pub fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        }
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) {
        self.bytes.push(FINAL | kind);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(len), _) if len < 126 => self.bytes.push(MASKED | len),
            (_, Ok(len)) => {
                self.bytes.push(MASKED | 0x7e);
                self.bytes.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                self.bytes.push(MASKED | 0x7f);
                let len = payload.len() as u64;
                self.bytes.extend_from_slice(&len.to_be_bytes());
            }
        }
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a server writes it.
    fn served(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Outgoing::default();
        out.frame(first & 0x0f, payload);
        let masked = out.rest();
        let mask_at = masked.len() - payload.len() - 4;
        let mut bytes = masked[..mask_at].to_vec();
        bytes[0] = first;
        bytes[1] &= !MASKED;
        bytes.extend_from_slice(payload);
        bytes
    }

    fn read_in_pieces(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut incoming = Incoming::default();
        let mut heard = Vec::new();
        for part in bytes.chunks(piece) {
            incoming.room()[..part.len()].copy_from_slice(part);
            incoming.filled(part.len());
            while let Some(frame) = incoming.take().unwrap() {
                heard.push(match frame {
                    Frame::Text(text) => text.to_owned(),
                    other => format!("{other:?}"),
                });
            }
        }
        heard
    }

    #[test]
    fn frames_of_every_length_come_through_however_they_are_cut() {
        let texts = [5, 125, 126, 65_535, 65_536].map(|len| "x".repeat(len));
        let mut bytes: Vec<u8> = (texts.iter())
            .flat_map(|text| served(FINAL | TEXT, text.as_bytes()))
            .collect();
        bytes.extend(served(TEXT, b"in "));
        bytes.extend(served(FINAL | PING, b"p"));
        bytes.extend(served(FINAL | CONTINUATION, b"two"));

        for piece in [1, 7, 4_000] {
            let heard = read_in_pieces(&bytes, piece);

            assert_eq!(heard[..5], texts);
            assert_eq!(heard[5..], ["Ping([112])", "in two"]);
        }
    }

    #[test]
    fn a_masked_frame_is_refused() {
        let mut incoming = Incoming::default();
        incoming.room()[..2].copy_from_slice(&[FINAL | TEXT, MASKED]);
        incoming.filled(2);

        assert_eq!(incoming.take(), Err(FrameError::Masked));
    }
}
