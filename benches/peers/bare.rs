//! What HTTP alone costs with the client that `leadfix` uses: the same requests, made before the clock starts, sent
//! with the same settings on one thread; answers are read and thrown away. No file is read or written while it runs.
//! Prints the seconds that took, and the seconds of processor time.
//!
//! `bare FILE BASE_URL CONCURRENCY [CERTIFICATE]`
#![expect(clippy::print_stdout, reason = "the time it took is what it is for")]

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect, retry};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, base_url, concurrency, rest @ ..] = arguments.as_slice() else {
        panic!("usage: bare FILE BASE_URL CONCURRENCY [CERTIFICATE]");
    };
    let concurrency = concurrency.parse().expect("a number");
    let client = client(concurrency, rest.first().map(String::as_str));
    let requests: Vec<(String, Vec<u8>)> = std::fs::read_to_string(file)
        .expect("a file of id,phone")
        .lines()
        .skip(1)
        .map(|line| {
            let (id, phone) = line.split_once(',').expect("two columns");
            (
                format!("{base_url}/campaigns-leads/{id}"),
                format!(r#"{{"phone_number":"{phone}"}}"#).into_bytes(),
            )
        })
        .collect();
    let (begun, used) = (Instant::now(), processor_time());
    stream::iter(requests)
        .for_each_concurrent(concurrency, |(url, body)| async {
            let request = client
                .patch(url)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body);
            let answer = request.send().await.expect("an answer");
            assert!(answer.status().is_success());
            answer.bytes().await.expect("its body");
        })
        .await;
    let used = processor_time() - used;
    println!("{:.6} {used:.6}", begun.elapsed().as_secs_f64());
}

/// Of this thread so far, in seconds.
fn processor_time() -> f64 {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = status.split(' ').next().expect("a figure");
    nanoseconds.parse::<f64>().expect("a figure") / 1e9
}

fn client(concurrency: usize, certificate: Option<&str>) -> Client {
    let mut authorization = HeaderValue::from_static("Bearer bench");
    authorization.set_sensitive(true);
    let timeout = Duration::from_secs(30);
    let mut builder = Client::builder()
        .user_agent("bare")
        .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
        .timeout(timeout)
        .connect_timeout(Duration::from_secs(10))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(concurrency)
        .tcp_nodelay(true);
    if let Some(path) = certificate {
        let pem = std::fs::read(path).expect("a certificate");
        let certificate = Certificate::from_pem(&pem).expect("a certificate");
        builder = builder.tls_certs_merge([certificate]);
    }
    builder.build().expect("a client")
}
