//! Response bodies and headers as broken proxies and networks send them: cut off, endless or slow.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::Sleep;

use crate::faults::{Cut, Endless, Wire};

const DRIP: Duration = Duration::from_millis(50);

/// A response body that is sent as a fault demands.
pub(crate) struct WireBody {
    rest: Option<Bytes>,
    length: Option<usize>,
    wire: Wire,
    pause: Option<Pin<Box<Sleep>>>,
}

impl WireBody {
    pub(crate) fn new(mut body: Vec<u8>, wire: Wire) -> Self {
        let whole = body.len();
        if let Wire::Cut(missing, _) = wire {
            body.truncate(whole.saturating_sub(missing));
        }
        let length = match wire {
            Wire::Whole | Wire::Cut(_, Cut::Matching) => Some(body.len()),
            Wire::Cut(_, Cut::Broken) => Some(whole),
            Wire::Cut(_, Cut::Close) | Wire::Endless(_) => None,
        };
        Self { rest: Some(body.into()), length, wire, pause: None }
    }

    pub(crate) fn stated_length(&self) -> Option<usize> {
        self.length
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if let Some(rest) = self.rest.take().filter(|rest| !rest.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        Poll::Ready(match self.wire {
            Wire::Cut(_, Cut::Broken) => Some(Err(io::Error::other("a fault breaks the connection"))),
            Wire::Whole | Wire::Cut(..) => None,
            Wire::Endless(Endless::Drip) => {
                self.pause = Some(Box::pin(tokio::time::sleep(DRIP)));
                Some(Ok(Frame::data(Bytes::from_static(b" "))))
            }
            Wire::Endless(_) => Some(Ok(Frame::data(Bytes::from_static(&[b' '; 64 * 1024])))),
        })
    }
}

/// Sends a status line, then headers until the client disconnects.
pub(crate) async fn endless_headers(mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    let line = format!("X-More: {}\r\n", "x".repeat(1000));
    loop {
        stream.write_all(line.as_bytes()).await?;
    }
}
