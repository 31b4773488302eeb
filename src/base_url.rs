//! The base URL: where a key may be sent.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Exit, Fatal};

/// `https`, or `http` to this very machine; `/v1` is added where it is missing. What is refused may hold a password or a
/// token, and is not repeated.
pub(crate) fn parse(text: &str) -> Result<Url, Fatal> {
    let wrong = |what: &str| Fatal::new(Exit::Misconfigured, format!("the base URL {what}"));
    let mut url: Url = text
        .trim()
        .parse()
        .map_err(|_| wrong("is no URL; write for example https://api.dialnexa.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not contain a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with its path"));
    }
    if !url.has_host() {
        return Err(wrong("has no host"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(wrong("would let the key travel in the clear; use https")),
        _ => return Err(wrong("is of no use here; use https")),
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&if path.ends_with("/v1") {
        path
    } else {
        format!("{path}/v1")
    });
    Ok(url)
}

/// Whether it leads to this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_with_and_without_the_version() {
        for (text, expected) in [
            ("https://api.dialnexa.com", "https://api.dialnexa.com/v1"),
            ("https://api.dialnexa.com/", "https://api.dialnexa.com/v1"),
            ("https://api.dialnexa.com/v1", "https://api.dialnexa.com/v1"),
            (
                "https://api.dialnexa.com/v1/",
                "https://api.dialnexa.com/v1",
            ),
            (
                "https://proxy.example/dialnexa",
                "https://proxy.example/dialnexa/v1",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://localhost:8080/v1", "http://localhost:8080/v1"),
            ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn base_urls_that_would_leak_the_key_are_refused() {
        for text in [
            "http://api.dialnexa.com",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "ftp://api.dialnexa.com",
            "api.dialnexa.com",
            "https://user:pass@api.dialnexa.com",
            "https://api.dialnexa.com/?x=1",
            "",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.exit, Exit::Misconfigured, "{text}");
        }
    }

    #[test]
    fn a_base_url_that_is_refused_is_not_repeated() {
        for text in [
            "user:hunter2@api.dialnexa.com",
            "https://user:hunter2@api.dialnexa.com",
            "https://user:hunter2@host:99999/",
            "https://api.dialnexa.com/?token=hunter2",
            "https://api.dialnexa.com/#hunter2",
            "data:hunter2",
            "http://hunter2.example.com",
            "ftp://hunter2.example.com",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains("base URL"), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }
}
