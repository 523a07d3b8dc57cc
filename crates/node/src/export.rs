//! What a person can take away as a file: the table of their hours, and receipts with both signatures.

use serde::Serialize;
use streamr_coordinator_api::PublicKeys;
use streamr_model::{NodeId, SignedByBoth, StreamId, Window};

use crate::coordinator_client::{ClientError, CoordinatorClient};

const HOUR_MS: u64 = 3_600_000;
const WINDOWS: u64 = HOUR_MS / Window::MS;

/// A file that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// What to call it: letters, digits, `-` and one dot.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub content: String,
}

/// Everything that others signed for in an hour, so that anybody can check it without the coordinator.
#[derive(Debug, Serialize)]
struct ReceiptsFile<'a> {
    about: &'static str,
    coordinator: &'a str,
    keys: PublicKeys,
    node: NodeId,
    stream: &'a StreamId,
    /// The hour, counted from 1970.
    hour: u64,
    windows: Vec<ReceiptsOfWindow>,
}

/// Of five minutes.
#[derive(Debug, Serialize)]
struct ReceiptsOfWindow {
    /// The window, counted from 1970.
    window: u64,
    receipts: Vec<SignedByBoth>,
}

const ABOUT: &str = "Receipts signed by the consumer and countersigned by this node: Ed25519 over canonical bytes. \
    Windows are five minutes, hours sixty, both counted from 1970. docs/adr/0011 describes the documents.";

/// Every hour that paid.
pub(crate) async fn earnings(
    client: &CoordinatorClient,
    node: NodeId,
    token: &str,
) -> Result<ExportedFile, ClientError> {
    let content = client.earnings_table(node, token).await?;
    Ok(ExportedFile { name: "streamr-earnings.csv".into(), media_type: "text/csv", content })
}

/// What others signed for in an hour.
pub(crate) async fn receipts(
    client: &CoordinatorClient,
    node: NodeId,
    token: &str,
    stream: &StreamId,
    hour: u64,
) -> Result<ExportedFile, ClientError> {
    let keys = client.keys().await?;
    let first = hour.saturating_mul(WINDOWS);
    let mut windows = Vec::new();
    for window in first..first.saturating_add(WINDOWS) {
        let receipts = client.receipts_of(node, token, stream, Window(window)).await?.receipts;
        if !receipts.is_empty() {
            windows.push(ReceiptsOfWindow { window, receipts });
        }
    }
    let coordinator = client.address();
    let file = ReceiptsFile { about: ABOUT, coordinator, keys, node, stream, hour, windows };
    let content = serde_json::to_string_pretty(&file)
        .map_err(|error| ClientError::Confused(format!("receipts that are no JSON: {error}")))?;
    let name = format!("streamr-receipts-{stream}-{hour}.json");
    Ok(ExportedFile { name, media_type: "application/json", content })
}
