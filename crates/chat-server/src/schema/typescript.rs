//! The types of the TypeScript client: an interface for each schema, and the maps of events that socket.io-client takes.
//!
//! A schema that is called `Done_Message` is the generic `Done<T>` with `Message` in it. The layout is Prettier's.

use std::{collections::BTreeSet, slice};

use utoipa::openapi::{RefOr, Schema, schema::Object};

use super::{
    catalogue::{Catalogue, News, Request, Schemas},
    kinds::{choices, named},
};
use crate::wire::schemas::reference;

const HEAD: &str = "\
// What travels between a client and chat-server, as docs/protocol.md has it. Nothing here exists at run time.
// Made from crates/chat-server/src/wire by `make schema`.
//
// What the server sends has every field; what is absent is `null`. What a client sends may leave optional fields out.
";

const WIDTH: usize = 120;

/// The module.
pub fn module(catalogue: &Catalogue) -> String {
    let parts = [
        HEAD.to_owned(),
        definitions(&catalogue.schemas),
        aliases(catalogue),
        ANSWER.to_owned(),
        requests(catalogue),
        news(catalogue),
    ];
    parts.join("\n")
}

fn definitions(schemas: &Schemas) -> String {
    let mut known = BTreeSet::new();
    let mut text = Vec::new();
    for (name, schema) in schemas {
        let (name, parameter) = match name.split_once('_') {
            Some((generic, argument)) => (generic, Some(argument)),
            None => (name.as_str(), None),
        };
        if known.insert(name) {
            text.push(definition(name, parameter, schema));
        }
    }
    text.join("\n")
}

fn definition(name: &str, parameter: Option<&str>, schema: &RefOr<Schema>) -> String {
    let head = comment(description(schema), "");
    let generic = if parameter.is_some() { "<T>" } else { "" };
    let (parts, object) = parts(schema);
    let Some(object) = object else {
        return head + &alias(&format!("{name}{generic}"), &choices(schema, parameter));
    };
    let fields = fields(object, parameter);
    let extends = if parts.is_empty() {
        String::new()
    } else {
        format!(" extends {}", parts.join(", "))
    };
    format!("{head}export interface {name}{generic}{extends} {{\n{fields}}}\n")
}

/// What an interface has of others, and its own fields.
fn parts(schema: &RefOr<Schema>) -> (Vec<&str>, Option<&Object>) {
    match schema {
        RefOr::T(Schema::Object(object)) if !object.properties.is_empty() => {
            (Vec::new(), Some(object))
        }
        RefOr::T(Schema::AllOf(all)) => {
            let others = all.items.iter().filter_map(reference).collect();
            let own = all.items.iter().find_map(|item| match item {
                RefOr::T(Schema::Object(object)) => Some(object),
                _ => None,
            });
            (others, own)
        }
        _ => (Vec::new(), None),
    }
}

fn alias(name: &str, choices: &[String]) -> String {
    let (head, union) = (format!("export type {name} ="), choices.join(" | "));
    if head.len() + union.len() + 2 <= WIDTH {
        format!("{head} {union};\n")
    } else if union.len() + 3 <= WIDTH {
        format!("{head}\n  {union};\n")
    } else {
        format!("{head}\n  | {};\n", choices.join("\n  | "))
    }
}

fn fields(object: &Object, parameter: Option<&str>) -> String {
    let field = |(name, schema): (&String, &RefOr<Schema>)| {
        let comment = comment(description(schema), "  ");
        let is_required = object.required.contains(name);
        let mark = if is_required { "" } else { "?" };
        let kind = choices(schema, parameter).join(" | ");
        format!("{comment}  {name}{mark}: {kind};\n")
    };
    object.properties.iter().map(field).collect()
}

/// Each event's argument or payload is called like the event, too.
fn aliases(catalogue: &Catalogue) -> String {
    let Catalogue { requests, news, .. } = catalogue;
    let arguments = requests.iter().map(|asked| (asked.event, &asked.argument));
    let payloads = news.iter().map(|told| (told.event, &told.payload));
    let named = arguments
        .chain(payloads)
        .map(|(event, schema)| (camel(event), schema));
    // `Error` is JavaScript's own.
    let new = named.filter(|(name, _)| name != "Error" && !catalogue.schemas.contains_key(name));
    new.map(|(name, schema)| alias(&name, slice::from_ref(schema)))
        .collect()
}

const ANSWER: &str = "\
/** What an event is acknowledged with. */
export type Answer<T> = Done<T> | Refused;
";

fn requests(catalogue: &Catalogue) -> String {
    let entry = |request: &Request| {
        let Request {
            event,
            summary,
            argument,
            done,
            ..
        } = request;
        let comment = comment(Some(summary), "  ");
        let answer = named(done, None).replacen("Done", "Answer", 1);
        let mark = if answer == "Answer<Nothing>" { "?" } else { "" };
        format!(
            "{comment}  {event}: (argument: {argument}, answer{mark}: (answer: {answer}) => void) => void;\n"
        )
    };
    let entries: String = catalogue.requests.iter().map(entry).collect();
    format!(
        "\
// A callback that may be left out would make `emitWithAck` return `any`. So it is there wherever an answer counts.
export interface ClientToServerEvents {{
{entries}}}
"
    )
}

fn news(catalogue: &Catalogue) -> String {
    let entry = |News {
                     event,
                     summary,
                     payload,
                 }: &News| {
        let comment = comment(Some(summary), "  ");
        format!("{comment}  {event}: (payload: {payload}) => void;\n")
    };
    let entries: String = catalogue.news.iter().map(entry).collect();
    format!("export interface ServerToClientEvents {{\n{entries}}}\n")
}

fn camel(event: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    event.split('_').map(capital).collect()
}

fn description(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(reference) => Some(reference.description.as_str()),
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref(),
        // That of a field which may be `null` stands with what it is otherwise.
        RefOr::T(Schema::OneOf(one)) => {
            let mut items = one.items.iter().filter(|item| reference(item).is_some());
            one.description
                .as_deref()
                .or_else(|| items.find_map(description))
        }
        RefOr::T(Schema::AllOf(all)) => all.description.as_deref(),
        RefOr::T(_) => None,
    }
}

fn comment(text: Option<&str>, indent: &str) -> String {
    match text {
        None | Some("") => String::new(),
        Some(text) => format!("{indent}/** {} */\n", text.replace('\n', " ")),
    }
}
