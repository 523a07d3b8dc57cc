//! Rules about Cargo.toml files.

use super::Finding;

pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    if text.contains("[workspace]") { root(path, text) } else { member(path, text) }
}

fn root(path: &str, text: &str) -> Vec<Finding> {
    let forbidden = section(text, "[workspace.lints.rust]").any(|line| line == "unsafe_code = \"forbid\"");
    if forbidden { Vec::new() } else { vec![Finding::error(path, "`unsafe_code` is not forbidden")] }
}

fn member(path: &str, text: &str) -> Vec<Finding> {
    let shared = section(text, "[lints]").any(|line| line == "workspace = true");
    let mut findings = Vec::new();
    if !shared {
        findings.push(Finding::error(path, "does not share the workspace's lints, `unsafe_code` among them"));
    }
    findings
}

/// The lines of a table, without blanks around.
fn section<'a>(text: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(str::trim).skip_while(move |line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_may_be_unsafe_is_found() {
        assert_eq!(check("crates/x/Cargo.toml", "[package]\nname = \"x\"\n").len(), 1);
        assert!(check("crates/x/Cargo.toml", "[package]\n[lints]\nworkspace = true\n").is_empty());
    }

    #[test]
    fn a_workspace_that_allows_unsafe_code_is_found() {
        let allows = "[workspace]\n[workspace.lints.rust]\nunsafe_code = \"allow\"\n";
        assert_eq!(check("Cargo.toml", allows).len(), 1);
        assert!(check("Cargo.toml", &allows.replace("allow", "forbid")).is_empty());
    }
}
