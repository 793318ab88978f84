//! The documents of the protocol, and the types of the client, are those of the wire types.

#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use chat_server::schema::documents;

#[track_caller]
fn assert_fresh(path: &str) {
    let document = documents()
        .into_iter()
        .find(|document| document.path == path);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");

    let written = fs::read_to_string(root.join(path)).unwrap();

    assert!(
        written == document.unwrap().text,
        "{path} is stale: run `make schema`"
    );
}

#[test]
fn asyncapi_is_made_from_the_wire_types() {
    assert_fresh("docs/asyncapi.yaml");
}

#[test]
fn openapi_is_made_from_the_wire_types() {
    assert_fresh("docs/openapi.yaml");
}

#[test]
fn the_bundle_of_schemas_is_made_from_the_wire_types() {
    assert_fresh("docs/schemas.json");
}

#[test]
fn the_types_of_the_client_are_made_from_the_wire_types() {
    assert_fresh("clients/typescript/src/wire.ts");
}
