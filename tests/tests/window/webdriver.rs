//! The few words of WebDriver with which a test clicks what is inside the window.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use streamr_testnet::binaries::of_system;
use streamr_testnet::poll::Look;
use streamr_testnet::process::{Managed, Stdout};
use streamr_testnet::{Result, TestnetError, ports, until};

use crate::desktop::Desktop;

const DEADLINE: Duration = Duration::from_secs(30);
/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A program with a web view, started and driven by WebKitWebDriver.
pub(crate) struct WebDriver {
    session: String,
    _driver: Managed,
}

impl WebDriver {
    /// Starts `program` on `desktop` and waits for its window.
    pub(crate) fn start(desktop: &Desktop, program: &Path) -> Self {
        Self::try_start(desktop, program).unwrap()
    }

    fn try_start(desktop: &Desktop, program: &Path) -> Result<Self> {
        let [port] = ports::free()?;
        let mut command = desktop.command(&of_system("WebKitWebDriver")?);
        command.arg(format!("--port={port}"));
        // Tauri lets its web view be driven only when asked to.
        command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        let log = desktop.directory().join("app.log");
        let mut driver = Managed::start("WebKitWebDriver", command, &log, Stdout::Log)?;
        let url = format!("http://127.0.0.1:{port}");
        until("WebKitWebDriver to answer", DEADLINE, || {
            driver.check_alive()?;
            let answer = ureq::get(format!("{url}/status")).call();
            Ok(answer.map_or_else(|error| Look::NotYet(error.to_string()), |_| Look::Yes(())))
        })?;
        let options = json!({ "webkitgtk:browserOptions": { "binary": program, "args": [] } });
        let created =
            post(&format!("{url}/session"), &json!({ "capabilities": { "alwaysMatch": options } }))?;
        let session = format!("{url}/session/{}", created["sessionId"].as_str().unwrap_or_default());
        Ok(Self { session, _driver: driver })
    }

    /// Waits for the element with this `data-testid`.
    pub(crate) fn wait_for(&self, testid: &str) {
        self.until(testid, "to appear", |driver| driver.find(testid)).unwrap();
    }

    /// Waits until it can be clicked, and clicks it.
    pub(crate) fn click(&self, testid: &str) {
        self.until(testid, "to be clicked", |driver| {
            let element = driver.find(testid)?;
            let enabled = get(&driver.of_element(&element, "enabled"))?;
            if enabled == true {
                post(&driver.of_element(&element, "click"), &json!({})).map(drop)
            } else {
                Err(refused(testid, &enabled))
            }
        })
        .unwrap();
    }

    /// Types `text` into it.
    pub(crate) fn type_into(&self, testid: &str, text: &str) {
        self.until(testid, "to be typed into", |driver| {
            let element = driver.find(testid)?;
            post(&driver.of_element(&element, "clear"), &json!({}))?;
            post(&driver.of_element(&element, "value"), &json!({ "text": text })).map(drop)
        })
        .unwrap();
    }

    /// Waits until its attribute `name` satisfies `wanted`, and returns it.
    pub(crate) fn wait_attribute(&self, testid: &str, name: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.until(testid, &format!("to have the right {name}"), |driver| {
            let element = driver.find(testid)?;
            let value = get(&driver.of_element(&element, &format!("attribute/{name}")))?;
            match value.as_str() {
                Some(text) if wanted(text) => Ok(text.to_owned()),
                _ => Err(refused(testid, &value)),
            }
        })
        .unwrap()
    }

    /// Tries until it works: an element that is not there yet, covered or replaced is a reason to look again.
    fn until<T>(&self, testid: &str, what: &str, mut attempt: impl FnMut(&Self) -> Result<T>) -> Result<T> {
        until(&format!("{testid} {what}"), DEADLINE, || match attempt(self) {
            Ok(value) => Ok(Look::Yes(value)),
            Err(TestnetError::Refused { body, .. }) => Ok(Look::NotYet(body)),
            Err(error) => Err(error),
        })
    }

    fn find(&self, testid: &str) -> Result<String> {
        let search = json!({ "using": "css selector", "value": format!("[data-testid='{testid}']") });
        let found = post(&format!("{}/element", self.session), &search)?;
        found[ELEMENT].as_str().map(str::to_owned).ok_or_else(|| refused(testid, &found))
    }

    fn of_element(&self, element: &str, what: &str) -> String {
        format!("{}/element/{element}/{what}", self.session)
    }
}

fn refused(request: &str, seen: &Value) -> TestnetError {
    TestnetError::Refused { request: request.to_owned(), status: 200, body: seen.to_string() }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(Some(DEADLINE)).http_status_as_error(false);
    ureq::Agent::new_with_config(config.build())
}

fn get(url: &str) -> Result<Value> {
    value(url, agent().get(url).call())
}

fn post(url: &str, body: &Value) -> Result<Value> {
    value(url, agent().post(url).send_json(body))
}

/// The `value` of an answer.
fn value(url: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let failed =
        |error: ureq::Error| TestnetError::Http { request: url.to_owned(), reason: error.to_string() };
    let mut answer = answer.map_err(failed)?;
    let status = answer.status().as_u16();
    let mut body: Value = answer.body_mut().read_json().map_err(failed)?;
    match status {
        200 => Ok(body["value"].take()),
        _ => Err(TestnetError::Refused { request: url.to_owned(), status, body: body["value"].to_string() }),
    }
}
