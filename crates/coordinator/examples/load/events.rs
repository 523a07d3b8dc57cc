//! How late live updates come to many dashboards.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use streamr_coordinator_api::Impact;

use super::http::Connection;
use super::nodes::{Share, Signer, enrol, join, now, object};
use super::server::Server;
use super::{Options, percentile_ms};

pub(crate) async fn run(server: &Server, options: &Options) -> Result<Value> {
    let mut signer = Signer::go_live(server).await?;
    let watching = async {
        let mut shares = enrol(server, options.dashboards, options.connections).await?;
        join(&mut shares).await?;
        let end = Instant::now() + options.span();
        let tokens: Vec<(String, String)> = shares
            .iter()
            .flat_map(|share| &share.nodes)
            .map(|node| (format!("/v1/nodes/{}/events", node.id()), node.token.clone()))
            .collect();
        let watching = tokens.iter().map(|(path, token)| watch(&server.host, path, token, end));
        let watching = try_join_all(watching);
        // What is shown changes because they go on reporting.
        let reporting = try_join_all(shares.iter_mut().map(|share| report_until(share, end)));
        let (lags, _) = futures::future::try_join(watching, reporting).await?;
        let mut lags = lags.concat();
        lags.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "events of a run are few")]
        let events = lags.len() as f64;
        Ok(object([
            ("events", events),
            ("lag_p50_ms", percentile_ms(&lags, 50)),
            ("lag_p99_ms", percentile_ms(&lags, 99)),
        ]))
    };
    signer.during(watching).await
}

/// How long after it was worked out each update came, but for the first, which everybody asked for at once.
async fn watch(host: &str, path: &str, token: &str, end: Instant) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(host).await?;
    connection.listen(path, token).await?;
    let _: Impact = connection.next_event().await?;
    let mut lags = Vec::new();
    while let Ok(event) = tokio::time::timeout_at(end.into(), connection.next_event::<Impact>()).await {
        lags.push(Duration::from_millis(now().0.saturating_sub(event?.as_of.0)));
    }
    Ok(lags)
}

async fn report_until(share: &mut Share, end: Instant) -> Result<()> {
    while Instant::now() < end {
        share.report_each().await?;
        tokio::time::sleep_until((Instant::now() + Duration::from_secs(2)).min(end).into()).await;
    }
    Ok(())
}
