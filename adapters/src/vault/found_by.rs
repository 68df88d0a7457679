//! Commands that give back what a customer is found by.

use daybook_domain::{
    commands::CustomerIndexes,
    customer::Customer,
    dispatch::{CommandContext, CommandError, Dispatcher, Done, UnitCommand},
    ids::CustomerId,
    ports::EventLog,
    refusal::Refusal,
};

use super::{SealedLog, VaultError};

/// How often a command is tried again because something else was recorded of the customer.
const ATTEMPTS: usize = 16;
/// The code of the refusal that is meant.
const OUTDATED: &str = "VERSION_MISMATCH";

/// Runs a command that gives back what a customer is found by.
///
/// The keyed hashes are made outside of the decision, of the contact that can be read by then. The command
/// gets them with the version that they are of, and insists on it: a number that somebody else gave the
/// customer meanwhile would never be free again. Who insists on no version (`expected`) never hears of
/// that: it is tried again.
pub async fn run_on_what_was_read<L: EventLog, C: UnitCommand>(
    dispatcher: &Dispatcher<SealedLog<L>>,
    context: &CommandContext,
    (id, expected): (CustomerId, Option<u64>),
    command: impl Fn(CustomerIndexes, Option<u64>) -> C + Send + Sync,
) -> Result<Result<Done<C::Answer>, CommandError<C::Refusal>>, VaultError>
where
    C::Refusal: Refusal,
{
    for _ in 0..ATTEMPTS {
        let (customer, read) = match dispatcher.state::<Customer>(context, id).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.into())),
        };
        let indexes = match customer.contact() {
            Some(contact) => dispatcher.log().vault().indexes(context.tenant, contact).await?,
            None => CustomerIndexes::default(),
        };
        let command = command(indexes, expected.or(Some(read.0)));
        match dispatcher.run(context, &command).await {
            Err(CommandError::Refused { refusal, .. })
                if expected.is_none() && refusal.code() == OUTDATED => {}
            done => return Ok(done),
        }
    }
    Ok(Err(CommandError::Contended))
}
