//! Outgoing requests against servers that are a few lines of TCP each, so that they can misbehave.

use std::io::{Read as _, Write as _};

use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

use super::*;

const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const PATH: &str = "/devstoreaccount1/logs/app/1?comp=appendblock";

/// A server that runs until its script ends.
async fn serve<F, R>(script: impl FnOnce(TcpListener) -> F) -> (String, JoinHandle<R>)
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
    (url, tokio::spawn(script(listener)))
}

/// A request as the host gets it from a guest: length declared, body through a stream.
fn put(url: &str, data: &'static [u8]) -> Request<WasiBody> {
    let length = data.len() as u64;
    let (mut guest, body) =
        HostOutgoingBody::new(StreamContext::Request, Some(length), WRITES_WAITING, WRITE_BYTES);
    let mut stream = guest.take_output_stream().unwrap();
    for chunk in data.chunks(WRITE_BYTES) {
        stream.write(Bytes::from_static(chunk)).unwrap();
    }
    drop(stream);
    guest.finish(None).unwrap();
    Request::put(url).header("content-length", length).body(body).unwrap()
}

async fn exchange(outgoing: &Outgoing, request: Request<WasiBody>) -> Result<u16, Error> {
    let answer = outgoing.exchange(request, &RequestOptions::default()).await?;
    Ok(answer.status().as_u16())
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

async fn read_request(stream: &mut TcpStream, length: usize) -> (String, Vec<u8>) {
    let head = read_head(stream).await;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn a_declared_length_goes_out_as_it_was_set() {
    let (url, server) = serve(|listener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream, 12).await;
        stream.write_all(CREATED).await.unwrap();
        let empty = read_request(&mut stream, 0).await;
        stream.write_all(CREATED).await.unwrap();
        (request, empty)
    })
    .await;
    let outgoing = Outgoing::default();
    assert_eq!(exchange(&outgoing, put(&url, b"hello world\n")).await.unwrap(), 201);
    assert_eq!(exchange(&outgoing, put(&url, b"")).await.unwrap(), 201);
    let ((head, body), (empty, _)) = server.await.unwrap();
    assert_eq!(body, b"hello world\n");
    assert!(head.contains("\r\ncontent-length: 12\r\n"), "{head}");
    assert!(empty.contains("\r\ncontent-length: 0\r\n"), "{empty}");
    for head in [head, empty] {
        assert!(head.starts_with(&format!("put {PATH} http/1.1")), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent_surfaces() {
    static BODY: [u8; 12 << 20] = [7; 12 << 20];
    const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
    // A thread of its own, so that the answer and the end come at any moment of a write.
    let server = std::thread::spawn(move || {
        let mut kept = Vec::new();
        for close in [true, true, true, false].into_iter().cycle().take(100) {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
            stream.write_all(REFUSAL).unwrap();
            // Closing with unread bytes resets the connection.
            if !close {
                kept.push(stream);
            }
        }
    });
    for _ in 0..100 {
        assert_eq!(exchange(&Outgoing::default(), put(&url, &BODY)).await.unwrap(), 403);
    }
    server.join().unwrap();
}

#[tokio::test]
async fn a_connection_that_the_server_closed_does_not_surface() {
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    let (url, server) = serve(|listener| async move {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream, 4).await;
            stream.write_all(CREATED).await.unwrap();
            drop(stream);
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let outgoing = Outgoing::default();
    for _ in 0..3 {
        assert_eq!(exchange(&outgoing, put(&url, b"data")).await.unwrap(), 201);
        is_closed.recv().await.unwrap();
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_request_that_may_have_been_applied_is_not_sent_again() {
    let (url, server) = serve(|listener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, 5).await;
        stream.write_all(CREATED).await.unwrap();
        let (_, second) = read_request(&mut stream, 6).await;
        drop(stream);
        let (mut stream, _) = listener.accept().await.unwrap();
        let (_, third) = read_request(&mut stream, 5).await;
        stream.write_all(CREATED).await.unwrap();
        (second, third)
    })
    .await;
    let outgoing = Outgoing::default();
    assert_eq!(exchange(&outgoing, put(&url, b"first")).await.unwrap(), 201);
    let lost = exchange(&outgoing, put(&url, b"second")).await;
    assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
    assert_eq!(exchange(&outgoing, put(&url, b"third")).await.unwrap(), 201);
    assert_eq!(server.await.unwrap(), (b"second".to_vec(), b"third".to_vec()));
}

#[tokio::test]
async fn a_connection_that_did_not_come_about_says_so() {
    let (url, server) = serve(|listener| async move { drop(listener) }).await;
    server.await.unwrap();
    let refused = exchange(&Outgoing::default(), put(&url, b"data")).await;
    assert!(matches!(refused, Err(Error::ConnectionRefused)), "{refused:?}");

    let unknown = exchange(&Outgoing::default(), put("http://no.such.host.invalid/", b"")).await;
    assert!(matches!(unknown, Err(Error::DnsError { .. })), "{unknown:?}");
}

#[tokio::test]
async fn the_guests_timeout_for_the_answer_holds() {
    let (url, server) = serve(|listener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, 4).await;
        stream
    })
    .await;
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(20)),
        ..Default::default()
    };
    let answer = Outgoing::default().exchange(put(&url, b"data"), &options).await;
    assert!(matches!(answer, Err(Error::ConnectionReadTimeout)), "{answer:?}");
    drop(server.await.unwrap());
}

