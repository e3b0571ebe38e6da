//! stub
pub mod aws;
pub mod aws_files;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod context;
pub mod env;
pub mod error;
pub mod fast_path;
pub mod files;
pub mod ledger;
pub mod model;
pub mod process;
pub mod session;
pub mod store;
pub mod ui;
