//! Alone in its process: what other tests allocate would count.

use std::{fs, hint::black_box};

/// Many small pieces, that an allocator takes from its heap.
const PIECES: usize = 64;
const PIECE_BYTES: usize = 64 * 1024;
const LARGE_BYTES: usize = 8 * 1024 * 1024;

#[test]
fn what_was_freed_is_not_kept_because_something_large_was_freed_before() {
    chat_heap::give_back_what_is_free();
    drop(black_box(vec![1_u8; LARGE_BYTES]));
    let before = resident_kib();

    let pieces: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; PIECE_BYTES]).collect();
    let meanwhile = resident_kib();
    drop(black_box(pieces));
    let after = resident_kib();

    assert!(
        meanwhile > before + 3_000,
        "{before} KiB, then {meanwhile} KiB"
    );
    assert!(after < before + 1_000, "{before} KiB, then {after} KiB");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|it| it.parse().ok())
        .expect("a number of KiB")
}
