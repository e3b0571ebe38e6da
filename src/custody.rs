//! What is done with the stores as a whole: the use cases below `commands/store`.

pub mod backup;
pub mod init;
pub mod moving;
pub mod rebuild;
pub mod restore;
pub mod status;
