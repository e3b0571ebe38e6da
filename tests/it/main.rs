//! The tests that run the real binary, in a home of its own, against fake-aws over real HTTP. A module a command or
//! promise; what they share is in `support`.

mod support;

mod device_export;
mod login;
mod policy;
mod qr;