#[tokio::test]
async fn the_guest_is_rung_for_the_answer_its_body_and_a_failure() {
    let (url, _server) = serve(|listener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, 4).await;
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n").await.unwrap();
        let mut more = [0; 1];
        let (mut control, _) = listener.accept().await.unwrap();
        control.read_exact(&mut more).await.unwrap();
        stream.write_all(b"gone").await.unwrap();
        control.read_exact(&mut more).await.unwrap();
    })
    .await;
    let activity = Arc::new(Notify::new());
    let mut hooks = Hooks::new(Arc::default(), Arc::clone(&activity));
    let mut send = |request| {
        let sent = hooks.send_request(request, None, Box::new(async { Ok(()) }));
        tokio::spawn(async move {
            let (answer, rest) = Box::into_pin(sent).await?;
            tokio::spawn(Box::into_pin(rest));
            Ok::<_, Error>(answer)
        })
    };
    let sent = send(put(&url, b"data"));
    activity.notified().await;
    assert!(sent.is_finished(), "the ring is not ahead of the answer");
    let answer = sent.await.unwrap().unwrap();
    assert_eq!(answer.status(), 404);
    let mut control = TcpStream::connect(url[7..].split('/').next().unwrap()).await.unwrap();
    control.write_all(b"x").await.unwrap();
    activity.notified().await;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"gone");

    let refused = send(
        Request::get("http://127.0.0.1:1/")
            .body(Full::default().map_err(Into::into).boxed_unsync())
            .unwrap(),
    );
    while !refused.is_finished() {
        activity.notified().await;
    }
    assert!(refused.await.unwrap().is_err());
}

#[tokio::test]
async fn a_request_is_under_way_until_its_answer_has_ended() {
    let (url, _server) = serve(|listener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, 4).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").await.unwrap();
        let (mut control, _) = listener.accept().await.unwrap();
        control.read_u8().await.unwrap();
        stream.write_all(b"data").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let outgoing = Arc::<Outgoing>::default();
    let mut requests = outgoing.traffic().requests();
    let mut hooks = Hooks::new(Arc::clone(&outgoing), Arc::default());
    let sent = hooks.send_request(put(&url, b"data"), None, Box::new(async { Ok(()) }));
    assert_eq!(*requests.borrow(), 1, "before anything was sent");
    let (answer, _) = Box::into_pin(sent).await.unwrap();
    assert_eq!(*requests.borrow(), 1, "the body is still to come");
    let mut control = TcpStream::connect(url[7..].split('/').next().unwrap()).await.unwrap();
    control.write_all(b"x").await.unwrap();
    requests.wait_for(|requests| *requests == 0).await.unwrap();
    assert_eq!(&answer.into_body().collect().await.unwrap().to_bytes()[..], b"data");
    assert_eq!(outgoing.traffic().connections(), Connections { open: 1, opened: 1 });

    let dropped = hooks.send_request(put(&url, b"data"), None, Box::new(async { Ok(()) }));
    assert_eq!(*requests.borrow(), 1);
    drop(dropped);
    assert_eq!(*requests.borrow(), 0);
}
