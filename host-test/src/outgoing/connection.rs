//! TCP connections with TCP_NODELAY that let an early answer through.
//!
//! A server that refuses a request while its body is still being sent answers and closes. The next
//! write then fails, and the client library would report that failure and throw the answer away,
//! although it has arrived. So a failed write is not reported: what is written after it goes
//! nowhere, and the read side tells what became of the request, the answer or the end of the
//! connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::traffic::{Open, Traffic};

/// Half-dead connections are found by the system after about this long.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);

/// Opens [`Tcp`] connections.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    http: HttpConnector,
    traffic: Arc<Traffic>,
}

impl Connector {
    /// A connector that counts what it opens.
    pub(super) fn new(traffic: Arc<Traffic>) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(PROBE_INTERVAL));
        Self { http, traffic }
    }
}

impl Service<Uri> for Connector {
    type Response = Tcp;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Tcp, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.http.call(uri);
        let traffic = Arc::clone(&self.traffic);
        Box::pin(async move {
            Ok(Tcp { io: connecting.await?, write_failed: false, _open: traffic.open() })
        })
    }
}

/// A TCP connection whose failed writes are told by its read side.
#[derive(Debug)]
pub(super) struct Tcp {
    io: TokioIo<TcpStream>,
    write_failed: bool,
    _open: Open,
}

impl Tcp {
    /// Passes a finished write on, or hides that it failed.
    fn written<T>(&mut self, result: io::Result<T>, instead: T) -> Poll<io::Result<T>> {
        if let Err(err) = &result {
            tracing::debug!("the connection takes no more: {err}");
            self.write_failed = true;
            return Poll::Ready(Ok(instead));
        }
        Poll::Ready(result)
    }
}

impl Write for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_failed {
            return Poll::Ready(Ok(buf.len()));
        }
        let result = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        self.written(result, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if self.write_failed {
            return Poll::Ready(Ok(length));
        }
        let result = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs));
        self.written(result, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_failed {
            return Poll::Ready(Ok(()));
        }
        let result = ready!(Pin::new(&mut self.io).poll_flush(cx));
        self.written(result, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_failed {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Read for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Connection for Tcp {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}
