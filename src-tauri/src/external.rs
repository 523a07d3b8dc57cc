//! Pages outside the app, shown by the person's own browser.

use streamr_node::view::{UiError, UiErrorCode};
use tauri::Url;

/// Whose pages the UI links to. Nothing else is opened, whatever the window asks for.
const HOSTS: [&str; 1] = ["www.videolan.org"];

/// Opens `address` in the browser.
pub(crate) fn open(address: &str) -> Result<(), UiError> {
    if !is_known(address) {
        return Err(failed("The app does not open this page.", address.to_owned()));
    }
    open::that_detached(address).map_err(|error| {
        failed("No browser could be started; copy the address into yours.", error.to_string())
    })
}

fn is_known(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        url.scheme() == "https"
            && url.host_str().is_some_and(|host| HOSTS.contains(&host))
            && url.port().is_none()
            && url.username().is_empty()
    })
}

fn failed(message: &str, detail: String) -> UiError {
    UiError { code: UiErrorCode::Internal, message: message.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_the_ui_links_to_are_opened() {
        assert!(is_known("https://www.videolan.org/vlc/"));
        for other in [
            "http://www.videolan.org/vlc/",
            "https://www.videolan.org.example/",
            "https://www.videolan.org:8443/",
            "https://someone@www.videolan.org/",
            "https://example.org/?https://www.videolan.org/",
            "file:///etc/passwd",
            "/etc/passwd",
            "--help",
            "",
        ] {
            assert!(!is_known(other), "{other}");
        }
    }
}
