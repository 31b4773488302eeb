//! Bytes become text: decoded strictly, hashed on the way, a window at a time.

use blake3::Hasher;
use encoding_rs::{Decoder, DecoderResult, Encoding};

use super::encoding::{Suspicion, suspect};
use super::error::{ErrorKind, InputError};
use super::fingerprint::Fingerprint;
use super::source::Source;

/// How many bytes are read at once.
const CHUNK: usize = 128 * 1024;

/// A window that moves over the text of a source.
pub(super) struct Text {
    source: Source,
    encoding: &'static Encoding,
    decoder: Decoder,
    hasher: Hasher,
    chunk: Vec<u8>,
    position: u64,
    window: String,
    start: usize,
    end: End,
}

/// What follows the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// More text, or so it seems.
    Open,
    /// Nothing.
    Reached,
    /// Something that is not text.
    Fault(NotText),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotText {
    Malformed(&'static str, Suspicion),
    Nul,
}

impl Text {
    pub(super) fn new(source: Source, encoding: &'static Encoding) -> Text {
        Text {
            source,
            encoding,
            decoder: encoding.new_decoder_with_bom_removal(),
            hasher: Hasher::new(),
            chunk: vec![0; CHUNK],
            position: 0,
            window: String::new(),
            start: 0,
            end: End::Open,
        }
    }

    /// The text that is decoded and not yet consumed.
    pub(super) fn window(&self) -> &str {
        &self.window[self.start..]
    }

    pub(super) fn end(&self) -> End {
        self.end
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Of the bytes read so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.hasher, self.position)
    }

    /// Makes the window longer, unless its end is reached.
    pub(super) fn fill(&mut self) -> Result<(), InputError> {
        if self.end != End::Open {
            return Ok(());
        }
        self.window.drain(..self.start);
        self.start = 0;
        let read = self.source.read_at(self.position, &mut self.chunk)?;
        let last = read < self.chunk.len();
        let bytes = &self.chunk[..read];
        self.hasher.update(bytes);
        self.position += read as u64;

        let known = self.window.len();
        self.window.reserve(
            self.decoder
                .max_utf8_buffer_length_without_replacement(read)
                .unwrap_or(read),
        );
        let (result, taken) =
            self.decoder
                .decode_to_string_without_replacement(bytes, &mut self.window, last);
        if let DecoderResult::Malformed(length, more) = result {
            let bad = taken.saturating_sub(usize::from(length) + usize::from(more));
            let suspicion = suspect(self.encoding, &self.window, &bytes[bad..], last);
            self.end = End::Fault(NotText::Malformed(self.encoding.name(), suspicion));
        } else if last {
            self.end = End::Reached;
        }
        if self.window.as_bytes()[known..].contains(&0) {
            let nul = self.window[known..]
                .find('\0')
                .map_or(known, |at| known + at);
            self.window.truncate(nul);
            self.end = End::Fault(NotText::Nul);
        }
        Ok(())
    }
}

impl From<NotText> for ErrorKind {
    fn from(fault: NotText) -> ErrorKind {
        match fault {
            NotText::Malformed(encoding, suspicion) => ErrorKind::NotText {
                encoding,
                suspicion,
            },
            NotText::Nul => ErrorKind::Nul,
        }
    }
}
