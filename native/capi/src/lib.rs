#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "these are tests"
    )
)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the layouts of sealwire-capi are those of 64-bit Linux");

mod abi;
mod api;
mod arena;
mod bind;
mod bulk;
mod call;
mod charset;
mod collations;
mod connect;
mod connection_string;
mod convert;
mod cursor;
mod dialog;
mod environment;
mod escape;
mod failure;
mod fetch;
mod fields;
mod handle;
mod iconv;
mod infile;
mod lengths;
mod link;
mod log;
mod log_event;
mod log_next;
mod log_rows;
mod multibyte;
mod option_files;
mod options;
mod policy;
mod request;
mod result;
mod rows;
mod session;
mod socket;
mod stack;
mod state;
mod statement;
mod trace;
mod waits;
