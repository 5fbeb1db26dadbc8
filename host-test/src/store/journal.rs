//! The journal: the one file of a data folder, to which every effect is appended with its content.
//!
//! A record is a prefix of 20 bytes (the length of its header, the length of its content, the
//! CRC32 of both, and the CRC32 of the prefix so far; little-endian), a JSON header, and the
//! content, which is where reads find it.
//!
//! Invariants: a record is whole in the file before its effect is applied; a write that fails
//! leaves the file as it was; an unfinished record at the end was never acknowledged and is cut; any
//! other flaw stops the store, because what follows it was acknowledged. There is no fsync: the
//! journal outlives the process, not the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use everblob::sim::service::Effect;

use super::piece::{Piece, Source};

const FILE: &str = "journal";
const MAGIC: &[u8; 16] = b"everblob store1\n";
const PREFIX: usize = 20;
/// Content up to this size is written together with its header.
const TOGETHER: usize = 64 << 10;

/// A data folder, open and locked.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    source: Arc<Source>,
    /// Where the next record goes, in bytes.
    end: u64,
    /// Set when the file could not be brought back to its last good end.
    broken: bool,
    #[cfg(test)]
    room: Option<u64>,
}

/// The header of a record.
#[derive(Deserialize, Serialize)]
struct Header<A, E> {
    account: A,
    effect: E,
}

impl Journal {
    /// Opens a folder and gives every effect in it to `replay`, with its account, in order.
    pub(super) fn open(
        folder: &Path,
        mut replay: impl FnMut(String, Effect<Piece>),
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join(FILE);
        let name = path.display();
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&path).with_context(|| format!("cannot open {name}"))?;
        file.try_lock().with_context(|| {
            format!("{name} is in use; is another store running on the folder?")
        })?;
        let source = Source::open(&path).with_context(|| format!("cannot open {name}"))?;
        let mut journal = Self {
            file,
            source: Arc::new(source),
            end: 0,
            broken: false,
            #[cfg(test)]
            room: None,
        };
        let length = journal.file.metadata()?.len();
        journal.begin(length).with_context(|| format!("{name} is not a journal"))?;
        journal.load(length, &mut replay).with_context(|| format!("cannot read {name}"))?;
        if journal.end < length {
            let cut = length - journal.end;
            tracing::warn!("cut {cut} bytes off {name}: a record that was never acknowledged");
        }
        journal.file.set_len(journal.end).with_context(|| format!("cannot write {name}"))?;
        journal.file.seek(SeekFrom::Start(journal.end))?;
        Ok(journal)
    }

    /// Appends an effect. Its content is then at the place that is answered.
    ///
    /// # Errors
    /// If it cannot be written; the journal is then as it was.
    pub(super) fn write(
        &mut self,
        account: &str,
        effect: &Effect<Piece>,
    ) -> io::Result<Option<Piece>> {
        if self.broken {
            return Err(io::Error::other("the journal has an unfinished record"));
        }
        let header = serde_json::to_vec(&Header { account, effect })?;
        let content = effect.content.as_ref().map(Piece::bytes).transpose()?;
        let body = content.as_deref().unwrap_or_default();
        let offset = self.end + (PREFIX + header.len()) as u64;
        let mut record = prefix(&header, body).to_vec();
        record.extend_from_slice(&header);
        let written = if body.len() <= TOGETHER {
            record.extend_from_slice(body);
            self.append(&record)
        } else {
            self.append(&record).and_then(|()| self.append(body))
        };
        if let Err(error) = written {
            let restored = self.file.set_len(self.end);
            let restored = restored.and_then(|()| self.file.seek(SeekFrom::Start(self.end)));
            self.broken = restored.is_err();
            return Err(error);
        }
        let length = body.len() as u64;
        self.end = offset + length;
        let source = || Arc::clone(&self.source);
        Ok(content.map(|_| Piece::File { source: source(), offset, length }))
    }

    #[cfg(not(test))]
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes as much as there is room for, as a full disk does.
    #[cfg(test)]
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(room) = &mut self.room else { return self.file.write_all(bytes) };
        let fits = bytes.len().min(*room as usize);
        *room -= fits as u64;
        self.file.write_all(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    /// Checks the beginning of the file, or writes it.
    fn begin(&mut self, length: u64) -> anyhow::Result<()> {
        let mut magic = Vec::new();
        Read::by_ref(&mut self.file).take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        ensure!(MAGIC.starts_with(&magic), "it begins with something else");
        if length < MAGIC.len() as u64 {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(MAGIC)?;
        }
        self.end = MAGIC.len() as u64;
        Ok(())
    }

    fn load(
        &mut self,
        length: u64,
        replay: &mut impl FnMut(String, Effect<Piece>),
    ) -> anyhow::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        while let Some(record) = Loaded::read(&mut reader, length.saturating_sub(self.end))
            .with_context(|| format!("the record at byte {} is damaged", self.end))?
        {
            let header: Header<String, Effect<Piece>> = serde_json::from_slice(&record.header)
                .with_context(|| format!("the record at byte {} is of another kind", self.end))?;
            let offset = self.end + (PREFIX + record.header.len()) as u64;
            let mut effect = header.effect;
            if record.content > 0 {
                let (source, length) = (Arc::clone(&self.source), record.content);
                effect.content = Some(Piece::File { source, offset, length });
            }
            replay(header.account, effect);
            self.end = offset + record.content;
        }
        Ok(())
    }
}

