//! A proxy that makes tunnels and counts them.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A proxy on a free port, which ends when it is dropped.
pub(crate) struct Proxy {
    url: String,
    targets: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Proxy {
    /// A proxy for everybody, or for those who send this as `Proxy-Authorization`.
    pub(crate) fn start(authorization: Option<&'static str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let targets = Arc::default();
        let made = Arc::clone(&targets);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, authorization, Arc::clone(&made)));
            }
        });
        Self { url, targets, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many tunnels were made.
    pub(crate) fn tunnels(&self) -> usize {
        self.targets.lock().unwrap().len()
    }

    /// Where they led.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

async fn tunnel(
    mut client: TcpStream,
    authorization: Option<&str>,
    made: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().strip_prefix("CONNECT ").unwrap();
    let target = target.strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let given = lines.find_map(|line| line.strip_prefix("Proxy-Authorization: "));
    if given != authorization {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(refusal.as_bytes()).await;
    }
    let mut server = TcpStream::connect(&target).await?;
    made.lock().unwrap().push(target);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
