use super::*;

fn get(url: &str) -> (u16, Vec<u8>) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut answer = ureq::Agent::new_with_config(config).get(url).call().unwrap();
    let status = answer.status().as_u16();
    (status, answer.body_mut().with_config().limit(200_000_000).read_to_vec().unwrap())
}

fn text(url: &str) -> String {
    String::from_utf8(get(url).1).unwrap()
}

/// The media playlist behind the multivariant one, and its segments' URLs.
fn follow(origin: &FaultOrigin) -> (String, Vec<String>) {
    let root = format!("http://{}", origin.server.address());
    let master = text(&origin.playlist_url());
    let media = text(&format!("{root}{}", master.lines().last().unwrap()));
    let names = media.lines().filter(|line| !line.starts_with('#'));
    let urls = names.map(|name| format!("{root}/live/{name}")).collect();
    (media, urls)
}

/// The raw answer to a raw request, as the recordings hold it.
fn raw(origin: &FaultOrigin, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(origin.server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn range_is_ignored_the_connection_is_closed_and_nothing_is_said_about_caching() {
    let origin = FaultOrigin::start("sk2").unwrap();
    let published = origin.publish().unwrap();
    let answer = raw(&origin, "GET /live/sk2-0.ts HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n");
    let head = answer.split("\r\n\r\n").next().unwrap();
    let len = published.clip.bytes.len();
    assert_eq!(
        head,
        format!("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Type: video/MP2T\r\nContent-Length: {len}")
    );
    let log = origin.log();
    assert_eq!(log.served[0].range.as_deref(), Some("bytes=0-9"));
    assert_eq!(log.by_path()["/live/sk2-0.ts"], Tally { requests: 1, bytes: len as u64 });
    assert_eq!(log.by_client().len(), 1);
}

#[test]
fn the_answer_before_the_first_segment_is_the_recorded_one() {
    let origin = FaultOrigin::start("sk2").unwrap();
    let answer = raw(&origin, "GET /live/sk2.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\nConnection: Close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nNot Found"), "{answer}");
}

#[test]
fn after_a_restart_a_name_used_before_stands_for_other_bytes() {
    let origin = FaultOrigin::start("sk2").unwrap();
    let first = origin.publish().unwrap();
    let url = follow(&origin).1.remove(0);
    assert_eq!(get(&url).1, first.clip.bytes.to_vec());
    origin.restart(Disk::Wiped).unwrap();
    assert_eq!(get(&origin.playlist_url()).0, 404);
    let second = origin.publish().unwrap();
    assert_eq!((first.sequence, &first.name), (second.sequence, &second.name));
    assert_ne!(first.clip.bytes, second.clip.bytes);
    assert_eq!(get(&follow(&origin).1[0]).1, second.clip.bytes.to_vec());
}

#[test]
fn a_frozen_playlist_stays_at_200_though_the_clock_runs() {
    let origin = FaultOrigin::start("sk2").unwrap();
    origin.publish_by_clock();
    let asked = Instant::now();
    while origin.published().is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(5), "the clock publishes at once");
        std::thread::yield_now();
    }
    origin.freeze();
    let before = follow(&origin).0;
    assert_eq!(before.matches("#EXTINF").count(), origin.published().len());
    assert_eq!(get(&origin.playlist_url()).0, 200);
}

#[test]
fn every_fault_misleads_as_it_says_and_is_gone_when_taken_back() {
    let origin = FaultOrigin::start("sk2").unwrap();
    origin.publish().unwrap();
    let segment = follow(&origin).1.remove(0);
    let playlist = origin.playlist_url();
    let spoilt = |scope, fault, url: &str| {
        origin.misbehave(scope, fault);
        get(url)
    };
    assert_eq!(spoilt(Scope::Segments, Fault::Status(500), &segment).0, 500);
    assert_eq!(get(&playlist).0, 200, "playlists are outside that scope");
    assert!(spoilt(Scope::Playlists, Fault::Html, &playlist).1.starts_with(b"<!DOCTYPE html>"));
    let long = spoilt(Scope::Playlists, Fault::LongPlaylist { lines: 100_000 }, &playlist).1;
    assert_eq!(long.iter().filter(|byte| **byte == b'\n').count(), 100_000);
    assert!(String::from_utf8(spoilt(Scope::Playlists, Fault::NotUtf8, &playlist).1).is_err());
    let huge = spoilt(Scope::Playlists, Fault::Huge { bytes: 100_000_000 }, &playlist).1;
    assert!(huge.len() > 99_000_000 && huge.starts_with(b"#EXTM3U\n"), "{}", huge.len());
    origin.misbehave(Scope::Everything, Fault::Truncated);
    let mut cut = ureq::get(&segment).call().unwrap();
    assert!(cut.body_mut().read_to_vec().is_err(), "the body ends before its declared length");
    origin.misbehave(Scope::Everything, Fault::Down);
    assert!(ureq::get(&playlist).call().is_err());
    origin.behave().unwrap();
    assert_eq!(get(&segment), (200, origin.published()[0].clip.bytes.to_vec()));
}

#[test]
fn a_slow_origin_sends_the_right_bytes_at_the_rate_asked_for() {
    let origin = FaultOrigin::start("sk2").unwrap();
    let published = origin.publish().unwrap();
    let segment = follow(&origin).1.remove(0);
    let rate = u32::try_from(published.clip.bytes.len()).unwrap();
    origin.misbehave(Scope::Segments, Fault::Slow { bytes_per_s: rate });
    let begun = Instant::now();
    assert_eq!(get(&segment).1, published.clip.bytes.to_vec());
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
}
