//! The table of `docs/metrics.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use crate::{Fact, fact, requests};

/// What the page says.
#[derive(Default)]
pub struct Page {
    /// Every value of every label.
    pub facts: BTreeSet<Fact>,
    /// Whether a metric is a counter, a gauge or a histogram, where it says so.
    pub kinds: BTreeMap<String, String>,
    text: String,
}

/// Read once.
pub fn page() -> &'static Page {
    static PAGE: OnceLock<Page> = OnceLock::new();
    PAGE.get_or_init(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        read(&std::fs::read_to_string(file).unwrap())
    })
}

impl Page {
    /// The limits of the buckets of that histogram: those of its unit.
    pub fn buckets(&self, histogram: &str) -> Vec<String> {
        let (_, unit) = histogram.rsplit_once('_').unwrap();
        let sentence = format!("Histograms of {unit} have the buckets ");
        let (_, list) = self.text.split_once(&sentence).expect("it has a sentence");
        let (list, _) = list.split_once(". ").expect("it has an end");
        list.split(", ").map(str::to_owned).collect()
    }
}

fn read(text: &str) -> Page {
    let mut page = Page::default();
    // What a label had in the rows above.
    let mut above = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [metrics, kind, labels, _] = cells[..] else {
            panic!("it has four cells: {row}")
        };
        for metric in metrics.split('`').skip(1).step_by(2) {
            if !kind.is_empty() {
                page.kinds.insert(metric.to_owned(), kind.to_owned());
            }
            if labels.is_empty() {
                page.facts.insert(fact(metric, None));
                continue;
            }
            for label in labels.split("; ") {
                let (label, values) = label.split_once(": ").expect("a label has values");
                let label = label.trim_matches('`');
                let values = match values {
                    "as above" => above[label],
                    values => values,
                };
                above.insert(label, values);
                let values = values.split(", ").flat_map(meant);
                let facts = values.map(|value| fact(metric, Some((label, value))));
                page.facts.extend(facts);
            }
        }
    }
    page.text = text.replace('\n', " ");
    page
}

/// What stands for values in the table.
fn meant(words: &str) -> Vec<&str> {
    match words {
        "that of the program" => vec![env!("CARGO_PKG_VERSION")],
        "the paths of the OpenAPI document" => requests::PATHS.to_vec(),
        value => vec![value],
    }
}
