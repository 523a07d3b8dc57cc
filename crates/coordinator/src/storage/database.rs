//! Which database: a file, or a PostgreSQL server's.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Which database.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file; created if missing.
    Sqlite(PathBuf),
    /// One of a PostgreSQL server; it must exist.
    Postgres(Box<PostgresUrl>),
}

/// Why a text names no database. It never repeats the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadDatabase {
    /// Not a URL at all.
    #[error("it begins like a URL and is none: {0}")]
    Unreadable(#[from] url::ParseError),
    /// A URL of something else.
    #[error("it must be the path of a file or begin with postgres://; `{0}://` is not known here")]
    Scheme(String),
    /// A parameter that would be ignored.
    #[error("the parameter `{0}` is not known; known are {known}", known = PARAMETERS.join(", "))]
    Parameter(String),
    /// A parameter's value that is no such value.
    #[error("{0}")]
    Setting(#[source] sqlx::Error),
}

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

impl Database {
    /// What `--database` says: `postgres://…`, or else the path of a file.
    pub fn from_argument(argument: &OsStr) -> Result<Self, BadDatabase> {
        let text = argument.to_str().unwrap_or_default();
        let Some((scheme, _)) = text.split_once("://") else { return Ok(Self::Sqlite(argument.into())) };
        if !SCHEMES.contains(&scheme) {
            return Err(BadDatabase::Scheme(scheme.to_owned()));
        }
        PostgresUrl::new(&text.parse()?).map(Box::new).map(Self::Postgres)
    }
}

impl From<PathBuf> for Database {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// Where a PostgreSQL database is and who asks it, as in PostgreSQL's own connection URIs. What the URL does not
/// say is taken from `PGPASSWORD`, `PGPASSFILE` and their like. Shown without password and parameters.
#[derive(Clone)]
pub struct PostgresUrl {
    options: PgConnectOptions,
    shown: String,
}

impl PostgresUrl {
    fn new(url: &Url) -> Result<Self, BadDatabase> {
        if let Some((unknown, _)) = url.query_pairs().find(|(key, _)| !PARAMETERS.contains(&key.as_ref())) {
            return Err(BadDatabase::Parameter(unknown.into_owned()));
        }
        let mut options = PgConnectOptions::from_url(url).map_err(BadDatabase::Setting)?;
        if !url.query_pairs().any(|(key, _)| key == "application_name") {
            options = options.application_name("streamr-coordinator");
        }
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("postgres://{user}{}{port}{}", url.host_str().unwrap_or_default(), url.path());
        Ok(Self { options, shown })
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(text: &str) -> Result<Database, BadDatabase> {
        Database::from_argument(text.as_ref())
    }

    #[test]
    fn what_is_no_url_is_a_path() {
        for path in ["coordinator.sqlite", "/var/lib/streamr/c.sqlite", "postgres", "C:\\coordinator.sqlite"]
        {
            assert!(matches!(database(path), Ok(Database::Sqlite(file)) if file.as_os_str() == path));
        }
    }

    #[test]
    fn a_url_says_where_and_is_shown_without_its_secrets() {
        for (text, shown) in [
            (
                "postgres://streamr:hunter2@db.example.org/streamr",
                "postgres://streamr@db.example.org/streamr",
            ),
            ("postgresql://db:5433/streamr?user=u&password=hunter2", "postgres://db:5433/streamr"),
            ("postgres:///streamr?host=/run/postgresql", "postgres:///streamr"),
        ] {
            let found = database(text).unwrap();
            assert_eq!(found.to_string(), shown);
            assert!(!format!("{found:?}").contains("hunter2"));
        }
        let Ok(Database::Postgres(url)) = database("postgres://u:hunter2@h:1/d?sslmode=require") else {
            panic!("it is a URL")
        };
        let options = url.options();
        assert_eq!((options.get_host(), options.get_port(), options.get_username()), ("h", 1, "u"));
        assert_eq!(options.get_database(), Some("d"));
        assert_eq!(options.get_application_name(), Some("streamr-coordinator"));
    }

    #[test]
    fn what_would_be_ignored_is_refused_without_being_repeated() {
        for text in [
            "mysql://u:hunter2@db/streamr",
            "postgres://u@db/streamr?pasword=hunter2",
            "postgres://u:hunter2@db:port/streamr",
            "postgres://u:hunter2@db/streamr?sslmode=perhaps",
        ] {
            let error = database(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
