//! Clients that mean harm, over raw sockets: on the routes that anybody may use without signing in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::testing::Running;

/// What a stranger can make us read a body for.
const OPEN: [&str; 3] = ["/v1/sessions", "/v1/accounts", "/v1/nodes/claims"];

fn address(coordinator: &Running) -> SocketAddr {
    coordinator.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

async fn connect(coordinator: &Running, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(coordinator)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// The first line of what is answered; empty if the connection just ends.
async fn status(stream: &mut TcpStream) -> String {
    let mut line = String::new();
    while let Ok(byte) = stream.read_u8().await {
        match char::from(byte) {
            '\n' => break,
            '\r' => {}
            c => line.push(c),
        }
    }
    line
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let coordinator = Running::start().await;
    let headers: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    for path in OPEN {
        let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let mut stream = connect(&coordinator, &request).await;
        assert_eq!(status(&mut stream).await, "HTTP/1.1 431 Request Header Fields Too Large", "{path}");
    }
}

#[tokio::test]
async fn a_header_without_an_end_is_not_read_for_ever() {
    let coordinator = Running::start().await;
    let mut stream = connect(&coordinator, "POST /v1/sessions HTTP/1.1\r\nX: ").await;
    let (mut read, mut write) = stream.split();
    let flood = async { while write.write_all(&[b'y'; 4096]).await.is_ok() {} };
    let answer = async {
        let mut bytes = Vec::new();
        // The connection may end with a reset; what was answered until then counts.
        let _ = read.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (answer, ()) = tokio::join!(answer, flood);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(coordinator.get("/healthz").await.status(), 204);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_even_if_its_length_is_not_announced() {
    let coordinator = Running::start().await;
    for path in OPEN {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n11170\r\n"
        );
        let mut stream = connect(&coordinator, &head).await;
        // The server may stop reading before the end.
        let _ = stream.write_all(&[b' '; 0x11170]).await;
        assert_eq!(status(&mut stream).await, "HTTP/1.1 413 Payload Too Large", "{path}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let coordinator =
        Running::start_with(|config| config.request_deadline = Duration::from_millis(200)).await;
    for path in OPEN {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        );
        let mut stream = connect(&coordinator, &head).await;
        assert_eq!(status(&mut stream).await, "HTTP/1.1 100 Continue", "{path}");
        assert_eq!(status(&mut stream).await, "");
        stream.write_all(b"{\"handle\":").await.unwrap();
        assert_eq!(status(&mut stream).await, "HTTP/1.1 503 Service Unavailable", "{path}");
    }
}

#[tokio::test]
async fn line_breaks_in_what_is_sent_make_no_headers() {
    let coordinator = Running::start().await;
    for line in [
        "Cookie: streamr-session=a\r\n\tX-Admin: 1",
        "Authorization: Bearer a\rX-Admin: 1",
        "Authorization: Bearer \u{0}",
    ] {
        let request = format!("GET /v1/accounts/me HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n");
        let mut stream = connect(&coordinator, &request).await;
        let status = status(&mut stream).await;
        assert!(
            status.starts_with("HTTP/1.1 400") || status.starts_with("HTTP/1.1 401"),
            "{line:?}: {status}"
        );
    }
}
