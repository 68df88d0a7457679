//! What the routes have left unread of a request.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// The most that is read of a body that nobody wants, beyond what was read of it before.
const MAX_DRAINED: usize = 32 * 1024 * 1024;
/// The longest that such a body is read.
const MAX_DRAIN_TIME: Duration = Duration::from_secs(5);

type Left = Arc<Mutex<Option<Incoming>>>;

/// A body that is handed back when it is dropped before its end.
pub(super) struct Watched {
    body: Option<Incoming>,
    left: Left,
}

/// What came back.
pub(super) struct Unread(Left);

/// Watches a body.
pub(super) fn watch(body: Incoming) -> (Watched, Unread) {
    let left = Left::default();
    (Watched { body: Some(body), left: Arc::clone(&left) }, Unread(left))
}

impl Unread {
    fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether nothing is left.
    pub(super) fn is_read(&self) -> bool {
        self.take().is_none()
    }

    /// Reads what is left, and says whether that was all.
    pub(super) async fn drain(&self) -> bool {
        let Some(mut body) = self.take() else { return true };
        let drained = timeout(MAX_DRAIN_TIME, async {
            let mut read = 0;
            while let Some(frame) = body.frame().await {
                // A client that has gone sends nothing any more.
                let Ok(frame) = frame else { return false };
                read += frame.data_ref().map_or(0, Bytes::len);
                if MAX_DRAINED < read {
                    return false;
                }
            }
            true
        });
        drained.await.unwrap_or(false)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = &frame {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
