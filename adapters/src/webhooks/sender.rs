//! One attempt: a POST to a public address, without redirects, that ends in time.

use std::{
    error::Error,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::{address, schedule};

/// The longest that a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(10);

/// A name that resolves to what is not public.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
struct NotPublic;

/// Why no sender could be made.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The cipher suites do not fit the protocol.
    #[error("TLS cannot be spoken")]
    Tls(#[from] rustls::Error),
    /// The client cannot be made.
    #[error("the HTTP client cannot be made")]
    Http(#[from] reqwest::Error),
}

/// What is sent.
pub(super) struct Message {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) signature: String,
    pub(super) body: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: Option<u16>,
    pub(super) latency_ms: i32,
    pub(super) retry_after: Option<TimeDelta>,
    /// A code, absent after a success.
    pub(super) error: Option<&'static str>,
}

impl Outcome {
    /// An attempt that did not come to anything on this side.
    pub(super) const fn of_ours(error: &'static str) -> Self {
        Self { status: None, latency_ms: 0, retry_after: None, error: Some(error) }
    }
}

/// Sends to public addresses, or to any where that is allowed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookSender {
    http: Client,
    allow_private: bool,
}

/// Resolves names and refuses those that lead inside. The connection goes to the very addresses that
/// were checked, so that a name cannot change its mind in between.
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !allow_private && !found.iter().all(|it| address::is_public(it.ip())) {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

impl WebhookSender {
    /// A sender. Plain HTTP and private addresses are for development and tests.
    pub fn new(allow_private: bool) -> Result<Self, SenderError> {
        Self::with_timeout(allow_private, TIMEOUT)
    }

    fn with_timeout(allow_private: bool, timeout: Duration) -> Result<Self, SenderError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Guard { allow_private })
            .redirect(Policy::none())
            // A proxy would resolve the name itself.
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(2)
            .user_agent(concat!("daybook-webhooks/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, allow_private })
    }

    /// Whether private addresses are sent to.
    pub const fn allows_private(&self) -> bool {
        self.allow_private
    }

    pub(super) async fn send(&self, message: Message) -> Outcome {
        // An address that is written out is asked of no resolver.
        let Ok(url) = address::checked(&message.url, self.allow_private) else {
            return Outcome::of_ours("address_refused");
        };
        let began = Instant::now();
        let answered = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.at.timestamp())
            .header("webhook-signature", message.signature)
            .body(message.body)
            .send()
            .await;
        let latency_ms = i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX);
        match answered {
            Ok(answer) => {
                let wait = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
                let retry_after = wait.and_then(|it| schedule::retry_after(it, message.at));
                let status = answer.status();
                Outcome {
                    status: Some(status.as_u16()),
                    latency_ms,
                    retry_after,
                    error: verdict(status),
                }
            }
            Err(error) => {
                Outcome { status: None, latency_ms, retry_after: None, error: Some(code(&error)) }
            }
        }
    }
}

/// Only 2xx is a success.
fn verdict(status: StatusCode) -> Option<&'static str> {
    match status {
        _ if status.is_success() => None,
        _ if status.is_redirection() => Some("redirected"),
        StatusCode::GONE => Some("gone"),
        _ => Some("refused"),
    }
}

fn code(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(it) = cause {
        if it.is::<NotPublic>() {
            return "address_refused";
        }
        if is_of_tls(it) {
            return "tls_failed";
        }
        cause = it.source();
    }
    if error.is_timeout() {
        "timed_out"
    } else if error.is_connect() {
        "unreachable"
    } else {
        "broken_off"
    }
}

/// An I/O error does not answer what it holds as its source, and may hold another one.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|held| is_of_tls(held))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn message(url: &str) -> Message {
        let (id, signature, body) = ("msg_1".to_owned(), "v1,x".to_owned(), "{}".to_owned());
        Message { url: url.to_owned(), id, at: DateTime::UNIX_EPOCH, signature, body }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
        let sender = WebhookSender::new(false).unwrap();
        // As an attacker's name that resolves to a loopback address: past the check of the URL.
        let answered = sender.http.post("https://localhost:1/").send().await;
        assert_eq!(code(&answered.unwrap_err()), "address_refused");
        let outcome = sender.send(message("https://127.0.0.1:1/")).await;
        assert_eq!(outcome.error, Some("address_refused"));
    }

    #[tokio::test]
    async fn a_receiver_that_says_nothing_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let sender = WebhookSender::with_timeout(true, Duration::from_millis(20)).unwrap();
        let outcome = sender.send(message(&url)).await;
        assert_eq!((outcome.status, outcome.error), (None, Some("timed_out")));
    }

    #[tokio::test]
    async fn a_receiver_without_tls_is_not_sent_to_in_the_clear() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let receiver = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0; 5];
            stream.read_exact(&mut first).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            first
        });
        let outcome = WebhookSender::new(true).unwrap().send(message(&url)).await;
        assert_eq!((outcome.status, outcome.error), (None, Some("tls_failed")));
        assert_eq!(receiver.await.unwrap()[..2], [22, 3], "a handshake");
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable() {
        let sender = WebhookSender::new(true).unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let outcome = sender.send(message(&format!("http://{closed}/"))).await;
        assert_eq!((outcome.status, outcome.error), (None, Some("unreachable")));
    }
}
