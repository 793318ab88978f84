//! The inputs of the corpus, and as many mutations of them as there is time for in `make test`.

use chat_fuzz::{Target, mutate::mutated};
use fastrand::Rng;

const SEED: u64 = 4_711;

/// Without what libFuzzer knows of the code, but the same each time.
fn hold(target: Target, rounds: usize) {
    let corpus = target.corpus().expect("there is a corpus");
    assert!(corpus.len() >= 10, "{}", corpus.len());
    for input in &corpus {
        target.read(input);
    }
    let mut chance = Rng::with_seed(SEED);
    for _ in 0..rounds {
        let input = &corpus[chance.usize(..corpus.len())];
        let other = &corpus[chance.usize(..corpus.len())];
        let input = mutated(input, other, &mut chance);
        let shown = Shown(&input);
        target.read(&input);
        std::mem::forget(shown);
    }
}

/// Shows an input that was not survived.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("the input: {:?}", self.0.escape_ascii().to_string());
    }
}

#[test]
fn events() {
    hold(Target::Event, 50_000);
}

#[test]
fn tokens() {
    hold(Target::Token, 20_000);
}

#[test]
fn settings() {
    hold(Target::Settings, 20_000);
}

#[test]
fn cursors() {
    hold(Target::Cursor, 100_000);
}
