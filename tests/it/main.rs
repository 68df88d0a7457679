//! End-to-end tests of Daybook: one binary, one module per subject.

mod archive;
mod erasure;
mod faults;
mod http;
mod migrations;
mod models;
mod operator;
mod projections;
mod proofs;
mod replay;
mod reporting;
mod simulate;
mod statements;
mod stock;
mod tidy;
mod transfer;
