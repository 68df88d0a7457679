//! DDL.
