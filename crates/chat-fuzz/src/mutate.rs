//! Changes to inputs, by chance that is the same each time.

use fastrand::Rng;

/// No input grows beyond this.
const MOST_BYTES: usize = 4_096;

/// What means something to one of the readers, or to none of them.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "-1",
    "1e999",
    "9007199254740993",
    "18446744073709551616",
    "{}",
    "[]",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\\u202e",
    "__proto__",
    "groupId",
    "exp",
    "sub",
    "=",
    "\0",
    "\n",
    ".",
    "__",
    "é",
    "\u{1f469}\u{200d}\u{1f680}",
    "../",
];

/// One to four changes to `input`; `other` is where parts are taken from.
pub fn mutated(input: &[u8], other: &[u8], chance: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..chance.usize(1..=4) {
        change(&mut bytes, other, chance);
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Rng) {
    let at = chance.usize(..=bytes.len());
    let end = (at + chance.usize(..=16)).min(bytes.len());
    match chance.u8(..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << chance.u8(..8),
        1 if at < bytes.len() => bytes[at] = chance.u8(..),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let twice = bytes[at..end].to_vec();
            put(bytes, at, &twice);
        }
        4 => {
            let from = chance.usize(..=other.len());
            let to = (from + chance.usize(..=32)).min(other.len());
            put(bytes, at, &other[from..to]);
        }
        5 => bytes.truncate(at),
        _ => {
            let word = WORDS[chance.usize(..WORDS.len())];
            put(bytes, at, word.as_bytes());
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}
