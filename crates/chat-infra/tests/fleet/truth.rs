//! What has to be in Redis, made in the most naive way, and what is there.

use std::collections::{BTreeMap, BTreeSet};

use chat_infra::redis::connection::Connection;
use fred::{interfaces::LuaInterface, types::Key};

/// Sets by key.
pub type Keys = BTreeMap<String, BTreeSet<String>>;

/// A socket with its user, its node, and the rooms that it is in.
#[derive(Debug, Clone)]
pub struct Socket {
    pub user: String,
    pub node: String,
    pub rooms: BTreeSet<String>,
    /// The rooms that it came into while somebody could not know.
    pub unknown: BTreeSet<String>,
}

/// Adds the members, and forgets who has none.
fn add(keys: &mut Keys, key: String, member: &str) {
    keys.entry(key).or_default().insert(member.to_owned());
}

/// All keys that these sockets and nodes make.
pub fn expected(sockets: &BTreeMap<String, Socket>, nodes: &BTreeSet<String>) -> Keys {
    let mut keys = Keys::new();
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes {
        add(&mut keys, "chat:nodes".to_owned(), node);
    }
    for (id, socket) in sockets {
        let Socket {
            user, node, rooms, ..
        } = socket;
        let owned = format!("chat:node:{node}:owned");
        let connections = format!("chat:user:{user}:connections");
        add(&mut keys, owned.clone(), &format!("\u{1f}{user}\u{1f}{id}"));
        add(&mut keys, connections, &format!("{node}\u{1f}{id}"));
        for room in rooms {
            add(
                &mut keys,
                owned.clone(),
                &format!("{room}\u{1f}{user}\u{1f}{id}"),
            );
            add(&mut keys, format!("room:{room}:users"), user);
            add(&mut keys, format!("user:{user}:rooms"), room);
            add(&mut keys, format!("user:{user}:sockets:{room}"), id);
            let name = format!("name:{user}={}", user.to_uppercase());
            add(&mut keys, format!("chat:room:{room}"), &name);
            *counts.entry((room, user, node)).or_default() += 1;
            *totals.entry(room).or_default() += 1;
        }
    }
    for ((room, user, node), count) in counts {
        let field = format!("count:{user}:{node}={count}");
        add(&mut keys, format!("chat:room:{room}"), &field);
    }
    for (room, total) in totals {
        add(
            &mut keys,
            format!("chat:room:{room}"),
            &format!("sockets={total}"),
        );
    }
    keys
}

/// Everything but what has no members, and what nobody but the scripts has to know.
const READ: &str = "
    local all = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local kind = redis.call('TYPE', key).ok
      local members = {}
      if key == 'chat:announced' then kind = '' end
      if kind == 'set' then members = redis.call('SMEMBERS', key) end
      if kind == 'zset' then members = redis.call('ZRANGE', key, 0, -1) end
      if kind == 'hash' then
        local fields = redis.call('HGETALL', key)
        for at = 1, #fields, 2 do
          if fields[at] ~= 'version' then members[#members + 1] = fields[at] .. '=' .. fields[at + 1] end
        end
      end
      for _, member in ipairs(members) do
        all[#all + 1] = key
        all[#all + 1] = member
      end
    end
    return all";

/// What is there.
pub async fn stored(connection: &Connection) -> Keys {
    let reading = connection.ask(|redis| async move {
        let (no_keys, nothing) = (Vec::<Key>::new(), Vec::<String>::new());
        redis
            .eval::<Vec<String>, _, _, _>(READ, no_keys, nothing)
            .await
    });
    let all = reading.await.expect("Redis answers");
    let mut keys = Keys::new();
    for pair in all.chunks(2) {
        add(&mut keys, pair[0].clone(), &pair[1]);
    }
    keys
}

/// What differs, to be read.
pub fn difference(expected: &Keys, stored: &Keys) -> String {
    let mut lines = Vec::new();
    for key in expected
        .keys()
        .chain(stored.keys())
        .collect::<BTreeSet<_>>()
    {
        let (wanted, found) = (expected.get(key), stored.get(key));
        if wanted != found {
            lines.push(format!("{key}: {found:?} instead of {wanted:?}"));
        }
    }
    lines.join("\n")
}
