//! The tests that run the real binary, in a home of its own, against fake-aws over real HTTP. A module a command or
//! promise; what they share is in `support`.

mod support;

mod device_export;
mod device_list;
mod device_remove;
mod device_resync;
mod login;
mod policy;
mod qr;
