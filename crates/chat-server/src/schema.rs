//! The documents of the protocol and the types of the TypeScript client, made from the wire types.
//!
//! `make schema` writes them, `make check` compares them. Read [`catalogue`], which has every event, then
//! [`asyncapi`] and [`typescript`]. The OpenAPI document is that of `http`. Nothing of this is in the product.

mod asyncapi;
mod catalogue;
mod kinds;
mod recorded;
mod typescript;

use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};

use self::catalogue::Catalogue;
use crate::http::openapi;

/// A file that is made.
#[derive(Debug)]
pub struct Document {
    /// Where it is, from the root of the project.
    pub path: &'static str,
    /// What it has to be.
    pub text: String,
}

/// Every file that is made from the wire types.
pub fn documents() -> Vec<Document> {
    let mut catalogue = Catalogue::of_events();
    let asyncapi = yaml(&asyncapi::document(&catalogue));
    catalogue.add(components(&openapi::document_for_users()));
    let types = typescript::module(&catalogue);
    let openapi = openapi::document();
    catalogue.add(components(&openapi));
    vec![
        made("docs/asyncapi.yaml", asyncapi),
        made("docs/openapi.yaml", yaml(&openapi)),
        made("docs/schemas.json", bundle(&catalogue)),
        made("clients/typescript/src/wire.ts", types),
    ]
}

fn components(document: &utoipa::openapi::OpenApi) -> Vec<(String, RefOr<Schema>)> {
    let components = document.components.iter();
    let schemas = components.flat_map(|components| components.schemas.clone());
    schemas.collect()
}

fn made(path: &'static str, text: String) -> Document {
    Document { path, text }
}

fn yaml(document: &impl Serialize) -> String {
    let text = yaml_serde::to_string(document).expect("a document has nothing that YAML lacks");
    format!("# Made from crates/chat-server/src/wire by `make schema`.\n{text}")
}

/// Every schema in one document of JSON Schema.
fn bundle(catalogue: &Catalogue) -> String {
    #[derive(Serialize)]
    struct Bundle<'a> {
        #[serde(rename = "$schema")]
        dialect: &'static str,
        #[serde(rename = "$comment")]
        comment: &'static str,
        #[serde(rename = "$defs")]
        definitions: &'a catalogue::Schemas,
    }
    let bundle = Bundle {
        dialect: "https://json-schema.org/draft/2020-12/schema",
        comment: "Made from crates/chat-server/src/wire by `make schema`.",
        definitions: &catalogue.schemas,
    };
    let text = serde_json::to_string_pretty(&bundle).expect("a schema has string keys");
    text.replace("#/components/schemas/", "#/$defs/") + "\n"
}
