//! What tests need from the outside world. Compiled for tests only (feature `testing`).

pub mod postgres;
