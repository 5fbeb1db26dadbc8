//! The XML of listings, with the byte order mark that the service's own often have.

use everblob::azure::date;
use everblob::sim::service::{BlobPage, ContainerPage, ListEntry, ListedBlob, Stamp};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{content_headers, kind, lease, tier};
use super::fault::escape;
use super::message::Message;

pub(super) const DECLARATION: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// List Containers.
pub(super) fn containers(message: &Message, page: &ContainerPage) -> String {
    let mut xml = begin(message);
    xml += "<Containers>";
    for (name, properties) in &page.entries {
        xml += &format!("<Container><Name>{}</Name><Properties>", escape(name));
        xml += &stamp(properties.stamp);
        xml += "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>";
        xml += "</Properties>";
        xml += &metadata(message, &properties.metadata);
        xml += "</Container>";
    }
    xml += "</Containers>";
    end(xml, page.next.as_deref())
}

/// List Blobs.
pub(super) fn blobs(message: &Message, page: &BlobPage) -> String {
    let mut xml = begin(message);
    xml += "<Blobs>";
    for entry in &page.entries {
        match entry {
            ListEntry::Prefix(prefix) => {
                xml += &format!("<BlobPrefix>{}</BlobPrefix>", name(prefix));
            }
            ListEntry::Blob(listed) => xml += &blob(message, listed),
            ListEntry::Uncommitted(uncommitted) => {
                let properties = element("Content-Length", "0") + &element("BlobType", "BlockBlob");
                let name = name(uncommitted);
                xml += &format!("<Blob>{name}<Properties>{properties}</Properties></Blob>");
            }
        }
    }
    xml += "</Blobs>";
    end(xml, page.next.as_deref())
}

fn blob(message: &Message, blob: &ListedBlob) -> String {
    let properties = &blob.properties;
    let mut xml = format!("<Blob>{}<Properties>", name(&blob.name));
    xml += &element("Creation-Time", &date::format_rfc1123(properties.created));
    xml += &stamp(properties.stamp);
    xml += &element("Content-Length", &properties.length.to_string());
    for (name, value) in content_headers(&properties.headers) {
        xml += &element(name, value);
    }
    xml += &element("BlobType", kind(properties.kind));
    let (status, state) = lease(properties.lease);
    xml += &element("LeaseStatus", status);
    xml += &element("LeaseState", state);
    if let Some(infinite) = properties.lease.infinite {
        xml += &element("LeaseDuration", if infinite { "infinite" } else { "fixed" });
    }
    if let Some((tier, inferred)) = tier(properties) {
        xml += &element("AccessTier", tier);
        if inferred {
            xml += &element("AccessTierInferred", "true");
        }
    }
    xml += &element("ServerEncrypted", "true");
    if properties.sealed {
        xml += &element("Sealed", "true");
    }
    xml += "</Properties>";
    xml += &metadata(message, &properties.metadata);
    xml + "</Blob>"
}

/// The head of a listing, which repeats what was asked for.
fn begin(message: &Message) -> String {
    let host = message.header("host").unwrap_or("127.0.0.1");
    let endpoint = escape(&format!("http://{host}/{}/", message.account));
    let mut xml = format!("{DECLARATION}<EnumerationResults ServiceEndpoint=\"{endpoint}\"");
    if let Some(container) = &message.container {
        xml += &format!(" ContainerName=\"{}\"", escape(container));
    }
    xml.push('>');
    for (parameter, name) in [
        ("prefix", "Prefix"),
        ("marker", "Marker"),
        ("maxresults", "MaxResults"),
        ("delimiter", "Delimiter"),
    ] {
        if let Some(value) = message.parameter(parameter) {
            xml += &element(name, value);
        }
    }
    xml
}

fn end(xml: String, next: Option<&str>) -> String {
    let next = next.map_or_else(|| "<NextMarker />".to_owned(), |next| element("NextMarker", next));
    xml + &next + "</EnumerationResults>"
}

fn stamp(stamp: Stamp) -> String {
    element("Last-Modified", &date::format_rfc1123(stamp.modified))
        + &element("Etag", &stamp.revision.bare())
}

/// Metadata only comes where it was asked for.
fn metadata(message: &Message, metadata: &[(String, String)]) -> String {
    if !message.includes("metadata") {
        return String::new();
    }
    let pairs: String = metadata.iter().map(|(name, value)| element(name, value)).collect();
    format!("<Metadata>{pairs}</Metadata>")
}

/// Characters that XML cannot hold make the service encode the whole name.
fn name(name: &str) -> String {
    let unfit = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{fffe}' | '\u{ffff}');
    if name.contains(unfit) {
        let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
        return format!("<Name Encoded=\"true\">{encoded}</Name>");
    }
    element("Name", name)
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}
