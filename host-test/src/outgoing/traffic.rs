//! What the clients have under way: requests of the component, and connections.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts of what is under way, to be read and to be waited for.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: watch::Sender<usize>,
    connections: watch::Sender<Connections>,
}

/// Connections of the clients.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Connections {
    /// How many are open, idle ones included.
    pub open: usize,
    /// How many were opened, those that are closed again included.
    pub opened: u64,
}

impl Traffic {
    /// How many requests of the component are under way, from the moment that it hands one over
    /// until its answer has come to the end or failed.
    pub fn requests(&self) -> watch::Receiver<usize> {
        self.requests.subscribe()
    }

    /// The connections as they are now.
    pub fn connections(&self) -> Connections {
        *self.connections.borrow()
    }

    pub(super) fn begin(self: &Arc<Self>) -> Ongoing {
        self.requests.send_modify(|requests| *requests += 1);
        Ongoing(Arc::clone(self))
    }

    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.connections.send_modify(|connections| {
            connections.open += 1;
            connections.opened += 1;
        });
        Open(Arc::clone(self))
    }
}

/// A request that is under way while this lives.
#[derive(Debug)]
pub(super) struct Ongoing(Arc<Traffic>);

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.0.requests.send_modify(|requests| *requests -= 1);
    }
}

/// A connection that is open while this lives.
#[derive(Debug)]
pub(super) struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.send_modify(|connections| connections.open -= 1);
    }
}
