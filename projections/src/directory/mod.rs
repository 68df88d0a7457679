//! What does the tenant have: which companies, branches, staff, services and resources?
//!
//! From the events of these five aggregates, for lists by name. One of them alone is better folded
//! from its stream.

mod projector;
mod queries;
mod row;

pub use self::{
    projector::Directory,
    queries::{Cursor, DirectoryFilter, list},
    row::{DirectoryKind, DirectoryRow},
};
