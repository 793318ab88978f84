//! What `/metrics` answers, taken apart.

use std::collections::BTreeMap;

use crate::{Fact, fact};

/// One answer.
#[derive(Debug, Default, Clone)]
pub struct Exposition {
    /// Every series by its name and labels, as they are written; of a histogram, how much was measured.
    pub series: BTreeMap<String, f64>,
    /// Which facts a series shows.
    pub facts: BTreeMap<String, Vec<Fact>>,
    pub kinds: BTreeMap<String, String>,
    /// The limits of each histogram's buckets.
    pub buckets: BTreeMap<String, Vec<String>>,
}

impl Exposition {
    pub fn read(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (metric, kind) = kind.split_once(' ').unwrap();
                let earlier = all.kinds.insert(metric.to_owned(), kind.to_owned());
                assert_eq!(earlier, None, "{metric} is there twice");
            } else if !line.starts_with('#') && !line.is_empty() {
                all.note(line);
            }
        }
        all
    }

    fn note(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut labels = labels_in(labels);
        let metric = self.metric(name);
        if let Some((_, limit)) = labels.iter().find(|(label, _)| *label == "le") {
            let buckets = self.buckets.entry(metric.to_owned()).or_default();
            if *limit != "+Inf" && !buckets.iter().any(|it| it == limit) {
                buckets.push((*limit).to_owned());
            }
            return;
        }
        if metric != name && !name.ends_with("_count") {
            return;
        }
        labels.sort_unstable();
        let written: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let series = match &written[..] {
            [] => metric.to_owned(),
            labels => format!("{metric}{{{}}}", labels.join(",")),
        };
        let facts: Vec<Fact> = match &labels[..] {
            [] => vec![fact(metric, None)],
            labels => (labels.iter())
                .map(|label| fact(metric, Some(*label)))
                .collect(),
        };
        let earlier = self.series.insert(series.clone(), value.parse().unwrap());
        assert_eq!(earlier, None, "{series} is there twice");
        self.facts.insert(series, facts);
    }

    /// The metric that a line belongs to: a histogram has lines of several names.
    fn metric<'a>(&self, name: &'a str) -> &'a str {
        let parts = ["_bucket", "_sum", "_count"];
        let bases = parts.iter().filter_map(|part| name.strip_suffix(part));
        let is_histogram = |base: &&str| self.kinds.get(*base).is_some_and(|it| it == "histogram");
        bases.into_iter().find(is_histogram).unwrap_or(name)
    }
}

/// From behind the first brace: no value has a quotation mark.
fn labels_in(text: &str) -> Vec<(&str, &str)> {
    let mut parts = text.split('"');
    let mut labels = Vec::new();
    while let (Some(label), Some(value)) = (parts.next(), parts.next()) {
        labels.push((label.trim_matches([',', '=']), value));
    }
    labels
}
