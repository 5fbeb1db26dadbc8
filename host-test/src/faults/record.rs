//! What is told of the fates: a line of the log for each request, and how many met which.
//!
//! Requests whose body did not come, or was too large, are in neither.
//!
//! Invariant: of a URL its path and its operation (`comp`) are logged, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use hyper::http::request::Parts;

use super::kind::Kind;

/// A line of the log.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Record {
    /// Which request it is, from 1 on.
    pub(super) number: u64,
    /// When it came, for people.
    pub(super) time: String,
    method: String,
    path: String,
    /// The parameter `comp`, letters only.
    comp: Option<String>,
    /// The length of its body, in bytes.
    pub(super) bytes: usize,
    /// What happened to it.
    pub(super) fate: &'static str,
    /// The status of the answer, unless there was none.
    pub(super) status: Option<u16>,
}

impl Record {
    pub(super) fn new(number: u64, time: String, head: &Parts, kind: Kind) -> Self {
        let mut query = head.uri.query().unwrap_or_default().split('&');
        let comp = query.find_map(|pair| pair.strip_prefix("comp="));
        Self {
            number,
            time,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            comp: comp.map(|comp| comp.chars().filter(char::is_ascii_alphanumeric).collect()),
            bytes: 0,
            fate: kind.name(),
            status: None,
        }
    }
}

/// How many requests met which fate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts(BTreeMap<Kind, u64>);

impl Counts {
    /// How many met a fate of this kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.0.values().sum::<u64>())?;
        for (i, (kind, count)) in self.0.iter().enumerate() {
            write!(f, "{} {count} {}", if i == 0 { ":" } else { "," }, kind.name())?;
        }
        Ok(())
    }
}
