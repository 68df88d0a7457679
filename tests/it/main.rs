//! End-to-end tests of Daybook: one binary, one module per subject.

mod erasure;
mod faults;
mod http;
mod models;
mod projections;
mod proofs;
mod replay;
mod reporting;
mod statements;
mod tidy;
mod transfer;
