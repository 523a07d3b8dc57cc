//! The app's tray icon as a panel sees it: a StatusNotifierItem and its menu on the session bus.

use std::time::Duration;

use serde_json::Value;
use streamr_testnet::poll::Look;
use streamr_testnet::{Result, until};

use crate::desktop::Desktop;

const DEADLINE: Duration = Duration::from_secs(20);
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// A line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    id: i64,
    /// What it says.
    pub(crate) label: String,
    /// Whether it can be clicked.
    pub(crate) enabled: bool,
}

/// The one tray icon on a desktop.
pub(crate) struct Tray<'a> {
    desktop: &'a Desktop,
    bus_name: String,
    path: String,
    menu: String,
}

impl<'a> Tray<'a> {
    /// Waits for the icon to appear.
    pub(crate) fn appears(desktop: &'a Desktop) -> Self {
        let item = until("a tray icon", DEADLINE, || {
            let items = desktop.bus_property(&[
                "org.kde.StatusNotifierWatcher",
                "/StatusNotifierWatcher",
                "org.kde.StatusNotifierWatcher",
                "RegisteredStatusNotifierItems",
            ])?;
            Ok(match items["data"][0].as_str() {
                Some(item) => Look::Yes(item.to_owned()),
                None => Look::NotYet(items.to_string()),
            })
        })
        .unwrap();
        // The watcher lists bus name and object path in one word.
        let slash = item.find('/').unwrap();
        let (bus_name, path) = (item[..slash].to_owned(), item[slash..].to_owned());
        let menu = desktop.bus_property(&[&bus_name, &path, ITEM, "Menu"]).unwrap();
        Self { desktop, bus_name, path, menu: menu["data"].as_str().unwrap().to_owned() }
    }

    /// The menu's lines, without separators.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let layout = self.desktop.bus_call(&[
            &self.bus_name,
            &self.menu,
            MENU,
            "GetLayout",
            "iias",
            "0",
            "-1",
            "0",
        ])?;
        let children = layout["data"][1][2].as_array().cloned().unwrap_or_default();
        Ok(children.iter().filter_map(entry).collect())
    }

    /// Waits until the menu has an enabled line `label`, and clicks it.
    pub(crate) fn click(&self, label: &str) {
        let entry = self.wait_for(label, |entry| entry.label == label && entry.enabled);
        self.desktop
            .bus_call(&[
                &self.bus_name,
                &self.menu,
                MENU,
                "Event",
                "isvu",
                &entry.id.to_string(),
                "clicked",
                "s",
                "",
                "0",
            ])
            .unwrap();
    }

    /// Waits until a line of the menu satisfies `wanted`.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Entry {
        until(&format!("“{what}” in the tray's menu"), DEADLINE, || {
            let entries = self.entries()?;
            Ok(match entries.iter().find(|entry| wanted(entry)) {
                Some(entry) => Look::Yes(entry.clone()),
                None => Look::NotYet(format!("{entries:?}")),
            })
        })
        .unwrap()
    }

    /// Clicks the icon itself with the left button.
    pub(crate) fn activate(&self) {
        self.desktop.bus_call(&[&self.bus_name, &self.path, ITEM, "Activate", "ii", "0", "0"]).unwrap();
    }

    /// What hovering shows.
    pub(crate) fn tooltip(&self) -> String {
        let tooltip = self.desktop.bus_property(&[&self.bus_name, &self.path, ITEM, "ToolTip"]).unwrap();
        tooltip["data"][3].as_str().unwrap_or_default().to_owned()
    }
}

fn entry(child: &Value) -> Option<Entry> {
    let (id, properties) = (&child["data"][0], &child["data"][1]);
    Some(Entry {
        id: id.as_i64()?,
        label: properties["label"]["data"].as_str()?.to_owned(),
        // The protocol leaves out what has its default.
        enabled: properties["enabled"]["data"].as_bool().unwrap_or(true),
    })
}
