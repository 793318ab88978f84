//! Cursors: opaque to clients, a place in a list to us.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_domain::id::{GroupId, Seq, UserId};

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor that the server gave")]
pub struct InvalidCursor;

/// A place in a list that a client can come back to.
pub trait Place: Sized {
    /// Tells the lists apart, so that a cursor of one is none in another.
    const KIND: &'static str;

    /// The place as text.
    fn write(&self) -> String;

    /// The place that the text names.
    fn read(text: &str) -> Option<Self>;
}

/// What the client is given.
pub fn encode<P: Place>(place: &P) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{}", P::KIND, place.write()))
}

/// What the client brings back.
///
/// # Errors
/// [`InvalidCursor`] for anything that [`encode`] did not make.
pub fn decode<P: Place>(raw: &str) -> Result<P, InvalidCursor> {
    const LONGEST: usize = 128;
    if raw.len() > LONGEST {
        return Err(InvalidCursor);
    }
    let bytes = URL_SAFE_NO_PAD.decode(raw).map_err(|_| InvalidCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| InvalidCursor)?;
    let (kind, place) = text.split_once(':').ok_or(InvalidCursor)?;
    (kind == P::KIND)
        .then(|| P::read(place))
        .flatten()
        .ok_or(InvalidCursor)
}

impl Place for Seq {
    const KIND: &'static str = "seq";

    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let number: u64 = text.parse().ok()?;
        // Canonical only: what we gave is what comes back.
        (number <= super::field::MOST_SEQ && number.to_string() == text).then(|| Self::new(number))
    }
}

impl Place for UserId {
    const KIND: &'static str = "user";

    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Place for GroupId {
    const KIND: &'static str = "group";

    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_place_that_it_names() {
        assert_eq!(decode(&encode(&Seq::new(42))), Ok(Seq::new(42)));
        let user = UserId::parse("ada").unwrap();
        assert_eq!(decode(&encode(&user)), Ok(user));
    }

    #[test]
    fn a_cursor_of_one_list_is_none_in_another() {
        let cursor = encode(&UserId::parse("7").unwrap());

        assert_eq!(decode::<Seq>(&cursor), Err(InvalidCursor));
        assert_eq!(decode::<GroupId>(&cursor), Err(InvalidCursor));
    }

    #[test]
    fn what_the_server_did_not_give_is_no_cursor() {
        let long = "A".repeat(1_000);
        for bad in ["", "42", "c2VxOi0x", "c2VxOjAwNw", "////", "ä", &long] {
            assert_eq!(decode::<Seq>(bad), Err(InvalidCursor), "{bad}");
        }
    }
}
