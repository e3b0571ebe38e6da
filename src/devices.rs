//! What is true of MFA devices, here and in AWS, and what is done to them: the use cases below `commands/device`.

pub mod forget;
pub mod in_aws;
pub mod inventory;
pub mod qr_copy;
