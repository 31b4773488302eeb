//! One request, one reply. The only one to send by `reqwest`, of which others use the URL alone; knows nothing of
//! retries, limits or what a reply means.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::body::Bytes;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Method, Proxy, Request, Url, redirect, retry};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::api;
use crate::base_url;
use crate::quota::Headers;

/// A reply's body is read up to this many bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// Shorter parts of a key are no secret, and words of their own.
const SHORTEST_HALF: usize = 5;

/// How the server is reached.
#[derive(Debug)]
pub struct Settings {
    /// Where the API is, version included.
    pub base_url: Url,
    /// The bearer key.
    pub api_key: SecretString,
    /// Total deadline of one request, connecting and reading included.
    pub timeout: Duration,
    /// Requests at once, and so connections kept open between them.
    pub concurrency: usize,
    /// A private certificate authority (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// A proxy stated outright; the environment's is never used.
    pub proxy: Option<Url>,
}

/// Why no client could be made.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The key has characters that no header can carry.
    #[error("the key contains characters that cannot stand in an HTTP header")]
    Key,
    /// The authority's file cannot be used.
    #[error("cannot use the certificate file `{0}`: {1}")]
    CaFile(PathBuf, String),
    /// TLS or the proxy could not be set up.
    #[error("cannot set up HTTP: {0}")]
    Http(String),
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// No connection (DNS, refused, TLS), so nothing was sent.
    NotConnected {
        /// For people.
        detail: String,
        /// The certificate is not trusted, which no retry mends.
        untrusted: bool,
    },
    /// A byte may have been sent; no status came back in time.
    Lost {
        /// For people.
        detail: String,
    },
    /// A status came back.
    Answer(Answer),
}

impl Reply {
    /// Where a status came back.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::NotConnected { .. } | Self::Lost { .. } => None,
        }
    }

    /// Its status.
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }
}

/// A reply with a status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    headers: HeaderMap,
    /// The whole body; `None` where it was cut short, too late or over [`MAX_BODY`].
    pub body: Option<Bytes>,
}

impl Answer {
    /// The headers that speak of the quota.
    pub fn quota_headers(&self) -> Headers<'_> {
        let mut headers = Headers::default();
        // In one go: looking five names up costs five hashes, with each reply.
        for (name, value) in &self.headers {
            let field = match name.as_str() {
                api::RATE_LIMIT => &mut headers.limit,
                api::RATE_REMAINING => &mut headers.remaining,
                api::RATE_RESET => &mut headers.reset,
                "retry-after" => &mut headers.retry_after,
                "date" => &mut headers.date,
                _ => continue,
            };
            *field = field.or(value.to_str().ok());
        }
        // A proxy may add one of its own; the longer one keeps both.
        let asked = self.headers.get_all(RETRY_AFTER);
        if headers.retry_after.is_some() && asked.iter().nth(1).is_some() {
            headers.retry_after = asked
                .iter()
                .filter_map(|value| value.to_str().ok())
                .max_by_key(|value| {
                    let alone = Headers {
                        retry_after: Some(value),
                        ..headers
                    };
                    alone.interpret(Timestamp::now).retry_after
                });
        }
        headers
    }

    /// The host that a redirect points to; never followed, and the rest may hold anything.
    pub fn redirects_to(&self) -> Option<String> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        let url: Url = location.parse().ok()?;
        Some(format!("{}://{}", url.scheme(), url.host_str()?))
    }
}

/// Sends requests to one base URL with one key.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    host: Option<HeaderValue>,
    leads: Url,
    http: RefCell<reqwest::Client>,
}

