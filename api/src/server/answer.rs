//! One request and its answer, between the connection and the routes.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::{connection::Activity, unread};

/// Answers a request.
///
/// A client that still sends its body does not read: it would find the connection reset and never
/// see why the request was refused. So what the routes left unread is read, up to a bound.
pub(super) async fn answer(
    routes: Router,
    activity: Arc<Activity>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Tracked>, Infallible> {
    activity.begin();
    let tracker = Tracker(activity);
    // Whoever asks first sends nothing until the body is wanted.
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let (body, unread) = unread::watch(body);
    let mut request = Request::from_parts(parts, Body::new(body));
    request.extensions_mut().insert(ConnectInfo(peer));
    let Ok(mut response) = routes.oneshot(request).await;
    let is_late = response.status() == StatusCode::GATEWAY_TIMEOUT;
    let is_read = if waits || is_late { unread.is_read() } else { unread.drain().await };
    if !is_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked { body, _tracker: tracker }))
}

/// Says, when it goes, that the answer is written.
struct Tracker(Arc<Activity>);

impl Drop for Tracker {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer.
pub(super) struct Tracked {
    body: Body,
    _tracker: Tracker,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
