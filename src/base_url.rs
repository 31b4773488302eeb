//! The base URL: where a key may be sent.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Exit, Fatal};

/// `https`, or `http` to this very machine; `/v1` is added where it is missing.
pub(crate) fn parse(text: &str) -> Result<Url, Fatal> {
    let wrong = |what: &str| Fatal::new(Exit::Misconfigured, format!("base URL `{text}`: {what}"));
    let mut url: Url = text
        .trim()
        .parse()
        .map_err(|_| wrong("no URL; write for example https://api.dialnexa.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fatal::new(
            Exit::Misconfigured,
            "the base URL must not contain a user or password",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must end with its path"));
    }
    if !url.has_host() {
        return Err(wrong("it has no host"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(wrong("the key would travel in the clear; use https")),
        _ => return Err(wrong("use https")),
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
            assert!(!error.message.contains("pass@"), "{error}");
        }
    }
}
