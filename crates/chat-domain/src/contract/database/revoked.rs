//! What every [`RevokedTokens`](crate::ports::RevokedTokens) must do.

use std::time::Duration;

use crate::{
    revocation::{Revocation, TokenId},
    time::Timestamp,
};

use super::{Database, scene::NOON};

const HOUR: Duration = Duration::from_secs(3_600);

fn until(token: &str, until: Timestamp) -> Revocation {
    let token = TokenId::parse(token).unwrap();
    Revocation { token, until }
}

/// Any text will do as an id.
pub async fn a_revoked_token_is_listed_until_its_end(at: &Database) {
    let revoked = until("a 'token' \u{1F680}", NOON + HOUR);

    at.revoked.revoke(&revoked, NOON).await.unwrap();

    let listed = at.revoked.revoked_since(NOON, NOON).await.unwrap();
    assert_eq!(listed, [revoked]);
    let later = NOON + HOUR + HOUR;
    assert_eq!(at.revoked.revoked_since(NOON, later).await.unwrap(), []);
}

/// The longest time counts.
pub async fn revoking_again_moves_the_end_but_never_back(at: &Database) {
    for hours in [2, 3, 1] {
        let revoked = until("t", NOON + HOUR * hours);
        at.revoked.revoke(&revoked, NOON).await.unwrap();
    }

    let listed = at.revoked.revoked_since(NOON, NOON).await.unwrap();
    assert_eq!(listed, [until("t", NOON + HOUR * 3)]);
}

/// Whoever asks again and again is told what is new.
pub async fn what_was_revoked_before_is_not_listed_again(at: &Database) {
    let far = NOON + HOUR * 10;
    at.revoked.revoke(&until("old", far), NOON).await.unwrap();
    let later = NOON + HOUR;
    at.revoked.revoke(&until("new", far), later).await.unwrap();

    let listed = at.revoked.revoked_since(later, later).await.unwrap();

    assert_eq!(listed, [until("new", far)]);
}
