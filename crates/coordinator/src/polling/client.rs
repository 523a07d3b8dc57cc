//! Asks an address that a stranger named, and nothing else.
//!
//! The rules hold where the connection is made: names are resolved here, every address of a name is judged,
//! and the connection goes to one of the very addresses that were judged. A name that means something else a
//! moment later (DNS rebinding) is judged anew or not asked again.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Response, StatusCode, redirect};
use streamr_coordinator_api::old::OldStats;
use url::Host;

use super::PollRules;
use super::address::{AddressRules, Forbidden, line, may_be_asked};
use crate::old_surface::stats_url::StatsUrl;

/// From the first look at the name to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 64 * 1024;

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Statistics, and whose line they came from.
    Stats { stats: OldStats, line: String },
    /// None, or one that says to come back later.
    Silent,
    /// Something else than statistics, or the address must not be asked.
    Wrong,
}

/// What a name stands for, as the operating system knows it; in tests, as the test says.
pub(super) trait Names: Send + Sync + 'static {
    fn addresses(&self, host: &str) -> Lookup;
}

pub(super) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The operating system's resolver.
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Gives only names all of whose addresses may be asked.
struct JudgedNames {
    names: Box<dyn Names>,
    rules: Arc<PollRules>,
}

impl Resolve for JudgedNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(judged(self.names.addresses(name.as_str()), self.rules.clone()))
    }
}

async fn judged(lookup: Lookup, rules: Arc<PollRules>) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    let addresses = lookup.await?;
    for address in &addresses {
        may_be_asked(*address, &rules.addresses)?;
    }
    // Port 0 stands for the one in the URL.
    Ok(Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0))))
}

/// Asks.
pub(super) struct Poller {
    http: reqwest::Client,
    rules: Arc<PollRules>,
}

impl Poller {
    pub(super) fn new(rules: PollRules, names: impl Names) -> Result<Self, reqwest::Error> {
        let rules = Arc::new(rules);
        let http = reqwest::Client::builder()
            .dns_resolver(JudgedNames { names: Box::new(names), rules: rules.clone() })
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            // A kept connection would outlive the judgement of its address.
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("streamr-coordinator/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, rules })
    }

    /// One GET.
    pub(super) async fn ask(&self, url: &StatsUrl) -> Answer {
        match self.get(url).await {
            Ok(response) => read(response, &self.rules.addresses).await,
            Err(Unasked::Forbidden(why)) => {
                tracing::debug!(url = url.public(), %why, "a node's address is not asked");
                Answer::Wrong
            }
            Err(Unasked::Failed(error)) => {
                tracing::debug!(url = url.public(), error = %error.without_url(), "a node does not answer");
                Answer::Silent
            }
        }
    }

    async fn get(&self, url: &StatsUrl) -> Result<Response, Unasked> {
        let url = url.url();
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.rules.ports.contains(&port) {
            return Err(Unasked::Forbidden(Forbidden::Port(port)));
        }
        // Addresses that stand in the URL are not looked up, so they do not pass the resolver.
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = literal {
            may_be_asked(address, &self.rules.addresses).map_err(Unasked::Forbidden)?;
        }
        self.http.get(url.clone()).send().await.map_err(Unasked::of)
    }
}

/// Why nothing came back.
enum Unasked {
    Forbidden(Forbidden),
    Failed(reqwest::Error),
}

impl Unasked {
    fn of(error: reqwest::Error) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(why) = inner.downcast_ref::<Forbidden>() {
                return Self::Forbidden(*why);
            }
            cause = inner.source();
        }
        Self::Failed(error)
    }
}

async fn read(response: Response, rules: &AddressRules) -> Answer {
    let Some(peer) = response.remote_addr() else { return Answer::Silent };
    // Judged before the connection was made, all of them. That this holds is worth a second look.
    if may_be_asked(peer.ip(), rules).is_err() {
        tracing::error!(%peer, "an address was asked that must not be");
        return Answer::Wrong;
    }
    match response.status() {
        StatusCode::OK => {}
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Answer::Silent;
        }
        _ => return Answer::Wrong,
    }
    match bounded_body(response).await {
        Ok(Some(body)) => match serde_json::from_slice(&body) {
            Ok(stats) => Answer::Stats { stats, line: line(peer.ip()) },
            Err(_) => Answer::Wrong,
        },
        Ok(None) => Answer::Wrong,
        Err(_) => Answer::Silent,
    }
}

