//! What is true of MFA devices, here and in AWS, and what is done to them: the use cases below `commands/device`.

pub mod forget;
pub mod import;
pub mod in_aws;
pub mod inventory;
pub mod list;
pub mod picture;
pub mod profile;
pub mod qr_copy;
pub mod remove;
pub mod resync;
