//! `GET /openapi.json`: the interface as a document, generated from the handlers and types.

use axum::extract::Extension;
use axum::response::IntoResponse;
use streamr_coordinator_api::Problem;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The document without its paths; those come with the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "StreamrP2P coordinator",
        description = "Enrolment, live streams, heartbeats, impact. Refusals are problem+json (RFC 9457) with a code."
    ),
    modifiers(&Tokens),
    components(schemas(Problem), responses(ProblemResponse))
)]
pub(crate) struct Document;

/// What every endpoint may answer instead.
#[derive(utoipa::ToResponse)]
#[response(description = "Refused", content_type = "application/problem+json")]
#[expect(dead_code, reason = "stands for a response in the document; problem.rs builds the real one")]
pub(crate) struct ProblemResponse(Problem);

/// The three kinds of bearer token.
pub(crate) struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for (name, description) in [
            ("operator", "The operator token, from the coordinator's token file"),
            ("publish", "The stream's publish secret, from its registration"),
            ("node", "The node's token, from its enrolment"),
        ] {
            let scheme =
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

/// The document as text, made once at the start.
#[derive(Clone)]
pub(crate) struct Rendered(pub(crate) axum::body::Bytes);

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi(Extension(Rendered(text)): Extension<Rendered>) -> impl IntoResponse {
    ([(axum::http::header::CONTENT_TYPE, "application/json")], text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Node, Running};

    /// Every route, and the schema of its success where it has one.
    const ROUTES: [(&str, &str, &str); 13] = [
        ("delete", "/v1/streams/{stream}/live", ""),
        ("get", "/healthz", ""),
        ("get", "/openapi.json", ""),
        ("get", "/v1/invites/{code}", "InvitePreview"),
        ("get", "/v1/nodes/{node}/impact", "Impact"),
        ("get", "/v1/streams", "LiveStreams"),
        ("get", "/v1/streams/{stream}/members", "Membership"),
        ("post", "/v1/heartbeats", "HeartbeatAnswer"),
        ("post", "/v1/nodes", "Enrolled"),
        ("post", "/v1/nodes/challenge", "Challenge"),
        ("post", "/v1/streams", "StreamRegistered"),
        ("post", "/v1/streams/{stream}/invites", "InviteCreated"),
        ("put", "/v1/streams/{stream}/live", ""),
    ];
    /// Where secrets may stand, and under what names.
    const CREATING: [(&str, &[&str]); 3] = [
        ("StreamRegistered", &["publish_secret"]),
        ("Enrolled", &["token"]),
        ("InviteCreated", &["code", "link"]),
    ];

    async fn document() -> Value {
        Running::start().await.get("/openapi.json").await.json().await.unwrap()
    }

    /// Every schema that `value` refers to, however deep.
    fn schemas<'a>(value: &'a Value, document: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                    let name = name.strip_prefix("#/components/schemas/").unwrap_or("");
                    if found.insert(name) {
                        schemas(&document["components"]["schemas"][name], document, found);
                    }
                }
                fields.values().for_each(|field| schemas(field, document, found));
            }
            Value::Array(items) => items.iter().for_each(|item| schemas(item, document, found)),
            _ => {}
        }
    }

    #[tokio::test]
    async fn the_document_lists_every_route_with_what_it_answers() {
        let document = document().await;
        let mut listed = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let success = operation["responses"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .find(|(status, _)| status.starts_with('2'));
                let schema = &success.unwrap().1["content"]["application/json"]["schema"]["$ref"];
                let schema = schema.as_str().map_or("", |name| name.rsplit('/').next().unwrap());
                assert!(operation["security"].is_array(), "{method} {path} does not say who may use it");
                listed.insert((method.as_str(), path.as_str(), schema));
            }
        }
        assert_eq!(listed, BTreeSet::from(ROUTES));
    }

    #[tokio::test]
    async fn every_listed_route_is_there() {
        let coordinator = Running::start().await;
        for (method, path, _) in ROUTES {
            let method = method.to_uppercase().parse().unwrap();
            let answer = coordinator.request(method, path, None, None::<&()>).await;
            let status = answer.status().as_u16();
            assert_ne!(status, 405, "{path}");
            if status == 404 {
                assert_ne!(crate::testing::code_of(answer).await, ErrorCode::NotFound, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn no_response_but_the_creating_ones_has_a_secret_in_it() {
        let document = document().await;
        for (method, path, success) in ROUTES {
            let mut found = BTreeSet::new();
            schemas(&document["paths"][path][method]["responses"], &document, &mut found);
            for name in found {
                let Some(fields) = document["components"]["schemas"][name]["properties"].as_object() else {
                    continue;
                };
                let allowed = CREATING.iter().find(|(creating, _)| *creating == name && name == success);
                let allowed = allowed.map_or(&[] as &[&str], |(_, fields)| fields);
                for field in fields.keys() {
                    let secret = field
                        .split('_')
                        .any(|word| ["secret", "token", "link", "password", "hash"].contains(&word));
                    assert!(!secret || allowed.contains(&field.as_str()), "{method} {path}: {name}.{field}");
                }
            }
        }
    }

    #[tokio::test]
    async fn nothing_that_is_read_holds_a_secret_nor_does_the_database() {
        let mut coordinator = Running::start().await;
        let publish_secret = coordinator.register("alice").await;
        let (used, unused) = (
            coordinator.invite("alice", &publish_secret).await,
            coordinator.invite("alice", &publish_secret).await,
        );
        let mut node = Node::new(1);
        node.enrol(&coordinator, Some(&used)).await.unwrap();
        coordinator.put_live("alice", &publish_secret).await;
        node.beat(&coordinator).await;
        let secrets = [&publish_secret, &used, &unused, &node.token, &coordinator.operator].map(Clone::clone);

        let impact = format!("/v1/nodes/{}/impact", node.id());
        let preview = format!("/v1/invites/{unused}");
        let paths =
            ["/healthz", "/openapi.json", "/v1/streams", "/v1/streams/alice/members", &impact, &preview];
        assert_eq!(paths.len(), ROUTES.iter().filter(|(method, ..)| *method == "get").count());
        for path in paths {
            let answer = coordinator.get_as(path, Some(&node.token)).await;
            assert!(answer.status().is_success(), "{path}");
            let text = format!("{:?} {}", answer.headers().clone(), answer.text().await.unwrap());
            assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{path}: {text}");
        }
        coordinator.restart().await;
        assert!(secrets.iter().all(|secret| !coordinator.database_holds(secret)));
    }
}
