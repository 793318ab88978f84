//! The keys that the contract names, as they are and as they should be.

use std::collections::{BTreeMap, BTreeSet};

use chat_load::{cast::Cast, client::shared::Roster};
use chat_testkit::redis::RedisServer;

const FAMILIES: [&str; 3] = ["room:", "user:", "typing:"];

/// A line for each key, with its members behind it if it is a set. In one step, so that nothing changes meanwhile.
const ALL: &str = "
    local lines = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do
        local line = key
        if redis.call('TYPE', key).ok == 'set' then
            line = line .. ' ' .. table.concat(redis.call('SMEMBERS', key), ' ')
        end
        table.insert(lines, line)
    end
    return lines";

/// By key: the members of the set; none of what is no set.
pub type Keys = BTreeMap<String, BTreeSet<String>>;

/// What Redis holds of the four families.
pub fn held(redis: &RedisServer) -> Keys {
    let answer = redis.ask(&["EVAL", ALL, "0"]);
    let key = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.collect()))
    };
    answer
        .lines()
        .filter(|it| is_named(it))
        .filter_map(key)
        .collect()
}

/// What it should hold while nobody types.
pub fn expected(roster: &Roster, cast: &Cast) -> Keys {
    let mut keys = Keys::new();
    let mut add = |key, member: &str| {
        keys.entry(key).or_default().insert(member.to_owned());
    };
    for ((room, user), socket) in roster {
        let (room, user) = (cast.room_id(*room), cast.user_id(*user));
        add(format!("room:{room}:users"), user);
        add(format!("user:{user}:rooms"), room);
        add(format!("user:{user}:sockets:{room}"), socket);
    }
    keys
}

/// A line for each key that is not as it should be.
pub fn difference(held: &Keys, expected: &Keys) -> String {
    let all: BTreeSet<_> = held.keys().chain(expected.keys()).collect();
    let wrong = all
        .into_iter()
        .filter(|key| held.get(*key) != expected.get(*key));
    let line = |key: &String| {
        let (is, should) = (held.get(key), expected.get(key));
        format!("{key}: {is:?} instead of {should:?}\n")
    };
    wrong.map(line).collect()
}

/// What an operator would find with `redis-cli --scan`.
pub fn left(redis: &RedisServer) -> Vec<String> {
    let scanned = redis.ask(&["--scan"]);
    let named = scanned.lines().filter(|it| is_named(it));
    named.map(str::to_owned).collect()
}

fn is_named(key: &str) -> bool {
    FAMILIES.iter().any(|family| key.starts_with(family))
}
