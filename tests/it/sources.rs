//! The sources below `src/`, parsed: what is compiled into the program, without tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, ExprMethodCall, ImplItem, Item, ItemImpl, ItemUse, Type, UseTree, Visibility};

/// One file below `src/`.
pub struct Source {
    /// The path from `src/`, with `/`.
    pub name: String,
    pub text: String,
    /// The modules in the file: itself, and those written inline.
    pub modules: Vec<Module>,
    /// Every path and every single name.
    pub paths: Vec<Vec<String>>,
    /// The code as tokens, without comments.
    pub code: String,
    /// Each string literal with its line, doc comments included.
    pub strings: Vec<Text>,
    /// Each parenthesized group that contains a string literal: the arguments of a call or a macro.
    pub arguments: Vec<(String, String)>,
}

/// A string in a source.
pub struct Text {
    pub line: usize,
    pub text: String,
    pub is_doc: bool,
}

/// One name that a `use` item brings in.
pub struct Use {
    /// The path as it is written.
    pub path: Vec<String>,
    /// The name in this module, or `*`.
    pub name: String,
    pub is_public: bool,
}

/// A module: what it defines, imports, and names.
#[derive(Default)]
pub struct Module {
    pub path: Vec<String>,
    pub uses: Vec<Use>,
    pub children: BTreeSet<String>,
    pub items: BTreeSet<String>,
    /// What everything but `use` items names.
    pub named: Vec<Vec<String>>,
    /// The methods of each `impl` block without a trait, with the type.
    pub methods: Vec<(Vec<String>, String)>,
    /// The names of all methods that are called.
    pub calls: BTreeSet<String>,
}

/// All of them, sorted by name. Files that hold only tests are left out.
pub fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let root = root();
        let mut paths = Vec::new();
        collect(&root, &mut paths);
        paths.sort();
        assert!(paths.len() > 30, "the sources were not found");
        paths
            .iter()
            .filter(|path| !path.ends_with("tests.rs"))
            .map(|path| Source::read(&root, path))
            .collect()
    });
    &SOURCES
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        Self::parse(&name, &fs::read_to_string(path).unwrap())
    }

    pub fn parse(name: &str, text: &str) -> Self {
        let mut tree = syn::parse_file(text).unwrap_or_else(|error| panic!("src/{name}: {error}"));
        WithoutTests.visit_file_mut(&mut tree);
        let tokens = tree.to_token_stream();
        let path = name.trim_end_matches(".rs");
        let path = if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() };
        let mut modules = Vec::new();
        Module::add(path, &tree.items, &mut modules);
        let mut strings = Vec::new();
        let mut arguments = Vec::new();
        texts(&tokens, false, &mut strings, &mut arguments);
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            modules,
            paths: paths(&tokens),
            code: tokens.to_string(),
            strings,
            arguments,
        }
    }
}

impl Module {
    fn add(path: Vec<String>, items: &[Item], found: &mut Vec<Self>) {
        let mut module = Self { path, ..Self::default() };
        for item in items {
            match item {
                Item::Use(item) => module.visit_item_use(item),
                Item::Mod(item) => {
                    let name = item.ident.to_string();
                    module.children.insert(name.clone());
                    if let Some((_, items)) = &item.content {
                        Self::add([&module.path[..], &[name]].concat(), items, found);
                    }
                }
                item => {
                    module.items.extend(name_of(item));
                    module.named.extend(paths(&item.to_token_stream()));
                    // `use` inside of functions: the name counts for the whole module.
                    module.visit_item(item);
                }
            }
        }
        found.push(module);
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_public = !matches!(item.vis, Visibility::Inherited);
        let mut names = Vec::new();
        flatten(&item.tree, &[], &mut names);
        self.uses.extend(names.into_iter().map(|(path, name)| Use { path, name, is_public }));
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        if let (None, Type::Path(of)) = (&block.trait_, &*block.self_ty) {
            let path: Vec<String> = of.path.segments.iter().map(|part| part.ident.to_string()).collect();
            let functions = block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
                _ => None,
            });
            self.methods.extend(functions.map(|name| (path.clone(), name)));
        }
        visit::visit_item_impl(self, block);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.calls.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }
}

