//! Rules about Rust source.

use super::Finding;
use super::rust_source::RustSource;

/// Crates in which time, randomness and the world outside are arguments.
const PURE: [&str; 4] = ["crates/model/src/", "crates/hls/src/", "crates/relay-core/src/", "crates/sim/src/"];

/// What a pure crate must not reach for.
const IMPURE: [&str; 17] = [
    "tokio",
    "libp2p",
    "reqwest",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "Utc::now",
    "thread_rng",
    "rand::rng",
    "rand::random",
    "OsRng",
    "getrandom",
    "RandomState",
];

/// Shortest sleep that makes a test wait rather than yield.
const LONGEST_TEST_SLEEP_MS: u64 = 100;

pub(crate) fn check(path: &str, source: &RustSource) -> Vec<Finding> {
    let rules: [fn(&str, &RustSource) -> Vec<Finding>; 7] =
        [purity, confinement, string_errors, unboundedness, unexplained_panics, placeholders, sleeping_tests];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(path, source)).collect();
    findings.extend(module_docs(path, source));
    findings
}

fn purity(path: &str, source: &RustSource) -> Vec<Finding> {
    if !PURE.iter().any(|directory| path.starts_with(directory)) {
        return Vec::new();
    }
    let what = |word: &str| format!("a pure crate reaches for `{word}`: make it an argument");
    words(source, &IMPURE).map(|(line, word)| Finding::at(path, line, what(word))).collect()
}

/// Libraries that stay in one room.
fn confinement(path: &str, source: &RustSource) -> Vec<Finding> {
    let storage = path.starts_with("crates/coordinator/src/storage");
    let rooms = [
        ("libp2p::", path.starts_with("crates/relay/"), "libp2p stays in crates/relay"),
        ("tauri::", path.starts_with("src-tauri/"), "tauri stays in src-tauri"),
        ("sqlx::", storage, "SQL stays in the coordinator's storage modules"),
    ];
    let strangers = rooms.iter().filter(|(_, at_home, _)| !at_home);
    strangers
        .flat_map(|(word, _, what)| {
            let lines = source.code.iter().enumerate().filter(move |(_, line)| has_word(line, word));
            lines.map(move |(line, _)| Finding::at(path, line, *what))
        })
        .collect()
}

fn string_errors(path: &str, source: &RustSource) -> Vec<Finding> {
    let what = "an error is an enum, not a text (DESIGN.md, invariant 3)";
    let found = source.code.iter().enumerate().filter(|(_, line)| has_string_error(line));
    found.map(|(line, _)| Finding::at(path, line, what)).collect()
}

