//! HTTP/1.1 on a connection that stays open: as little as this load needs, so that making it costs little.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection, for one request at a time.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    /// To `host`, an address and a port.
    pub(crate) async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host: host.to_owned(),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Posts `body`; what is answered.
    pub(crate) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &impl Serialize,
    ) -> Result<T> {
        let body = serde_json::to_vec(body)?;
        self.ask("POST", path, token, &body).await?;
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Asks, and has the answer read; its bytes. What is refused is an error.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> Result<&[u8]> {
        self.send(method, path, token, body).await?;
        let length = self.head().await?.context("the answer has no length")?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        Ok(&self.body)
    }

    async fn send(&mut self, method: &str, path: &str, token: Option<&str>, body: &[u8]) -> Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        if let Some(token) = token {
            write!(head, "authorization: Bearer {token}\r\n")?;
        }
        write!(head, "content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())?;
        let request = [head.as_bytes(), body].concat();
        Ok(self.stream.get_mut().write_all(&request).await?)
    }

    /// Reads the head of an answer; the length that it announces, if it does.
    async fn head(&mut self) -> Result<Option<usize>> {
        let status = self.next_line().await?.to_owned();
        let mut length = None;
        loop {
            let line = self.next_line().await?;
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = Some(text.trim().parse()?);
            }
        }
        if status.starts_with("HTTP/1.1 2") {
            return Ok(if status.starts_with("HTTP/1.1 204") { Some(0) } else { length });
        }
        let mut why = vec![0; length.unwrap_or_default()];
        self.stream.read_exact(&mut why).await?;
        bail!("{status}: {}", String::from_utf8_lossy(&why))
    }

    async fn next_line(&mut self) -> Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            bail!("the coordinator has hung up");
        }
        Ok(self.line.trim_end())
    }

    /// Asks for server-sent events, which [`Self::next_event`] reads then.
    pub(crate) async fn listen(&mut self, path: &str, token: &str) -> Result<()> {
        self.send("GET", path, Some(token), &[]).await?;
        self.head().await?;
        Ok(())
    }

    /// The data of the next event that has any.
    pub(crate) async fn next_event<T: DeserializeOwned>(&mut self) -> Result<T> {
        loop {
            // Chunks end between events, so their lengths are lines of their own, which say nothing to us.
            if let Some(data) = self.next_line().await?.strip_prefix("data:") {
                return Ok(serde_json::from_str(data.trim())?);
            }
        }
    }
}
