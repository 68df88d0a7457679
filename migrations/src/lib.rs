//! The DDL of Daybook, and nothing else: every table, function, role and policy is made here.
#![doc = include_str!("../README.md")]

mod run;

use sqlx::migrate::Migrator;

pub use self::run::{Blocker, MigrationError, migrate, migrate_within};

/// All migrations, embedded in the binary. [`migrate`] runs them in order, once.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");
