//! The database inside the process is the reference: it keeps the contract too.

use chat_domain::{contract::database::Database, database_contract, memory::MemoryDatabase};

database_contract!(async { Database::of(MemoryDatabase::default()) });

#[test]
fn no_behaviour_is_left_out() {
    let list = include_str!("../src/contract/database.rs");
    let sources = [
        include_str!("../src/contract/database/users.rs"),
        include_str!("../src/contract/database/groups.rs"),
        include_str!("../src/contract/database/memberships.rs"),
        include_str!("../src/contract/database/roster.rs"),
        include_str!("../src/contract/database/log.rs"),
        include_str!("../src/contract/database/history.rs"),
        include_str!("../src/contract/database/marks.rs"),
        include_str!("../src/contract/database/revoked.rs"),
    ];

    let lines = sources.iter().flat_map(|source| source.lines());
    let behaviours = lines.filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('('));
    for (name, _) in behaviours {
        assert!(list.contains(&format!(" {name},")), "`{name}` is no test");
    }
}
