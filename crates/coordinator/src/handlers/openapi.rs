//! `GET /openapi.json`: the interface as a document, generated from the handlers and types.

use axum::extract::Extension;
use axum::response::IntoResponse;
use streamr_coordinator_api::Problem;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

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

/// The four kinds of bearer token, and the cookie.
pub(crate) struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for (name, description) in [
            ("operator", "The operator token, from the coordinator's token file"),
            ("publish", "The stream's publish secret, from its registration"),
            ("node", "The node's token, from its enrolment"),
            ("session", "A person's session, from signing in"),
        ] {
            let scheme =
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        let what = "A person's session in a browser; over https the name is __Host-streamr-session. \
                    What changes anything must come from the coordinator's own origin.";
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description("streamr-session", what));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
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
    use streamr_model::MicroUnits;

    use crate::testing::{Node, Running, START};

    /// Every route, and the schema of its success where it has one.
    const ROUTES: [(&str, &str, &str); 80] = [
        ("delete", "/v1/accounts/me/passkeys/{passkey}", ""),
        ("delete", "/v1/measurers/{node}", ""),
        ("delete", "/v1/nodes/{node}/account", ""),
        ("delete", "/v1/nodes/{node}/downtimes/{begins_at}", ""),
        ("delete", "/v1/nodes/{node}/name", ""),
        ("delete", "/v1/nodes/{node}/payee", ""),
        ("delete", "/v1/sessions", ""),
        ("delete", "/v1/sessions/current", ""),
        ("delete", "/v1/streams/{stream}/invites/{invite}", ""),
        ("delete", "/v1/streams/{stream}/live", ""),
        ("get", "/healthz", ""),
        ("get", "/openapi.json", ""),
        ("get", "/v1/accounts/me", "AccountView"),
        ("get", "/v1/accounts/me/nodes", "OwnNodes"),
        ("get", "/v1/accounts/me/passkeys", "Passkeys"),
        ("get", "/v1/accounts/me/streams", "OwnStreams"),
        ("get", "/v1/accounts/{handle}", "AccountView"),
        ("get", "/v1/accounts/{handle}/standings", "Standings"),
        ("get", "/v1/costs", "Costs"),
        ("get", "/v1/disputes", "Disputes"),
        ("get", "/v1/invites/{code}", "InvitePreview"),
        ("get", "/v1/keys", "PublicKeys"),
        ("get", "/v1/leaderboard", "Leaderboard"),
        ("get", "/v1/measurers", "Measurers"),
        ("get", "/v1/nodes/{node}", "NodeSummary"),
        ("get", "/v1/nodes/{node}/checks/{stream}/{hour}", "SpotChecks"),
        ("get", "/v1/nodes/{node}/earnings", "Earnings"),
        ("get", "/v1/nodes/{node}/earnings/{stream}/{hour}", "EpochDetail"),
        ("get", "/v1/nodes/{node}/events", ""),
        ("get", "/v1/nodes/{node}/impact", "Impact"),
        ("get", "/v1/nodes/{node}/receipts/{stream}/{window}", "ReceiptsRequest"),
        ("get", "/v1/payouts/{batch}", "PayoutBatch"),
        ("get", "/v1/payouts/{batch}/document", ""),
        ("get", "/v1/reviews", "Reviews"),
        ("get", "/v1/streams", "LiveStreams"),
        ("get", "/v1/streams/{stream}/impact", "StreamImpact"),
        ("get", "/v1/streams/{stream}/invites", "Invites"),
        ("get", "/v1/streams/{stream}/members", "Membership"),
        ("get", "/v1/streams/{stream}/pool", "StreamPool"),
        ("get", "/v1/streams/{stream}/supporters", "Supporters"),
        ("post", "/v1/accounts", "AccountView"),
        ("post", "/v1/accounts/invites", "AccountInvited"),
        ("post", "/v1/accounts/me/claims", "ClaimCode"),
        ("post", "/v1/accounts/me/passkeys", "PasskeyView"),
        ("post", "/v1/accounts/me/passkeys/challenge", "PasskeyChallenge"),
        ("post", "/v1/accounts/{handle}/standings", ""),
        ("post", "/v1/heartbeats", "HeartbeatAnswer"),
        ("post", "/v1/ledger/corrections", "Corrected"),
        ("post", "/v1/nodes", "Enrolled"),
        ("post", "/v1/nodes/challenge", "Challenge"),
        ("post", "/v1/nodes/claims", ""),
        ("post", "/v1/nodes/{node}/downtimes", "Downtime"),
        ("post", "/v1/nodes/{node}/receipts", "ReceiptsAnswer"),
        ("post", "/v1/nodes/{node}/samples", "ReceiptsAnswer"),
        ("post", "/v1/payouts", "PayoutBatch"),
        ("post", "/v1/payouts/quote", "PayoutQuote"),
        ("post", "/v1/payouts/{batch}/post", "PayoutBatch"),
        ("post", "/v1/payouts/{batch}/refresh", "PayoutBatch"),
        ("post", "/v1/payouts/{batch}/submit", "PayoutBatch"),
        ("post", "/v1/payouts/{batch}/void", "PayoutBatch"),
        ("post", "/v1/reviews/{stream}/{hour}/{node}/release", "Reviewed"),
        ("post", "/v1/reviews/{stream}/{hour}/{node}/void", "Reviewed"),
        ("post", "/v1/sessions", "SignedIn"),
        ("post", "/v1/sessions/passkey", "SignedIn"),
        ("post", "/v1/sessions/passkey/challenge", "PasskeyChallenge"),
        ("post", "/v1/streams", "StreamRegistered"),
        ("post", "/v1/streams/{stream}/deposits", "Deposited"),
        ("post", "/v1/streams/{stream}/invites", "InviteCreated"),
        ("post", "/v1/streams/{stream}/secret", "SecretRotated"),
        ("post", "/v1/streams/{stream}/thanks", ""),
        ("put", "/v1/accounts/me/password", ""),
        ("put", "/v1/accounts/{handle}/password", ""),
        ("put", "/v1/accounts/{handle}/role", ""),
        ("put", "/v1/costs", ""),
        ("put", "/v1/disputes/{node}/{stream}/{hour}", ""),
        ("put", "/v1/measurers/{node}", ""),
        ("put", "/v1/nodes/{node}/disputes/{stream}/{hour}", ""),
        ("put", "/v1/nodes/{node}/name", ""),
        ("put", "/v1/nodes/{node}/payee", ""),
        ("put", "/v1/streams/{stream}/live", ""),
    ];
    /// Where secrets may stand, and under what names.
    const CREATING: [(&str, &[&str]); 7] = [
        ("StreamRegistered", &["publish_secret"]),
        ("Enrolled", &["token"]),
        ("InviteCreated", &["code", "link"]),
        ("SignedIn", &["token"]),
        ("SecretRotated", &["publish_secret"]),
        ("ClaimCode", &["code"]),
        ("AccountInvited", &["code"]),
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
        let mut coordinator =
            Running::start_with(|config| config.payout_terms.threshold = MicroUnits(10_000)).await;
        let (publish_secret, mut nodes) = coordinator.closed_hour(10_000_000).await;
        let (used, unused) = (
            coordinator.invite("alice", &publish_secret).await,
            coordinator.invite("alice", &publish_secret).await,
        );
        Node::new(3).enrol(&coordinator, Some(&used)).await.unwrap();
        coordinator.put_live("alice", &publish_secret).await;
        let mut node = nodes.remove(0);
        node.beat(&coordinator).await;
        coordinator.set_payee(&node).await;
        coordinator.begin_payouts("march", "csv").await;
        let person = coordinator.person("olga", "operator").await;
        let claim = coordinator.claim_code(&person, &node).await;
        let secrets = [
            &publish_secret,
            &used,
            &unused,
            &node.token,
            &coordinator.operator,
            &person,
            &claim,
            &crate::testing::people::PASSWORD.to_owned(),
        ]
        .map(Clone::clone);

        let earnings = format!("/v1/nodes/{}/earnings", node.id());
        let epoch = format!("{earnings}/alice/{}", START / 3_600_000);
        let impact = format!("/v1/nodes/{}/impact", node.id());
        let events = format!("/v1/nodes/{}/events", node.id());
        let preview = format!("/v1/invites/{unused}");
        let receipts = format!("/v1/nodes/{}/receipts/alice/1", node.id());
        let summary = format!("/v1/nodes/{}", node.id());
        let checks = format!("/v1/nodes/{}/checks/alice/{}", node.id(), START / 3_600_000);
        let for_nodes = [
            "/healthz",
            "/openapi.json",
            "/v1/keys",
            "/v1/streams",
            "/v1/streams/alice/members",
            &impact,
            &events,
            &preview,
            &receipts,
            &checks,
            &earnings,
            &epoch,
            &summary,
            "/v1/costs",
            "/v1/leaderboard",
            "/v1/streams/alice/impact",
            "/v1/streams/alice/supporters",
        ];
        let for_operators =
            ["/v1/payouts/march", "/v1/payouts/march/document", "/v1/measurers", "/v1/reviews"];
        let for_people = [
            "/v1/accounts/me",
            "/v1/accounts/me/nodes",
            "/v1/accounts/me/passkeys",
            "/v1/accounts/me/streams",
            "/v1/accounts/olga",
            "/v1/accounts/olga/standings",
            "/v1/streams/alice/invites",
            "/v1/streams/alice/pool",
            "/v1/disputes",
        ];
        let readable = ROUTES.iter().filter(|(method, ..)| *method == "get").count();
        assert_eq!(for_nodes.len() + for_operators.len() + for_people.len(), readable);
        let as_node = for_nodes.iter().map(|path| (*path, &node.token));
        let as_operator = for_operators.iter().map(|path| (*path, &coordinator.operator));
        let as_person = for_people.iter().map(|path| (*path, &person));
        for (path, token) in as_node.chain(as_operator).chain(as_person) {
            let mut answer = coordinator.get_as(path, Some(token)).await;
            assert!(answer.status().is_success(), "{path}");
            let headers = format!("{:?}", answer.headers());
            // Events have no end.
            let body = if path == events {
                answer.chunk().await.unwrap().unwrap()
            } else {
                answer.bytes().await.unwrap()
            };
            let text = format!("{headers} {}", String::from_utf8_lossy(&body));
            assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{path}: {text}");
        }
        coordinator.restart().await;
        assert!(secrets.iter().all(|secret| !coordinator.database_holds(secret)));
    }
}
