//! The servers that a database may be on, as a URL names them, and which of them takes writes.
//!
//! `postgres://user@one,two:5433/daybook?target_session_attrs=read-write`, as libpq reads it. Whatever
//! `target_session_attrs` says, Daybook wants the server that takes writes, so the values that ask for
//! another one are refused.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, Row as _, postgres::PgConnectOptions,
};
use tokio::time::timeout;

use super::silent;

/// How long a server may take to say what it is.
const ASK: Duration = Duration::from_secs(3);

/// Parameters of libpq that are not sqlx's: what they ask for is done anyway, or cannot be.
const NOT_PASSED_ON: [&str; 10] = [
    "target_session_attrs",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "load_balance_hosts",
    "channel_binding",
    "gssencmode",
];

/// The servers that a database may be on, in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct Servers(Vec<PgConnectOptions>);

/// Why a URL names no database. It never quotes the URL, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read.
    #[error("the database URL is not a valid PostgreSQL URL")]
    Malformed,
    /// There are not as many ports as hosts.
    #[error("the database URL names {ports} ports for {hosts} hosts")]
    Ports {
        /// How many hosts there are.
        hosts: usize,
        /// How many ports there are.
        ports: usize,
    },
    /// It asks for a server that takes no writes.
    #[error("target_session_attrs={0}: Daybook needs the server that takes writes, use read-write")]
    Target(String),
}

/// Why no server takes writes.
#[derive(Debug, thiserror::Error)]
pub enum NoPrimary {
    /// None could be asked.
    #[error("no server of the database can be reached")]
    Unreachable(#[from] sqlx::Error),
    /// There is one, or there are some, but none that takes writes.
    #[error("{host} is {state}, and no other server of the database takes writes")]
    TakesNoWrites {
        /// The server.
        host: String,
        /// What it is.
        state: &'static str,
    },
}

impl Servers {
    /// Reads a URL with one host or several.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Malformed)?;
        let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(authority_ends);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let parameters: Vec<(&str, &str)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        target(&parameters)?;
        let kept: Vec<String> = parameters
            .iter()
            .filter(|(key, _)| !["host", "port"].contains(key) && !NOT_PASSED_ON.contains(key))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let servers = addresses(hosts, &parameters)?.into_iter().map(|(host, port)| {
            let query: Vec<String> = host
                .iter()
                .map(|host| format!("host={host}"))
                .chain(port.iter().map(|port| format!("port={port}")))
                .chain(kept.iter().cloned())
                .collect();
            let url = format!("{scheme}://{login}localhost{path}?{}", query.join("&"));
            let options =
                PgConnectOptions::from_str(&url).map_err(|_quotes_it| UrlError::Malformed)?;
            // A pooler refuses what it does not know in the first message.
            Ok(options.extra_float_digits(None))
        });
        servers.collect::<Result<_, _>>().map(Self)
    }

    /// The servers, in the order in which they are tried.
    pub fn all(&self) -> &[PgConnectOptions] {
        &self.0
    }

    /// The first server that takes writes.
    pub async fn primary(&self) -> Result<PgConnectOptions, NoPrimary> {
        let mut worst: Option<NoPrimary> = None;
        for server in &self.0 {
            let problem = match timeout(ASK, state(server)).await {
                Ok(Ok(None)) => return Ok(server.clone()),
                Ok(Ok(Some(state))) => {
                    let host = server.get_host().to_owned();
                    worst = Some(NoPrimary::TakesNoWrites { host, state });
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_elapsed) => silent(),
            };
            // One that is there, though it takes no writes, may do so soon.
            worst.get_or_insert(NoPrimary::Unreachable(problem));
        }
        Err(worst.unwrap_or(NoPrimary::Unreachable(sqlx::Error::Configuration(
            "no server is named".into(),
        ))))
    }
}

impl Servers {
    /// The server that takes writes, or else the first that answers: for those who only read.
    pub async fn readable(&self) -> Result<PgConnectOptions, NoPrimary> {
        match self.primary().await {
            Err(error @ NoPrimary::TakesNoWrites { .. }) => {
                for server in &self.0 {
                    if matches!(timeout(ASK, state(server)).await, Ok(Ok(_))) {
                        return Ok(server.clone());
                    }
                }
                Err(error)
            }
            found => found,
        }
    }
}

impl From<PgConnectOptions> for Servers {
    fn from(server: PgConnectOptions) -> Self {
        Self(vec![server])
    }
}

