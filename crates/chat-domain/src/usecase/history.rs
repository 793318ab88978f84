//! Reading a group's history.

use crate::{
    id::{GroupId, Seq, UserId},
    limit::RetryAfter,
    ports::{PortError, Slice},
};

use super::Chat;

/// From where to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest messages.
    Newest,
    /// The messages before this one.
    Before(Seq),
    /// What was created or changed after this.
    After(Seq),
}

/// Why something about a group is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The user is no member, or there is no such group.
    #[error("the user is not a member")]
    NotAMember,
    /// The user reads too often.
    #[error("too many requests for messages")]
    TooMany(RetryAfter),
    /// A store could not be asked.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Chat {
    /// A page of the group's history. Members see all of it, also from before they joined.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn history(
        &self,
        user: &UserId,
        group: &GroupId,
        from: From,
        limit: usize,
    ) -> Result<Slice, ReadError> {
        self.history
            .spend(user, self.now())
            .map_err(ReadError::TooMany)?;
        self.member(group, user)
            .await?
            .ok_or(ReadError::NotAMember)?;
        let log = &self.ports.log;
        let mut slice = match from {
            From::Newest => log.before(group, None, limit).await?,
            From::Before(seq) => log.before(group, Some(seq), limit).await?,
            From::After(seq) => log.after(group, seq, limit).await?,
        };
        match from {
            From::Newest | From::Before(_) => slice.keep_newest(self.policy.page_bytes),
            From::After(_) => slice.keep_oldest(self.policy.page_bytes),
        }
        Ok(slice)
    }
}
