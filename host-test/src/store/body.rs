//! The body of an answer: nothing, a text, or a blob's content, read while it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use everblob::sim::service::Extent as _;

use super::piece::Piece;

/// Up to here content is read before the answer begins; it is not worth a thread.
const AT_ONCE: u64 = 64 << 10;
/// How much is read at a time; as many chunks wait for a slow client as the channel holds.
const CHUNK: u64 = 256 << 10;
const CHUNKS_AHEAD: usize = 4;

/// What is sent after the head of an answer.
pub(super) enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// It comes in chunks.
    Streamed {
        /// The chunks.
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        /// How many bytes are to come.
        left: u64,
    },
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::Whole(None)
    }

    pub(super) fn text(text: String) -> Self {
        Self::Whole(Some(text.into()))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// A little content is read at once, which may fail.
    pub(super) fn content(pieces: Vec<Piece>) -> io::Result<Self> {
        let left = pieces.iter().map(Piece::len).sum();
        if left <= AT_ONCE {
            return Ok(Self::Whole(Some(joined(&pieces)?)));
        }
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        tokio::task::spawn_blocking(move || {
            for group in groups(pieces) {
                let chunk = joined(&group);
                let failed = chunk.is_err();
                // An error to send means that the client has gone.
                if sender.blocking_send(chunk).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self::Streamed { chunks, left })
    }
}

/// Cuts pieces to chunks, and gathers small ones: a blob may have 50,000 of a byte each.
fn groups(pieces: Vec<Piece>) -> impl Iterator<Item = Vec<Piece>> {
    let chunks = pieces.into_iter().flat_map(|piece| {
        let length = piece.len();
        (0..length).step_by(CHUNK as usize).map(move |offset| {
            let count = CHUNK.min(length - offset);
            piece.slice(offset, count)
        })
    });
    let mut chunks = chunks.peekable();
    std::iter::from_fn(move || {
        let mut group = vec![chunks.next()?];
        let mut size = group[0].len();
        while let Some(next) = chunks.next_if(|next| size + next.len() <= CHUNK) {
            size += next.len();
            group.push(next);
        }
        Some(group)
    })
}

fn joined(pieces: &[Piece]) -> io::Result<Bytes> {
    if let [piece] = pieces {
        return piece.bytes();
    }
    let mut bytes = BytesMut::new();
    for piece in pieces {
        bytes.extend_from_slice(&piece.bytes()?);
    }
    Ok(bytes.freeze())
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Frame::data).map(Ok)),
            Self::Streamed { chunks, left } => chunks.poll_recv(context).map(|chunk| {
                let chunk = chunk?;
                *left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                Some(chunk.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Streamed { left, .. } => *left,
        })
    }
}
