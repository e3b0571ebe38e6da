//! Logins to many profiles. AWS accepts each code of a device once, so profiles that share a device take turns; devices do not
//! wait for each other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use super::one::{Got, Login, Options, finish, get, login};
use crate::aws_files::keeps_keys_of;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::{Context, Parts};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::store::registry::DeviceRecord;
use crate::ui::{Board, Line, Screen, Style, Ui};

/// How many devices are used side by side. Each one has a thread.
const SIDE_BY_SIDE: usize = 8;

/// A profile with long-term keys, and its MFA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// The serial, unparsed.
    device: String,
}

/// The profiles with long-term keys and an MFA device.
pub fn profiles_with_device(ctx: &Context) -> CommandResult<Vec<Profile>> {
    let profiles = ctx.profiles()?;
    let registered = ctx.vault.devices()?;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for name in profiles.names() {
        let base = keeps_keys_of(name).unwrap_or(name);
        if !seen.insert(base) {
            continue;
        }
        let resolution = match resolve(&profiles, base) {
            Ok(resolution) => resolution,
            Err(why) => {
                ctx.ui.detail(format_args!("skipping `{base}`: {why}"));
                continue;
            }
        };
        let uses = |device: &&DeviceRecord| resolution.chain.iter().any(|p| device.profiles.contains(p));
        let of_registry = || registered.iter().find(uses).map(|device| device.serial.to_string());
        let serial = resolution.serial.as_ref().map(|setting| setting.text.clone());
        let Some(device) = serial.or_else(of_registry) else { continue };
        match &resolution.keys {
            Ok(_) => found.push(Profile { name: base.to_owned(), device }),
            Err(why) => ctx.ui.detail(format_args!("skipping `{base}`: {why}")),
        }
    }
    Ok(found)
}

/// Logs in to the profiles, and reports each result in their order. Ends early only if a person interrupts a prompt.
pub fn all(
    ctx: &Context,
    profiles: &[Profile],
    options: &Options,
    mut report: impl FnMut(&str, CommandResult<Login>),
) -> CommandResult {
    let groups = by_device(profiles);
    if groups.len() > 1 {
        return side_by_side(ctx, profiles, groups, options, report);
    }
    for Profile { name, .. } in profiles {
        report(name, interruptible(login(ctx, Named::Flag(name), options))?);
    }
    Ok(())
}

/// An interrupt ends everything; any other error belongs to its profile.
fn interruptible<T>(result: CommandResult<T>) -> CommandResult<CommandResult<T>> {
    match result {
        Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
        result => Ok(result),
    }
}

/// Profiles, by their places in the list, that share a device.
type Group = Vec<usize>;

fn by_device(profiles: &[Profile]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = HashMap::new();
    for (index, profile) in profiles.iter().enumerate() {
        let place = *places.entry(&profile.device).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// What the threads send to the one that writes the sessions and owns the terminal.
enum Event {
    Line(usize, Line),
    Got(usize, Box<CommandResult<Got>>),
}

/// What the threads work on.
struct Work {
    profiles: Vec<Profile>,
    options: Options,
    queue: Mutex<VecDeque<Group>>,
    style: Style,
}

fn side_by_side(
    ctx: &Context,
    profiles: &[Profile],
    groups: Vec<Group>,
    options: &Options,
    mut report: impl FnMut(&str, CommandResult<Login>),
) -> CommandResult {
    let (screen, threads) = (Screen::default(), groups.len().min(SIDE_BY_SIDE));
    let parts = ctx.parts(screen.in_turn(ctx.prompt.clone()));
    let work = Arc::new(Work {
        profiles: profiles.to_vec(),
        options: options.clone(),
        queue: Mutex::new(groups.into()),
        style: ctx.ui.style(),
    });
    let (send, events) = mpsc::channel();
    for thread in 0..threads {
        let (work, parts, send) = (work.clone(), parts.clone(), send.clone());
        // Never joined: after Ctrl-C at a prompt, nobody waits for the others.
        std::thread::Builder::new()
            .name(format!("login {thread}"))
            .spawn(move || work.run(thread, parts, &send))
            .map_err(|error| {
                CommandError::new(ErrorKind::Failed, format!("cannot start a thread: {error}"))
            })?;
    }
    drop(send);
    let mut board = Board::new(&ctx.ui, screen);
    let mut results: Vec<Option<CommandResult<Login>>> = profiles.iter().map(|_| None).collect();
    let mut next = 0;
    for event in events {
        match event {
            Event::Line(thread, line) => board.show(thread, line),
            Event::Got(index, got) => {
                let got = interruptible(*got)?;
                // Written at once, whatever the others still wait for, and reported in order.
                results[index] = Some(board.above(|_| got.and_then(|got| finish(ctx, got, options))));
                while let Some(result) = results.get_mut(next).and_then(Option::take) {
                    board.above(|_| report(&profiles[next].name, result));
                    next += 1;
                }
            }
        }
    }
    match next == profiles.len() {
        true => Ok(()),
        false => Err(CommandError::new(ErrorKind::Failed, "a login ended without a result")),
    }
}

impl Work {
    /// Gets the sessions of one device after the other.
    fn run(&self, thread: usize, parts: Parts, send: &Sender<Event>) {
        let lines = send.clone();
        // If nobody receives anymore, the program is about to end.
        let ui = Ui::relayed(self.style, move |line| drop(lines.send(Event::Line(thread, line))));
        let Ok(ctx) = Context::of(parts, ui) else { unreachable!("the first context has a home folder") };
        while let Some(group) = self.next() {
            for index in group {
                let name = &self.profiles[index].name;
                ctx.ui.set_task(format!("profile `{name}`"));
                ctx.ui.doing("logging in");
                let got = get(&ctx, Named::Flag(name), &self.options);
                let _ = send.send(Event::Line(thread, Line::Progress(String::new())));
                let _ = send.send(Event::Got(index, Box::new(got)));
            }
        }
    }

    fn next(&self) -> Option<Group> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_grouped_by_device_in_order() {
        let profile =
            |(name, device): (&str, &str)| Profile { name: name.to_owned(), device: device.to_owned() };
        let profiles = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "z")].map(profile);
        assert_eq!(by_device(&profiles), [vec![0, 2], vec![1], vec![3]]);
    }
}
