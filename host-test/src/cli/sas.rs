//! `everblob sas`: makes a shared access signature from the account key.
//!
//! Invariants: nothing is sent anywhere; the token goes to stdout and nowhere else; only a key that
//! fits the account of the URL signs.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use everblob::azure::date;
use everblob::azure::sas::ServiceSas;
use everblob::azure::sign::AccountKey;
use everblob::time::UnixTime;
use everblob_host::address::StreamAddress;
use everblob_host::credential::{Credential, Kind, Origin, Secret};
use everblob_host::duration;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Failure;

/// What a service SAS for a blob or a container may hold, in the order that the service asks for.
const PERMISSIONS: &str = "racwdxyltmeopi";
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Make a shared access signature from the account key
#[derive(clap::Args)]
#[command(after_help = "\
The token is a secret: who has it has the rights until it expires. It is made on this machine, from
AZURE_STORAGE_KEY with AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_CONNECTION_STRING, or the published key
of the development account.

A stream in the append layout consists of many blobs, and only the container can be listed: so the
token is for the container unless --resource says else. One for a blob is enough for the block
layout, with `--layout block` where the blob is new. TIME is a moment like 2026-11-20T12:00:00Z, or
from now on like 30m, 12h or 7d.

Examples:
  everblob sas URL --permissions racwl --expiry 12h --https-only
  everblob cat \"$(everblob sas URL --permissions rl --expiry 10m --url)\"
  everblob sas URL --permissions rw --expiry 7d --resource blob")]
pub(crate) struct Args {
    /// The URL of the stream, without a shared access signature
    #[arg(value_name = "URL")]
    url: String,
    /// The rights: letters such as racwl (read, append, create, write, list)
    #[arg(long, value_name = "LETTERS", value_parser = permissions)]
    permissions: String,
    /// When it ends
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expiry: UnixTime,
    /// From when it holds; without it at once
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start: Option<UnixTime>,
    /// What it is for
    #[arg(long, value_enum, default_value_t = Resource::Container)]
    resource: Resource,
    /// Refuse plain http
    #[arg(long)]
    https_only: bool,
    /// Only for requests from this IPv4 address or range, as 10.0.0.1 or 10.0.0.1-10.0.0.9
    #[arg(long, value_name = "ADDR", value_parser = addresses)]
    ip: Option<String>,
    /// Print the URL with the token behind it instead of the token alone
    #[arg(long = "url", id = "print_url")]
    print_url: bool,
}

#[derive(Clone, Copy, Eq, PartialEq, clap::ValueEnum)]
enum Resource {
    /// The whole container, with every stream in it
    Container,
    /// The blob of exactly this name
    Blob,
}

/// Sorts the letters as the service wants them.
fn permissions(text: &str) -> Result<String, String> {
    if let Some(letter) = text.chars().find(|letter| !PERMISSIONS.contains(*letter)) {
        return Err(format!("`{letter}` is not a permission: use letters of {PERMISSIONS}"));
    }
    match PERMISSIONS.chars().filter(|letter| text.contains(*letter)).collect::<String>() {
        letters if letters.is_empty() => Err("give at least one letter".into()),
        letters if letters.len() < text.len() => Err("a letter is there twice".into()),
        letters => Ok(letters),
    }
}

fn moment(text: &str) -> Result<UnixTime, String> {
    if let Some(time) = date::parse_iso8601(text) {
        return Ok(time);
    }
    if text.contains('-') {
        return Err("a moment is written like 2026-11-20 or 2026-11-20T12:00:00Z".into());
    }
    // The last second of the year 9999, the last that can be written.
    const LAST: u64 = 253_402_300_799;
    let at = now().0.saturating_add(duration::parse(text)?.as_secs());
    if at > LAST { Err("is after the year 9999".into()) } else { Ok(UnixTime(at)) }
}

fn addresses(text: &str) -> Result<String, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) {
        (Ok(first), Ok(last)) if first <= last => Ok(text.to_owned()),
        (Ok(_), Ok(_)) => Err("the range ends before it begins".into()),
        _ => Err("give an IPv4 address, or two with a hyphen between".into()),
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime(since.expect("the clock is past 1970").as_secs())
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let address = StreamAddress::parse(&args.url).map_err(Failure::Usage)?;
    args.check(&address)?;
    let (account, key) = signer(&address)?;
    let blob = (args.resource == Resource::Blob).then(|| address.name());
    let sas = ServiceSas {
        permissions: &args.permissions,
        start: args.start,
        expiry: args.expiry,
        container: address.container(),
        blob,
        https_only: args.https_only,
        addresses: args.ip.as_deref(),
    };
    let token = Secret::new(sas.token(&account, &key));
    let mut stdout = std::io::stdout();
    let written = if args.print_url {
        let name = utf8_percent_encode(address.name(), PATH);
        let (endpoint, container) = (address.endpoint(), address.container());
        writeln!(stdout, "{endpoint}/{container}/{name}?{}", token.expose())
    } else {
        writeln!(stdout, "{}", token.expose())
    };
    written.map_err(|err| Failure::refused(format!("cannot write: {err}")))
}

impl Args {
    fn check(&self, address: &StreamAddress) -> Result<(), Failure> {
        let usage = |why: &str| Err(Failure::Usage(why.into()));
        if address.signature().is_some() {
            return usage("the URL has a signature; a new one is made from the account key");
        }
        if self.start.is_some_and(|start| start >= self.expiry) {
            return usage("--expiry is not after --start");
        }
        if self.resource == Resource::Blob && self.permissions.contains('l') {
            return usage("only a container can be listed (`l`), not a blob");
        }
        if self.https_only && !address.is_secure() {
            tracing::warn!("the URL is plain http, which --https-only refuses");
        }
        if self.expiry <= now() {
            tracing::warn!("the token has expired already");
        }
        Ok(())
    }
}

/// The account and its key.
fn signer(address: &StreamAddress) -> Result<(String, AccountKey), Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let origin = Origin::choose(address, Kind::Key, &variable).map_err(Failure::Usage)?;
    let Origin::Known(source) = origin else {
        return Err(Failure::Usage("only an account key can sign".into()));
    };
    let Credential::SharedKey { account, key } = source.credential() else {
        return Err(Failure::Usage("only an account key can sign".into()));
    };
    let key = AccountKey::from_base64(key.expose());
    let key = key.ok_or_else(|| Failure::Usage("the account key is not base64".into()))?;
    Ok((account.clone(), key))
}

#[cfg(test)]
mod tests {
    use super::{addresses, moment, permissions};

    #[test]
    fn letters_come_in_the_order_of_the_service() {
        assert_eq!(permissions("lwcar"), Ok("racwl".into()));
        for wrong in ["", "rr", "rq", "r,w"] {
            assert!(permissions(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_a_date_or_lies_ahead_by_a_duration() {
        assert_eq!(moment("2026-11-20T12:00:00Z").unwrap().0, 1_795_176_000);
        assert!(moment("2h").unwrap() > moment("1h").unwrap());
        for wrong in ["", "2", "2026-11-31", "tomorrow", "4000000d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_one_or_a_range() {
        assert!(addresses("10.0.0.1").is_ok() && addresses("10.0.0.1-10.0.0.9").is_ok());
        for wrong in ["", "::1", "10.0.0.9-10.0.0.1", "10.0.0.1-", "host"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
    }
}
