//! Rust source as the rules see it: code without comments and without what stands in literals, line by
//! line, each line known to be test code or not.

/// One file.
#[derive(Debug)]
pub(crate) struct RustSource {
    /// As written.
    pub lines: Vec<String>,
    /// The same lines; comments and the contents of literals are blanks.
    pub code: Vec<String>,
    /// Whether each line is test code.
    pub test: Vec<bool>,
}

impl RustSource {
    /// Reads the file at `path`, which decides whether all of it is test code.
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let blanked = blank(text);
        let code: Vec<String> = blanked.lines().map(str::to_owned).collect();
        let test = if is_test_path(path) { vec![true; code.len()] } else { test_lines(&blanked) };
        Self { lines: text.lines().map(str::to_owned).collect(), code, test }
    }

    /// The lines that are not test code, with their numbers.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        self.numbered(false)
    }

    /// The lines that are test code, with their numbers.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.numbered(true)
    }

    fn numbered(&self, test: bool) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().enumerate().zip(&self.test);
        lines.filter(move |(_, is_test)| **is_test == test).map(|((number, line), _)| (number, line.as_str()))
    }
}

/// The modules in files of their own that the file at `path` declares for tests only: their paths without
/// `.rs`.
pub(crate) fn test_modules(path: &str, text: &str) -> Vec<String> {
    let Some(stem) = path.strip_suffix(".rs") else { return Vec::new() };
    let is_root = ["lib", "main", "mod"].iter().any(|root| stem.ends_with(&format!("/{root}")));
    let directory = if is_root { stem.rsplit_once('/').map_or("", |(directory, _)| directory) } else { stem };
    let source = RustSource::read(path, text);
    let declared = source.tests().filter_map(|(_, line)| {
        let name = line.trim().strip_suffix(';')?.rsplit_once("mod ")?.1;
        Some(format!("{directory}/{name}"))
    });
    declared.collect()
}

/// Whether the file at `path` is the module of a path that [`test_modules`] gave, or below it.
pub(crate) fn is_in_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Integration tests, benches, and modules that are called tests.
fn is_test_path(path: &str) -> bool {
    let in_directory = |name: &str| path.split('/').rev().skip(1).any(|part| part == name);
    let testnet_library = path.starts_with("tests/src/");
    let file = path.rsplit('/').next().unwrap_or(path);
    (in_directory("tests") || in_directory("benches")) && !testnet_library
        || file == "tests.rs"
        || file.ends_with("_tests.rs")
}

/// The same text with every character of a comment or inside a literal replaced by a blank.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped_until(&chars, at);
        match end {
            Some(end) => {
                out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `None` if none begins there.
fn skipped_until(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1);
    match chars[at] {
        '/' if next == Some(&'/') => Some(find(chars, at, |c, i| c[i] == '\n')),
        '/' if next == Some(&'*') => Some(block_comment(chars, at)),
        '"' => Some(string(chars, at)),
        'r' if !is_word(chars, at) => raw_string(chars, at),
        '\'' => character(chars, at),
        _ => None,
    }
}

/// Whether the character before `at` belongs to the same word.
fn is_word(chars: &[char], at: usize) -> bool {
    // `br"…"` is a literal all the same.
    let before = at.checked_sub(1).map(|i| chars[i]);
    before.is_some_and(|c| c.is_alphanumeric() || c == '_') && before != Some('b')
}

fn find(chars: &[char], from: usize, is_end: impl Fn(&[char], usize) -> bool) -> usize {
    (from..chars.len()).find(|i| is_end(chars, *i)).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i.min(chars.len())
}

fn string(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let quote = find(chars, at + 1, |c, i| c[i] != '#');
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let hashes = quote - at - 1;
    let closes = |c: &[char], i: usize| {
        c[i] == '"' && c[i + 1..].iter().take_while(|c| **c == '#').take(hashes).count() == hashes
    };
    Some((find(chars, quote + 1, closes) + 1 + hashes).min(chars.len()))
}

/// A character literal, as opposed to a lifetime.
fn character(chars: &[char], at: usize) -> Option<usize> {
    match chars.get(at + 1)? {
        '\\' => Some((find(chars, at + 3, |c, i| c[i] == '\'') + 1).min(chars.len())),
        _ if chars.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

/// Marks the lines of every item behind a `#[cfg(test)]` or `#[test]`-like attribute.
fn test_lines(blanked: &str) -> Vec<bool> {
    let lines: Vec<&str> = blanked.lines().collect();
    let mut test = vec![false; lines.len()];
    let mut number = 0;
    while number < lines.len() {
        if !begins_test(lines[number]) {
            number += 1;
            continue;
        }
        let end = item_end(&lines, number);
        test[number..=end].fill(true);
        number = end + 1;
    }
    test
}

fn begins_test(line: &str) -> bool {
    let attribute = line.trim_start();
    ["#[cfg(test)]", "#[test]", "#[tokio::test", "#![cfg(test)]"].iter().any(|a| attribute.starts_with(a))
}

/// The last line of the item that begins at `from`: where its braces close, or its first `;` outside them.
fn item_end(lines: &[&str], from: usize) -> usize {
    if lines[from].trim_start().starts_with("#!") {
        return lines.len() - 1;
    }
    let (mut depth, mut opened) = (0_i32, false);
    for (number, line) in lines.iter().enumerate().skip(from) {
        for c in line.chars() {
            match c {
                '{' => (depth, opened) = (depth + 1, true),
                '}' => depth -= 1,
                ';' if !opened => return number,
                _ => {}
            }
        }
        if opened && depth <= 0 {
            return number;
        }
    }
    lines.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "let a = \"Instant::now\"; // Instant::now\n/* x /* y */ z */ let b = r#\"todo!\"#; 'c'; \
                    fn f<'a>() {}\n";
        let source = RustSource::read("src/a.rs", text);
        let code = source.code.join("\n");
        assert!(!code.contains("Instant") && !code.contains("todo") && !code.contains('z'), "{code}");
        assert!(code.contains("let b =") && code.contains("fn f<'a>() {}"), "{code}");
    }

    #[test]
    fn code_behind_cfg_test_is_test_code_and_code_after_it_is_not() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { if x { y } }\n}\nfn c() {}\n#[cfg(test)]\nuse d;\nfn e() {}\n";
        let source = RustSource::read("crates/x/src/a.rs", text);
        assert_eq!(source.test, [false, true, true, true, true, false, true, true, false]);
    }

    #[test]
    fn a_module_declared_for_tests_only_is_test_code_with_all_below_it() {
        let text = "mod a;\n#[cfg(test)]\npub(crate) mod testing;\n#[cfg(test)]\nmod tests { use x; }\n";
        assert_eq!(test_modules("crates/x/src/lib.rs", text), ["crates/x/src/testing"]);
        assert_eq!(test_modules("crates/x/src/b.rs", text), ["crates/x/src/b/testing"]);
        assert!(is_in_module("crates/x/src/testing.rs", "crates/x/src/testing"));
        assert!(is_in_module("crates/x/src/testing/a.rs", "crates/x/src/testing"));
        assert!(!is_in_module("crates/x/src/testing_ground.rs", "crates/x/src/testing"));
    }

    #[test]
    fn integration_tests_are_test_code_and_the_testnet_library_is_not() {
        assert!(is_test_path("crates/hls/tests/replay.rs"));
        assert!(is_test_path("tests/tests/playback.rs"));
        assert!(!is_test_path("tests/src/network.rs"));
        assert!(!is_test_path("xtask/src/test.rs"));
    }
}