impl Client {
    /// # Errors
    /// When the key, the authority or the proxy cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let host = host(&settings.base_url);
        let http = RefCell::new(build(&settings, host.clone())?);
        let leads = leads(&settings.base_url);
        Ok(Self {
            settings,
            host,
            leads,
            http,
        })
    }

    /// `GET` of one lead.
    pub fn read(&self, lead_id: &str) -> impl Future<Output = Reply> {
        self.send(Method::GET, lead_id, None)
    }

    /// `PATCH` of one lead with a JSON body.
    pub fn patch(&self, lead_id: &str, body: Vec<u8>) -> impl Future<Output = Reply> {
        self.send(Method::PATCH, lead_id, Some(body))
    }

    /// Drops every kept connection, so that the next request gets a new one.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn reconnect(&self) -> Result<(), SetupError> {
        *self.http.borrow_mut() = build(&self.settings, self.host.clone())?;
        Ok(())
    }

    /// Foreign text without our key, should the server have echoed it: whole or either half of `keyid:secret`,
    /// each character as it is or as URLs, JSON and HTML write it.
    pub fn redact(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let key = self.settings.api_key.expose_secret();
        let halves = key.split(':').filter(|half| half.len() >= SHORTEST_HALF);
        std::iter::once(key)
            .chain(halves)
            .fold(text.to_owned(), |text, part| without(&text, part))
    }

    async fn send(&self, method: Method, lead_id: &str, body: Option<Vec<u8>>) -> Reply {
        let sent = self.begin(method, lead_id, body);
        // Kept outside of what the deadline may drop: a status that came in time counts, also when the body did not.
        let mut head = None;
        let ended = tokio::time::timeout(self.settings.timeout, async {
            let mut response = sent.await?;
            head = Some((
                response.status().as_u16(),
                std::mem::take(response.headers_mut()),
            ));
            Ok(whole_body(&mut response).await)
        })
        .await;
        match (head, ended) {
            (Some((status, headers)), ended) => Reply::Answer(Answer {
                status,
                headers,
                body: ended.ok().and_then(Result::ok).flatten(),
            }),
            (None, Ok(Err(error))) => failure(error),
            (None, _) => Reply::Lost {
                detail: format!("no answer within {:?}", self.settings.timeout),
            },
        }
    }

    fn url(&self, lead_id: &str) -> Url {
        let mut url = self.leads.clone();
        let segment = api::lead_segment(lead_id);
        if segment == lead_id {
            // The usual ID has nothing to encode: what stands before it is not parsed again.
            if let Ok(mut path) = url.path_segments_mut() {
                path.push(lead_id);
            }
        } else {
            url.set_path(&format!("{}/{segment}", self.leads.path()));
        }
        url
    }

    /// Apart from [`Client::send`], whose state would keep room for the request until its end.
    fn begin(
        &self,
        method: Method,
        lead_id: &str,
        body: Option<Vec<u8>>,
    ) -> impl Future<Output = reqwest::Result<reqwest::Response>> + use<> {
        let mut request = Request::new(method, self.url(lead_id));
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.into());
        }
        self.http.borrow().execute(request)
    }
}

/// The text with something else in the place of the secret.
fn without(text: &str, secret: &str) -> String {
    let forms: Vec<_> = secret.chars().map(forms).collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = behind(rest, &forms) {
            shown.push_str("[key]");
            rest = behind;
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}

/// What follows when the text begins with one form of each character. A form may begin with another one (`%` and `%25`),
/// so every place at which one ends is looked at; the last one counts.
fn behind<'a>(text: &'a str, forms: &[Vec<String>]) -> Option<&'a str> {
    let ends = forms.iter().try_fold(BTreeSet::from([0]), |ends, forms| {
        let next = ends.iter().flat_map(|end| {
            let fits = |form: &&String| is_written_so(&text[*end..], form);
            forms.iter().filter(fits).map(move |form| end + form.len())
        });
        Some(next.collect()).filter(|ends: &BTreeSet<_>| !ends.is_empty())
    })?;
    ends.last().map(|end| &text[*end..])
}

/// Whether the text begins like this, in either case: hosts are lowered, and the digits of escapes written either way.
fn is_written_so(text: &str, form: &str) -> bool {
    text.get(..form.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(form))
}

/// How a character is written: as it is, in URLs, in JSON, in HTML.
fn forms(character: char) -> Vec<String> {
    let code = u32::from(character);
    let mut forms = vec![
        character.to_string(),
        utf8_percent_encode(character.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC).to_string(),
        format!("%{code:02X}"),
        format!("\\{character}"),
        format!("\\u{code:04x}"),
        format!("&#{code};"),
        format!("&#x{code:x};"),
    ];
    let named = match character {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&apos;",
        _ => return forms,
    };
    forms.push(named.to_owned());
    forms
}

/// Where the leads are, for the last segment to be appended.
fn leads(base_url: &Url) -> Url {
    let mut leads = base_url.clone();
    leads.set_path(&format!(
        "{}{}",
        base_url.path().trim_end_matches('/'),
        api::LEADS
    ));
    leads
}

/// The host as a request names it: with its port, where that is not the scheme's own. Never freed: else its references
/// are counted with each request.
fn host(url: &Url) -> Option<HeaderValue> {
    let name = url.host_str()?;
    let host = url
        .port()
        .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    HeaderValue::from_maybe_shared(Bytes::from_static(host.leak().as_bytes())).ok()
}

fn build(settings: &Settings, host: Option<HeaderValue>) -> Result<reqwest::Client, SetupError> {
    let bearer = format!("Bearer {}", settings.api_key.expose_secret());
    let mut authorization = HeaderValue::try_from(bearer).map_err(|_| SetupError::Key)?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
    // Else it is written anew for each request.
    headers.extend(host.map(|host| (HOST, host)));
    let mut builder = reqwest::Client::builder()
        .user_agent(HeaderValue::from_static(concat!(
            "leadfix/",
            env!("CARGO_PKG_VERSION")
        )))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        // Without the second part every request is cloned for a retry that never comes.
        .retry(retry::never().max_retries_per_request(0))
        .referer(false)
        .no_proxy()
        .http1_only()
        .https_only(settings.base_url.scheme() == "https")
        .connect_timeout(settings.timeout.mul_f64(0.5).min(Duration::from_secs(10)))
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(settings.concurrency)
        .tcp_nodelay(true);
    // What may travel in the clear because it stays on this machine must stay there.
    let proxy = settings.proxy.as_ref();
    if let Some(url) = proxy.filter(|_| !base_url::is_loopback(&settings.base_url)) {
        builder = builder
            .proxy(Proxy::all(url.clone()).map_err(|error| SetupError::Http(error.to_string()))?);
    }
    if let Some(path) = &settings.ca_file {
        builder = builder.tls_certs_merge(authorities(path)?);
    }
    builder
        .build()
        .map_err(|error| SetupError::Http(chain(&error)))
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, SetupError> {
    let unusable = |error: String| SetupError::CaFile(path.to_owned(), error);
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(found)
}

/// The body, or `None` where it was cut short or is too large. What came in one piece is not copied.
async fn whole_body(response: &mut reqwest::Response) -> Option<Bytes> {
    let (mut first, mut all) = (Bytes::new(), Vec::new());
    while let Some(chunk) = response.chunk().await.ok()? {
        if first.len().max(all.len()) + chunk.len() > MAX_BODY {
            return None;
        }
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&chunk);
    }
    Some(if all.is_empty() { first } else { all.into() })
}

