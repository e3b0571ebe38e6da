//! A thread with a small tokio runtime that accepts connections. The server and the proxy each have one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A listening thread. Dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Listens on 127.0.0.1 (on any free port if `port` is 0) and calls `serve` with each connection, inside the
    /// runtime.
    pub(crate) fn listen(port: u16, serve: impl Fn(TcpStream) + Send + 'static) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("fake-aws {address}")).spawn(move || {
            // An error ends the thread, and tests then get "connection refused".
            let _ = runtime.block_on(accept(listener, serve, stopped));
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

async fn accept(
    listener: std::net::TcpListener,
    serve: impl Fn(TcpStream),
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            // The client may have disconnected already, which does not affect others.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let _ = stream.set_nodelay(true);
                serve(stream);
            },
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
