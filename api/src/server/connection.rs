//! One connection: its deadlines, and its part in the end of the program.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{ServerLimits, Stage, Stages, answer::answer, reached};

/// How long a connection without a request may go on when the program ends: for a request that was
/// sent before the client could know.
const LAST_REQUEST: Duration = Duration::from_secs(2);

/// A client that has connected.
pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    limits: ServerLimits,
    stages: Stages,
}

/// What a connection is at, as its stream has to know.
#[derive(Debug, Default)]
pub(super) struct Activity {
    requests: AtomicU64,
    is_answering: AtomicBool,
}

impl Activity {
    /// The headers of a request are there.
    pub(super) fn begin(&self) {
        self.is_answering.store(true, Ordering::Release);
        self.requests.fetch_add(1, Ordering::AcqRel);
    }

    /// The answer is written.
    pub(super) fn end(&self) {
        self.is_answering.store(false, Ordering::Release);
    }

    fn is_answering(&self) -> bool {
        self.is_answering.load(Ordering::Acquire)
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Acquire)
    }
}

impl Connection {
    pub(super) const fn new(
        stream: TcpStream,
        peer: SocketAddr,
        limits: ServerLimits,
        stages: Stages,
    ) -> Self {
        Self { stream, peer, limits, stages }
    }

    /// Serves requests until the client goes, a deadline has passed, or the program ends.
    pub(super) async fn serve(self, routes: Router) {
        let Self { stream, peer, limits, mut stages } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::trace!(%error, "a connection answers a little later");
        }
        let activity = Arc::new(Activity::default());
        let stream = TokioIo::new(Guarded::new(stream, Arc::clone(&activity), limits));
        let service = service_fn(|request: hyper::Request<Incoming>| {
            answer(routes.clone(), Arc::clone(&activity), peer, request)
        });
        let mut builder = http1::Builder::new();
        // hyper counts the time until the headers from the answer before: the client is idle in it.
        builder.timer(TokioTimer::new()).header_read_timeout(limits.idle);
        let mut serving = pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = reached(&mut stages, Stage::Draining) => {
                serving.as_mut().graceful_shutdown();
                match timeout(LAST_REQUEST, serving.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_elapsed) if activity.is_answering() => serving.await,
                    // A request that has not begun is not waited for.
                    Err(_elapsed) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection has ended");
        }
    }
}

/// A stream whose client must send its headers, and read its answers, in time.
struct Guarded<S> {
    stream: S,
    activity: Arc<Activity>,
    limits: ServerLimits,
    header: Option<HeaderDeadline>,
    write: Option<Pin<Box<Sleep>>>,
}

/// Until when the headers of the next request must be there; `after` tells which request that is.
struct HeaderDeadline {
    after: u64,
    sleep: Pin<Box<Sleep>>,
}

impl<S> Guarded<S> {
    fn new(stream: S, activity: Arc<Activity>, limits: ServerLimits) -> Self {
        let mut guarded = Self { stream, activity, limits, header: None, write: None };
        guarded.expect_headers();
        guarded
    }

    /// Begins the time for headers, unless it runs.
    fn expect_headers(&mut self) {
        let after = self.activity.requests();
        if self.header.as_ref().is_none_or(|deadline| deadline.after != after) {
            let sleep = Box::pin(sleep_until(Instant::now() + self.limits.header));
            self.header = Some(HeaderDeadline { after, sleep });
        }
    }

    fn are_headers_late(&mut self, cx: &mut Context<'_>) -> bool {
        let after = self.activity.requests();
        match &mut self.header {
            Some(deadline) if deadline.after == after => {
                deadline.sleep.as_mut().poll(cx).is_ready()
            }
            // What it waited for has come.
            _ => {
                self.header = None;
                false
            }
        }
    }

    /// Gives a write that makes no progress its deadline, and takes it away from one that does.
    fn timed<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write = None;
            return written;
        }
        let until = self.limits.write;
        let sleep = self.write.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + until)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.activity.is_answering() {
            return read;
        }
        if read.is_ready() {
            self.expect_headers();
            return read;
        }
        if self.are_headers_late(cx) {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the headers did not come in time");
            return Poll::Ready(Err(late));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.timed(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.timed(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
