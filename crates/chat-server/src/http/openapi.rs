//! The OpenAPI document, made from the handlers themselves.

use std::sync::Arc;

use axum::{Json, Router, middleware::from_fn, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{admin, answer::Failure, api, audit, dev};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(title = "chat-server", description = "Group chat: the HTTP side. Failures answer with `Failure`."),
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
    let mut paths = OpenApiRouter::with_openapi(Description::openapi())
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
        .routes(routes!(admin::stats::show));
    if app.is_dev {
        paths = paths
            .routes(routes!(dev::login))
            .route("/", get(dev::welcome));
    }
    let (router, document) = paths.split_for_parts();
    let router = router.route_layer(from_fn(audit::note));
    router.route("/api/v1/openapi.json", get(async move || Json(document)))
}
