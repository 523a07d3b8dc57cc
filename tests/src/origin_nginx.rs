//! The origin: nginx with its RTMP module, HLS over plain HTTP, on loopback ports.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::http::Client;
use crate::poll::{Look, until};
use crate::ports;
use crate::process::{Managed, Stdout, command};

/// How the origin cuts the stream.
#[derive(Debug, Clone, Copy)]
pub struct OriginOptions {
    /// Length of a segment in whole seconds.
    pub fragment_s: u32,
    /// Segments in the playlist.
    pub window: u32,
    /// Keep the files of segments that have left the playlist: for comparing what was served later.
    pub keep_segments: bool,
}

impl Default for OriginOptions {
    fn default() -> Self {
        Self { fragment_s: 2, window: 7, keep_segments: false }
    }
}

/// A running origin.
#[derive(Debug)]
pub struct OriginNginx {
    process: Managed,
    directory: PathBuf,
    http_port: u16,
    rtmp_port: u16,
}

/// Places where distributions put the module.
const MODULE: [&str; 2] =
    ["/usr/lib/nginx/modules/ngx_rtmp_module.so", "/usr/lib64/nginx/modules/ngx_rtmp_module.so"];
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Another program may take a port between its choice and nginx's start.
const TRIES: usize = 3;

impl OriginNginx {
    /// Starts an origin that keeps everything in `directory`, which is created.
    pub fn start(directory: &Path, options: OriginOptions) -> Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(directory, options) {
                Err(TestnetError::Ended { .. }) if tries < TRIES => {}
                outcome => return outcome,
            }
        }
    }

    fn try_start(directory: &Path, options: OriginOptions) -> Result<Self> {
        let hls = directory.join("hls");
        fs::create_dir_all(&hls).at(&hls)?;
        let [http_port, rtmp_port] = ports::free()?;
        let path = directory.join("nginx.conf");
        let text = configuration(directory, module()?, http_port, rtmp_port, options)?;
        fs::write(&path, text).at(&path)?;

        let mut nginx = command(&of_system("nginx")?);
        nginx.arg("-p").arg(directory).arg("-c").arg(&path).arg("-e").arg(directory.join("error.log"));
        let process = Managed::start("nginx", nginx, &directory.join("error.log"), Stdout::Log)?;
        let mut origin = Self { process, directory: directory.into(), http_port, rtmp_port };
        let client = Client::new(None);
        let probe = format!("{}/up", origin.http_url());
        until("nginx to answer", START_DEADLINE, || {
            origin.process.check_alive()?;
            Ok(client.get_bytes(&probe).map_or_else(|e| Look::NotYet(e.to_string()), |_| Look::Yes(())))
        })?;
        Ok(origin)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// Where a publisher, OBS for instance, publishes `key`.
    pub fn rtmp_url(&self, key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{key}", self.rtmp_port)
    }

    /// The media playlist of `key`.
    pub fn playlist_url(&self, key: &str) -> String {
        format!("{}/live/{key}.m3u8", self.http_url())
    }

    /// Where the segment files are.
    pub fn segments(&self) -> PathBuf {
        self.directory.join("hls")
    }

    /// Waits until the playlist of `key` lists a segment.
    pub fn wait_live(&self, key: &str, deadline: Duration) -> Result<()> {
        let (client, url) = (Client::new(None), self.playlist_url(key));
        until("the first segment at the origin", deadline, || match client.get_text(&url) {
            Ok(text) if text.contains("#EXTINF") => Ok(Look::Yes(())),
            Ok(text) => Ok(Look::NotYet(text)),
            Err(error) => Ok(Look::NotYet(error.to_string())),
        })
    }

    /// Every answered request so far, oldest first.
    pub fn requests(&self) -> Result<Vec<OriginRequest>> {
        let path = self.directory.join("access.log");
        let text = fs::read_to_string(&path).at(&path)?;
        Ok(text.lines().filter_map(OriginRequest::parse).collect())
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}

/// One line of the origin's access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRequest {
    /// Status code.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub body_bytes: u64,
    /// Path and query.
    pub path: String,
    /// Who asked.
    pub user_agent: String,
}

impl OriginRequest {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        let status = parts.next()?.parse().ok()?;
        let body_bytes = parts.next()?.parse().ok()?;
        Some(Self { status, body_bytes, path: parts.next()?.into(), user_agent: parts.next()?.into() })
    }
}

fn module() -> Result<&'static str> {
    let found = MODULE.into_iter().find(|path| Path::new(path).is_file());
    found.ok_or_else(|| TestnetError::Missing { what: "nginx's RTMP module (libnginx-mod-rtmp)".into() })
}

fn configuration(
    directory: &Path,
    module: &str,
    http_port: u16,
    rtmp_port: u16,
    options: OriginOptions,
) -> Result<String> {
    let OriginOptions { fragment_s, window, keep_segments } = options;
    let dir = directory.display();
    // Started by root, nginx would give its files to www-data; started by anybody else, it warns of `user`.
    let user = if fs::metadata(directory).at(directory)?.uid() == 0 { "user root;" } else { "" };
    let cleanup = if keep_segments { "off" } else { "on" };
    let playlist_s = fragment_s * window;
    Ok(format!(
        r#"load_module {module};
{user}
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 512; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{rtmp_port};
        chunk_size 4096;
        application live {{
            live on;
            hls on;
            hls_path {dir}/hls;
            hls_fragment {fragment_s}s;
            hls_playlist_length {playlist_s}s;
            hls_cleanup {cleanup};
        }}
    }}
}}
http {{
    log_format bytes '$status $body_bytes_sent $request_uri $http_user_agent';
    access_log {dir}/access.log bytes;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{http_port};
        location = /up {{ access_log off; return 204; }}
        location /live/ {{
            alias {dir}/hls/;
            add_header Access-Control-Allow-Origin *;
            types {{
                application/vnd.apple.mpegurl m3u8;
                video/mp2t ts;
            }}
        }}
    }}
}}
"#
    ))
}
