//! stub
pub mod clock;
pub mod env;
pub mod files;
pub mod model;
pub mod process;
