//! Measures both layouts through the real component: large pieces, and small records that are
//! committed often. The local store is in memory, in threads of its own.
//!
//!     cargo run --profile host --package everblob-host --example measure

use std::sync::mpsc::channel;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::stream::{self, Layout};
use everblob_host::component::{Appender, Component, Error};
use everblob_host::credential;
use everblob_host::reading::Reader;
use everblob_host::store::{self, StoreOptions};
use tokio::time::Instant;

/// What is appended.
struct Load {
    name: &'static str,
    piece_bytes: usize,
    pieces: usize,
    /// Pieces between commits.
    flush_pieces: usize,
    compact_above: Option<u32>,
}

const LOADS: [Load; 3] = [
    Load {
        name: "256 MB in 1 MB pieces",
        piece_bytes: 1_000_000,
        pieces: 256,
        flush_pieces: 256,
        compact_above: None,
    },
    Load {
        name: "200,000 x 200 B, flush per 1,000",
        piece_bytes: 200,
        pieces: 200_000,
        flush_pieces: 1_000,
        compact_above: None,
    },
    Load {
        name: "the same, merged above 50 blocks",
        piece_bytes: 200,
        pieces: 200_000,
        flush_pieces: 1_000,
        compact_above: Some(50),
    },
];

fn main() -> anyhow::Result<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut store = store::start(StoreOptions::default()).await?;
            sender.send(store.address())?;
            store.ended().await;
            anyhow::Ok(())
        })
    });
    let container = format!("http://{}/devstoreaccount1/measure", receiver.recv()?);
    let component = Component::load()?;
    // As in the command line: everything in one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("| what | layout | MB/s | records/s | requests | block lists |");
    println!("|---|---|---|---|---|---|");
    for (at, load) in LOADS.iter().enumerate() {
        for layout in [Layout::Append, Layout::Block] {
            if layout == Layout::Append && load.compact_above.is_some() {
                continue;
            }
            let url = format!("{container}/{at}-{layout:?}");
            let address = StreamAddress::parse(&url).map_err(anyhow::Error::msg)?;
            println!("{}", runtime.block_on(measure(&component, &address, load, layout))?);
        }
    }
    Ok(())
}

/// One row of the table.
async fn measure(
    component: &Component,
    address: &StreamAddress,
    load: &Load,
    layout: Layout,
) -> anyhow::Result<String> {
    let source = credential::resolve(address, &|_| None).map_err(anyhow::Error::msg)?;
    let credential = source.credential();
    let mut appender =
        Appender::open(component, address, credential, &options(load, layout)).await?;
    let piece: Vec<u8> = (0..load.piece_bytes).map(|n| (n % 251) as u8).collect();
    let began = Instant::now();
    for number in 1..=load.pieces {
        give(&mut appender, &piece).await?;
        if number % load.flush_pieces == 0 {
            appender.flush(None).await?;
        }
    }
    appender.close(None).await?;
    let seconds = began.elapsed().as_secs_f64();
    let stats = appender.stats().await?;

    let bytes = (load.piece_bytes * load.pieces) as u64;
    let (outgoing, patience) = (component.outgoing().clone(), Duration::ZERO);
    let reader = Reader::new(outgoing, address.clone(), credential.clone(), patience);
    let stored = reader.find().await?.map_or(0, |found| found.length());
    anyhow::ensure!(stored == bytes, "{stored} bytes are stored and not {bytes}");
    Ok(format!(
        "| {} | {} | {:.0} | {:.0} | {} | {} B |",
        load.name,
        if layout == Layout::Append { "append" } else { "block" },
        bytes as f64 / 1e6 / seconds,
        load.pieces as f64 / seconds,
        requests(&stats.requests_by_kind),
        stats.block_list_bytes,
    ))
}

fn options(load: &Load, layout: Layout) -> stream::Options {
    stream::Options {
        layout: Some(layout),
        create_container: Some(true),
        expected_end: Some(0),
        compact_above: load.compact_above,
        ..stream::Options::default()
    }
}

/// Appends a piece as soon as there is room.
async fn give(appender: &mut Appender, piece: &[u8]) -> Result<(), Error> {
    let activity = appender.activity();
    loop {
        match appender.append(piece).await {
            Ok(_) => return Ok(()),
            Err(Error::Stream(stream::Error::BufferFull)) => {
                let _ = tokio::time::timeout(Duration::from_millis(20), activity.notified()).await;
                appender.drive(Duration::ZERO).await?;
            }
            Err(err) => return Err(err),
        }
    }
}

/// The kinds of requests that were sent.
fn requests(counts: &stream::RequestCounts) -> String {
    let kinds = [
        ("Append Block", counts.append_block),
        ("Put Blob", counts.put_blob),
        ("Put Block", counts.put_block),
        ("Put Block List", counts.put_block_list),
        ("Get Block List", counts.get_block_list),
        ("Lease Blob", counts.lease_blob),
        ("Get Blob", counts.get_blob),
        ("Set Blob Metadata", counts.set_metadata),
        ("Get Blob Properties", counts.get_properties),
        ("List Blobs", counts.list_blobs),
        ("Append Blob Seal", counts.seal),
        ("Create Container", counts.create_container),
    ];
    let sent = kinds.iter().filter(|(_, count)| *count > 0);
    sent.map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}
