//! What every implementation of a port must do, as tests to call.
//!
//! Each behaviour is an `async fn` that is named after what it proves. For each port a macro makes one
//! test of each behaviour, inside a module of the caller:
//!
//! ```ignore
//! mod presence {
//!     chat_domain::presence_contract!(super::fresh_cluster());
//! }
//! ```
//!
//! The argument is an expression whose future is something fresh: it is evaluated anew for each test.
//! The caller brings `tokio` with the features `macros`, `rt` and `time`.
//!
//! [`database`] is about what is durable; [`presence`], [`typing`], [`limiter`], [`ledger`] and [`bus`] are about what
//! the nodes of a [`cluster`] share.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a behaviour that does not hold panics: that is what they are for"
)]

pub mod bus;
pub mod cluster;
pub mod database;
pub mod ledger;
pub mod limiter;
pub mod presence;
mod together;
pub mod typing;

/// Makes a test of each behaviour of a port of a cluster. Used by the macros of the ports.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($port:ident($fixture:expr): $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let behaviour = async {
                    let fixture = $fixture.await;
                    $crate::contract::$port::$behaviour(&fixture).await;
                };
                // What is waited for and never comes is to be a failure with a name.
                tokio::time::timeout(std::time::Duration::from_secs(60), behaviour)
                    .await
                    .expect("it ends within a minute");
            }
        )+
    };
}
