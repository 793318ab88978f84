use super::super::{
    answer::{Answer, ok},
    caller::Caller,
};
use crate::wire::record::User;

/// The caller's record.
#[utoipa::path(get, path = "/api/v1/users/me", operation_id = "get_me", tag = "users", responses((status = 200, body = User<'static>)))]
pub async fn me(Caller(user): Caller) -> Answer {
    ok(&User::from(&user))
}
