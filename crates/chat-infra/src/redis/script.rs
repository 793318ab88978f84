//! Programs that run inside Redis, each in one atomic step.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, LuaInterface},
    types::{ClusterHash, CustomCommand, Key, Value},
};

use super::connection::{Connection, Trouble};

/// A script. Redis knows it by a digest of its text, once it has seen it.
pub(super) struct Script {
    source: &'static str,
    digest: OnceLock<String>,
}

/// A script about rooms, with what all of these share in front of it.
macro_rules! about_rooms {
    ($file:literal) => {
        Script::new(concat!(include_str!("lua/room.lua"), include_str!($file)))
    };
}

pub(super) static ENTER: Script = about_rooms!("lua/enter.lua");
pub(super) static LEAVE: Script = about_rooms!("lua/leave.lua");
pub(super) static BEAT: Script = about_rooms!("lua/beat.lua");
pub(super) static REAP: Script = about_rooms!("lua/reap.lua");
pub(super) static RETIRE: Script = about_rooms!("lua/retire.lua");
pub(super) static ADMIT: Script = about_rooms!("lua/admit.lua");
pub(super) static END_ALL: Script = about_rooms!("lua/end_all.lua");
pub(super) static VERSIONS: Script = about_rooms!("lua/versions.lua");
pub(super) static TYPE: Script = about_rooms!("lua/type.lua");
pub(super) static UNTYPE: Script = about_rooms!("lua/untype.lua");
pub(super) static TYPISTS: Script = about_rooms!("lua/typists.lua");
pub(super) static SPEND: Script = about_rooms!("lua/spend.lua");

impl Script {
    const fn new(source: &'static str) -> Self {
        Self {
            source,
            digest: OnceLock::new(),
        }
    }

    /// Runs it, also if Redis has forgotten it.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        arguments: Vec<Value>,
    ) -> Result<Answer, Trouble> {
        let answer = connection
            .ask(|client| async move {
                let digest = self.known(&client).await?;
                let no_keys = Vec::<Key>::new;
                let found = client.evalsha(digest, no_keys(), arguments.clone()).await;
                match found {
                    Err(error) if error.details().starts_with("NOSCRIPT") => {
                        client.eval(self.source, no_keys(), arguments).await
                    }
                    found => found,
                }
            })
            .await?;
        Ok(Answer::of(answer))
    }

    async fn known(&self, client: &Client) -> Result<String, Error> {
        if let Some(digest) = self.digest.get() {
            return Ok(digest.clone());
        }
        let digest: String = client.script_load(self.source).await?;
        Ok(self.digest.get_or_init(|| digest).clone())
    }
}

/// One command, in its own words.
pub(super) async fn command(
    connection: &Connection,
    name: &'static str,
    arguments: Vec<Value>,
) -> Result<Answer, Trouble> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
    let asking = connection.ask(|client| async move { client.custom(command, arguments).await });
    Ok(Answer::of(asking.await?))
}

/// Where scripts have the time from.
#[derive(Debug, Clone, Default)]
pub enum Time {
    /// Redis's own clock: it is the same for all nodes.
    #[default]
    Redis,
    /// A test turns it, in milliseconds.
    Turned(Arc<AtomicU64>),
}

impl Time {
    /// As scripts take it.
    pub(super) fn argument(&self) -> Value {
        match self {
            Self::Redis => "".into(),
            Self::Turned(now) => now.load(Ordering::SeqCst).to_string().into(),
        }
    }
}

/// What a script answers, to be read from the front.
pub(super) struct Answer(std::vec::IntoIter<Value>);

impl Answer {
    pub(super) fn of(value: Value) -> Self {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        Self(values.into_iter())
    }

    pub(super) fn text(&mut self) -> Result<String, Trouble> {
        let value = self.0.next().and_then(Value::into_string);
        value.ok_or_else(odd)
    }

    /// A text, if there is any.
    pub(super) fn optional_text(mut self) -> Option<String> {
        self.0.next().and_then(Value::into_string)
    }

    pub(super) fn number(&mut self) -> Result<i64, Trouble> {
        let value = self.0.next().and_then(|value| value.as_i64());
        value.ok_or_else(odd)
    }

    /// A number of things.
    pub(super) fn count(&mut self) -> Result<usize, Trouble> {
        usize::try_from(self.number()?).map_err(|_| odd())
    }

    pub(super) fn flag(&mut self) -> Result<bool, Trouble> {
        Ok(self.number()? != 0)
    }

    /// Texts in one place.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, Trouble> {
        let Some(Value::Array(values)) = self.0.next() else {
            return Err(odd());
        };
        let texts = values.into_iter().map(Value::into_string).collect();
        Option::ok_or_else(texts, odd)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.len() == 0
    }
}

/// A script answered what it never answers.
pub(super) fn odd() -> Trouble {
    Trouble::Failed(Error::new(
        ErrorKind::Parse,
        "an answer that no script of ours gives",
    ))
}
