//! A TCP proxy before PostgreSQL that can go silent: it keeps connections open and passes nothing on, as a
//! firewall does that has forgotten them, or a machine that has lost its power.

use std::{future::pending, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

/// What a proxy does with the connections that it has.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    /// Connections with a lower number are silent.
    below: u64,
    /// So are those to come.
    all: bool,
    /// What clients send is passed on: they are not answered.
    of_server_alone: bool,
}

/// A proxy at work. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    accepted: watch::Receiver<u64>,
    silence: Arc<watch::Sender<Silence>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy before the server of a database, which listens on a unix socket.
    ///
    /// # Panics
    /// When there is no port for it, or the server has no socket.
    pub async fn start(database: &PgConnectOptions) -> Self {
        let Some(folder) = database.get_socket() else { panic!("the server has no socket") };
        let socket = folder.join(format!(".s.PGSQL.{}", database.get_port()));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("no port: {error}"));
        let address = listener.local_addr();
        let address = address.unwrap_or_else(|error| panic!("no address: {error}"));
        let silence = Arc::new(watch::Sender::new(Silence::default()));
        let (count, accepted) = watch::channel(0);
        let task = tokio::spawn(accept(listener, socket, Arc::clone(&silence), count));
        Self { address, accepted, silence, task }
    }

    /// The URL of a database through the proxy.
    pub fn url(&self, database: &PgConnectOptions) -> String {
        let url = sqlx::ConnectOptions::to_url_lossy(database).to_string();
        let (user, rest) = url.split_once('@').unwrap_or_default();
        let name = rest.split(['/', '?']).nth(1).unwrap_or_default();
        format!("{user}@{}/{name}?sslmode=disable", self.address)
    }

    /// Passes nothing on any more over the connections that there are; new ones work.
    pub fn freeze(&self) {
        let below = *self.accepted.borrow();
        self.silence.send_modify(|silence| silence.below = below);
    }

    /// Passes on what is sent over the connections that there are, but no answers; new ones work.
    pub fn lose_answers(&self) {
        let below = *self.accepted.borrow();
        self.silence
            .send_modify(|silence| *silence = Silence { below, of_server_alone: true, ..*silence });
    }

    /// Passes nothing on any more, over new connections neither.
    pub fn freeze_all(&self) {
        self.silence.send_modify(|silence| silence.all = true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    socket: PathBuf,
    silence: Arc<watch::Sender<Silence>>,
    count: watch::Sender<u64>,
) {
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, socket.clone(), number, silence.subscribe()));
        number += 1;
        count.send_replace(number);
    }
}

async fn carry(
    client: TcpStream,
    socket: PathBuf,
    number: u64,
    silence: watch::Receiver<Silence>,
) -> io::Result<()> {
    let server = UnixStream::connect(socket).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let of = silence.clone();
    let is_silent = move || {
        let silence = *of.borrow();
        silence.all || number < silence.below
    };
    let loses_requests = {
        let is_silent = is_silent.clone();
        move || is_silent() && !silence.borrow().of_server_alone
    };
    let up = pass(from_client, to_server, loses_requests);
    let down = pass(from_server, to_client, is_silent);
    tokio::join!(up, down);
    Ok(())
}

/// How long the end of a silent connection goes unnoticed by the other side, which sends keepalives.
const UNNOTICED: Duration = Duration::from_secs(14);

/// Passes bytes on until one side ends. What a silent connection is sent disappears, and its end comes
/// late.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    is_silent: impl Fn() -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if is_silent() {
            if read == 0 {
                return drop(timeout(UNNOTICED, pending::<()>()).await);
            }
            continue;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            // The other side hears of it as soon as this half is dropped.
            return;
        }
    }
}
