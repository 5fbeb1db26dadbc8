//! A relay before a store, which keeps an answer back until it is told to break off.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// A relay on a free port.
pub(crate) struct Relay {
    address: String,
    wanted: Arc<Mutex<Option<&'static str>>>,
    /// Rung once for each answer that is kept back, with the connections that it belongs to.
    kept: Receiver<[TcpStream; 2]>,
}

/// One connection: what it is for, and who is told of an answer that is kept back.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    keeps: AtomicBool,
    wanted: Arc<Mutex<Option<&'static str>>>,
    kept: Sender<[TcpStream; 2]>,
}

impl Relay {
    pub(crate) fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, kept) = channel();
        let wanted = Arc::<Mutex<Option<&'static str>>>::default();
        let (target, asked) = (target.to_owned(), Arc::clone(&wanted));
        // Ends with the process: nobody connects any more.
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let server = TcpStream::connect(&target).unwrap();
                let (wanted, kept) = (Arc::clone(&asked), sender.clone());
                let keeps = AtomicBool::new(false);
                let connection = Arc::new(Connection { client, server, keeps, wanted, kept });
                let other = Arc::clone(&connection);
                thread::spawn(move || other.requests());
                thread::spawn(move || connection.answers());
            }
        });
        Self { address, wanted, kept }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Keeps the answer to the next request back whose first packet has this text.
    pub(crate) fn keep_answer_to(&self, text: &'static str) {
        *self.wanted.lock().unwrap() = Some(text);
    }

    /// Waits until the store has answered it.
    pub(crate) fn answered(&self) -> [TcpStream; 2] {
        self.kept.recv().unwrap()
    }
}

/// Breaks a connection off.
pub(crate) fn sever(connection: &[TcpStream; 2]) {
    for side in connection {
        // It may be gone already.
        let _ = side.shutdown(Shutdown::Both);
    }
}

impl Connection {
    fn requests(&self) {
        self.copy(&self.client, &self.server, |bytes| {
            let mut wanted = self.wanted.lock().unwrap();
            let found = wanted
                .is_some_and(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
            if found {
                *wanted = None;
                self.keeps.store(true, Ordering::SeqCst);
            }
            true
        });
    }

    fn answers(&self) {
        self.copy(&self.server, &self.client, |_| {
            let keeps = self.keeps.load(Ordering::SeqCst);
            if keeps {
                let both = [&self.client, &self.server].map(|side| side.try_clone().unwrap());
                // Nobody listens any more once the test is over.
                let _ = self.kept.send(both);
            }
            !keeps
        });
    }

    /// Copies what may pass, until one of the two is gone.
    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, passes: impl Fn(&[u8]) -> bool) {
        let mut buffer = [0; 64 << 10];
        while let Ok(count) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if count == 0 || (passes(bytes) && to.write_all(bytes).is_err()) {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
