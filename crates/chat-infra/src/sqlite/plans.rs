//! Whether each question is answered from an index, however much there is.

use sqlx::{AssertSqlSafe, Row};

use super::{SqliteDatabase, groups, history, marks, memberships, roster, store};

/// Everything that is asked per message, per page or per member.
const QUESTIONS: [(&str, &str); 15] = [
    ("groups::FIND", groups::FIND),
    ("groups::LIST", groups::LIST),
    ("memberships::FIND", memberships::FIND),
    ("memberships::LIST", memberships::LIST),
    ("memberships::GROUPS_OF", memberships::GROUPS_OF),
    ("memberships::AMONG", memberships::AMONG),
    ("roster::STANDING", roster::STANDING),
    ("roster::FORMER_OWNERS", roster::FORMER_OWNERS),
    ("history::TIPS", history::TIPS),
    ("history::BEFORE", history::BEFORE),
    ("history::AFTER", history::AFTER),
    ("marks::MOVE_ON", marks::MOVE_ON),
    ("marks::MARKS", marks::MARKS),
    ("store::FIRSTS", store::FIRSTS),
    ("store::QUOTES", store::QUOTES),
];

#[tokio::test]
async fn nothing_is_read_from_end_to_end_or_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/chat.db", folder.path().display());
    let database = SqliteDatabase::open(&url).await.unwrap();
    database.migrate().await.unwrap();

    for (name, question) in QUESTIONS {
        for step in plan(&database, question).await {
            println!("{name}: {step}");
            // A list of what is asked for and a part of an answer are short, and have no index.
            let is_brief = step.contains("VIRTUAL TABLE") || step.contains("(subquery");
            let is_scan = step.starts_with("SCAN") && !is_brief;
            let is_sort = step.contains("TEMP B-TREE");
            assert!(!is_scan && !is_sort, "{name}: {step}");
        }
    }
}

async fn plan(database: &SqliteDatabase, question: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("explain query plan {question}"));
    let rows = sqlx::query(explain)
        .fetch_all(database.connections.readers())
        .await
        .unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}
