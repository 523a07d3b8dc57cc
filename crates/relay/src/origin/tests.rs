use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const PATIENCE: OriginPatience = OriginPatience {
    connect: Duration::from_secs(1),
    stall: Duration::from_millis(300),
    playlist: Duration::from_secs(1),
    segment: Duration::from_secs(1),
};

/// Answers each request with what `answer` makes of its text: raw bytes, and whether to hang afterwards.
async fn origin(answer: impl Fn(&str) -> (Vec<u8>, bool) + Send + Sync + 'static) -> (OriginReader, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/live/a.m3u8", listener.local_addr().unwrap()).parse().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer.clone()));
        }
    });
    (OriginReader::new(&url, PATIENCE).unwrap(), url)
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> (Vec<u8>, bool)>) {
    let mut request = vec![0; 4096];
    let len = stream.read(&mut request).await.unwrap_or(0);
    let (bytes, hangs) = answer(&String::from_utf8_lossy(&request[..len]));
    let _ = stream.write_all(&bytes).await;
    if hangs {
        std::future::pending::<()>().await;
    }
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", headers.as_bytes(), b"\r\n", body].concat()
}

async fn playlist_error(raw: Vec<u8>, hangs: bool) -> OriginError {
    let (reader, url) = origin(move |_| (raw.clone(), hangs)).await;
    reader.fetch_playlist(&url).await.unwrap_err()
}

#[tokio::test]
async fn a_playlist_is_read_from_where_it_is() {
    let (reader, url) = origin(|request| {
        if request.contains("/live/a.m3u8") {
            (b"HTTP/1.1 302 Found\r\nLocation: /b/c.m3u8\r\nConnection: close\r\n\r\n".to_vec(), false)
        } else {
            (ok("Content-Length: 7\r\n", b"#EXTM3U"), false)
        }
    })
    .await;
    let fetched = reader.fetch_playlist(&url).await.unwrap();
    assert_eq!((fetched.url.path(), &fetched.bytes[..]), ("/b/c.m3u8", &b"#EXTM3U"[..]));
}

#[tokio::test]
async fn a_redirect_to_another_host_or_without_end_is_not_followed() {
    for target in ["http://localhost:1/x", "/live/a.m3u8", "ftp://127.0.0.1/x"] {
        let raw = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nConnection: close\r\n\r\n");
        let error = playlist_error(raw.into_bytes(), false).await;
        assert_eq!(error, OriginError::Status { status: 302 }, "{target}");
    }
}

#[tokio::test]
async fn every_failure_is_told_apart() {
    let gone = playlist_error(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), false).await;
    assert_eq!(gone, OriginError::NotFound);
    let broken = playlist_error(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(), false).await;
    assert_eq!(broken, OriginError::Status { status: 500 });
    let cut = playlist_error(ok("Content-Length: 100\r\n", b"#EXTM3U"), false).await;
    assert_eq!(cut, OriginError::Truncated { received: 7, expected: Some(100) });
    assert_eq!(playlist_error(ok("Content-Length: 100\r\n", b"#EXTM3U"), true).await, OriginError::Slow);
    assert_eq!(playlist_error(Vec::new(), true).await, OriginError::Slow);
    assert!(matches!(playlist_error(Vec::new(), false).await, OriginError::Down { .. }));
    let page = playlist_error(ok("Content-Type: text/HTML; charset=utf-8\r\n", b"<html>"), false).await;
    assert_eq!(page, OriginError::WrongType { found: "text/html".into() });
}

#[tokio::test]
async fn a_trickle_does_not_hold_a_reader_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(&ok("Content-Length: 1000\r\n", b"")).await;
        while stream.write_all(b"#").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let reader = OriginReader::new(&url, PATIENCE).unwrap();
    assert_eq!(reader.fetch_playlist(&url).await, Err(OriginError::Slow));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_announced_or_not() {
    let announced = playlist_error(ok("Content-Length: 104857600\r\n", b""), true).await;
    assert_eq!(announced, OriginError::TooLarge { limit: OriginReader::MAX_PLAYLIST_LEN });
    let unannounced = playlist_error(ok("", &vec![b'#'; 3 * 1024 * 1024]), true).await;
    assert_eq!(unannounced, announced);
}

