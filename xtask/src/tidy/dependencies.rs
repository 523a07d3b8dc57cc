//! Rules about who depends on whom, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;

/// DESIGN.md's arrows: whom of ours each crate may depend on, directly and outside tests.
const ARROWS: [(&str, &[&str]); 14] = [
    ("streamr-model", &[]),
    ("streamr-hls", &["streamr-model"]),
    ("streamr-relay-core", &["streamr-model"]),
    ("streamr-relay", &["streamr-model", "streamr-hls", "streamr-relay-core"]),
    ("streamr-coordinator-api", &["streamr-model"]),
    ("streamr-node", &["streamr-model", "streamr-relay", "streamr-coordinator-api"]),
    ("streamr-coordinator", &["streamr-model", "streamr-coordinator-api"]),
    ("streamr-signer", &["streamr-model", "streamr-hls", "streamr-relay", "streamr-coordinator-api"]),
    ("streamr-node-cli", &["streamr-model", "streamr-node"]),
    ("streamr-app", &["streamr-model", "streamr-node"]),
    ("streamr-sim", &["streamr-model", "streamr-hls", "streamr-relay-core"]),
    ("streamr-testnet", &[]),
    ("streamr-netlab", &["streamr-testnet"]),
    ("xtask", &["streamr-testnet", "streamr-netlab"]),
];

/// Crates that must not reach the world outside even through others.
const PURE: [&str; 4] = ["streamr-model", "streamr-hls", "streamr-relay-core", "streamr-sim"];
const WORLDLY: [&str; 7] = ["tokio", "libp2p", "reqwest", "axum", "hyper", "mio", "socket2"];

/// Who may name a library at all.
const ROOMS: [(&str, &[&str]); 4] = [
    ("libp2p", &["streamr-relay"]),
    ("tauri", &["streamr-app"]),
    ("sqlx", &["streamr-coordinator"]),
    // One TLS, and no library of the system's.
    ("native-tls", &[]),
];

pub(crate) fn check(metadata: &Value) -> Vec<Finding> {
    let graph = Graph::read(metadata);
    let mut findings = Vec::new();
    for (package, direct) in &graph.ours {
        findings.extend(arrows(package, direct, &graph));
        findings.extend(rooms(package, direct));
        findings.extend(purity(package, &graph));
    }
    findings
}

fn arrows(package: &str, direct: &BTreeSet<String>, graph: &Graph) -> Vec<Finding> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        return vec![Finding::error(package, "a crate without a place among DESIGN.md's arrows")];
    };
    let against =
        direct.iter().filter(|name| graph.ours.contains_key(*name) && !allowed.contains(&name.as_str()));
    against
        .map(|name| Finding::error(package, format!("depends on {name}, against DESIGN.md's arrows")))
        .collect()
}

fn rooms(package: &str, direct: &BTreeSet<String>) -> Vec<Finding> {
    let strangers =
        ROOMS.iter().filter(|(library, at_home)| direct.contains(*library) && !at_home.contains(&package));
    strangers.map(|(library, _)| Finding::error(package, format!("{library} does not belong here"))).collect()
}

fn purity(package: &str, graph: &Graph) -> Vec<Finding> {
    if !PURE.contains(&package) {
        return Vec::new();
    }
    let reached = graph.reached_from(package);
    let worldly = WORLDLY.iter().filter(|name| reached.contains(**name));
    worldly.map(|name| Finding::error(package, format!("a pure crate that reaches {name}"))).collect()
}

/// Normal and build dependencies, by package name.
#[derive(Debug, Default)]
struct Graph {
    ours: BTreeMap<String, BTreeSet<String>>,
    all: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names: BTreeMap<String, String> =
            list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
        let mut graph = Self::default();
        for node in list(&metadata["resolve"]["nodes"]) {
            let id = text(&node["id"]);
            let counts = |dependency: &&Value| {
                list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].as_str() != Some("dev"))
            };
            let direct: BTreeSet<String> = list(&node["deps"])
                .iter()
                .filter(counts)
                .filter_map(|dependency| names.get(dependency["pkg"].as_str()?).cloned())
                .collect();
            let name = names.get(&id).cloned().unwrap_or_default();
            if members.contains(&id) {
                graph.ours.insert(name.clone(), direct.clone());
            }
            // Versions of one name are one here: either may be the wrong one to reach.
            graph.all.entry(name).or_default().extend(direct);
        }
        graph
    }

    fn reached_from(&self, package: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![package];
        while let Some(name) = open.pop() {
            for next in self.all.get(name).into_iter().flatten() {
                if reached.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A package's direct dependencies, each of a kind (`None`: normal).
    type Package<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

    /// Metadata of packages of ours and what they depend on.
    fn metadata(packages: &[Package<'_>]) -> Value {
        let mut names: BTreeSet<&str> = packages.iter().map(|(name, _)| *name).collect();
        names.extend(packages.iter().flat_map(|(_, deps)| deps.iter().map(|(name, _)| *name)));
        let node = |(name, deps): &Package<'_>| {
            let deps: Vec<Value> = deps
                .iter()
                .map(|(dep, kind)| json!({ "pkg": dep, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            json!({ "id": name, "deps": deps })
        };
        json!({
            "packages": names.iter().map(|name| json!({ "id": name, "name": name })).collect::<Vec<_>>(),
            "workspace_members": names.iter().filter(|name| name.starts_with("streamr")).collect::<Vec<_>>(),
            "resolve": { "nodes": packages.iter().map(node).collect::<Vec<_>>() },
        })
    }

    fn fails(packages: &[Package<'_>], why: &str) {
        let found: Vec<String> = check(&metadata(packages)).iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|finding| finding.contains(why)), "{found:?}");
    }

    #[test]
    fn an_arrow_that_points_back_is_found() {
        fails(&[("streamr-model", &[("streamr-hls", None)]), ("streamr-hls", &[])], "against");
        fails(&[("streamr-app", &[("streamr-relay", None)]), ("streamr-relay", &[])], "against");
    }

    #[test]
    fn a_pure_crate_that_reaches_a_runtime_through_another_is_found() {
        let chain: &[Package<'_>] =
            &[("streamr-hls", &[("innocent", None)]), ("innocent", &[("tokio", Some("build"))])];
        fails(chain, "reaches tokio");
    }

    #[test]
    fn a_library_outside_its_room_is_found() {
        fails(&[("streamr-node", &[("libp2p", None)])], "does not belong");
    }

    #[test]
    fn what_only_tests_need_is_free() {
        let packages: &[Package<'_>] = &[("streamr-hls", &[("tokio", Some("dev"))])];
        assert!(check(&metadata(packages)).is_empty());
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        fails(&[("streamr-kitchen-sink", &[])], "without a place");
    }
}
