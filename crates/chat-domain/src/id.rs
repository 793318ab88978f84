//! Names of things. Each is parsed once, at the edge, and trusted from then on.

use std::{fmt, sync::Arc};

use crate::time::Timestamp;

/// Why a text is no id of a user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 characters of A-Z, a-z, 0-9, `_` and `-`")]
pub struct InvalidId;

/// Why a text is no message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id is a UUID")]
pub struct InvalidMessageId;

const ID_CHARS: usize = 64;

fn parse_id(raw: &str) -> Result<Arc<str>, InvalidId> {
    let fits = (1..=ID_CHARS).contains(&raw.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if fits && raw.bytes().all(plain) {
        Ok(Arc::from(raw))
    } else {
        Err(InvalidId)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts what matches `^[A-Za-z0-9_-]{1,64}$` (contract, section 0).
            ///
            /// # Errors
            /// [`InvalidId`] for anything else.
            pub fn parse(raw: &str) -> Result<Self, InvalidId> {
                parse_id(raw).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// Names a group, and its room.
    GroupId
}
text_id! {
    /// Names a user.
    UserId
}

impl GroupId {
    /// The id of a new group, from chance alone.
    #[must_use]
    pub fn random(chance: u128) -> Self {
        Self(Arc::from(format!("{chance:032x}")))
    }
}

/// Names one connection. It is a secret of its owner: who knows it can speak as that socket.
///
/// Deliberately absent: `Display`. `Debug` hides the value, so that it cannot reach a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// Wraps the transport's own id of a connection.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(Arc::from(raw))
    }

    /// The secret itself: for stores and for the owner, for nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketId(hidden)")
    }
}

/// One life of one process that serves clients: made by chance at its start, and never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u128);

impl NodeId {
    /// A new id from 128 bits of chance.
    #[must_use]
    pub const fn new(chance: u128) -> Self {
        Self(chance)
    }

    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if raw.len() != 32 || !raw.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(raw, 16).ok().map(Self)
    }
}

/// 32 hexadecimal digits in lower case.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

/// Names a message for ever: a UUID of version 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

impl MessageId {
    /// A new id: 48 bits of time, then version, variant and chance (RFC 9562, section 5.7).
    #[must_use]
    pub fn v7(now: Timestamp, chance: u128) -> Self {
        const VERSION: u128 = 0x7 << 76;
        const VARIANT: u128 = 0b10 << 62;
        let time = u128::from(now.as_millis() & 0xFFFF_FFFF_FFFF) << 80;
        let rand_a = chance & (0xFFF << 64);
        let rand_b = chance & ((1 << 62) - 1);
        Self(time | VERSION | rand_a | VARIANT | rand_b)
    }

    /// Accepts the hyphenated form of a UUID, in either case.
    ///
    /// # Errors
    /// [`InvalidMessageId`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, InvalidMessageId> {
        const HYPHENS: [usize; 4] = [8, 13, 18, 23];
        if raw.len() != 36 {
            return Err(InvalidMessageId);
        }
        let mut value = 0;
        for (place, byte) in raw.bytes().enumerate() {
            if HYPHENS.contains(&place) {
                if byte != b'-' {
                    return Err(InvalidMessageId);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(InvalidMessageId)?;
            value = value << 4 | u128::from(digit);
        }
        Ok(Self(value))
    }

    /// The 16 bytes of the UUID, as a database keeps them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id that [`MessageId::to_bytes`] took apart.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            v >> 96,
            v >> 80 & 0xFFFF,
            v >> 64 & 0xFFFF,
            v >> 48 & 0xFFFF,
            v & 0xFFFF_FFFF_FFFF
        )
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The number of a durable event in its group: 1, 2, 3 … without a gap, in the order of commit.
/// 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event of a group.
    pub const ZERO: Self = Self(0);

    /// The `seq` of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one life of a group's history. It changes when a backup is restored, so that a client
/// can tell that what it has seen may be gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// A new epoch, from chance alone.
    #[must_use]
    pub fn random(chance: u128) -> Self {
        Self(Arc::from(format!("{:016x}", chance >> 64)))
    }

    /// An epoch that a store kept, or that a client claims.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(Arc::from(raw))
    }

    /// The epoch as text; opaque to clients.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_to_sixty_four_plain_characters() {
        assert!(GroupId::parse("a").is_ok());
        assert!(UserId::parse(&"Z_-9".repeat(16)).is_ok());

        for bad in ["", "a b", "a:b", "ä", "{a}", "a\n", &"x".repeat(65)] {
            assert_eq!(GroupId::parse(bad), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn a_message_id_carries_its_time_version_and_variant() {
        let id = MessageId::v7(Timestamp::from_millis(0x0123_4567_89AB), u128::MAX);

        assert_eq!(id.to_string(), "01234567-89ab-7fff-bfff-ffffffffffff");
        assert_eq!(MessageId::parse(&id.to_string().to_uppercase()), Ok(id));
        assert_eq!(MessageId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn what_is_no_uuid_is_no_message_id() {
        for bad in [
            "",
            "0123456789ab7fffbfffffffffffffff",
            "01234567-89ab-7fff-bfff-fffffffffffg",
            "01234567+89ab-7fff-bfff-ffffffffffff",
            "ä1234567-89ab-7fff-bfff-fffffffffff",
        ] {
            assert_eq!(MessageId::parse(bad), Err(InvalidMessageId), "{bad:?}");
        }
    }

    #[test]
    fn a_node_id_is_read_as_it_is_written() {
        let id = NodeId::new(0xABC);

        assert_eq!(NodeId::parse(&id.to_string()), Some(id));
        assert_eq!(id.to_string(), format!("{:0>32}", "abc"));
        for wrong in ["", "abc", &"A".repeat(32), &"g".repeat(32), &"+".repeat(32)] {
            assert_eq!(NodeId::parse(wrong), None);
        }
    }

    #[test]
    fn a_socket_id_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", SocketId::new("s3cret")).contains("s3cret"));
    }
}
