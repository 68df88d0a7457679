//! The stock repository wants the aggregate as a type: the way from its name to that.

use cqrs_es::{
    Aggregate,
    persist::{PersistedEventRepository as _, PersistenceError, SerializedEvent},
};
use daybook_domain::{
    api_key::ApiKey, appointment::Appointment, branch::Branch, calendar_day::CalendarDay,
    company::Company, customer::Customer, hold::Hold, phase::Phase, resource::Resource,
    series::Series, service::Service, staff::Staff, tenant::Tenant, unique_key::UniqueKey,
};
use postgres_es::PostgresEventRepository;

type Read = Result<Vec<SerializedEvent>, PersistenceError>;

macro_rules! by_name {
    ($($aggregate:ty),+ $(,)?) => {
        /// Reads a stream of a type; `None` if there is no such aggregate.
        pub(super) async fn read(
            repository: &PostgresEventRepository,
            aggregate_type: &str,
            id: &str,
            after: Option<usize>,
        ) -> Option<Read> {
            $(if aggregate_type == <$aggregate as Aggregate>::TYPE {
                return Some(read_as::<$aggregate>(repository, id, after).await);
            })+
            None
        }

        /// The types that can be read.
        #[cfg(test)]
        pub(super) const TYPES: &[&str] = &[$(<$aggregate as Aggregate>::TYPE),+];
    };
}

by_name! {
    ApiKey, Appointment, Branch, CalendarDay, Company, Customer, Hold, Phase, Resource, Series, Service, Staff,
    Tenant, UniqueKey,
}

async fn read_as<A: Aggregate>(
    repository: &PostgresEventRepository,
    id: &str,
    after: Option<usize>,
) -> Read {
    match after {
        None => repository.get_events::<A>(id).await,
        Some(after) => repository.get_last_events::<A>(id, after).await,
    }
}
