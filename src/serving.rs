//! `serve`: the container credentials contract on loopback. Every SDK asks such a server for credentials whenever it needs
//! them, so a job gets new sessions for as long as it runs.
//!
//! ```text
//! listener ─ one thread for each connection: head → gate → shelf ─ response
//!                                                            │ (only if no session is valid)
//! keeper  ─ the thread with the context: session::obtain ────┘ ahead of each session's end
//! ```
//!
//! The server is written on std: small HTTP crates limit neither the size nor the time of a request, nor the number of threads.

mod gate;
mod head;
mod keeper;
mod listener;
mod others;
mod response;
mod shelf;

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::model::duration::SessionDuration;
use crate::model::handout::{Change, Credentials, Handout};
use crate::model::region::Region;
use crate::model::session_policy::SessionPolicy;
use crate::model::shell::CommandLine;
use crate::process::Program;
use crate::process::child::Foreground;
use gate::Gate;
use head::Head;
pub use keeper::Keeper;
use listener::Handler;
use others::DEFAULT;
use response::Response;
pub use shelf::Shelf;

/// How long a client waits for a session. SDKs wait 1 to 5 seconds, and then try again.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How long a renewal may delay the end after the command has ended.
const LAST_RENEWAL: Duration = Duration::from_secs(1);

/// What to serve.
pub struct Options<'a> {
    /// The profiles, the default one first.
    pub profiles: Vec<Named<'a>>,
    /// The port on 127.0.0.1; 0 is a free one.
    pub port: u16,
    /// The session duration, instead of the environment's or the profile's.
    pub duration: Option<SessionDuration>,
    /// What narrows the sessions of roles.
    pub policy: Option<SessionPolicy>,
}

/// A server with a session for each profile.
pub struct Server<'a> {
    ctx: &'a Context,
    profiles: Vec<Named<'a>>,
    keeper: Keeper<'a>,
    gate: Arc<Gate>,
    listener: TcpListener,
    port: u16,
}

/// What the thread with the context waits for.
enum Event {
    /// A client needs a session that is not valid.
    Asked { profile: usize, reply: SyncSender<CommandResult> },
    /// The command has ended.
    Ended(io::Result<ExitStatus>),
}

impl<'a> Server<'a> {
    /// Opens the port, and gets the first session of each profile.
    pub fn open(ctx: &'a Context, options: Options<'a>) -> CommandResult<Self> {
        let mut profiles: Vec<Named> = Vec::new();
        for named in options.profiles {
            if profiles.iter().all(|earlier| earlier.name() != named.name()) {
                profiles.push(named);
            }
        }
        if let Some(named) = profiles.iter().skip(1).find(|named| matches!(named.name(), "." | "..")) {
            return Err(no_path(named.name()));
        }
        let gate = Arc::new(Gate::new(profiles.iter().map(|named| named.name().to_owned()).collect())?);
        // Before a code is used for a session.
        let listener = listener::bind(options.port).map_err(|error| cannot_listen(options.port, error))?;
        let port = listener.local_addr().map_err(|error| cannot_listen(options.port, error))?.port();
        let keeper = Keeper::start(ctx, &profiles, options.duration, options.policy)?;
        Ok(Self { ctx, profiles, keeper, gate, listener, port })
    }

    /// The profiles, each with its URL; the default one first.
    pub fn urls(&self) -> impl Iterator<Item = (&'a str, String)> {
        self.profiles.iter().map(|named| (named.name(), self.url(named.name())))
    }

    fn url(&self, profile: &str) -> String {
        format!("http://127.0.0.1:{}{}", self.port, gate::path(profile))
    }

    /// The variables that make the programs of another shell use the server for the default profile.
    pub fn exports(&self) -> Vec<Change> {
        self.changes(|_| None)
    }

