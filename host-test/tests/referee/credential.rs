//! Credentials for an hour that the emulator and the local store take.

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everblob::azure::sas::ServiceSas;
use everblob::azure::sign::AccountKey;
use everblob::time::UnixTime;
use everblob_host::credential::{DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY};
use serde_json::json;

use super::node;

const HOUR: Duration = Duration::from_secs(3600);

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A SAS that gives `racwl` on a container.
pub(crate) fn container_sas(container: &str) -> String {
    let sas = ServiceSas {
        permissions: "racwl",
        start: None,
        expiry: UnixTime((since_epoch() + HOUR).as_secs()),
        container,
        blob: None,
        https_only: false,
        addresses: None,
    };
    sas.token(DEVELOPMENT_ACCOUNT, &AccountKey::from_base64(DEVELOPMENT_KEY).unwrap())
}

/// A SAS that gives the same on all containers, signed by the SDK.
pub(crate) fn account_sas() -> &'static str {
    static SAS: OnceLock<String> = OnceLock::new();
    SAS.get_or_init(|| {
        let output = node("sas.mjs").arg("racwl").stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    })
}

/// A bearer token for the emulator, which does not check its signature.
pub(crate) fn bearer_token() -> String {
    let now = since_epoch();
    let claims = json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": now.as_secs(),
        "nbf": now.as_secs(),
        "exp": (now + HOUR).as_secs(),
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({"alg": "RS256", "typ": "JWT"});
    format!("{}.{}.{}", part(header.to_string()), part(claims.to_string()), part("x".into()))
}
