//! How long messages took.

use std::{collections::HashMap, time::Duration};

use chat_load::record::{Event, Record};

/// From the first time that a message is sent.
pub fn slowest_ack(record: &Record) -> Duration {
    let mut sent = HashMap::new();
    let mut slowest = 0;
    for entry in record.diaries.iter().flat_map(|diary| &diary.entries) {
        match entry.event {
            Event::Sent { key, .. } => {
                sent.entry(key).or_insert(entry.at);
            }
            Event::Acked { key, .. } => slowest = slowest.max(entry.at - sent[&key]),
            _ => {}
        }
    }
    Duration::from_micros(slowest)
}

/// From the acknowledgement to the last who receives it.
pub fn slowest_delivery(record: &Record) -> Duration {
    let entries = || record.diaries.iter().flat_map(|diary| &diary.entries);
    let acked: HashMap<_, _> = entries()
        .filter_map(|entry| match entry.event {
            Event::Acked { key, .. } => Some((key, entry.at)),
            _ => None,
        })
        .collect();
    let late = entries().filter_map(|entry| match entry.event {
        Event::Received { key, .. } => Some(entry.at.saturating_sub(*acked.get(&key)?)),
        _ => None,
    });
    Duration::from_micros(late.max().unwrap_or(0))
}