    fn changes<'v>(&self, get: impl Fn(&str) -> Option<&'v str>) -> Vec<Change> {
        let profile = self.profiles[0].name();
        let (url, token) = (self.url(profile), self.gate.token());
        let region = self.keeper.region(0).map(Region::as_str);
        let credentials = Credentials::Server { url: &url, token };
        Handout { profile, credentials, region }.changes(get)
    }

    /// Warns if programs would not use the server: every SDK looks for credentials of `default` first.
    pub fn warn_of_others(&self) {
        let Ok(profiles) = self.ctx.profiles() else { return };
        let (ui, served) = (&self.ctx.ui, self.profiles[0].name());
        if !others::hide_the_server(&profiles, served) {
            return;
        }
        ui.warn("profile `default` has credentials of its own, and SDKs use them instead of the server");
        if served == DEFAULT {
            ui.hint(CommandLine::new("awsmfa setup").profile(DEFAULT));
        } else {
            let exec = CommandLine::new("awsmfa exec").profile(served);
            ui.hint(format_args!(
                "rename the section [default], or set variables that take precedence: `{exec}`"
            ));
        }
    }

    /// Serves until a signal ends the program.
    pub fn run(self) -> CommandResult {
        if !self.ctx.prompt.can_ask() {
            self.keeper.warn_of_typed_codes();
        }
        interrupt::expect();
        let (events, received) = mpsc::channel();
        self.serve(&events, &received).map(|_| ())
    }

    /// Serves while a command runs, and returns how the command ended.
    pub fn run_command(self, program: &Program, arguments: &[OsString]) -> CommandResult<ExitStatus> {
        let env = self.ctx.env.changed(&self.changes(|name| self.ctx.env.get(name)));
        let (events, received) = mpsc::channel();
        self.keeper.warn_of_typed_codes();
        // The terminal is the command's from now on.
        self.ctx.prompt.retire();
        self.ctx.ui.lend_terminal();
        let command = Foreground::start(program, arguments, &env)?;
        let (ended, clock) = (events.clone(), self.ctx.clock.clone());
        let wait = move || {
            let status = command.wait();
            let last = status.as_ref().ok().copied();
            let _ = ended.send(Event::Ended(status));
            // The main thread may be waiting for AWS, or for the next code.
            clock.sleep(LAST_RENEWAL);
            interrupt::end_at_once(last);
        };
        std::thread::Builder::new().name("command".to_owned()).spawn(wait)?;
        self.serve(&events, &received)
    }

    /// Answers and renews until the command has ended.
    fn serve(mut self, events: &Sender<Event>, received: &Receiver<Event>) -> CommandResult<ExitStatus> {
        let shelf = self.keeper.shelf().clone();
        let front = Front { gate: self.gate, shelf, events: events.clone() };
        listener::start(self.listener, self.ctx.clock.clone(), Arc::new(front))?;
        loop {
            match received.recv_timeout(self.keeper.wait()) {
                // The client may have gone.
                Ok(Event::Asked { profile, reply }) => drop(reply.send(self.keeper.ensure(profile))),
                Ok(Event::Ended(status)) => return Ok(status?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("`events` is a sender"),
            }
            // Also after an event: clients that ask all the time must not prevent it.
            self.keeper.renew_due();
        }
    }
}

/// What the connections share.
struct Front {
    gate: Arc<Gate>,
    shelf: Arc<Shelf>,
    events: Sender<Event>,
}

impl Handler for Front {
    fn response(&self, head: &Head) -> Response {
        let profile = match self.gate.admit(head) {
            Ok(profile) => profile,
            Err(refusal) => return refusal.into(),
        };
        if let Some(body) = self.shelf.get(profile) {
            return Response::session(&body);
        }
        let (reply, answer) = mpsc::sync_channel(1);
        // If nobody receives it, the program is about to end.
        let _ = self.events.send(Event::Asked { profile, reply });
        match answer.recv_timeout(ANSWER_LIMIT) {
            Ok(Ok(())) => {
                self.shelf.get(profile).map_or_else(Response::busy, |body| Response::session(&body))
            }
            Ok(Err(error)) => Response::failed(&error),
            Err(_) => Response::busy(),
        }
    }
}

/// Clients read such a path as `/`, where the first profile is.
fn no_path(name: &str) -> CommandError {
    CommandError::new(ErrorKind::Usage, format!("profile `{name}` cannot be served after another profile"))
        .hint("make it the first `--profile`, or rename it")
}

fn cannot_listen(port: u16, error: io::Error) -> CommandError {
    let place = if port == 0 { "127.0.0.1".to_owned() } else { format!("127.0.0.1:{port}") };
    let (kind, why, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::Failed,
            "another program is using this port".to_owned(),
            Some("leave out `--port` to use a free port"),
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Usage,
            "the system does not allow it".to_owned(),
            Some("use a port above 1023, or leave out `--port` to use a free one"),
        ),
        _ => (ErrorKind::Failed, error.to_string(), None),
    };
    let this = CommandError::new(kind, format!("cannot listen on {place}: {why}")).because(error);
    hint.into_iter().fold(this, CommandError::hint)
}
