//! Compressed files, told by their first bytes and unpacked once.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::error::{ErrorKind, InputError};
use super::source::Source;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstandard,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstandard => "zstd",
        })
    }
}

impl Compression {
    fn of(source: &Source) -> Result<Option<Compression>, InputError> {
        let mut magic = [0; 4];
        let length = source.read_at(0, &mut magic)?;
        Ok(match &magic[..length] {
            [0x1F, 0x8B, ..] => Some(Compression::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD] => Some(Compression::Zstandard),
            _ => None,
        })
    }
}

/// The content of `source`, and how it was packed.
pub(super) fn unpack(source: &Source) -> Result<(Source, Option<Compression>), InputError> {
    let Some(compression) = Compression::of(source)? else {
        return Ok((source.clone(), None));
    };
    let mut packed = source.reader();
    let mut file = Source::spool_file(source.path())?;
    let mut unpacked = Unpacked {
        file: &mut file,
        failure: None,
    };
    let result = match compression {
        Compression::Gzip => {
            io::copy(&mut MultiGzDecoder::new(&mut packed), &mut unpacked).map(drop)
        }
        Compression::Zstandard => unpack_zstandard(&mut packed, &mut unpacked),
    };
    if let Some(failure) = unpacked.failure {
        return Err(InputError::io(source.path(), "unpack", failure));
    }
    result.map_err(|error| {
        InputError::new(
            source.path(),
            ErrorKind::Packed {
                compression,
                source: error,
            },
        )
    })?;
    let content = Source::from_spool(source.path(), file);
    match Compression::of(&content)? {
        Some(_) => Err(InputError::new(source.path(), ErrorKind::PackedTwice)),
        None => Ok((content, Some(compression))),
    }
}

/// Where the content goes; keeps a full disk apart from a damaged file.
struct Unpacked<'a> {
    file: &'a mut std::fs::File,
    failure: Option<io::Error>,
}

impl Write for Unpacked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A zstd file is a sequence of frames, some of which are to be skipped.
fn unpack_zstandard(packed: &mut impl BufRead, unpacked: &mut impl Write) -> io::Result<()> {
    while !packed.fill_buf()?.is_empty() {
        match StreamingDecoder::new(&mut *packed) {
            Ok(mut frame) => {
                io::copy(&mut frame, unpacked).map_err(|_| damaged())?;
                let (stated, computed) = (
                    frame.decoder.get_checksum_from_data(),
                    frame.decoder.get_calculated_checksum(),
                );
                if stated.is_some() && stated != computed {
                    return Err(damaged());
                }
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                io::copy(&mut packed.by_ref().take(length.into()), &mut io::sink())?;
            }
            Err(_) => return Err(damaged()),
        }
    }
    Ok(())
}

/// The decoder's own words name its parts, which help nobody.
fn damaged() -> io::Error {
    io::Error::other("it is cut off or damaged")
}
