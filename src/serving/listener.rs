//! Connections: how many, how large and how slow they may be. A connection has a thread of its own, and is closed after one
//! response. When all places are taken, the connection that has waited longest without sending its request has to go, so
//! that idle ones keep nobody out.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::head::{self, Head};
use super::response::{Refusal, Response};
use crate::clock::{SharedClock, Stopwatch};

/// The most connections at a time. Systems allow a process as few as 256 open files.
const PLACES: usize = 100;

/// How long a connection may take to send its request, if nobody else needs its place.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection has to send its request if others wait for a place. SDKs send it at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a connection may take to receive its response, or to stop sending after a refusal.
const WRITE_LIMIT: Duration = Duration::from_secs(2);

/// How much is read after a refusal: if unread data were left, the response would be lost.
const DRAIN_LIMIT: usize = 256 * 1024;

/// Threads only parse a small request.
const STACK: usize = 256 * 1024;

/// Answers a request.
pub trait Handler: Send + Sync {
    fn response(&self, head: &Head) -> Response;
}

/// Listens on loopback only. Port 0 is a free port.
pub fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Serves from now on, until the process ends.
pub fn start(listener: TcpListener, clock: SharedClock, handler: Arc<dyn Handler>) -> io::Result<()> {
    let accept = move || {
        let connections = Arc::<Connections>::default();
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => connections.serve(stream, &handler),
                // The process has too many open files, or the client has gone.
                Err(_) => clock.sleep(Duration::from_millis(20)),
            }
        }
    };
    std::thread::Builder::new().name("listener".to_owned()).spawn(accept)?;
    Ok(())
}

/// The open connections.
#[derive(Default)]
struct Connections {
    open: Mutex<Open>,
    closed: Condvar,
}

#[derive(Default)]
struct Open {
    count: usize,
    next_id: u64,
    /// The connections that have not sent their requests, oldest first.
    reading: VecDeque<Reading>,
}

struct Reading {
    id: u64,
    stream: Arc<TcpStream>,
    since: Stopwatch,
}

impl Connections {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection on its own thread, or closes it.
    fn serve(self: &Arc<Self>, stream: TcpStream, handler: &Arc<dyn Handler>) {
        let Some(place) = self.place(stream) else { return };
        let handler = handler.clone();
        let thread = std::thread::Builder::new().name("connection".to_owned()).stack_size(STACK);
        // Without a thread, dropping the place closes the connection.
        let _ = thread.spawn(move || place.serve(&*handler));
    }

    /// A place for a connection. Waits for one if there is none, and takes it from an idle connection if necessary.
    fn place(self: &Arc<Self>, stream: TcpStream) -> Option<Place> {
        let mut open = self.open();
        if open.count >= PLACES {
            let waited = open.reading.front().map_or(Duration::ZERO, |oldest| oldest.since.elapsed());
            open = self.wait(open, PATIENCE.saturating_sub(waited));
        }
        if open.count >= PLACES {
            let idle = open.reading.pop_front()?;
            // Its thread reads the end of the stream and leaves.
            let _ = idle.stream.shutdown(Shutdown::Both);
            open = self.wait(open, PATIENCE);
        }
        if open.count >= PLACES {
            return None;
        }
        let (id, stream) = (open.next_id, Arc::new(stream));
        open.next_id += 1;
        open.count += 1;
        open.reading.push_back(Reading { id, stream: stream.clone(), since: Stopwatch::start() });
        Some(Place { connections: self.clone(), id, stream })
    }

    fn wait<'a>(&self, open: MutexGuard<'a, Open>, limit: Duration) -> MutexGuard<'a, Open> {
        let waited = self.closed.wait_timeout_while(open, limit, |open| open.count >= PLACES);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An open connection. Dropping it gives its place to another one.
struct Place {
    connections: Arc<Connections>,
    id: u64,
    stream: Arc<TcpStream>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.has_read();
        self.connections.open().count -= 1;
        self.connections.closed.notify_one();
    }
}

impl Place {
    /// From now on, the connection waits for awsmfa and keeps its place.
    fn has_read(&self) {
        self.connections.open().reading.retain(|reading| reading.id != self.id);
    }

    fn serve(&self, handler: &dyn Handler) {
        let watch = Stopwatch::start();
        let mut buffer = Zeroizing::new([0; head::LIMIT]);
        let request = self.read(buffer.as_mut_slice(), watch);
        self.has_read();
        let (response, is_read) = match request {
            Ok(bytes) => match Head::parse(bytes) {
                Ok(head) => (handler.response(&head), true),
                Err(head::Malformed) => (Refusal::Malformed.into(), false),
            },
            Err(Some(refusal)) => (refusal.into(), false),
            Err(None) => return,
        };
        self.send(&response, is_read);
    }

    /// Reads the head of the request. `None` means that the client has gone.
    fn read<'b>(&self, buffer: &'b mut [u8], watch: Stopwatch) -> Result<&'b [u8], Option<Refusal>> {
        let mut count = 0;
        loop {
            if let Some(length) = head::length(&buffer[..count]) {
                return Ok(&buffer[..length]);
            }
            if count == buffer.len() {
                return Err(Some(Refusal::Long));
            }
            match self.read_some(&mut buffer[count..], READ_LIMIT.saturating_sub(watch.elapsed())) {
                Ok(0) if count == 0 => return Err(None),
                Ok(0) => return Err(Some(Refusal::Malformed)),
                Ok(more) => count += more,
                Err(error) if is_timeout(&error) => return Err(Some(Refusal::Slow)),
                Err(_) => return Err(None),
            }
        }
    }

    fn read_some(&self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
        if limit.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(limit))?;
        loop {
            match (&*self.stream).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Sends the response. If the client has gone, there is nobody to tell.
    fn send(&self, response: &Response, is_read: bool) {
        let sent = self.stream.set_write_timeout(Some(WRITE_LIMIT));
        let sent = sent.and_then(|()| (&*self.stream).write_all(response.bytes()));
        if sent.and_then(|()| self.stream.shutdown(Shutdown::Write)).is_ok() && !is_read {
            self.drain();
        }
    }

    fn drain(&self) {
        let watch = Stopwatch::start();
        let mut buffer = Zeroizing::new([0; 4096]);
        let mut count = 0;
        while count < DRAIN_LIMIT {
            match self.read_some(buffer.as_mut_slice(), WRITE_LIMIT.saturating_sub(watch.elapsed())) {
                Ok(more) if more > 0 => count += more,
                _ => return,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
