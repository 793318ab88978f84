//! The OpenAPI document, made from the handlers and the wire types themselves.

use std::{collections::BTreeSet, slice, sync::Arc};

use axum::{Json, Router, middleware::from_fn, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document, Ref, RefOr, Response, Schema,
        content::{Content, ContentBuilder},
        path::{Operation, PathItem},
        response::ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{admin, answer::Failure, api, audit, dev};
use crate::{
    app::App,
    wire::schemas::{complete, refer, reference},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "chat-server", description = "Group chat: the HTTP side."),
    components(schemas(Failure<'static>)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", scheme);
    }
}

/// Every documented path, and the document itself.
pub fn documented(app: &App) -> Router<Arc<App>> {
    let mut paths = for_users().merge(for_administrators());
    if app.is_dev {
        paths = paths.merge(for_newcomers());
    }
    let (router, document) = paths.split_for_parts();
    let document = finished(document);
    let router = router.route_layer(from_fn(audit::note));
    router.route("/api/v1/openapi.json", get(async move || Json(document)))
}

/// The document of every path, those of a development server included.
#[cfg(feature = "schema")]
pub fn document() -> Document {
    finished(
        for_users()
            .merge(for_administrators())
            .merge(for_newcomers())
            .into_openapi(),
    )
}

/// The document of what applications use.
#[cfg(feature = "schema")]
pub fn document_for_users() -> Document {
    finished(for_users().merge(for_newcomers()).into_openapi())
}

fn for_users() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(api::users::me))
        .routes(routes!(api::groups::create, api::groups::list))
        .routes(routes!(
            api::groups::show,
            api::groups::change,
            api::groups::delete
        ))
        .routes(routes!(api::members::list, api::members::add))
        .routes(routes!(api::members::give_role, api::members::remove))
        .routes(routes!(api::members::pass_on))
        .routes(routes!(api::messages::list, api::messages::send))
        .routes(routes!(api::messages::mark_read))
}

fn for_administrators() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(admin::users::put_user))
        .routes(routes!(admin::sessions::list, admin::sessions::end_all))
        .routes(routes!(admin::sessions::end))
        .routes(routes!(admin::sessions::revoke_token))
        .routes(routes!(admin::groups::put_group))
        .routes(routes!(
            admin::groups::put_member,
            admin::groups::delete_member
        ))
        .routes(routes!(admin::groups::send))
        .routes(routes!(admin::nodes::list))
        .routes(routes!(admin::nodes::drain))
        .routes(routes!(admin::rooms::list))
        .routes(routes!(admin::rooms::show))
        .routes(routes!(admin::messages::trace))
        .routes(routes!(admin::stats::show))
}

fn for_newcomers() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(dev::login))
}

/// Adds what holds for every path.
fn finished(mut document: Document) -> Document {
    let mut received = BTreeSet::new();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        if let Some(RefOr::T(body)) = &operation.request_body {
            received.extend(body.content.values().flat_map(schemas_of));
        }
        let responses = &mut operation.responses.responses;
        for response in responses.values_mut() {
            if let RefOr::T(response) = response
                && response.description.is_empty()
            {
                "It is done.".clone_into(&mut response.description);
            }
        }
        responses.insert("default".to_owned(), RefOr::T(failure()));
    }
    let components = document.components.get_or_insert_default();
    refer(&mut components.schemas);
    complete(&mut components.schemas, &received);
    document
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut path.get,
        &mut path.post,
        &mut path.put,
        &mut path.patch,
        &mut path.delete,
    ];
    all.into_iter().flatten()
}

fn schemas_of(content: &RefOr<Content>) -> Vec<String> {
    let RefOr::T(Content {
        schema: Some(schema),
        ..
    }) = content
    else {
        return Vec::new();
    };
    let choices = match schema {
        // A body that may be missing.
        RefOr::T(Schema::OneOf(choices)) => choices.items.as_slice(),
        other => slice::from_ref(other),
    };
    let names = choices.iter().filter_map(reference);
    names.map(str::to_owned).collect()
}

fn failure() -> Response {
    let schema = Ref::from_schema_name("Failure");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description("It is refused.")
        .content("application/json", content)
        .build()
}
