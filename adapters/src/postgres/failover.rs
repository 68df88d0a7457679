//! Leads the pools of a process to whichever server of its database takes writes.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, PgPool, Row as _, postgres::PgConnectOptions,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Servers, silent};

/// How often the server in use is asked whether it takes writes.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The way from a server that is lost to the one that has taken its place.
#[derive(Debug)]
pub struct Failover {
    servers: Servers,
    current: PgConnectOptions,
    pools: Vec<PgPool>,
    /// Over which the server in use is asked.
    connection: Option<PgConnection>,
}

impl Failover {
    /// Watches over pools that were made for `current`, one of the servers.
    pub const fn new(servers: Servers, current: PgConnectOptions, pools: Vec<PgPool>) -> Self {
        Self { servers, current, pools, connection: None }
    }

    /// Waits until another server takes writes, makes the pools connect to it from now on, and answers
    /// which one it is.
    pub async fn next(&mut self) -> PgConnectOptions {
        let mut pace = interval(LOOK);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let looked =
                timeout(ANSWER, self.look()).await.unwrap_or_else(|_elapsed| Err(silent()));
            if matches!(looked, Ok(true)) {
                continue;
            }
            self.connection = None;
            match self.servers.primary().await {
                Ok(found) if !is_same(&found, &self.current) => {
                    self.lead_to(&found);
                    return found;
                }
                Ok(_as_before) => {}
                Err(error) => tracing::warn!(%error, "the database takes no writes"),
            }
        }
    }

    async fn look(&mut self) -> Result<bool, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.current.connect().await?),
        };
        let asked = connection.fetch_one(include_str!("is_writable.sql")).await?;
        Ok(!asked.try_get::<bool, _>("is_in_recovery")?)
    }

    fn lead_to(&mut self, found: &PgConnectOptions) {
        for pool in &self.pools {
            let name = pool.connect_options();
            let name = name.get_application_name().unwrap_or("daybook");
            pool.set_connect_options(found.clone().application_name(name));
        }
        self.current = found.clone();
        tracing::warn!(host = found.get_host(), port = found.get_port(), "the database has moved");
    }
}

fn is_same(one: &PgConnectOptions, other: &PgConnectOptions) -> bool {
    one.get_host() == other.get_host()
        && one.get_port() == other.get_port()
        && one.get_socket() == other.get_socket()
}
