//! The engine against examples, and against its brute-force twin on random worlds.

mod stories;
mod twin;
mod world;
