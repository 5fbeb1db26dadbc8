//! Bodies that ring: the guest is told when there is more to take up or room for more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Bytes, Frame, Incoming};
use tokio::sync::{Notify, mpsc};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::failure::body_failure;
use super::traffic::Ongoing;

/// How long a body may pause if the guest does not say.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(600);
/// Frames of an answer that wait for the guest.
const FRAMES_WAITING: usize = 8;

/// The body of a request that rings when a part was taken and more is to come.
pub(super) fn watched(body: WasiBody, length: Option<u64>, activity: Arc<Notify>) -> WasiBody {
    Watched { body, left: length, activity }.boxed_unsync()
}

struct Watched {
    body: WasiBody,
    /// Bytes that the guest has still to hand over, if it declared how many there are.
    left: Option<u64>,
    activity: Arc<Notify>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
            // Nothing to say once the guest has given all: what comes next is the answer.
            if self.left != Some(0) {
                self.activity.notify_one();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, received by a task of its own.
///
/// The task goes on when the guest drops the answer, so that the connection can be used again.
pub(super) fn incoming(
    body: Incoming,
    options: &RequestOptions,
    activity: Arc<Notify>,
    ongoing: Ongoing,
) -> WasiBody {
    if body.is_end_stream() {
        return Empty::new().map_err(Into::into).boxed_unsync();
    }
    let (sender, frames) = mpsc::channel(FRAMES_WAITING);
    let pause = options.between_bytes_timeout.unwrap_or(PAUSE_TIMEOUT);
    tokio::spawn(async move {
        receive(body, pause, sender, activity).await;
        drop(ongoing);
    });
    Answer { frames }.boxed_unsync()
}

type Received = Result<Frame<Bytes>, Error>;

async fn receive(
    mut body: Incoming,
    pause: Duration,
    sender: mpsc::Sender<Received>,
    activity: Arc<Notify>,
) {
    // What nobody reads is worth receiving only while it is short.
    const UNREAD_BYTES_MAX: usize = 256 << 10;
    let mut unread = 0;
    loop {
        let frame = match tokio::time::timeout(pause, body.frame()).await {
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(|err| body_failure(&err)),
            Err(_) => Err(Error::ConnectionReadTimeout),
        };
        let failed = frame.is_err();
        let length = frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
        if sender.send(frame).await.is_err() {
            unread += length;
        }
        activity.notify_one();
        if failed || unread > UNREAD_BYTES_MAX {
            break;
        }
    }
    drop(sender);
    activity.notify_one();
}

struct Answer {
    frames: mpsc::Receiver<Received>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.frames.poll_recv(cx)
    }
}
