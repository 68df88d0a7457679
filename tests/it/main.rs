//! End-to-end tests of Daybook: one binary, one module per subject.

mod faults;
mod http;
mod models;
mod projections;
mod proofs;
mod replay;
mod reporting;
mod simulate;
mod statements;
mod tidy;
mod transfer;