#[tokio::test]
async fn a_refused_connection_is_an_origin_that_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = OriginReader::new(&url, PATIENCE).unwrap().fetch_playlist(&url).await.unwrap_err();
    assert!(error.to_string().starts_with("the origin is down: "), "{error}");
}

#[tokio::test]
async fn only_the_origin_itself_is_read() {
    let (reader, url) = origin(|_| (ok("", b"secret"), false)).await;
    for other in ["http://127.0.0.1:1/a", "http://localhost/a", "ftp://127.0.0.1/a"] {
        let error = reader.fetch_segment(&other.parse().unwrap(), None).await.unwrap_err();
        assert!(matches!(error, OriginError::Elsewhere { .. }), "{other}");
    }
    assert!(reader.serves(&url.join("/elsewhere.ts").unwrap()));
    let file = "file:///etc/passwd".parse().unwrap();
    assert!(matches!(OriginReader::new(&file, PATIENCE), Err(OriginError::NotHttp { .. })));
}

#[tokio::test]
async fn a_range_is_honoured_ignored_or_wrong() {
    let (reader, url) = origin(|request| {
        assert!(request.to_ascii_lowercase().contains("range: bytes=2-4"), "{request}");
        let partial = |range: &str, body: &str| {
            format!("HTTP/1.1 206 Partial\r\nConnection: close\r\nContent-Range: {range}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        let raw = match request.split_whitespace().nth(1).unwrap() {
            "/good" => partial("bytes 2-4/10", "cde"),
            "/unknown-total" => partial("bytes 2-4/*", "cde"),
            "/other" => partial("bytes 0-2/10", "abc"),
            "/short" => partial("bytes 2-3/4", "cd"),
            "/long" => partial("bytes 2-4/10", "cdefg"),
            "/cut" => partial("bytes 2-4/10", "cd"),
            "/none" => "HTTP/1.1 206 Partial\r\nConnection: close\r\n\r\ncde".into(),
            _ => String::from_utf8(ok("Content-Length: 10\r\n", b"abcdefghij")).unwrap(),
        };
        (raw.into_bytes(), false)
    })
    .await;
    let at = |path: &str| url.join(path).unwrap();
    let cde = Bytes::from_static(b"cde");
    for path in ["/good", "/unknown-total"] {
        assert_eq!(
            reader.fetch_range(&at(path), 2, 3).await,
            Ok(RangeAnswer::Partial(cde.clone())),
            "{path}"
        );
    }
    for path in ["/other", "/short", "/none"] {
        assert_eq!(reader.fetch_range(&at(path), 2, 3).await, Err(OriginError::WrongRange), "{path}");
    }
    assert_eq!(reader.fetch_range(&at("/long"), 2, 3).await, Err(OriginError::TooLarge { limit: 3 }));
    let cut = OriginError::Truncated { received: 2, expected: Some(3) };
    assert_eq!(reader.fetch_range(&at("/cut"), 2, 3).await, Err(cut));
    let whole = RangeAnswer::Whole(Bytes::from_static(b"abcdefghij"));
    assert_eq!(reader.fetch_range(&at("/whole"), 2, 3).await, Ok(whole));
    let range = Some(ByteRange { start: 2, len: 3 });
    assert_eq!(reader.fetch_segment(&at("/whole"), range).await, Ok(cde));
}

#[tokio::test]
async fn blocks_can_be_taken_while_the_rest_is_on_its_way() {
    let (reader, url) = origin(|_| (ok("Content-Length: 10\r\n", b"abc"), true)).await;
    let mut body = reader.stream_range(&url, 0, 10).await.unwrap();
    assert_eq!((body.kind(), body.len_hint()), (RangeKind::Whole, Some(10)));
    assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"abc"))));
    assert_eq!(body.chunk().await, Err(OriginError::Slow));
}

#[tokio::test]
async fn an_empty_segment_is_an_error() {
    let (reader, url) = origin(|_| (ok("Content-Length: 0\r\n", b""), false)).await;
    assert_eq!(reader.fetch_segment(&url, None).await, Err(OriginError::Empty));
}
