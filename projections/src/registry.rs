//! The one list of projectors. A new read model is a folder, a migration and a line here.

use std::sync::Arc;

use crate::{
    activity_log::ActivityLog, appointments::Appointments, availability_grid::AvailabilityGrid,
    customer_journey::CustomerJourney, customers::Customers, directory::Directory,
    modifications::Modifications, projector::Projector,
};

/// Every projector that runs live, in the order in which a batch passes them.
pub fn projectors() -> Vec<Arc<dyn Projector>> {
    vec![
        Arc::new(Appointments),
        Arc::new(AvailabilityGrid),
        Arc::new(Directory),
        Arc::new(Customers),
        Arc::new(Modifications),
        Arc::new(CustomerJourney),
        Arc::new(ActivityLog),
    ]
}
