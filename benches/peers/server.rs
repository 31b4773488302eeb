//! The server of the comparison, the same for everybody: takes any request with a JSON body, and answers as the API
//! does when it has corrected the lead. It knows no quota and no fault, and parses just enough, so that it is not
//! what is measured.
//!
//! `server [LATENCY_MS [CERTIFICATE KEY]]` listens on a free port and prints its base URL.
#![expect(
    clippy::print_stdout,
    reason = "the base URL goes to whoever started it"
)]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let latency = arguments.first().map_or(0, |number| {
        number.parse().expect("a number of milliseconds")
    });
    let delay = Delay::of(Duration::from_millis(latency));
    let tls = match arguments.get(1..3) {
        Some([certificate, key]) => Some(acceptor(certificate.as_ref(), key.as_ref())),
        _ => None,
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    println!("{scheme}://localhost:{}/v1", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let delay = delay.clone();
        // A client that goes away, or does not trust us, ends its own connection only.
        match tls.clone() {
            None => drop(tokio::spawn(serve(stream, delay))),
            Some(tls) => drop(tokio::spawn(async move {
                serve(tls.accept(stream).await?, delay).await
            })),
        }
    }
}

fn acceptor(certificate: &Path, key: &Path) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("its key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

/// Lets the same time pass before each answer, to the tenth of a millisecond: tokio's timer knows whole ones only.
#[derive(Clone)]
struct Delay(Option<Sender<(Instant, oneshot::Sender<()>)>>, Duration);

impl Delay {
    fn of(latency: Duration) -> Self {
        if latency.is_zero() {
            return Self(None, latency);
        }
        // What is due later was asked for later, so one thread can wait for them in turn.
        let (line, waiting) = mpsc::channel::<(Instant, oneshot::Sender<()>)>();
        thread::spawn(move || {
            for (due, done) in waiting {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let _ = done.send(());
            }
        });
        Self(Some(line), latency)
    }

    async fn pass(&self) {
        if let Self(Some(line), latency) = self {
            let (done, passed) = oneshot::channel();
            line.send((Instant::now() + *latency, done))
                .expect("the thread lives");
            passed.await.expect("the thread lives");
        }
    }
}

/// One request after another, until the client has no more.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, delay: Delay) -> io::Result<()> {
    let mut received = Vec::with_capacity(8 * 1024);
    let mut answer = Vec::with_capacity(1024);
    loop {
        let length = loop {
            if let Some(length) = request(&received) {
                break length;
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        answer.clear();
        corrected(&received[..length], &mut answer);
        received.drain(..length);
        delay.pass().await;
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}

/// How long the request at the beginning is, once it is there as a whole.
fn request(received: &[u8]) -> Option<usize> {
    let head = find(received, b"\r\n\r\n")? + 4;
    let body = received[..head]
        .split(|byte| *byte == b'\n')
        .find_map(|line| {
            let (name, value) = line.split_at_checked(15)?;
            name.eq_ignore_ascii_case(b"content-length:").then(|| {
                std::str::from_utf8(value)
                    .ok()?
                    .trim()
                    .parse::<usize>()
                    .ok()
            })?
        })
        .unwrap_or_default();
    (received.len() >= head + body).then_some(head + body)
}

/// The lead that the path names, with the number that the body gives.
fn corrected(request: &[u8], answer: &mut Vec<u8>) {
    let path = request
        .split(|byte| *byte == b' ')
        .nth(1)
        .unwrap_or_default();
    let id = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    // The only plus sign of the body stands before the number.
    let head = find(request, b"\r\n\r\n").unwrap_or_default();
    let number = request[head..]
        .split(|byte| *byte == b'"')
        .find(|text| text.starts_with(b"+"));
    let lead = [
        br#"{"id":""#.as_slice(),
        id,
        br#"","campaign_id":"cmp_5tw8vz2rnx1q","phone_number":""#,
        number.unwrap_or_default(),
        br#"","metadata":{"customer_name":"Priya Sharma","product":"home_loan"},"status":"pending","created_at":"2024-05-01T09:05:00.000Z"}"#,
    ];
    let length: usize = lead.iter().map(|part| part.len()).sum();
    answer.extend_from_slice(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ",
    );
    answer.extend_from_slice(length.to_string().as_bytes());
    answer.extend_from_slice(b"\r\n\r\n");
    answer.extend(lead.concat());
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}
