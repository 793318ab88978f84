//! Groups: what a room stands for in the database.

use std::sync::Arc;

use crate::{
    id::{Epoch, GroupId, Seq},
    time::Timestamp,
};

/// One group, with the head of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which group it is.
    pub id: GroupId,
    /// What members call it.
    pub name: GroupName,
    /// What it is about.
    pub description: Option<Description>,
    /// Whether it is hidden from those who are not members; a hint for applications.
    pub is_private: bool,
    /// The newest event, and the life of the history that it belongs to.
    pub head: Head,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The end of a group's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The `seq` of the newest durable event.
    pub last_seq: Seq,
    /// The life of the history.
    pub epoch: Epoch,
}

/// What shows that something was said in a group, or that its members changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip {
    /// The `seq` of the newest durable event.
    pub last_seq: Seq,
    /// Another one whenever a member was added or removed, or got another role, or the group was made anew.
    pub roster: u64,
}

/// What a change of a group changes; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// A new name.
    pub name: Option<GroupName>,
    /// A new description; `Some(None)` takes it away.
    pub description: Option<Option<Description>>,
    /// A new visibility.
    pub is_private: Option<bool>,
}

/// A group's name: 1 to 128 characters, trimmed, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName(Arc<str>);

/// A group's description: at most 2,000 characters; control characters but newline and tab removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(Arc<str>);

/// Why a text is no name of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a group's name is 1 to 128 characters")]
pub struct InvalidGroupName;

/// Why a text is no description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a description is at most 2000 characters")]
pub struct InvalidDescription;

const NAME_CHARS: usize = 128;
const DESCRIPTION_CHARS: usize = 2_000;

impl GroupName {
    /// Cleans and checks a name.
    ///
    /// # Errors
    /// [`InvalidGroupName`] if nothing is left, or too much.
    pub fn parse(raw: &str) -> Result<Self, InvalidGroupName> {
        let visible: String = raw.chars().filter(|c| !c.is_control()).collect();
        let name = visible.trim();
        if (1..=NAME_CHARS).contains(&name.chars().count()) {
            Ok(Self(Arc::from(name)))
        } else {
            Err(InvalidGroupName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Description {
    /// Cleans and checks a description.
    ///
    /// # Errors
    /// [`InvalidDescription`] if it is too long.
    pub fn parse(raw: &str) -> Result<Self, InvalidDescription> {
        let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
        let visible: String = raw.chars().filter(shown).collect();
        let text = visible.trim();
        if text.chars().count() <= DESCRIPTION_CHARS {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidDescription)
        }
    }

    /// The description as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_name_is_cleaned_and_bounded() {
        assert_eq!(
            GroupName::parse("  Ops\u{0} room ").unwrap().as_str(),
            "Ops room"
        );
        assert_eq!(GroupName::parse(" \n "), Err(InvalidGroupName));
        assert_eq!(GroupName::parse(&"x".repeat(129)), Err(InvalidGroupName));
    }

    #[test]
    fn a_description_keeps_its_lines() {
        assert_eq!(Description::parse("a\nb\u{7}").unwrap().as_str(), "a\nb");
        assert_eq!(
            Description::parse(&"x".repeat(2_001)),
            Err(InvalidDescription)
        );
    }
}
