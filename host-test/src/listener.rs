//! A TCP listener, whose connections are served side by side until it is asked to stop.
//!
//! Invariants: want of file descriptors does not end it; a stop lets what is under way finish, for
//! a while, and the address is free afterwards.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const BACKLOG: u32 = 1024;
/// How long a stop waits for answers that are on their way.
const GRACE: Duration = Duration::from_secs(5);
/// How long the listener rests when it cannot accept, for want of file descriptors as a rule.
const REST: Duration = Duration::from_millis(50);

/// A listener that is running. Dropping it stops it without waiting.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens, and serves each connection by a task of its own: `serve` gets the stream, the
    /// address of its other end, and what tells of the stop.
    ///
    /// # Errors
    /// If the address is taken.
    pub(crate) fn start<F>(
        address: SocketAddr,
        serve: impl Fn(TcpStream, IpAddr, Stopped) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, serve, Stopped(stopped)));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tells of the stop.
    pub(crate) fn stopped(&self) -> Stopped {
        Stopped(self.stop.subscribe())
    }

    /// Stops, and waits until everything under way has ended.
    pub(crate) async fn stop(&mut self) {
        self.stop.send_replace(true);
        self.ended().await;
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            tracing::error!("the listener panicked");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells of a stop.
#[derive(Clone, Debug)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    /// Waits for the word to stop, or for the one who would give it to be gone.
    pub(crate) async fn wait(&mut self) {
        drop(self.0.wait_for(|stopped| *stopped).await);
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // One that was killed leaves connections behind that would hold the port for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept<F>(
    listener: TcpListener,
    serve: impl Fn(TcpStream, IpAddr, Stopped) -> F,
    mut stopped: Stopped,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.wait() => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Without it the answer to a small request waits for an acknowledgement of the one
                // before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                connections.spawn(serve(stream, peer.ip(), stopped.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        connections.shutdown().await;
    }
}
