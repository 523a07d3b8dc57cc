//! `NAME=VALUE` arguments.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, anyhow};

/// The arguments after the role.
#[derive(Debug, Default)]
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let pair = |argument: String| {
            let (name, value) = argument.split_once('=').context("arguments are NAME=VALUE")?;
            Ok((name.to_owned(), value.to_owned()))
        };
        arguments.map(pair).collect::<anyhow::Result<_>>().map(Self)
    }

    /// The value of `name`, which must be there.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> anyhow::Result<T> {
        let text = self.0.get(name).with_context(|| format!("{name}= is missing"))?;
        text.parse().map_err(|_| anyhow!("{name}={text} cannot be read"))
    }

    /// The value of `name`, or this one where it is not given.
    pub(crate) fn get_or<T: FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        if self.0.contains_key(name) { self.get(name) } else { Ok(default) }
    }
}
