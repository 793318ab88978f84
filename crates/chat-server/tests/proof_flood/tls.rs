//! Handshakes of TLS: whoever begins one makes the server sign.

use std::{fs, sync::Arc, time::Duration};

use chat_testkit::{chat_server::ChatServer, proof::Claim};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::time::sleep;

use crate::{
    door::{Door, FLOODER},
    handshakes::TEN_A_SECOND,
    play::{Flood, Hand, PROGRAM, Tally, make_groups},
};

const FLOOD: Flood = Flood {
    claim: Claim::FloodOfTls,
    limit: 100,
    hands: 16,
    blow: 1,
};

const LOOK_EVERY: Duration = Duration::from_millis(10);

struct Greeter(Door);

impl Hand for Greeter {
    async fn strike(&mut self, tally: &Arc<Tally>) {
        let greeted = self.0.enter(FLOODER).await;
        tally.refused(greeted.is_err().into());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_begins_tls_a_hundred_times_too_often_disturbs_nobody() {
    let mut plain = ChatServer::start(PROGRAM, &[]).await;
    make_groups(&plain).await;
    assert!(plain.stop().await);
    let folder = tempfile::tempdir().unwrap();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = made;
    let (chain, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    let url = format!("sqlite://{}", plain.file().display());
    let own = [
        ("CHAT_DATABASE__URL", url.as_str()),
        ("CHAT_TLS__CERT_FILE", chain.to_str().unwrap()),
        ("CHAT_TLS__KEY_FILE", key.to_str().unwrap()),
    ];
    let server = ChatServer::start_unready(PROGRAM, &[&TEN_A_SECOND[..], &own].concat());
    let door = Door::secure(server.address(), cert.der().clone());
    while door.enter([127, 0, 0, 1].into()).await.is_err() {
        sleep(LOOK_EVERY).await;
    }

    FLOOD.play(&door, |_| Greeter(door.clone())).await;
}
