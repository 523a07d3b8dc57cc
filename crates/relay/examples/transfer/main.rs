//! What the benches `cpu`, `playback` and `hop` measure: real peers, and plain transports beside them, as
//! processes of their own.
//!
//! `transfer ROLE [NAME=VALUE]…`. Roles that are measured: `seed`, `relay` (ours), `quic-send`,
//! `quic-receive`, `tls-send`, `tls-receive` (plain quinn and plain TCP with TLS). Each prints a line when it
//! is ready and a line for every segment it has completed, takes orders as lines on its standard input, and
//! ends when that ends. Roles that measure: `cpu`, `hop` and `playback`; they start the others and print one
//! JSON object.

#![allow(clippy::print_stdout, reason = "the program's output")]

mod child;
mod cpu;
mod hop;
mod namespaces;
mod options;
mod origin;
mod peers;
mod plain;
mod playback;

use anyhow::bail;
use options::Options;

fn main() -> anyhow::Result<()> {
    // rustls asks for it once two providers are compiled in.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().unwrap_or_default();
    let options = Options::read(arguments)?;
    match role.as_str() {
        "cpu" => return cpu::run(&options),
        "hop" => return hop::run(&options),
        "playback" => return playback::run(&options),
        _ => {}
    }
    // As the node and the signer are built: one runtime with a thread for each core.
    let runtime = match options.get_or("threads", 0)? {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match role.as_str() {
            "seed" => peers::seed(&options).await,
            "relay" => peers::relay(&options).await,
            "quic-send" => plain::quic_send(&options).await,
            "quic-receive" => plain::quic_receive(&options).await,
            "tls-send" => plain::tls_send(&options).await,
            "tls-receive" => plain::tls_receive(&options).await,
            other => bail!("no such role: {other:?}"),
        }
    })
}
