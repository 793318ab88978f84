//! Where the frames of a WebSocket begin and end in what a connection writes (RFC 6455, section 5.2).

/// The head of an answer ends with this.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A frame's first byte has these bits.
const IS_WHOLE: u8 = 0x80;
const OPCODE: u8 = 0x0F;
const CLOSE: u8 = 8;

/// What has left with the last byte of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The answer to a Socket.IO connect.
    Connected,
    /// An event or an acknowledgement.
    Packet,
    /// What the engine says of its own.
    Other,
}

/// Follows what a server writes on one connection, in pieces of any size.
#[derive(Debug, Default)]
pub struct Frames {
    place: Place,
    is_over: bool,
}

#[derive(Debug, Default)]
enum Place {
    /// Before the connection has become a WebSocket.
    #[default]
    Http,
    /// In the head of the answer that makes it one; so much of its end has come.
    Head { matched: usize },
    /// In a frame's header.
    Header { bytes: [u8; 10], known: usize },
    /// In its payload.
    Payload {
        /// The engine's type of packet, and that of Socket.IO.
        kinds: [u8; 2],
        known: usize,
        left: u64,
    },
}

const BETWEEN: Place = Place::Header {
    bytes: [0; 10],
    known: 0,
};

impl Frames {
    /// Frames follow the head that is written next.
    pub fn switch(&mut self) {
        self.place = Place::Head { matched: 0 };
    }

    /// Whether a frame may be written now that is not from the engine.
    pub fn is_between(&self) -> bool {
        matches!(self.place, Place::Header { known: 0, .. }) && !self.is_over
    }

    /// These bytes were written. Tells what has left with them.
    pub fn written(&mut self, mut bytes: &[u8], mut left: impl FnMut(Frame)) {
        while let Some(first) = bytes.first() {
            let taken = match &mut self.place {
                Place::Http => return,
                Place::Head { matched } => {
                    *matched = match END_OF_HEAD.get(*matched) {
                        Some(next) if next == first => *matched + 1,
                        _ => usize::from(*first == END_OF_HEAD[0]),
                    };
                    if *matched == END_OF_HEAD.len() {
                        self.place = BETWEEN;
                    }
                    1
                }
                Place::Header { bytes, known } => {
                    bytes[*known] = *first;
                    *known += 1;
                    if let Some(length) = payload_length(&bytes[..*known]) {
                        // No data comes after the first frame of several before their last, nor after the end.
                        self.is_over |= bytes[0] & IS_WHOLE == 0 || bytes[0] & OPCODE == CLOSE;
                        self.place = Place::Payload {
                            kinds: [0; 2],
                            known: 0,
                            left: length,
                        };
                    }
                    1
                }
                Place::Payload { kinds, known, left } => {
                    let here =
                        usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    for byte in bytes[..here].iter().take(kinds.len() - *known) {
                        kinds[*known] = *byte;
                        *known += 1;
                    }
                    *left -= here as u64;
                    here
                }
            };
            bytes = &bytes[taken..];
            if let Place::Payload { kinds, left: 0, .. } = self.place {
                self.place = BETWEEN;
                left(match &kinds {
                    b"40" => Frame::Connected,
                    b"42" | b"43" => Frame::Packet,
                    _ => Frame::Other,
                });
            }
        }
    }
}

/// How long the payload is, once its header is complete. A server masks nothing.
fn payload_length(header: &[u8]) -> Option<u64> {
    let (&[_, short], long) = header.split_first_chunk::<2>()?;
    match short {
        126 => Some(u16::from_be_bytes(long.try_into().ok()?).into()),
        127 => Some(u64::from_be_bytes(long.try_into().ok()?)),
        _ => Some(short.into()),
    }
}

#[cfg(test)]
mod tests;
