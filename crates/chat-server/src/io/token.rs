//! `refresh_token`.

use serde_json::Value;

use super::{
    conversation::{Conversation, answer},
    reply::Reply,
};
use crate::wire::{
    field::read,
    incoming::RefreshToken,
    outgoing::TokenRefreshed,
    refusal::{Code, Refusal},
    time::Time,
};

pub async fn refresh(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let token = read::<RefreshToken>(&argument)?.token;
    let identity = talk.app.tokens.verify(&token).await?;
    if identity.user.id != talk.connection.user.id {
        return Err(Refusal::new(
            Code::Forbidden,
            "The token is another user's.",
        ));
    }
    talk.app.greet(&identity.user).await?;
    let token_expires_at = Time(identity.expires_at);
    talk.renew(identity)?;
    answer(reply, &TokenRefreshed { token_expires_at });
    Ok(())
}