/// What keeps a server from taking writes.
async fn state(server: &PgConnectOptions) -> Result<Option<&'static str>, sqlx::Error> {
    let mut connection = server.connect().await?;
    let asked = connection.fetch_one(include_str!("is_writable.sql")).await?;
    let state = if asked.try_get("is_in_recovery")? {
        Some("a standby")
    } else if asked.try_get("is_read_only")? {
        Some("read-only")
    } else {
        None
    };
    connection.close().await?;
    Ok(state)
}

fn target(parameters: &[(&str, &str)]) -> Result<(), UrlError> {
    for (key, value) in parameters {
        if *key == "target_session_attrs" && !["any", "read-write", "primary"].contains(value) {
            return Err(UrlError::Target((*value).to_owned()));
        }
    }
    Ok(())
}

/// A host and a port, each if it is named.
type Address = (Option<String>, Option<String>);

fn addresses(hosts: &str, parameters: &[(&str, &str)]) -> Result<Vec<Address>, UrlError> {
    let last = |wanted| parameters.iter().rev().find(|(key, _)| *key == wanted).map(|(_, it)| *it);
    let mut addresses: Vec<Address> = match last("host") {
        Some(hosts) => separated(hosts).map(|host| (Some(host.to_owned()), None)).collect(),
        None => hosts.split(',').map(address).collect(),
    };
    let Some(ports) = last("port") else { return Ok(addresses) };
    let ports: Vec<&str> = separated(ports).collect();
    if ports.len() != 1 && ports.len() != addresses.len() {
        return Err(UrlError::Ports { hosts: addresses.len(), ports: ports.len() });
    }
    for (number, (_, port)) in addresses.iter_mut().enumerate() {
        *port = ports.get(number).or_else(|| ports.first()).map(|port| (*port).to_owned());
    }
    Ok(addresses)
}

/// Commas in a query may be encoded.
fn separated(values: &str) -> impl Iterator<Item = &str> {
    values.split(',').flat_map(|part| part.split("%2C")).flat_map(|part| part.split("%2c"))
}

/// `host`, `host:port`, `[::1]:port` or nothing.
fn address(text: &str) -> Address {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let port_begins = match text.rfind(':') {
        Some(at) if !text[at..].contains(']') => at,
        _ => return (named(text), None),
    };
    (named(&text[..port_begins]), named(&text[port_begins + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<(String, u16)> {
        let servers = Servers::parse(url).expect("a URL");
        let host = |it: &PgConnectOptions| match it.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => it.get_host().to_owned(),
        };
        servers.all().iter().map(|it| (host(it), it.get_port())).collect()
    }

    #[test]
    fn a_url_names_one_server_or_several_as_for_libpq() {
        let of = |host: &str, port| (host.to_owned(), port);
        for (url, expected) in [
            ("postgres://u:p@one:5433/d", vec![of("one", 5433)]),
            ("postgres://u:p@one:5433,two:5434/d", vec![of("one", 5433), of("two", 5434)]),
            (
                "postgres://one,two:5434/d?target_session_attrs=read-write",
                vec![of("one", 5432), of("two", 5434)],
            ),
            ("postgresql://[::1]:5433,[::2]:5434/d", vec![of("[::1]", 5433), of("[::2]", 5434)]),
            ("postgres://u@/d?host=one,two&port=5433,5434", vec![of("one", 5433), of("two", 5434)]),
            ("postgres://u@/d?host=one%2Ctwo&port=5433", vec![of("one", 5433), of("two", 5433)]),
            ("postgres:///d?host=/run/postgresql", vec![of("/run/postgresql", 5432)]),
            ("postgres://u@%2Frun%2Fpg/d", vec![of("/run/pg", 5432)]),
        ] {
            assert_eq!(hosts(url), expected, "{url}");
        }
    }

    #[test]
    fn login_database_and_parameters_are_those_of_every_server() {
        let url = "postgres://u%40x:p@one,two/d?application_name=a&connect_timeout=3";
        for server in Servers::parse(url).expect("a URL").all() {
            assert_eq!(server.get_username(), "u@x");
            assert_eq!(server.get_database(), Some("d"));
            assert_eq!(server.get_application_name(), Some("a"));
        }
    }

    #[test]
    fn a_url_that_asks_for_a_standby_or_names_too_few_ports_is_refused() {
        let url = "postgres://one,two/d?target_session_attrs=standby";
        assert_eq!(Servers::parse(url).err(), Some(UrlError::Target("standby".to_owned())));
        let url = "postgres:///d?host=one,two,three&port=1,2";
        assert_eq!(Servers::parse(url).err(), Some(UrlError::Ports { hosts: 3, ports: 2 }));
        assert_eq!(Servers::parse("one,two").err(), Some(UrlError::Malformed));
    }
}
