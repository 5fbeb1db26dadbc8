//! The client's side of a connection, on which an answer can be damaged.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// What carries a connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Lets it end with a reset in place of an orderly end, where there is such a thing.
    fn reset_at_end(&self) {}
}

impl Stream for TcpStream {
    fn reset_at_end(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "the connection cannot be reset");
        }
    }
}

impl Stream for DuplexStream {}

/// What is to be done to the rest of a connection. Set between a request and its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage(Arc<AtomicU8>);

const NONE: u8 = 0;
const RESET: u8 = 1;
const CUT: u8 = 2;
const ENDED: u8 = 3;
const GARBLED: u8 = 4;

impl Damage {
    /// It ends with a reset.
    pub(super) fn reset(&self) {
        self.set(RESET);
    }

    /// The answer ends in the middle of its first packet, which at least has most of its head.
    pub(super) fn cut(&self) {
        self.set(CUT);
    }

    /// The answer does not begin like one.
    pub(super) fn garble(&self) {
        self.set(GARBLED);
    }

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }
}

/// A connection that may be damaged.
pub(super) struct Wire<S: Stream> {
    stream: S,
    damage: Damage,
}

impl<S: Stream> Wire<S> {
    pub(super) fn new(stream: S, damage: Damage) -> Self {
        Self { stream, damage }
    }
}

impl<S: Stream> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.damage.0.load(Ordering::Relaxed) == RESET {
            self.stream.reset_at_end();
        }
    }
}

impl<S: Stream> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let state = self.damage.0.load(Ordering::Relaxed);
        let stream = Pin::new(&mut self.stream);
        let written = match state {
            CUT => ready!(stream.poll_write(cx, &buf[..buf.len().div_ceil(2)])),
            GARBLED => {
                let mut garbled = buf.to_vec();
                garbled.iter_mut().take(1).for_each(|byte| *byte = b'?');
                ready!(stream.poll_write(cx, &garbled))
            }
            ENDED => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            _ => return stream.poll_write(cx, buf),
        };
        self.damage.set(if state == CUT { ENDED } else { NONE });
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