/// Whether a `Result<_, String>` or `Result<_, &str>` is named in this line.
fn has_string_error(line: &str) -> bool {
    line.match_indices("Result<").any(|(at, opening)| {
        let (mut depth, mut last) = (1, String::new());
        for c in line[at + opening.len()..].chars() {
            match c {
                '<' | '(' | '[' => depth += 1,
                '>' | ')' | ']' => depth -= 1,
                ',' if depth == 1 => {
                    last.clear();
                    last.push('\u{1}');
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            last.push(c);
        }
        // Only what stands behind a comma is the error; `io::Result<String>` has none.
        let error = last.strip_prefix('\u{1}').map(str::trim);
        error.is_some_and(|error| error == "String" || error.starts_with('&') && error.ends_with("str"))
    })
}

fn unboundedness(path: &str, source: &RustSource) -> Vec<Finding> {
    const ENDLESS: [&str; 4] = ["unbounded_channel", "unbounded", "UnboundedSender", "mpsc::channel()"];
    let what = |word: &str| format!("`{word}` has no bound (DESIGN.md, invariant 4)");
    words(source, &ENDLESS).map(|(line, word)| Finding::at(path, line, what(word))).collect()
}

fn unexplained_panics(path: &str, source: &RustSource) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.production() {
        if line.contains(".unwrap()") {
            findings.push(Finding::at(
                path,
                number,
                "`unwrap` outside tests: handle it or say why it cannot be",
            ));
        }
        let expects = line.match_indices(".expect(").map(|(at, word)| at + word.len());
        for at in expects.filter(|at| !explains(source, number, *at)) {
            let column = at + 1;
            findings.push(Finding::at(path, number, format!("`expect` without a reason (column {column})")));
        }
    }
    findings
}

/// Whether the literal at `column` of `line`, or at the start of the next one, is a sentence.
fn explains(source: &RustSource, line: usize, column: usize) -> bool {
    const SHORTEST_REASON: usize = 10;
    let same: String = source.lines[line].chars().skip(column).collect();
    let below = source.lines.get(line + 1).map(|line| line.trim()).unwrap_or_default();
    let argument = if same.trim().is_empty() { below } else { same.trim() };
    // What is no literal is a constant or made by `format!`: somebody thought about it.
    let Some(text) = argument.strip_prefix('"') else { return true };
    let reason = text.split('"').next().unwrap_or_default();
    reason.len() >= SHORTEST_REASON && reason.contains(' ')
}

fn placeholders(path: &str, source: &RustSource) -> Vec<Finding> {
    const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
    let what = |word: &str| format!("`{word}` is left in the code");
    let all = source.code.iter().enumerate();
    let found = all.flat_map(|(number, line)| {
        UNFINISHED.iter().filter(|word| has_word(line, word)).map(move |word| (number, *word))
    });
    found.map(|(line, word)| Finding::at(path, line, what(word))).collect()
}

fn sleeping_tests(path: &str, source: &RustSource) -> Vec<Finding> {
    let what = "a test sleeps: poll a condition with a deadline instead";
    let sleeps = source.tests().filter(|(_, line)| slept_ms(line) >= LONGEST_TEST_SLEEP_MS);
    sleeps.map(|(line, _)| Finding::at(path, line, what)).collect()
}

/// How long a line sleeps, as far as it says so with a literal.
fn slept_ms(line: &str) -> u64 {
    let Some((_, call)) = line.split_once("sleep(") else { return 0 };
    let units = [("from_secs(", 1000), ("from_millis(", 1)];
    let literal = |rest: &str| -> Option<u64> {
        let digits: String = rest.chars().filter(|c| *c != '_').take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let spans = units.iter().filter_map(|(unit, ms)| Some(literal(call.split_once(unit)?.1)? * ms));
    spans.max().unwrap_or(0)
}

/// Every crate says what it promises.
fn module_docs(path: &str, source: &RustSource) -> Option<Finding> {
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    let first = source.lines.iter().find(|line| !line.trim().is_empty() && !line.starts_with("#!["))?;
    let documented = first.starts_with("//!") && !first.contains("Placeholder");
    (is_root && !documented).then(|| Finding::at(path, 0, "a crate begins with a doc of what it promises"))
}

fn words<'a>(source: &'a RustSource, words: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    source.production().flat_map(move |(number, line)| {
        words.iter().filter(move |word| has_word(line, word)).map(move |word| (number, *word))
    })
}

/// Whether `line` has `word` and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let open_ended = !word.ends_with(is_part);
    line.match_indices(word).any(|(at, _)| {
        let free_before = !line[..at].ends_with(is_part);
        let free_after = open_ended || !line[at + word.len()..].starts_with(is_part);
        free_before && free_after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let found = check(path, &RustSource::read(path, text));
        found.into_iter().map(|finding| finding.to_string()).collect()
    }

    fn fails(path: &str, text: &str, why: &str) {
        let found = findings(path, text);
        assert!(found.iter().any(|finding| finding.contains(why)), "{text:?}: {found:?}");
    }

    fn passes(path: &str, text: &str) {
        assert_eq!(findings(path, text), Vec::<String>::new(), "{text:?}");
    }

    #[test]
    fn a_pure_crate_that_reads_the_clock_or_draws_randomness_is_found() {
        let path = "crates/relay-core/src/swarm.rs";
        fails(path, "let now = Instant::now();", "Instant::now");
        fails(path, "use std::net::IpAddr;", "std::net");
        fails(path, "let mut rng = rand::rng();", "rand::rng");
        passes(path, "fn tick(now: Instant) { let range = now; }");
        passes("crates/relay/src/driver.rs", "let now = Instant::now();");
        passes(path, "#[cfg(test)]\nmod tests {\n    fn t() { std::fs::read(x); }\n}");
    }

    #[test]
    fn a_library_outside_its_room_is_found() {
        fails("crates/node/src/lifecycle.rs", "use libp2p::PeerId;", "libp2p stays");
        fails("crates/node/src/lifecycle.rs", "tauri::async_runtime::spawn(x);", "tauri stays");
        fails("crates/coordinator/src/handlers/streams.rs", "sqlx::query(q)", "SQL stays");
        passes("crates/coordinator/src/storage/sqlite.rs", "sqlx::query(q)");
        passes("crates/relay/src/network.rs", "use libp2p::PeerId;");
    }

    #[test]
    fn an_error_that_is_a_text_is_found() {
        let path = "crates/node/src/a.rs";
        fails(path, "fn f() -> Result<(), String> {", "enum");
        fails(path, "fn f() -> Result<Vec<(u8, u8)>, &'static str> {", "enum");
        passes(path, "fn f() -> io::Result<String> {");
        passes(path, "fn f() -> Result<String, Error> {");
    }

    #[test]
    fn a_queue_without_a_bound_is_found() {
        fails("crates/relay/src/a.rs", "let (tx, rx) = mpsc::unbounded_channel();", "no bound");
        fails("crates/relay/src/a.rs", "let (tx, rx) = std::sync::mpsc::channel();", "no bound");
        passes("crates/relay/src/a.rs", "let (tx, rx) = mpsc::channel(64);");
    }

    #[test]
    fn a_panic_without_a_reason_is_found() {
        let path = "crates/node/src/a.rs";
        fails(path, "let x = y.unwrap();", "unwrap");
        fails(path, "let x = y.expect(\"x\");", "without a reason");
        passes(path, "let x = y.expect(\"a hash is always 32 bytes\");");
        passes(path, "#[test]\nfn t() {\n    y.unwrap();\n}");
    }

    #[test]
    fn unfinished_code_is_found() {
        fails("crates/node/src/a.rs", "fn f() { todo!() }", "todo!");
    }

    #[test]
    fn a_test_that_sleeps_is_found() {
        let path = "tests/tests/a.rs";
        fails(path, "sleep(Duration::from_secs(1)).await;", "sleeps");
        fails(path, "thread::sleep(Duration::from_millis(1_00));", "sleeps");
        passes(path, "thread::sleep(Duration::from_millis(20));");
    }

    #[test]
    fn a_crate_without_a_doc_is_found() {
        fails("crates/node/src/lib.rs", "pub mod a;", "promises");
        passes("crates/node/src/lib.rs", "//! The node.\npub mod a;");
    }
}
