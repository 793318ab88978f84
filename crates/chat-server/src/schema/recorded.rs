//! Examples: what the tests of the payloads have on record.

use std::fs;

use serde_json::Value;

/// What stands in a record for what differs from run to run, and an example of that.
const STAND_INS: [(&str, &str); 6] = [
    (r#""[uuid]""#, r#""01a20754-3a42-72cc-899e-f70047a37dcf""#),
    (r#""[time]""#, r#""2026-11-23T10:00:00.000Z""#),
    (r#""[epoch]""#, r#""5e1f0c9a7b3d2468""#),
    (r#""[socket id]""#, r#""Pwhi1SYv-ObiIIMw""#),
    (r#""[cursor]""#, r#""c2VxOjE3""#),
    (r#""[milliseconds]""#, "800"),
];

/// The payload that is on record under that name.
///
/// # Panics
/// There is none: `tests/payloads.rs` has to record one.
pub fn payload(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let file = format!("{folder}/payloads__{name}.snap");
    let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{file} is missing"));
    let record = text.splitn(3, "---\n").nth(2).unwrap_or_default();
    let json = STAND_INS
        .iter()
        .fold(record.to_owned(), |json, (stand_in, example)| {
            json.replace(stand_in, example)
        });
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{file} is no JSON: {error}"))
}
