//! What benchmarks share.
#![allow(dead_code, reason = "each benchmark takes what it needs")]

pub(crate) mod measure;
pub(crate) mod mix;
pub(crate) mod past;
pub(crate) mod server;
