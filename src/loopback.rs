//! A page on this computer that sends one browser somewhere else.
//!
//! A URL that signs somebody in must not be an argument of the program that opens it: on most systems, every user sees the
//! arguments of every process. (A file with the URL would be private, but sandboxed browsers, such as Ubuntu's Firefox, cannot
//! read the places for such files.) The argument is therefore the URL of this page. It answers once, on the loopback interface
//! only, at a path that nobody can guess, and on Linux only to processes of the same user: another user who reads the
//! argument gets nothing. On macOS, the argument is not visible either (`process::opener`), and Windows shows command lines only
//! to their user.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use subtle::ConstantTimeEq;

use crate::clock::Stopwatch;
use crate::model::secret::Secret;

/// How long a visitor may take, all together. Browsers also open connections on which they send nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// The longest request that is read.
const REQUEST_LIMIT: usize = 16 * 1024;

/// The page, which waits for its visitor.
pub struct Redirect {
    listener: TcpListener,
    address: SocketAddr,
    path: Secret<String>,
    target: Secret<String>,
}

impl Redirect {
    /// A page that sends its visitor to `target`.
    pub fn to(target: Secret<String>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut random = [0u8; 32];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let path: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { listener, address, path: path.into(), target })
    }

    /// The page's URL.
    pub fn url(&self) -> Secret<String> {
        Secret::from(format!("http://{}/{}", self.address, self.path.expose()))
    }

    /// Answers those who have come since the last call. Returns whether one of them was sent to the target: the page's work is
    /// done then.
    pub fn answer(&self) -> io::Result<bool> {
        loop {
            match self.listener.accept() {
                // A visitor who leaves early is not the one.
                Ok((stream, visitor)) => {
                    if self.serve(stream, visitor).unwrap_or(false) {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if is_visitors_fault(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn serve(&self, mut stream: TcpStream, visitor: SocketAddr) -> io::Result<bool> {
        // Before anything is read: other users must not keep the browser waiting.
        if !is_same_user(visitor, self.address) {
            return Ok(false);
        }
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = read_head(&mut stream)?;
        let answer = match self.is_expected(&request) {
            true => format!("302 Found\r\nLocation: {}", self.target.expose()),
            false => "404 Not Found".to_owned(),
        };
        let end = "Content-Length: 0\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n";
        stream.write_all(format!("HTTP/1.1 {answer}\r\n{end}").as_bytes())?;
        Ok(answer.starts_with("302"))
    }

    /// Whether this is a request for the page, under its own name: another name for this address is an attack (DNS rebinding).
    fn is_expected(&self, head: &str) -> bool {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (words.next(), words.next().and_then(|path| path.strip_prefix('/')));
        let host = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        let is_path = path.is_some_and(|path| path.as_bytes().ct_eq(self.path.expose().as_bytes()).into());
        method == Some("GET") && is_path && host == Some(&self.address.to_string())
    }
}

/// The request up to the empty line.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let watch = Stopwatch::start();
    let (mut head, mut chunk) = (Vec::new(), [0; 2048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = PATIENCE.saturating_sub(watch.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&chunk[..count]),
        }
        if head.len() > REQUEST_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Whether accepting failed because of the visitor.
fn is_visitors_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Whether the visitor belongs to the user of this process, or is root, for whom nothing is private: WSL's relay from Windows
/// runs as root.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "a table of the kernel")]
fn is_same_user(visitor: SocketAddr, own: SocketAddr) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let user = rustix::process::getuid().as_raw();
    owner(&table, visitor, own).is_some_and(|owner| owner == user || owner == 0)
}

#[cfg(not(target_os = "linux"))]
fn is_same_user(_visitor: SocketAddr, _own: SocketAddr) -> bool {
    true
}

/// The user who has the socket at `local` that is connected to `remote`, in the kernel's table (`/proc/net/tcp`). A socket that
/// its program has closed has no inode there and would belong to root.
#[cfg(target_os = "linux")]
fn owner(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let text = |address: SocketAddr| match address {
        SocketAddr::V4(address) => {
            let number = u32::from_ne_bytes(address.ip().octets());
            Some(format!("{number:08X}:{:04X}", address.port()))
        }
        SocketAddr::V6(_) => None,
    };
    let (local, remote) = (text(local)?, text(remote)?);
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(1) == Some(&local.as_str()) && fields.get(2) == Some(&remote.as_str());
        let is_open = fields.get(9).is_some_and(|inode| *inode != "0");
        fields.get(7).filter(|_| is_it && is_open)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(page: &Redirect, request: &str) -> (String, bool) {
        let mut stream = TcpStream::connect(page.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let sent = page.answer().unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        (answer, sent)
    }

    fn page() -> Redirect {
        Redirect::to(Secret::from("https://example.com/?t=secret")).unwrap()
    }

    #[test]
    fn visitor_with_the_path_is_sent_on() {
        let page = page();
        let (host, path) = (page.address, page.path.expose().clone());
        assert_eq!(path.len(), 64);
        let (answer, sent) = visit(&page, &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(sent && answer.contains("\r\nLocation: https://example.com/?t=secret\r\n"), "{answer}");
    }

    #[test]
    fn anything_else_gets_nothing() {
        let page = page();
        let (host, path) = (page.address, page.path.expose().clone());
        for request in [
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", &path[1..]),
            format!("GET /{path}x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("HEAD /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET /{path} HTTP/1.1\r\nHost: evil.example:{}\r\n\r\n", host.port()),
            format!("GET /{path} HTTP/1.1\r\n\r\n"),
            "\u{0}\r\n\r\n".to_owned(),
            "x".repeat(REQUEST_LIMIT + 1),
            String::new(),
        ] {
            let (answer, sent) = visit(&page, &request);
            assert!(!sent && !answer.contains("secret"), "{request:?}: {answer}");
        }
        assert!(!page.answer().unwrap(), "nobody is left");
    }

    #[test]
    fn visitor_who_sends_byte_by_byte_is_not_waited_for() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (page, has_ended) = (page(), AtomicBool::new(false));
        let mut stream = TcpStream::connect(page.address).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..100 {
                    let _ = stream.write_all(b"x");
                    std::thread::sleep(PATIENCE / 5);
                }
                has_ended.store(true, Ordering::Relaxed);
            });
            assert!(!page.answer().unwrap());
            assert!(!has_ended.load(Ordering::Relaxed), "a browser would have waited for 10 s");
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn visitor_who_has_left_does_not_use_up_the_page() {
        let page = page();
        let request = format!("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n", page.path.expose(), page.address);
        TcpStream::connect(page.address).unwrap().write_all(request.as_bytes()).unwrap();
        assert!(!page.answer().unwrap(), "nobody is there");
        assert!(visit(&page, &request).1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn owner_of_a_connection_is_found() {
        let table = |inode: u32| {
            format!(
                "   1: {:08X}:9C40 {:08X}:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 {inode} 1",
                u32::from_ne_bytes([127, 0, 0, 1]),
                u32::from_ne_bytes([127, 0, 0, 1])
            )
        };
        let line = table(1);
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!(owner(&line, at(40_000), at(8080)), Some(1001));
        assert_eq!(owner(&line, at(8080), at(40_000)), None, "the other end");
        assert_eq!(owner(&table(0), at(40_000), at(8080)), None, "nobody has it anymore");
        assert_eq!(owner("", at(40_000), at(8080)), None);
    }
}
