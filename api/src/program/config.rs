//! What the program is told by its arguments and its environment.

use std::{net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use daybook_adapters::{embedded_postgres::default_data_dir, vault::MasterKey};
use secrecy::{ExposeSecret, SecretString};

/// What every command may be told. Secrets are no part of its `Debug`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Config {
    /// A PostgreSQL 14 or newer to use; without it a private one runs in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<SecretString>,
    /// Where the private PostgreSQL and the demo's master key live.
    #[arg(long, env = "DAYBOOK_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// The folder of PostgreSQL's programs, if it is not found.
    #[arg(long, env = "DAYBOOK_PG_BIN", global = true)]
    pub(super) pg_bin: Option<PathBuf>,
    /// The key that wraps all others: 64 hexadecimal digits, or base64 of 32 bytes.
    #[arg(long, env = "DAYBOOK_MASTER_KEY", hide_env_values = true, global = true)]
    master_key: Option<SecretString>,
}

/// The options of `serve` and `demo`; the other commands do not have them.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    /// Where to listen: an address or a name with a port, such as localhost:8080; :8080 is every
    /// address of IPv4.
    #[arg(long, env = "DAYBOOK_LISTEN", default_value = "127.0.0.1:8080", value_parser = listen)]
    pub(super) listen: String,
    /// What every rate limit is multiplied with; 0 switches them off.
    #[arg(long, env = "DAYBOOK_RATE_LIMIT_FACTOR", default_value_t = 1)]
    pub(super) rate_limit_factor: u32,
    /// A proxy whose `X-Forwarded-For` is believed; may be repeated, or separated by commas.
    #[arg(long = "trusted-proxy", env = "DAYBOOK_TRUSTED_PROXIES", value_delimiter = ',')]
    pub(super) trusted_proxies: Vec<IpAddr>,
    /// Lets webhooks go to private addresses, in plain HTTP too: for development.
    #[arg(
        long,
        env = "DAYBOOK_WEBHOOK_ALLOW_PRIVATE",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub(super) webhook_allow_private: bool,
}

/// An address to listen at, as [`TcpListener::bind`](tokio::net::TcpListener::bind) takes it.
fn listen(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing, as in localhost:8080")?;
    port.parse::<u16>().map_err(|_no_port| format!("`{port}` is no port"))?;
    Ok(if host.is_empty() { format!("0.0.0.0:{port}") } else { text.to_owned() })
}

impl Config {
    /// The data directory: that which was named, or the usual one of the user.
    pub(super) fn data_dir(&self) -> anyhow::Result<PathBuf> {
        match &self.data_dir {
            Some(data_dir) => Ok(data_dir.clone()),
            None => Ok(default_data_dir()?),
        }
    }

    pub(super) fn database_url(&self) -> Option<&str> {
        self.database_url.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The master key: that which was given, or the file of a private database.
    pub(super) fn master_key(&self) -> anyhow::Result<MasterKey> {
        if let Some(text) = &self.master_key {
            return Ok(MasterKey::parse(text.expose_secret())?);
        }
        anyhow::ensure!(
            self.database_url.is_none(),
            "DAYBOOK_MASTER_KEY is needed with DATABASE_URL: make one with `openssl rand -hex 32` \
             and keep it apart from the database"
        );
        let path = self.data_dir()?.join("master.key");
        MasterKey::load_or_create(&path).context("the master key of the data directory")
    }

    /// The file of the master key, if it is one of the data directory.
    pub(super) fn master_key_file(&self) -> anyhow::Result<Option<PathBuf>> {
        if self.master_key.is_some() || self.database_url.is_some() {
            return Ok(None);
        }
        Ok(Some(self.data_dir()?.join("master.key")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_the_configuration_shows_no_secret() {
        let config = Config {
            database_url: Some("postgres://u:hidden@h/d".to_owned().into()),
            data_dir: None,
            pg_bin: None,
            master_key: Some("hidden".to_owned().into()),
        };
        assert!(!format!("{config:?}").contains("hidden"));
    }

    #[test]
    fn addresses_names_and_bare_ports_can_be_listened_at() {
        for (text, address) in [
            ("127.0.0.1:8080", Ok("127.0.0.1:8080")),
            ("localhost:8080", Ok("localhost:8080")),
            ("[::1]:0", Ok("[::1]:0")),
            (":8080", Ok("0.0.0.0:8080")),
            ("localhost", Err(())),
            ("localhost:http", Err(())),
            (":70000", Err(())),
        ] {
            assert_eq!(listen(text).as_deref().map_err(|_no_address| ()), address, "{text}");
        }
    }
}
