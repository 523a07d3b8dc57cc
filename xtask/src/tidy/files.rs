//! Rules about any text file.

use super::Finding;

const TOO_LONG: usize = 800;
const LONG: usize = 550;

pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = length(path, text).into_iter().collect();
    if !is_generated(path) {
        findings.extend(machine_paths(path, text));
        findings.extend(registry_hosts(path, text));
    }
    if path.ends_with("package-lock.json") {
        findings.extend(resolved_hosts(path, text));
    }
    findings
}

fn is_generated(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let is_source = [".rs", ".ts", ".svelte"].iter().any(|extension| path.ends_with(extension));
    let lines = text.lines().count();
    match lines {
        _ if !is_source => None,
        lines if lines > TOO_LONG => Some(Finding::error(path, format!("{lines} lines: split it"))),
        lines if lines > LONG => Some(Finding::warning(path, format!("{lines} lines: time to split it"))),
        _ => None,
    }
}

/// Directories that exist on one machine only. Written in two parts, so that this file does not hold them.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let names = |line: &str| MACHINE_PATHS.iter().find(|name| begins_path(line, name)).copied();
    let found = text.lines().enumerate().filter_map(|(number, line)| Some((number, names(line)?)));
    found.map(|(number, name)| Finding::at(path, number, format!("names a machine's path, {name}"))).collect()
}

/// Whether `name` stands in `line` as the beginning of an absolute path.
fn begins_path(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.}~*".contains(c))
    })
}

/// Hosts of package registries: which one is used is the machine's business.
const REGISTRY_HOSTS: [&str; 6] = [
    concat!("registry.", "npmjs.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org/simple"),
    concat!("deb.", "debian.org"),
];

fn registry_hosts(path: &str, text: &str) -> Vec<Finding> {
    let names = |line: &str| REGISTRY_HOSTS.iter().find(|host| line.contains(*host)).copied();
    let found = text.lines().enumerate().filter_map(|(number, line)| Some((number, names(line)?)));
    found
        .map(|(number, host)| Finding::at(path, number, format!("names a registry's host, {host}")))
        .collect()
}

fn resolved_hosts(path: &str, text: &str) -> Vec<Finding> {
    let what = "a resolved host: run `npm install --package-lock-only --omit-lockfile-registry-resolved`";
    let found = text.lines().enumerate().filter(|(_, line)| line.contains("\"resolved\": \"http"));
    found.map(|(number, _)| Finding::at(path, number, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_grown_too_long_is_found() {
        assert!(length("a.rs", &"x\n".repeat(801)).unwrap().to_string().starts_with("error"));
        assert!(length("a.rs", &"x\n".repeat(551)).unwrap().to_string().starts_with("warning"));
        assert_eq!(length("a.rs", &"x\n".repeat(550)), None);
        assert_eq!(length("CHANGELOG.md", &"x\n".repeat(9000)), None);
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_relative_one_is_not() {
        let own = concat!("cd /wo", "rk/main");
        assert_eq!(machine_paths("a.sh", own).len(), 1);
        let other = concat!("see docs/wo", "rk/notes and ~/ho", "me/x");
        assert!(machine_paths("a.md", other).is_empty());
    }

    #[test]
    fn a_registrys_host_is_found() {
        let text = concat!("registry=https://registry.", "npmjs.org/");
        assert_eq!(registry_hosts(".npmrc", text).len(), 1);
    }

    #[test]
    fn a_lock_file_with_resolved_hosts_is_found() {
        let text = "  \"resolved\": \"https://somewhere/a.tgz\",\n  \"integrity\": \"sha512\"\n";
        assert_eq!(check("ui/package-lock.json", text).len(), 1);
    }
}
