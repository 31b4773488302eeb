//! A connection that can break as real ones do: in the middle of a reply, or with a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const RESET: u8 = 2;

/// How the reply that comes next on a connection will end; shared by the connection and whoever answers on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate(Arc<AtomicU8>);

impl Fate {
    /// Let the head of the next reply and half of its body through, then close.
    pub(super) fn cut(&self) {
        self.0.store(CUT, Ordering::Relaxed);
    }

    /// Send a reset instead of an orderly end when the connection is dropped.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::Relaxed);
    }

    fn is(&self, fate: u8) -> bool {
        self.0.load(Ordering::Relaxed) == fate
    }
}

/// The server's end of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    fate: Fate,
    /// With a cut reply: how much of it may still pass.
    allowance: Option<usize>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, fate: Fate) -> Self {
        debug_assert!(fate.is(WHOLE), "a new connection has a clean fate");
        Self {
            stream,
            fate,
            allowance: None,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.fate.is(RESET) {
            // Closing with a linger time of zero makes the kernel send RST. Should it fail, the client sees an
            // orderly end without a reply, which is as bad.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

// Vectored writes stay off (the default): hyper then hands over head and body in one piece, in which the end of
// the head is easily found.
impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.fate.is(CUT) {
            return Pin::new(&mut self.stream).poll_write(context, buffer);
        }
        let allowance = self
            .allowance
            .unwrap_or_else(|| half_way(buffer))
            .min(buffer.len());
        if allowance == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = std::task::ready!(
            Pin::new(&mut self.stream).poll_write(context, &buffer[..allowance])
        )?;
        self.allowance = Some(allowance.saturating_sub(written));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.is(RESET) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The length of a reply's head and half of its body.
fn half_way(reply: &[u8]) -> usize {
    let head = reply
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(0, |at| at + 4);
    head + (reply.len() - head) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_is_after_the_head() {
        assert_eq!(half_way(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n12345678"), 25 + 4);
        assert_eq!(half_way(b"no head"), 3);
    }
}
