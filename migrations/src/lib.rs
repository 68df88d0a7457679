//! The DDL of Daybook, and nothing else: every table, function, role and policy is made here.
#![doc = include_str!("../README.md")]

use sqlx::migrate::Migrator;

/// All migrations, embedded in the binary. They run in order, under an advisory lock, once.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");
