//! People for tests.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use streamr_coordinator_api::{ClaimCode, SignedIn};
use streamr_model::{AccountClaim, Signed};

use super::{Node, Running};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "rain on the roof";

impl Running {
    /// Makes an account and signs in; the session's token.
    pub(crate) async fn person(&self, handle: &str, role: &str) -> String {
        let body = json!({"handle": handle, "password": PASSWORD, "role": role});
        let made = self.post("/v1/accounts", Some(&self.operator), &body).await;
        assert_eq!(made.status(), 201, "{handle}");
        self.sign_in(handle).await
    }

    /// Signs in; the session's token.
    pub(crate) async fn sign_in(&self, handle: &str) -> String {
        let answer = self.try_sign_in(handle, PASSWORD).await;
        assert_eq!(answer.status(), 200, "{handle}");
        answer.json::<SignedIn>().await.unwrap().token.unwrap()
    }

    pub(crate) async fn try_sign_in(&self, handle: &str, password: &str) -> Response {
        let body = json!({"handle": handle, "password": password, "carry": "bearer"});
        self.post("/v1/sessions", None, &body).await
    }

    /// Whether somebody is signed in with this token.
    pub(crate) async fn knows(&self, token: &str) -> bool {
        match self.get_as("/v1/accounts/me", Some(token)).await.status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }

    /// A claim code of the person for the node.
    pub(crate) async fn claim_code(&self, token: &str, node: &Node) -> String {
        let answer = self.post("/v1/accounts/me/claims", Some(token), &json!({"node": node.id()})).await;
        assert_eq!(answer.status(), 201);
        answer.json::<ClaimCode>().await.unwrap().code
    }

    /// The node says that it is the person's.
    pub(crate) async fn claim(&self, handle: &str, code: &str, node: &Node) -> Response {
        self.post("/v1/nodes/claims", None, &claim_body(handle, code, node, &self.url)).await
    }

    /// A request as a browser makes it: with cookies, and headers that no script can set.
    pub(crate) async fn browse(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Response {
        let mut request =
            reqwest::Client::new().request(method, format!("{}{path}", self.url.trim_end_matches('/')));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    /// Signs in as a browser does; the cookie to send back.
    pub(crate) async fn browser_cookie(&self, handle: &str) -> String {
        let body = json!({"handle": handle, "password": PASSWORD, "carry": "cookie"});
        let headers = [("sec-fetch-site", "same-origin")];
        let answer = self.browse(Method::POST, "/v1/sessions", &headers, Some(&body)).await;
        assert_eq!(answer.status(), 200);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert_eq!(answer.json::<SignedIn>().await.unwrap().token, None);
        cookie.split(';').next().unwrap().to_owned()
    }
}

/// The body with which `node` says that it is `handle`'s.
pub(crate) fn claim_body(handle: &str, code: &str, node: &Node, coordinator: &str) -> Value {
    let claim = AccountClaim {
        node: node.id(),
        handle: handle.to_owned(),
        code: code.to_owned(),
        coordinator: coordinator.to_owned(),
    };
    json!({"node": node.id(), "claim": Signed::new(&claim, &node.key)})
}
