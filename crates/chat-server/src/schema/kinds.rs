//! What TypeScript calls the type that a schema describes.
//!
//! In the definition of a generic, the schema that it holds is its `parameter`, and is called `T`.

use std::slice;

use serde_json::Value;
use utoipa::openapi::{
    RefOr, Schema,
    schema::{ArrayItems, Object, SchemaType, Type},
};

use crate::wire::schemas::reference;

/// The members of the union that it is, `null` last.
pub fn choices(schema: &RefOr<Schema>, parameter: Option<&str>) -> Vec<String> {
    if let Some(name) = reference(schema) {
        return vec![named(name, parameter)];
    }
    let RefOr::T(schema) = schema else {
        return Vec::new();
    };
    let mut choices = match schema {
        Schema::Object(object) => literals(object),
        Schema::Array(array) => {
            let item = match &array.items {
                ArrayItems::RefOrSchema(item) => joined(item, parameter),
                ArrayItems::False => "never".to_owned(),
            };
            vec![format!("{item}[]")]
                .into_iter()
                .chain(null(&array.schema_type))
                .collect()
        }
        Schema::OneOf(one) => {
            let items = one.items.iter();
            items.flat_map(|item| choices(item, parameter)).collect()
        }
        Schema::AllOf(all) => {
            let items = all.items.iter();
            let parts: Vec<_> = items.map(|item| joined(item, parameter)).collect();
            vec![parts.join(" & ")]
        }
        _ => vec!["unknown".to_owned()],
    };
    choices.sort_by_key(|choice| choice == "null");
    choices
}

fn joined(schema: &RefOr<Schema>, parameter: Option<&str>) -> String {
    let choices = choices(schema, parameter);
    match choices.as_slice() {
        [only] => only.clone(),
        _ => format!("({})", choices.join(" | ")),
    }
}

/// The types of values: what they are in full, where that is known.
fn literals(object: &Object) -> Vec<String> {
    if let Some(values) = &object.enum_values {
        let literal = |value: &Value| value.to_string().replace('"', "'");
        return values.iter().map(literal).collect();
    }
    let types = match &object.schema_type {
        SchemaType::Type(only) => slice::from_ref(only),
        SchemaType::Array(types) => types,
        SchemaType::AnyValue => return vec!["unknown".to_owned()],
    };
    types
        .iter()
        .map(|kind| primitive(kind).to_owned())
        .collect()
}

fn primitive(kind: &Type) -> &'static str {
    match kind {
        Type::String => "string",
        Type::Integer | Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Null => "null",
        Type::Array => "unknown[]",
        Type::Object => "Record<string, never>",
    }
}

fn null(schema_type: &SchemaType) -> Option<String> {
    match schema_type {
        SchemaType::Array(types) if types.contains(&Type::Null) => Some("null".to_owned()),
        _ => None,
    }
}

/// A type by the name of its schema.
pub fn named(name: &str, parameter: Option<&str>) -> String {
    match name.split_once('_') {
        _ if parameter == Some(name) => "T".to_owned(),
        Some((generic, argument)) => format!("{generic}<{argument}>"),
        None => name.to_owned(),
    }
}
