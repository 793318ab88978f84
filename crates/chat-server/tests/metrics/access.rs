//! Who may see the metrics, and where.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
};

use chat_testkit::{chat_server::SECRET, port::Port};

use crate::{
    PROGRAM, start,
    support::{ADMIN_KEY, Server, token},
};

/// Asks with these headers. Returns the status.
async fn ask(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = reqwest::Client::new().get(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn who_is_on_the_machine_or_has_the_key_sees_them() {
    let key = format!("Bearer {ADMIN_KEY}");
    let user = format!("Bearer {}", token("ada", 60));
    let proxied = [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
    ];
    let with_key = Server::start(&[]).await;
    let without = Server::start_without_key(&[]).await;

    for server in [&with_key, &without] {
        assert_eq!(ask(server.address, "/metrics", &[]).await, 200);
    }
    for header in proxied {
        let ask_with = async |authorization: &str| {
            let headers = [header, ("authorization", authorization)];
            ask(with_key.address, "/metrics", &headers).await
        };
        assert_eq!(ask(with_key.address, "/metrics", &[header]).await, 401);
        assert_eq!(ask_with(&key).await, 200);
        assert_eq!(ask_with(&user).await, 401);
        assert_eq!(ask_with("Bearer wrong").await, 401);
        assert_eq!(ask(without.address, "/metrics", &[header]).await, 404);
    }
}

#[tokio::test]
async fn who_is_elsewhere_sees_them_with_the_key_alone() {
    let trusting = [("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let server = Server::start(&trusting).await;
    let elsewhere = ("x-forwarded-for", "203.0.113.9");

    let key = format!("Bearer {ADMIN_KEY}");
    let headers = [elsewhere, ("authorization", &key)];

    assert_eq!(ask(server.address, "/metrics", &[elsewhere]).await, 401);
    assert_eq!(ask(server.address, "/metrics", &headers).await, 200);
}

#[tokio::test]
async fn a_port_of_their_own_has_them_and_nothing_else() {
    let port = Port::reserve();
    let own = SocketAddr::from(([127, 0, 0, 1], port.number()));
    let (server, _) = start(&[("CHAT_METRICS__LISTEN", &own.to_string())]).await;

    let elsewhere = ("x-forwarded-for", "203.0.113.9");
    assert_eq!(ask(own, "/metrics", &[elsewhere]).await, 200);
    let key = format!("Bearer {ADMIN_KEY}");
    let main = server.address();
    assert_eq!(ask(main, "/metrics", &[("authorization", &key)]).await, 404);
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/socket.io/",
        "/api/v1/openapi.json",
    ] {
        assert_eq!(
            ask(own, path, &[("authorization", &key)]).await,
            404,
            "{path}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();

    let output = Command::new(PROGRAM)
        .arg("serve")
        .current_dir(folder.path())
        .env("CHAT_LISTEN", "127.0.0.1:0")
        .env("CHAT_AUTH__SECRET", SECRET)
        .env("CHAT_METRICS__LISTEN", &taken)
        .output()
        .unwrap();

    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    let start = format!("chat-server: cannot listen on {taken} for metrics: ");
    assert!(
        line.starts_with(&start) && line.lines().count() == 1,
        "{line}"
    );
}
