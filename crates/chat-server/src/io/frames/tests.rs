use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

/// A frame as a server writes it, of any kind of length.
fn frame() -> impl Strategy<Value = (Frame, Vec<u8>)> {
    let payload = prop_oneof![
        Just((Frame::Other, "2".to_owned())),
        Just((Frame::Other, String::new())),
        Just((Frame::Other, "41".to_owned())),
        Just((Frame::Connected, "40{\"sid\":\"x\"}".to_owned())),
        (0..200_usize).prop_map(|more| (Frame::Packet, format!("42[{}]", "x".repeat(more)))),
        (65_500..65_600_usize).prop_map(|more| (Frame::Packet, format!("43{}", "x".repeat(more)))),
    ];
    payload.prop_map(|(kind, payload)| (kind, around(0x81, &payload)))
}

fn around(first: u8, payload: &str) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(u8::try_from(length).unwrap()),
        length @ 126..=65_535 => {
            frame.push(126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload.as_bytes());
    frame
}

proptest! {
    #[test]
    fn whatever_the_pieces_each_frame_leaves_once_with_its_last_byte(
        sent in vec(frame(), 1..8),
        cuts in vec(any::<Index>(), 0..40),
    ) {
        let mut stream = HEAD.as_bytes().to_vec();
        // Where something ends, and what.
        let mut ends = Vec::new();
        for (kind, frame) in &sent {
            stream.extend(frame);
            ends.push((stream.len(), *kind));
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();

        let mut frames = Frames::default();
        frames.switch();
        let (mut at, mut left) = (0, Vec::new());
        for cut in cuts {
            frames.written(&stream[at..cut], |frame| left.push(frame));
            at = cut;
            let expected: Vec<_> = ends.iter().filter(|end| end.0 <= at).map(|end| end.1).collect();
            prop_assert_eq!(&left, &expected);
            let is_between = at == HEAD.len() || ends.iter().any(|end| end.0 == at);
            prop_assert_eq!(frames.is_between(), is_between, "at {}", at);
        }
    }

    #[test]
    fn nothing_that_is_written_panics(pieces in vec(vec(any::<u8>(), 0..50), 0..20)) {
        let mut frames = Frames::default();
        frames.switch();
        frames.written(HEAD.as_bytes(), |_| {});
        for piece in pieces {
            frames.written(&piece, |_| {});
        }
    }
}

fn after(bytes: &[u8]) -> Frames {
    let mut frames = Frames::default();
    frames.switch();
    frames.written(HEAD.as_bytes(), |_| {});
    frames.written(bytes, |_| {});
    frames
}

#[test]
fn of_http_there_are_no_frames() {
    let mut frames = Frames::default();

    frames.written(b"HTTP/1.1 200 OK\r\n\r\n42", |frame| panic!("{frame:?}"));

    assert!(!frames.is_between());
}

#[test]
fn an_end_of_the_head_that_only_seems_to_be_one_is_none() {
    let mut frames = Frames::default();
    frames.switch();

    frames.written(b"HTTP/1.1 101 \r\r\n\r\r\n", |_| {});
    assert!(!frames.is_between());
    frames.written(b"\r\n", |_| {});

    assert!(frames.is_between());
}

#[test]
fn after_the_end_nothing_may_be_put_in() {
    assert!(after(&around(0x89, "ping")).is_between());
    assert!(!after(&around(0x88, "")).is_between());
}

#[test]
fn into_a_message_of_several_frames_nothing_may_be_put() {
    assert!(!after(&around(0x01, "42[")).is_between());
}
