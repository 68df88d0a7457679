//! What every route shares: who calls, what a bad request is told, how a command is run.

pub mod caller;
pub mod choices;
pub mod describe;
pub mod document;
pub mod envelope;
pub mod extract;
pub mod fields;
pub mod gate;
pub mod limits;
mod on_behalf_of;
pub mod problem;
pub mod receipts;
pub mod respond;
