//! The signer beside the origin, which is also the network's seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::binaries::ours;
use crate::error::{Result, TestnetError, WithPath};
use crate::namespace::Host;
use crate::process::{Managed, Stdout};

const START_DEADLINE: Duration = Duration::from_secs(15);

/// The stream's signing key, in a file of its own.
#[derive(Debug, Clone)]
pub struct SigningKey {
    file: PathBuf,
    public: String,
}

impl SigningKey {
    /// Makes the key file if it is missing.
    pub fn create(file: &Path) -> Result<Self> {
        let name = "streamr-signer key";
        let mut key = Command::new(ours("streamr-signer")?);
        let output = key.arg("key").arg("--key-file").arg(file).output();
        let output = output.map_err(|source| TestnetError::Spawn { name: name.into(), source })?;
        if !output.status.success() {
            return Err(TestnetError::Ended {
                name: name.into(),
                status: output.status.to_string(),
                tail: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        let public = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { file: file.into(), public })
    }

    /// The public key in hex.
    pub fn public(&self) -> &str {
        &self.public
    }
}

/// What a signer works on.
#[derive(Debug, Clone, Copy)]
pub struct SignerOptions<'a> {
    /// Where it runs.
    pub host: &'a Host,
    /// The coordinator's address.
    pub coordinator: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// The origin's playlist.
    pub origin: &'a str,
    /// The stream's publish secret.
    pub publish_secret: &'a str,
    /// The stream's key.
    pub key: &'a SigningKey,
}

/// A running signer.
#[derive(Debug)]
pub struct Signer {
    process: Managed,
    peer: String,
    addresses: Vec<String>,
}

impl Signer {
    /// Starts a signer that keeps its files in `directory`, which is created.
    pub fn start(directory: &Path, options: SignerOptions<'_>) -> Result<Self> {
        let mut this = Self::spawn(directory, options)?;
        this.wait_ready()?;
        Ok(this)
    }

    /// Starts the process without waiting for it; [`Self::wait_ready`] does.
    pub(crate) fn spawn(directory: &Path, options: SignerOptions<'_>) -> Result<Self> {
        fs::create_dir_all(directory).at(directory)?;
        let secret = directory.join("publish-secret");
        fs::write(&secret, options.publish_secret).at(&secret)?;
        let mut signer = options.host.command(&ours("streamr-signer")?)?;
        signer.args(["--coordinator", options.coordinator, "--stream", options.stream]);
        signer.args(["--origin", options.origin, "--listen-ip", &options.host.ip.to_string()]);
        signer.arg("--publish-secret-file").arg(&secret).arg("--key-file").arg(&options.key.file);
        let process = Managed::start("signer", signer, &directory.join("signer.log"), Stdout::ReadyLine)?;
        Ok(Self { process, peer: String::new(), addresses: Vec::new() })
    }

    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        let ready = self.process.ready(START_DEADLINE)?;
        self.peer = ready["peer"].as_str().unwrap_or_default().into();
        let addresses = ready["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.addresses = addresses.iter().filter_map(|a| a.as_str().map(Into::into)).collect();
        Ok(())
    }

    /// Its node id in hex.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Where it listens: multiaddr texts.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}
