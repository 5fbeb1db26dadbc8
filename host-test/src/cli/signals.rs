//! Ctrl-C and SIGTERM: the first asks to stop, the second stops at once.

use std::io;
use std::process::exit;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::report;

/// The status after the second signal, as shells know it.
const STOPPED: i32 = 130;

/// Told once somebody asked to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen. From now on the process does not end by the first signal.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(wait(interrupt, terminate, sender));
        Ok(Self(receiver))
    }

    /// Whether somebody asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks to stop.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}

async fn wait(mut interrupt: Signal, mut terminate: Signal, asked: watch::Sender<bool>) {
    for already in [false, true] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if already {
            report::tell("stopped");
            exit(STOPPED);
        }
        tracing::info!("asked to stop");
        asked.send_replace(true);
    }
}