impl Drop for Journal {
    /// Closing the file would be enough, if a process that is being started at this moment did not
    /// hold a copy of it.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "cannot unlock the journal");
        }
    }
}

/// A record as it is read, without its content.
struct Loaded {
    header: Vec<u8>,
    content: u64,
}

impl Loaded {
    /// The next record; nothing at the end of the file and before an unfinished one.
    fn read(reader: &mut impl BufRead, left: u64) -> anyhow::Result<Option<Self>> {
        if left < PREFIX as u64 {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX];
        reader.read_exact(&mut prefix)?;
        let (fields, check) = prefix.split_at(PREFIX - 4);
        if crc32fast::hash(fields).to_le_bytes() != *check {
            // After a crash of the machine the end of a file may be of zeros.
            if fields.iter().chain(check).all(|byte| *byte == 0) && is_zero(reader)? {
                return Ok(None);
            }
            bail!("its prefix does not have its checksum");
        }
        let header_length = u32::from_le_bytes(fields[..4].try_into()?);
        let content = u64::from_le_bytes(fields[4..12].try_into()?);
        let expected = u32::from_le_bytes(fields[12..].try_into()?);
        let length = u64::from(header_length).saturating_add(content);
        if length > left - PREFIX as u64 {
            return Ok(None);
        }
        let mut header = vec![0; header_length as usize];
        reader.read_exact(&mut header)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&header);
        hash(reader, content, &mut hasher)?;
        ensure!(hasher.finalize() == expected, "its content does not have its checksum");
        Ok(Some(Self { header, content }))
    }
}

fn prefix(header: &[u8], content: &[u8]) -> [u8; PREFIX] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(content);
    let mut prefix = [0; PREFIX];
    let length = u32::try_from(header.len()).expect("headers of requests are small");
    prefix[..4].copy_from_slice(&length.to_le_bytes());
    prefix[4..12].copy_from_slice(&(content.len() as u64).to_le_bytes());
    prefix[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
    let check = crc32fast::hash(&prefix[..16]);
    prefix[16..].copy_from_slice(&check.to_le_bytes());
    prefix
}

fn hash(reader: &mut impl Read, length: u64, hasher: &mut crc32fast::Hasher) -> io::Result<()> {
    let mut chunk = vec![0; length.min(TOGETHER as u64) as usize];
    let mut left = length;
    while left > 0 {
        let part = left.min(chunk.len() as u64) as usize;
        reader.read_exact(&mut chunk[..part])?;
        hasher.update(&chunk[..part]);
        left -= part as u64;
    }
    Ok(())
}

fn is_zero(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(true);
        }
        if chunk.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        let read = chunk.len();
        reader.consume(read);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use everblob::sim::service::{Change, Revision};
    use everblob::time::UnixTime;

    use super::*;

    fn append(bytes: usize) -> Effect<Piece> {
        let change = Change::BlockAppended {
            container: "logs".into(),
            name: "app".into(),
            revision: Revision(1),
            at: UnixTime(0),
        };
        Effect { change, content: Some(Piece::Memory(Bytes::from(vec![7; bytes]))) }
    }

    #[test]
    fn a_write_that_does_not_fit_leaves_the_journal_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), |_, _| {}).unwrap();
        journal.write("account", &append(10)).unwrap();
        let end = journal.end;
        // Room for nothing, for part of a prefix, of a header, and of the content of a large record.
        for (room, bytes) in [(0, 10), (7, 10), (50, 10), (100_000, 200_000)] {
            journal.room = Some(room);
            assert!(journal.write("account", &append(bytes)).is_err());
            assert_eq!(journal.file.metadata().unwrap().len(), end);
        }
        journal.room = None;
        let piece = journal.write("account", &append(20)).unwrap().unwrap();
        assert_eq!(piece.bytes().unwrap(), [7; 20].as_slice());
        drop(journal);
        let mut count = 0;
        Journal::open(folder.path(), |_, _| count += 1).unwrap();
        assert_eq!(count, 2);
    }
}
