//! Inputs that nobody thought of, for everything that reads what others wrote.
//!
//! A [`Target`] is one such reader; what it promises is checked in `chat_server::fuzzing`. `make fuzz` has libFuzzer look
//! for inputs that reach new code, millions of them; `make test` tries those of the folder `corpus`, and a fixed number
//! of [mutations](mutate) of them.

pub mod mutate;

use std::{fs, io, path::PathBuf};

use chat_server::fuzzing;

/// Something that reads what others wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Events, and the bodies of requests.
    Event,
    /// Tokens, and the claims in them.
    Token,
    /// Files and variables with settings.
    Settings,
    /// Cursors of lists.
    Cursor,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Event, Self::Token, Self::Settings, Self::Cursor];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// What its folder is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Token => "token",
            Self::Settings => "settings",
            Self::Cursor => "cursor",
        }
    }

    /// Reads the bytes.
    ///
    /// # Panics
    /// Something is wrong with the reader.
    pub fn read(self, bytes: &[u8]) {
        match self {
            Self::Event => fuzzing::event(bytes),
            Self::Token => fuzzing::token(bytes),
            Self::Settings => fuzzing::settings(bytes),
            Self::Cursor => fuzzing::cursor(bytes),
        }
    }

    /// The inputs to begin with, in a fixed order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn corpus(self) -> io::Result<Vec<Vec<u8>>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let entries = fs::read_dir(folder.join(self.name()))?;
        let mut files = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        files.sort();
        files.into_iter().map(fs::read).collect()
    }
}