fn flatten(tree: &UseTree, prefix: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let with = |name: String| [prefix, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), found),
        UseTree::Name(name) if name.ident == "self" => {
            found.push((prefix.to_vec(), prefix.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => found.push((with(name.ident.to_string()), name.ident.to_string())),
        UseTree::Rename(rename) => found.push((with(rename.ident.to_string()), rename.rename.to_string())),
        UseTree::Glob(_) => found.push((with("*".to_owned()), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, found)),
    }
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Collects string literals. A literal is a doc comment if it is the value of `#[doc = "…"]`.
fn texts(
    stream: &TokenStream,
    attribute: bool,
    strings: &mut Vec<Text>,
    arguments: &mut Vec<(String, String)>,
) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let is_doc = attribute && matches!(tokens.first(), Some(TokenTree::Ident(name)) if name == "doc");
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) => {
                let Ok(parsed) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { continue };
                strings.push(Text { line: literal.span().start().line, text: parsed.value(), is_doc });
                if !is_doc {
                    arguments.push((parsed.value(), stream.to_string()));
                }
            }
            TokenTree::Group(group) => {
                let hash = |back: usize| at >= back && tokens[at - back].to_string() == "#";
                let attribute = group.delimiter() == Delimiter::Bracket && (hash(1) || hash(2));
                texts(&group.stream(), attribute, strings, arguments);
            }
            _ => {}
        }
    }
}

/// Removes what is compiled for tests only.
struct WithoutTests;

impl VisitMut for WithoutTests {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        file.items.retain(|item| !is_for_tests(item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| !is_for_tests(item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        block.items.retain(|item| match item {
            ImplItem::Fn(function) => !has_cfg_test(&function.attrs),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, block);
    }
}

fn is_for_tests(item: &Item) -> bool {
    has_cfg_test(match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        _ => &[],
    })
}

fn has_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
    })
}

/// Every path and every single name in `stream`, as `a::b::c`. Groups of `use` trees are written out.
fn paths(stream: &TokenStream) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    scan(stream, &[], &mut found);
    found
}

/// Collects the paths in `stream`. `prefix` is what stands before the group in a `use` tree.
fn scan(stream: &TokenStream, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(_) if !follows_dot(&tokens, at) => {
                let mut path = prefix.to_vec();
                at = read_path(&tokens, at, &mut path, found);
            }
            TokenTree::Group(group) => {
                scan(&group.stream(), &[], found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Whether the name at `at` is a field, a method, or a lifetime.
fn follows_dot(tokens: &[TokenTree], at: usize) -> bool {
    let is = |back: usize, sign: char| {
        at >= back && matches!(&tokens[at - back], TokenTree::Punct(punct) if punct.as_char() == sign)
    };
    (is(1, '.') && !is(2, '.')) || is(1, '\'')
}

/// Reads the path that begins at `at` and returns the index after it.
fn read_path(
    tokens: &[TokenTree],
    mut at: usize,
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let colons = |at: usize| {
        let colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        colon(at) && colon(at + 1)
    };
    loop {
        match &tokens[at] {
            TokenTree::Ident(name) => path.push(name.to_string()),
            TokenTree::Group(group) => {
                // `a::{b, c}`
                scan(&group.stream(), path, found);
                return at + 1;
            }
            TokenTree::Punct(star) if star.as_char() == '*' => path.push("*".to_owned()),
            // `Vec::<T>`: the rest is read by itself.
            _ => break,
        }
        if !colons(at + 1) || at + 3 >= tokens.len() {
            at += 1;
            break;
        }
        at += 3;
    }
    found.push(path.clone());
    at
}
