//! What the samples say, as Markdown.

use std::{fmt::Write as _, fs, io, path::Path, thread::available_parallelism};

use crate::{
    bystander,
    contender::Contender::{self, ChatServer, Limit, Node, NodeUws, Socketioxide},
    history,
    question::{Question, questions, short},
    samples::{Figure, Samples, Spread, Values},
};

const COLUMNS: [Contender; 5] = [ChatServer, Node, NodeUws, Socketioxide, Limit];
const BEGIN: &str = "<!-- measured: `make bench` writes from here -->";
const END: &str = "<!-- measured: to here -->";

/// The figures that have goals, and beneath them what each load cost everybody.
pub fn markdown(samples: &Samples) -> String {
    let mut out = String::new();
    let cores = available_parallelism().map_or(0, usize::from);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "Medians, and the range in brackets, on {cores} cores.\n"
    );
    header(&mut out, "what", &["goal"]);
    for question in questions() {
        line(&mut out, samples, &question);
    }
    alone(&mut out, samples);
    costs(&mut out, samples);
    out
}

/// Puts the tables into the page, in the place of the last ones; makes the page if there is none.
///
/// # Errors
/// The page cannot be read or written.
pub fn put_into(page: &Path, tables: &str) -> io::Result<()> {
    let whole = fs::read_to_string(page).unwrap_or_else(|_| format!("{BEGIN}{END}"));
    let parts = (whole.split_once(BEGIN)).zip(whole.split_once(END));
    let Some(((before, _), (_, after))) = parts else {
        return Err(io::Error::other("the page has no place for the tables"));
    };
    fs::write(page, format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))
}

fn header(out: &mut String, first: &str, last: &[&str]) {
    let titles = COLUMNS.iter().map(|contender| contender.title());
    let titles: Vec<&str> = [first]
        .into_iter()
        .chain(titles)
        .chain(last.iter().copied())
        .collect();
    let rule = vec!["---"; titles.len()];
    let _ = writeln!(out, "| {} |\n|{}|", titles.join(" | "), rule.join("|"));
}

fn line(out: &mut String, samples: &Samples, question: &Question) {
    if !samples.rows.contains_key(&question.row) {
        return;
    }
    let spread = |contender| samples.spread(&question.row, contender, question.value);
    let _ = write!(out, "| {} |", question.title);
    for contender in COLUMNS {
        let _ = match spread(contender) {
            Some(spread) => write!(out, " {} |", cell(spread)),
            None => write!(out, " |"),
        };
    }
    let ours = spread(ChatServer).map(|spread| spread.median);
    let goals = question.goals.iter().filter_map(|goal| {
        let theirs = |contender| spread(contender).map(|spread| spread.median);
        goal.judge(ours?, theirs)
    });
    let _ = writeln!(out, " {} |", goals.collect::<Vec<_>>().join("; "));
}

/// What only the server was asked.
fn alone(out: &mut String, samples: &Samples) {
    let mut rows = Vec::new();
    for (name, title) in [
        ("join", "joining"),
        ("newest page", "reading the newest page"),
        ("page", "reading any page"),
    ] {
        for (which, size) in [("short", "1,000 messages"), ("long", "the long history")] {
            let value = format!("{name} {which} p50");
            rows.push((history::ROW, value, format!("{title}, {size}, p50, ms")));
        }
    }
    for (value, title) in [
        (
            "idle ms/s",
            "CPU of a node without clients while nothing happens, ms a second",
        ),
        (
            "busy ms/s",
            "the same while a room of another node gets 30,000 deliveries a second",
        ),
        ("other node ms/s", "CPU of that other node meanwhile"),
    ] {
        rows.push((bystander::ROW, value.to_owned(), title.to_owned()));
    }
    let lines = rows.into_iter().filter_map(|(row, value, title)| {
        let spread = samples.spread(row, ChatServer, |values| values.get(&value).copied());
        spread.map(|spread| format!("| {title} | {} |\n", cell(spread)))
    });
    let lines: String = lines.collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "\n| the server alone | |\n|---|---|\n{lines}");
    }
}

/// What each load cost everybody who took part.
fn costs(out: &mut String, samples: &Samples) {
    let columns: [(&str, Figure); 8] = [
        ("sent/s", |values| rate(values, "sent")),
        ("deliveries/s", |values| rate(values, "deliveries")),
        ("server", |values| rate(values, "server CPU")),
        ("Redis", |values| rate(values, "redis CPU")),
        ("PostgreSQL", |values| rate(values, "database CPU")),
        ("generator", |values| rate(values, "generator CPU")),
        ("delivery p50, ms", |values| {
            values.get("delivery p50").copied()
        }),
        ("delivery p99, ms", |values| {
            values.get("delivery p99").copied()
        }),
    ];
    let titles = columns.map(|(title, _)| title).join(" | ");
    let rule = "---|".repeat(columns.len() + 2);
    let _ = writeln!(
        out,
        "\nCPU seconds a second, and what came of it; medians:\n\n| row | who | {titles} |\n|{rule}"
    );
    // The others have no processes of their own.
    let rows = (samples.rows.iter())
        .filter(|(row, _)| ![history::ROW, bystander::ROW].contains(&row.as_str()));
    for (row, taken) in rows {
        for contender in taken.keys() {
            let _ = write!(out, "| {row} | {} |", contender.title());
            for (_, figure) in columns {
                let spread = samples.spread(row, *contender, figure);
                let median = spread.map_or(String::new(), |spread| short(spread.median));
                let _ = write!(out, " {median} |");
            }
            out.push('\n');
        }
    }
}

fn rate(values: &Values, name: &str) -> Option<f64> {
    Some(values.get(name)? / values.get("seconds")?)
}

fn cell(spread: Spread) -> String {
    let (least, most) = (short(spread.least), short(spread.most));
    format!("{} [{least}–{most}]", short(spread.median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_judged_by_the_medians() {
        let mut samples = Samples::default();
        for (contender, deliveries) in [(ChatServer, [300.0, 310.0, 100.0]), (Node, [200.0; 3])] {
            let taken = deliveries.map(|deliveries| {
                let values = [("deliveries", deliveries), ("server CPU", 0.01)];
                Values::from(values.map(|(name, value)| (name.to_owned(), value)))
            });
            let row = samples.rows.entry("typing-100".to_owned()).or_default();
            row.insert(contender, taken.into());
        }

        let table = markdown(&samples);

        assert!(
            table.contains("| 30,000 [10,000–31,000] | 20,000 [20,000–20,000] |"),
            "{table}"
        );
        assert!(
            table.contains("≥ 1.50 × Node `ws`: 1.50, reached"),
            "{table}"
        );
    }

    #[test]
    fn tables_take_the_place_of_the_last_ones() {
        let folder = std::env::temp_dir().join(format!("chat-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let page = folder.join("page.md");
        fs::write(&page, format!("before {BEGIN} old {END} after")).expect("it can be written");

        put_into(&page, "new").expect("the page has a place for them");

        let whole = fs::read_to_string(&page).expect("it is there");
        assert_eq!(whole, format!("before {BEGIN}\n\nnew\n{END} after"));
        fs::remove_dir_all(&folder).expect("it was ours");
    }
}
