//! The way to a server of https: direct, or by a tunnel through the proxy that the environment
//! names in `HTTPS_PROXY` or `https_proxy`, unless `NO_PROXY` or `no_proxy` has the server.
//!
//! Invariants: a proxy sees the server's name and port and else only what is encrypted; a proxy that
//! is named but cannot be used is an error and never the direct way; what the variables hold is not
//! logged, as there may be a password in it.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use tower_service::Service;

use super::connection::{Connector, Tcp};

/// Opens connections to servers and tunnels to them.
#[derive(Clone, Debug)]
pub(super) struct Route {
    connector: Connector,
    proxy: Option<Arc<Matcher>>,
}

impl Route {
    /// The way that these variables of the environment describe. An empty one counts as not set.
    ///
    /// # Errors
    /// The proxy is not one of http.
    pub(super) fn new(
        connector: Connector,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let first = |names: [&str; 2]| {
            let mut values = names.into_iter().filter_map(&variable);
            values.find(|value| !value.is_empty()).unwrap_or_default()
        };
        let mut route = Self { connector, proxy: None };
        let proxy = first(["HTTPS_PROXY", "https_proxy"]);
        let without = first(["NO_PROXY", "no_proxy"]);
        // The matcher applies the star to names and not to addresses.
        if proxy.is_empty() || without.split(',').any(|entry| entry.trim() == "*") {
            return Ok(route);
        }
        let matcher = Matcher::builder().https(&proxy).build();
        let found = matcher.intercept(&Uri::from_static("https://example.org"));
        // What it does not understand it leaves out.
        if found.is_none_or(|proxy| proxy.uri().scheme_str() != Some("http")) {
            return Err("HTTPS_PROXY is not the URL of an http proxy, like http://HOST:PORT".into());
        }
        route.proxy = Some(Arc::new(Matcher::builder().https(proxy).no(without).build()));
        Ok(route)
    }
}

impl Service<Uri> for Route {
    type Response = Tcp;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Tcp, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Some(proxy) = self.proxy.as_ref().and_then(|proxy| proxy.intercept(&uri)) else {
            let connecting = self.connector.call(uri);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.connector.clone());
        if let Some(credential) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credential.clone());
        }
        let connecting = tunnel.call(uri);
        Box::pin(async move { Ok(connecting.await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(variables: &[(&str, &str)]) -> Result<Route, String> {
        Route::new(Connector::new(Arc::default()), |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// The proxy on the way to a URL.
    fn proxy(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxy = route(variables).unwrap().proxy?;
        Some(proxy.intercept(&url.parse().unwrap())?.uri().to_string())
    }

    #[test]
    fn the_first_variable_that_is_not_empty_names_the_proxy() {
        let url = "https://a.blob.core.windows.net/logs/app";
        assert_eq!(proxy(&[], url), None);
        assert_eq!(proxy(&[("HTTP_PROXY", "http://p:1")], url), None);
        let lower = ("https_proxy", "p:2");
        assert_eq!(proxy(&[("HTTPS_PROXY", ""), lower], url).unwrap(), "http://p:2/");
        let upper = ("HTTPS_PROXY", "http://p:1");
        assert_eq!(proxy(&[upper, lower], url).unwrap(), "http://p:1/");
        assert_eq!(proxy(&[upper], "https://127.0.0.1/x").unwrap(), "http://p:1/");
        assert_eq!(proxy(&[upper], "https://localhost/x").unwrap(), "http://p:1/");
    }

    #[test]
    fn what_is_excepted_is_reached_directly() {
        for (without, url, direct) in [
            ("blob.core.windows.net", "https://a.blob.core.windows.net", true),
            (".core.windows.net", "https://a.blob.core.windows.net", true),
            ("a.blob.core.windows.net", "https://A.blob.core.windows.net:443", true),
            ("indows.net", "https://a.blob.core.windows.net", false),
            ("b.blob.core.windows.net", "https://a.blob.core.windows.net", false),
            ("example.org, 127.0.0.1", "https://127.0.0.1:10000/x", true),
            ("::1", "https://[::1]:10000/x", true),
            ("*", "https://a.blob.core.windows.net", true),
            ("x, *", "https://127.0.0.1", true),
        ] {
            for name in ["NO_PROXY", "no_proxy"] {
                let found = proxy(&[("HTTPS_PROXY", "http://p:1"), (name, without)], url);
                assert_eq!(found.is_none(), direct, "{without} for {url}");
            }
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for url in ["socks5://u:secret@p:1", "https://u:secret@p:1", "http://u:secret@", "::", "/"]
        {
            let why = route(&[("HTTPS_PROXY", url)]).unwrap_err();
            assert!(why.contains("HTTPS_PROXY") && !why.contains("secret"), "{why}");
        }
        let route = route(&[("HTTPS_PROXY", "http://u:secret@p:1")]).unwrap();
        assert!(!format!("{route:?}").contains("secret"), "{route:?}");
    }
}