/// The whole body; `None` if it is longer than any honest one.
async fn bounded_body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::Request;
    use axum::http::header;
    use axum::middleware::{Next, from_fn};
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    const STATS: &str =
        r#"{"streams": [{"stream_name": "live/obs-test", "connections": [{"state": "streaming"}]}]}"#;

    /// A host of somebody else's, and how often it was asked.
    struct Somebody {
        port: u16,
        asked: Arc<AtomicUsize>,
    }

    impl Somebody {
        async fn with(router: Router) -> Self {
            let asked = Arc::new(AtomicUsize::new(0));
            let counted = asked.clone();
            let router = router.layer(from_fn(move |request: Request, next: Next| {
                counted.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            }));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move { axum::serve(listener, router).await });
            Self { port, asked }
        }

        async fn serving(body: String) -> Self {
            Self::with(Router::new().route("/", get(move || std::future::ready(body.clone())))).await
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn rules(allowed: &[&str], port: u16) -> PollRules {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        PollRules { addresses: AddressRules { allowed }, ports: vec![port], ..PollRules::default() }
    }

    async fn ask(rules: PollRules, url: &str) -> Answer {
        Poller::new(rules, SystemNames).unwrap().ask(&url.parse().unwrap()).await
    }

    /// Names that stand for something else each time they are looked up.
    struct Fickle(Mutex<Vec<Vec<&'static str>>>, Arc<AtomicUsize>);

    impl Names for Fickle {
        fn addresses(&self, _: &str) -> Lookup {
            self.1.fetch_add(1, Ordering::SeqCst);
            let mut left = self.0.lock().unwrap();
            let found = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
            Box::pin(async move { Ok(found.into_iter().map(|text| text.parse().unwrap()).collect()) })
        }
    }

    #[tokio::test]
    async fn statistics_are_read_where_asking_is_allowed() {
        let node = Somebody::serving(STATS.to_owned()).await;
        let url = format!("http://127.0.0.1:{}/", node.port);
        let answer = ask(rules(&["127.0.0.0/8"], node.port), &url).await;
        let Answer::Stats { stats, line } = answer else { panic!("{answer:?}") };
        assert!(stats.show_streaming("obs-test"));
        assert_eq!((line.as_str(), node.asked()), ("127.0.0.0/24", 1));
    }

    #[tokio::test]
    async fn nothing_is_asked_of_a_private_address_however_it_is_written() {
        let inside = Somebody::serving(STATS.to_owned()).await;
        let port = inside.port;
        for host in [
            "127.0.0.1",
            "localhost",
            "0x7f000001",
            "2130706433",
            "0177.1",
            "[::ffff:127.0.0.1]",
            "[::1]",
            "0.0.0.0",
            "127.1",
        ] {
            let answer = ask(rules(&[], port), &format!("http://{host}:{port}/")).await;
            assert_eq!(answer, Answer::Wrong, "{host}");
        }
        assert_eq!(inside.asked(), 0);
    }

    #[tokio::test]
    async fn nothing_is_asked_of_a_port_the_operator_did_not_allow() {
        let database = Somebody::serving(STATS.to_owned()).await;
        let answer = ask(rules(&["127.0.0.0/8"], 80), &format!("http://127.0.0.1:{}/", database.port)).await;
        assert_eq!((answer, database.asked()), (Answer::Wrong, 0));
    }

    #[tokio::test]
    async fn a_name_with_one_private_address_among_its_addresses_is_not_asked() {
        let inside = Somebody::serving(STATS.to_owned()).await;
        let names = Fickle(Mutex::new(vec![vec!["127.0.0.1", "10.0.0.1"]]), Arc::default());
        let poller = Poller::new(rules(&["127.0.0.0/8"], inside.port), names).unwrap();
        let url = format!("http://home.example:{}/", inside.port).parse().unwrap();
        assert_eq!((poller.ask(&url).await, inside.asked()), (Answer::Wrong, 0));
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_judged_by_what_is_connected_to() {
        let node = Somebody::serving(STATS.to_owned()).await;
        let lookups = Arc::new(AtomicUsize::new(0));
        // What a rebinding name does: harmless when it is judged, private when it is connected to.
        let names = Fickle(Mutex::new(vec![vec!["127.0.0.1"], vec!["10.0.0.1"]]), lookups.clone());
        let poller = Poller::new(rules(&["127.0.0.0/8"], node.port), names).unwrap();
        let url = format!("http://rebind.example:{}/", node.port).parse().unwrap();
        assert!(matches!(poller.ask(&url).await, Answer::Stats { .. }));
        assert_eq!((lookups.load(Ordering::SeqCst), node.asked()), (1, 1));
        assert_eq!(poller.ask(&url).await, Answer::Wrong, "no connection is kept from before");
        assert_eq!((lookups.load(Ordering::SeqCst), node.asked()), (2, 1));
    }

    #[tokio::test]
    async fn a_redirect_leads_nowhere() {
        let inside = Somebody::serving(STATS.to_owned()).await;
        let target = format!("http://127.0.0.1:{}/", inside.port);
        let node = Somebody::with(
            Router::new().route("/", get(move || std::future::ready(Redirect::temporary(&target)))),
        )
        .await;
        let mut rules = rules(&["127.0.0.0/8"], node.port);
        rules.ports.push(inside.port);
        let answer = ask(rules, &format!("http://127.0.0.1:{}/", node.port)).await;
        assert_eq!((answer, node.asked(), inside.asked()), (Answer::Wrong, 1, 0));
    }

    #[tokio::test]
    async fn what_is_no_statistics_or_too_much_of_it_is_wrong() {
        let padded = |len: usize| format!(r#"{{"streams": [], "padding": "{}"}}"#, "x".repeat(len));
        let deep = format!(r#"{{"streams": [], "deep": {}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
        for (body, is_wrong) in [
            (padded(60_000), false),
            (padded(70_000), true),
            // What is not asked for is skipped, however deep.
            (deep, false),
            ("<html>".to_owned(), true),
            ("{}".to_owned(), true),
            (r#"{"streams": {}}"#.to_owned(), true),
            (String::new(), true),
        ] {
            let start: String = body.chars().take(30).collect();
            let node = Somebody::serving(body).await;
            let answer =
                ask(rules(&["127.0.0.0/8"], node.port), &format!("http://127.0.0.1:{}/", node.port)).await;
            assert_eq!(answer == Answer::Wrong, is_wrong, "{start}");
        }
    }

    #[tokio::test]
    async fn no_answer_and_a_tired_server_are_silence() {
        let tired = Router::new().route("/", get(|| std::future::ready(StatusCode::BAD_GATEWAY)));
        let node = Somebody::with(tired).await;
        let of =
            async |port: u16| ask(rules(&["127.0.0.0/8"], port), &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(of(node.port).await, Answer::Silent);
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(of(closed).await, Answer::Silent);
        let moved = Router::new()
            .route("/", get(|| std::future::ready((StatusCode::NOT_FOUND, [(header::SERVER, "x")]))));
        assert_eq!(of(Somebody::with(moved).await.port).await, Answer::Wrong);
    }
}
