//! What a person sees of a run: the desktop app, or a headless node's page.

use std::fs;
use std::path::Path;

use anyhow::Result;
use streamr_testnet::process::{Managed, Stdout, command};
use streamr_testnet::{NodeOptions, SupporterNode, TestnetError, binaries};

/// The person's own node.
pub(crate) enum Face {
    /// The desktop app.
    Window(Managed),
    /// A headless node with its page.
    Page(Box<SupporterNode>),
}

/// How the person's own node begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaceStart<'a> {
    /// The invite or address that is filled in.
    pub(crate) join: &'a str,
    /// The stream to support at once, where nobody is there to press the button.
    pub(crate) support: Option<&'a str>,
    /// The interface peers reach it at; `None`: its own choice.
    pub(crate) listen_ip: Option<&'a str>,
}

impl Face {
    /// Starts it. It asks for consent as it would anybody, unless a page's node is to support at once.
    pub(crate) fn start(headless: bool, directory: &Path, start: &FaceStart<'_>) -> Result<Self> {
        let FaceStart { join, support, listen_ip } = *start;
        fs::create_dir_all(directory)?;
        if headless {
            let options = NodeOptions {
                join: Some(join.into()),
                stream: support.map(Into::into),
                start: support.is_some(),
                listen_ip: listen_ip.map(Into::into),
                ..NodeOptions::default()
            };
            return Ok(Self::Page(Box::new(SupporterNode::start(directory, &options)?)));
        }
        let mut app = command(&binaries::desktop_app()?);
        app.env("STREAMR_DATA_DIR", directory.join("data")).env("STREAMR_JOIN", join);
        app.envs(listen_ip.map(|ip| ("STREAMR_LISTEN_IP", ip)));
        Ok(Self::Window(Managed::start("desktop app", app, &directory.join("app.log"), Stdout::Log)?))
    }

    /// Says where to look.
    pub(crate) fn announce(&self) {
        match self {
            Self::Window(_) => eprintln!("The app's window is open; the invite is filled in."),
            Self::Page(node) => eprintln!("Your node's page: {}", node.page_with_token()),
        }
    }

    /// The node, where its page can be asked.
    pub(crate) fn node(&self) -> Option<&SupporterNode> {
        match self {
            Self::Window(_) => None,
            Self::Page(node) => Some(node),
        }
    }

    /// Whether the person has quit the app, which ends a run like Ctrl-C, or it has failed.
    pub(crate) fn check_alive(&mut self) -> Result<(), TestnetError> {
        match self {
            Self::Page(node) => node.process().check_alive(),
            Self::Window(app) => match app.exit_status()? {
                Some(status) if status.success() => Err(TestnetError::Interrupted),
                _ => app.check_alive(),
            },
        }
    }
}

/// Whether a window could be seen.
pub(crate) fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}
