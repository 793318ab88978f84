//! What holds for the schemas of all wire types.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::{
    Ref, RefOr, Schema,
    schema::{Array, ArrayItems, SchemaType, Type},
};

/// The name of the schema that is referred to.
pub fn reference(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    }
}

/// What the server sends has every field, and `null` for what is absent. In what is `received`, the same may be left out.
pub fn complete(schemas: &mut BTreeMap<String, RefOr<Schema>>, received: &BTreeSet<String>) {
    for (_, schema) in schemas
        .iter_mut()
        .filter(|(name, _)| !received.contains(*name))
    {
        require_nullable(schema);
    }
}

/// Generics refer to what they hold, by which they are called: `List_Message` to `Message`.
pub fn refer(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for (name, schema) in schemas {
        let argument = name.split_once('_').map(|(_, argument)| argument);
        let held = argument.and_then(|argument| Some((argument, known.get(argument)?)));
        let (Some((argument, held)), RefOr::T(Schema::Object(object))) = (held, schema) else {
            continue;
        };
        for property in object.properties.values_mut() {
            if let RefOr::T(Schema::Array(Array {
                items: ArrayItems::RefOrSchema(item),
                ..
            })) = property
                && **item == *held
            {
                **item = Ref::from_schema_name(argument).into();
            }
        }
    }
}

fn require_nullable(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let absent = object
                .properties
                .iter()
                .filter(|(_, value)| is_nullable(value));
            let absent = absent.map(|(name, _)| name.clone());
            object.required.extend(absent);
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_nullable),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => match &object.schema_type {
            SchemaType::Type(only) => *only == Type::Null,
            SchemaType::Array(types) => types.contains(&Type::Null),
            SchemaType::AnyValue => false,
        },
        RefOr::T(Schema::Array(array)) => {
            matches!(&array.schema_type, SchemaType::Array(types) if types.contains(&Type::Null))
        }
        RefOr::T(Schema::OneOf(choices)) => choices.items.iter().any(is_nullable),
        RefOr::T(_) | RefOr::Ref(_) => false,
    }
}
