//! Which file uses which: an arrow from a file to each file that defines something it names. Re-exports are followed to
//! the definition, so `crate::session::Plan` is an arrow to `session/plan.rs`, and a file that only re-exports has none.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Module, Source};

pub struct Graph<'a> {
    /// By the module's path from the crate root.
    rooms: BTreeMap<&'a [String], Room<'a>>,
    /// From each file to the files it uses, with one of the paths that refer to them.
    pub arrows: BTreeMap<&'a str, BTreeMap<&'a str, String>>,
}

struct Room<'a> {
    file: &'a str,
    module: &'a Module,
    /// The path of each imported name from the crate root.
    uses: BTreeMap<&'a str, Vec<String>>,
    /// The modules of glob imports.
    globs: Vec<Vec<String>>,
}

impl<'a> Graph<'a> {
    pub fn of(sources: &'a [Source]) -> Self {
        let mut graph = Self { rooms: BTreeMap::new(), arrows: BTreeMap::new() };
        for source in sources {
            for module in &source.modules {
                graph.rooms.insert(&module.path, Room::new(&source.name, module));
            }
            graph.arrows.insert(&source.name, BTreeMap::new());
        }
        for room in graph.rooms.values() {
            for path in room.names() {
                if let Some(file) = graph.resolve(&room.module.path, path).filter(|file| *file != room.file) {
                    let arrows = graph.arrows.get_mut(room.file).unwrap();
                    arrows.entry(file).or_insert_with(|| path.join("::"));
                }
            }
        }
        graph.add_methods();
        graph
    }

    /// A file that calls methods of its own type uses the files that contain their `impl` blocks.
    fn add_methods(&mut self) {
        for room in self.rooms.values() {
            for (path, method) in &room.module.methods {
                let Some(owner) = self.resolve(&room.module.path, path).filter(|file| *file != room.file)
                else {
                    continue;
                };
                let is_called = self
                    .rooms
                    .values()
                    .any(|other| other.file == owner && other.module.calls.contains(method));
                if is_called {
                    let arrows = self.arrows.get_mut(owner).unwrap();
                    arrows.entry(room.file).or_insert_with(|| format!(".{method}()"));
                }
            }
        }
    }

    /// The file that defines what `path` means in the module `at`; `None` for other crates, local names, and modules.
    fn resolve(&self, at: &[String], path: &[String]) -> Option<&'a str> {
        let (module, rest) = absolute(at, path)?;
        self.lookup(module, rest, 0)
    }

    /// The file that defines `path` in the module `at`.
    fn lookup(&self, at: &[String], path: &[String], depth: usize) -> Option<&'a str> {
        let (first, rest) = path.split_first()?;
        let room = self.rooms.get(at).filter(|_| depth < 20)?;
        // A module and a function can have the same name; only the module has something in it.
        if !rest.is_empty() && room.module.children.contains(first) {
            return self.lookup(&[at, std::slice::from_ref(first)].concat(), rest, depth);
        }
        if room.module.items.contains(first) {
            return Some(room.file);
        }
        if let Some(used) = room.uses.get(first.as_str()) {
            return self.lookup(&[], &[&used[..], rest].concat(), depth + 1);
        }
        room.globs.iter().find_map(|glob| self.lookup(glob, path, depth + 1))
    }

    /// The groups of files that use each other, each with the arrows between them.
    pub fn cycles(&self) -> Vec<String> {
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            self.arrows.keys().map(|file| (*file, self.reachable(file))).collect();
        let mut seen = BTreeSet::new();
        let mut cycles = Vec::new();
        for (file, others) in reach.iter().filter(|(file, others)| others.contains(*file)) {
            let members: Vec<&str> =
                others.iter().copied().filter(|other| reach[other].contains(file)).collect();
            if seen.insert(members.clone()) {
                cycles.push(self.drawn(&members));
            }
        }
        cycles
    }

    fn reachable(&self, from: &str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            let new = self.arrows[file].keys().filter(|next| found.insert(**next));
            open.extend(new.copied().collect::<Vec<_>>());
        }
        found
    }

    fn drawn(&self, files: &[&str]) -> String {
        let mut text = "cycle:".to_owned();
        for from in files {
            for (to, path) in self.arrows[from].iter().filter(|(to, _)| files.contains(to)) {
                text.push_str(&format!("\n  src/{from} → src/{to}: `{path}`"));
            }
        }
        text
    }
}

impl<'a> Room<'a> {
    fn new(file: &'a str, module: &'a Module) -> Self {
        let (mut uses, mut globs) = (BTreeMap::new(), Vec::new());
        for used in &module.uses {
            let Some((at, rest)) = absolute(&module.path, &used.path) else { continue };
            let path = [at, rest].concat();
            if used.name == "*" {
                globs.push(path[..path.len() - 1].to_vec());
            } else {
                uses.insert(used.name.as_str(), path);
            }
        }
        Self { file, module, uses, globs }
    }

    /// The paths that the module uses. A re-export is not a use.
    fn names(&self) -> impl Iterator<Item = &'a Vec<String>> {
        let module = self.module;
        module.uses.iter().filter(|used| !used.is_public).map(|used| &used.path).chain(&module.named)
    }
}

/// The module in which `path`, in the module `at`, starts, and the rest of the path. For a path into another crate, the rest
/// is a name that the module does not have.
fn absolute<'p>(at: &'p [String], path: &'p [String]) -> Option<(&'p [String], &'p [String])> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    Some(match path.first()?.as_str() {
        "crate" => (&[], &path[1..]),
        "self" => (at, &path[1..]),
        "super" => (&at[..at.len().checked_sub(ups)?], &path[ups..]),
        _ => (at, path),
    })
}
