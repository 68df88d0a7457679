//! The auditor program.
fn main() {}
