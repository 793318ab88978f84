//! Looking at the metrics of one server until they show something.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{Fact, Moves, exposition::Exposition, facts, page::page};

/// Generous: a test waits for a condition, never for time.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Somebody who looks.
pub struct Watch {
    http: reqwest::Client,
    url: String,
    first: Exposition,
    /// What was there when something was last waited for.
    known: Exposition,
    moved: BTreeSet<Fact>,
}

impl Watch {
    /// Looks at a server for the first time.
    pub async fn begin(address: SocketAddr) -> Self {
        let mut watch = Self {
            http: reqwest::Client::new(),
            url: format!("http://{address}/metrics"),
            first: Exposition::default(),
            known: Exposition::default(),
            moved: BTreeSet::new(),
        };
        watch.first = watch.look().await;
        watch.known = watch.first.clone();
        watch.moved.clear();
        watch
    }

    /// Waits until there is more by so much than when something was last waited for; and more than that is wrong.
    pub async fn counts(&mut self, series: &str, by: u32) {
        let before = self.known(series);
        self.until(series, |value| value >= before + f64::from(by))
            .await;
        let by = f64::from(by);
        assert!(
            (self.known(series) - before - by).abs() < 0.5,
            "{series}: {} instead of {by}",
            self.known(series) - before,
        );
    }

    /// Waits until there is more, or less.
    pub async fn moves(&mut self, series: &str) {
        let before = self.known(series);
        self.until(series, |value| (value - before).abs() > f64::EPSILON)
            .await;
    }

    /// Waits until there is so much.
    pub async fn shows(&mut self, series: &str, value: u32) {
        let expected = f64::from(value);
        self.until(series, |value| (value - expected).abs() < 0.5)
            .await;
    }

    /// Waits until there is something, or more than so much.
    pub async fn exceeds(&mut self, series: &str, value: u32) {
        self.until(series, |now| now > f64::from(value)).await;
    }

    /// What somebody else saw at another node counts too.
    pub fn also_saw(&mut self, other: &Self) {
        self.moved.extend(other.moved.iter().cloned());
    }

    /// It is there from the first look on, and was not before there was a server.
    pub fn appears(&mut self, series: &str) {
        assert!(self.first.series[series] > 0.0, "{series}");
        self.moved.extend(self.first.facts[series].iter().cloned());
    }

    /// Whether there is more than so much at the moment.
    pub async fn sees(&mut self, series: &str, value: u32) -> bool {
        let now = self.look().await;
        (now.series.get(series)).is_some_and(|now| *now > f64::from(value))
    }

    /// What it was when something was last waited for.
    pub fn known(&self, series: &str) -> f64 {
        self.known.series.get(series).copied().unwrap_or_default()
    }

    /// All of these have moved since the first look.
    pub fn has_seen(&self, moves: Moves) {
        let missing: Vec<_> = facts(moves).filter(|it| !self.moved.contains(it)).collect();
        assert!(missing.is_empty(), "these did not move: {missing:#?}");
    }

    async fn until(&mut self, series: &str, is_so: impl Fn(f64) -> bool) {
        let start = Instant::now();
        loop {
            let now = self.look().await;
            if is_so(now.series.get(series).copied().unwrap_or_default()) {
                self.take(series, &now);
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{series} was {}, and is {:?}",
                self.known(series),
                now.series.get(series),
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Others may have moved meanwhile, and somebody will wait for them.
    fn take(&mut self, series: &str, now: &Exposition) {
        let value = now.series.get(series).copied().unwrap_or_default();
        self.known.series.insert(series.to_owned(), value);
    }

    async fn look(&mut self) -> Exposition {
        let answer = self.http.get(&self.url).send().await.unwrap();
        let text = answer.error_for_status().unwrap().text().await.unwrap();
        let now = Exposition::read(&text);
        is_on_the_page(&now);
        for (series, value) in &now.series {
            let before = self.first.series.get(series).copied().unwrap_or_default();
            if (value - before).abs() > f64::EPSILON {
                self.moved.extend(now.facts[series].iter().cloned());
            }
        }
        now
    }
}

/// Everything that is shown is listed, and is what the page says that it is.
pub fn is_on_the_page(now: &Exposition) {
    let page = page();
    let hidden: BTreeSet<_> = (now.facts.values().flatten())
        .filter(|it| !page.facts.contains(*it))
        .collect();
    assert!(hidden.is_empty(), "these are not on the page: {hidden:#?}");
    for (metric, kind) in &now.kinds {
        let listed = page.kinds.get(metric);
        assert!(listed.is_none_or(|it| it == kind), "{metric} is a {kind}");
    }
    for (metric, buckets) in &now.buckets {
        assert_eq!(*buckets, page.buckets(metric), "{metric}");
    }
}