fn failure(error: reqwest::Error) -> Reply {
    let error = error.without_url();
    let detail = chain(&error);
    if error.is_connect() || error.is_builder() {
        let untrusted = detail.contains("invalid peer certificate");
        Reply::NotConnected { detail, untrusted }
    } else {
        Reply::Lost { detail }
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_named_with_a_port_of_its_own_only() {
        for (url, named) in [
            ("https://api.example/v1", "api.example"),
            ("https://api.example:443/v1", "api.example"),
            ("http://api.example:443/v1", "api.example:443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://user:word@[::1]:80/", "[::1]"),
        ] {
            assert_eq!(host(&url.parse().unwrap()).unwrap(), named, "{url}");
        }
    }

    fn client() -> Client {
        Client::new(Settings {
            base_url: "https://api.example/v1".parse().unwrap(),
            api_key: "keyid_7f:s3cr+t/v4lue".into(),
            timeout: Duration::from_secs(1),
            concurrency: 1,
            ca_file: None,
            proxy: None,
        })
        .unwrap()
    }

    #[test]
    fn each_lead_has_one_segment_encoded_once() {
        let client = client();
        for (id, segment) in [
            ("lead_m4b7", "lead_m4b7"),
            ("a.b-c~d", "a.b-c~d"),
            ("'", "%27"),
            ("%27", "%2527"),
            ("a/b?c#d%e f;g", "a%2Fb%3Fc%23d%25e%20f%3Bg"),
            ("लीड", "%E0%A4%B2%E0%A5%80%E0%A4%A1"),
        ] {
            let url = format!("https://api.example/v1/campaigns-leads/{segment}");
            assert_eq!(client.url(id).as_str(), url, "{id}");
        }
    }

    #[test]
    fn no_part_of_the_key_is_shown_again() {
        let client = client();
        for (text, shown) in [
            (
                "key keyid_7f:s3cr+t/v4lue is unknown",
                "key [key] is unknown",
            ),
            ("secret s3cr+t/v4lue of keyid_7f", "secret [key] of [key]"),
            ("/login?k=keyid%5F7f%3As3cr%2Bt%2Fv4lue", "/login?k=[key]"),
            ("/login?k=s3cr%2Bt%2Fv4lue", "/login?k=[key]"),
            ("/login?k=keyid_7f%3as3cr%2bt%2fv4lue", "/login?k=[key]"),
            (r#"{"key":"keyid_7f:s3cr+t\/v4lue"}"#, r#"{"key":"[key]"}"#),
            (r#"{"key":"s3cr\u002Bt/v4lue"}"#, r#"{"key":"[key]"}"#),
            ("<p>s3cr&#43;t&#x2F;v4lue</p>", "<p>[key]</p>"),
            ("https://S3CR+T%2fV4LUE.example", "https://[key].example"),
            ("s3cr%2Bt%2Fv4lu", "s3cr%2Bt%2Fv4lu"),
            ("nothing of it", "nothing of it"),
        ] {
            assert_eq!(client.redact(text), shown);
        }
        assert!(!format!("{client:?}").contains("s3cr"));
    }

    #[test]
    fn a_key_with_characters_that_begin_escapes_is_found_in_every_spelling() {
        let slashes = "\\".repeat(40);
        for (key, text) in [
            ("ab%cd9", "ab%cd9"),
            ("ab%cd9", "ab%25cd9"),
            ("ab&cd9", "ab&cd9"),
            ("ab&cd9", "ab&amp;cd9"),
            ("ab&cd9", "ab&#38;cd9"),
            (r"ab\cd9", r"ab\\cd9"),
            (r"ab\cd9", r"ab\u005Ccd9"),
            ("a%25b", "a%25b"),
            ("a%25b", "a%2525b"),
            ("abcd9&", "abcd9&amp;"),
            (&slashes, &slashes.repeat(2)),
        ] {
            assert_eq!(without(text, key), "[key]", "{key}");
        }
        let other = slashes.clone() + "x";
        assert_eq!(without(&slashes, &other), slashes, "found out in no time");
    }
}
