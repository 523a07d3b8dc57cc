//! Pages for people with a browser: the network, a stream, an account. They are the same for everybody and ask the
//! interface that everybody else asks; nothing is rendered here.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::state::AppState;

const PAGE: &str = include_str!("../../pages/page.html");
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name, media type and content of what the page is made of.
const FILES: [(&str, &str, &str); 9] = [
    ("page.css", STYLE, include_str!("../../pages/page.css")),
    ("page.js", SCRIPT, include_str!("../../pages/page.js")),
    ("account.js", SCRIPT, include_str!("../../pages/account.js")),
    ("api.js", SCRIPT, include_str!("../../pages/api.js")),
    ("dom.js", SCRIPT, include_str!("../../pages/dom.js")),
    ("format.js", SCRIPT, include_str!("../../pages/format.js")),
    ("network.js", SCRIPT, include_str!("../../pages/network.js")),
    ("stream.js", SCRIPT, include_str!("../../pages/stream.js")),
    ("supporters.js", SCRIPT, include_str!("../../pages/supporters.js")),
];

/// The app's colours, sizes and spaces. What stands before them names a font that is not served here.
fn tokens() -> &'static str {
    const TOKENS: &str = include_str!("../../../../ui/src/lib/tokens.css");
    TOKENS.find(":root").map_or(TOKENS, |at| &TOKENS[at..])
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All pages, below `/page`.
pub(crate) fn router() -> Router<AppState> {
    let mut router = Router::new()
        .route("/page/", get(|| async { page(".") }))
        .route("/page/account", get(|| async { page(".") }))
        .route("/page/streams/{stream}", get(|| async { page("..") }))
        .route("/page/tokens.css", get(|| async { file(STYLE, tokens()) }));
    for (name, media_type, content) in FILES {
        router =
            router.route(&format!("/page/{name}"), get(move || async move { file(media_type, content) }));
    }
    router.layer(map_response(guarded))
}

/// The page, whose files are at `files` from its own address: a proxy may serve it below any path.
fn page(files: &str) -> Html<String> {
    Html(PAGE.replace("ROOT", files))
}

fn file(media_type: &'static str, content: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, media_type)], content)
}

async fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Running;

    #[tokio::test]
    async fn every_page_comes_with_a_policy_and_everything_it_names() {
        let coordinator = Running::start().await;
        for (path, base) in
            [("/page/", "/page"), ("/page/account", "/page"), ("/page/streams/alice", "/page/streams/..")]
        {
            let answer = coordinator.get(path).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.headers()["content-security-policy"], POLICY);
            let text = answer.text().await.unwrap();
            assert!(!text.contains("ROOT"), "{text}");
            for named in ["tokens.css", "page.css", "page.js"] {
                let at = text.split('"').find(|part| part.ends_with(named)).unwrap();
                let file = coordinator.get(&format!("{base}/{named}")).await;
                assert_eq!(file.status(), 200, "{at}");
            }
        }
    }

    #[tokio::test]
    async fn every_file_that_another_imports_is_served_as_a_script() {
        let coordinator = Running::start().await;
        for (name, _, content) in FILES.iter().filter(|(_, media_type, _)| *media_type == SCRIPT) {
            for line in content.lines().filter(|line| line.starts_with("import ")) {
                let imported = line.split("'./").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
                let answer = coordinator.get(&format!("/page/{imported}")).await;
                assert_eq!(answer.status(), 200, "{name} imports {imported}");
                assert_eq!(answer.headers()["content-type"], SCRIPT);
            }
        }
    }

    #[tokio::test]
    async fn the_tokens_are_the_apps_and_name_no_font_that_is_not_served() {
        let coordinator = Running::start().await;
        let text = coordinator.get("/page/tokens.css").await.text().await.unwrap();
        assert!(text.starts_with(":root") && text.contains("--accent:") && !text.contains("url("), "{text}");
    }
}
