//! Master data over a log: parents, unique keys, limits, versions, the matrix, erasure.

mod erasure;

use std::collections::BTreeSet;

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::{
    branch::{Branch, BranchProfile},
    company::{Company, CompanyCommand, CompanyProfile},
    customer::{Contact, Customer, ErasureReason, Phone},
    dispatch::{CommandError, Dispatcher, UnitCommand},
    ids::{BranchId, CompanyId, CustomerId, ResourceId, ServiceId, StaffId},
    master_data::MasterDataError,
    money::{Currency, Money},
    personal::Personal,
    ports::EventLog as _,
    refusal::Refusal as _,
    resource::{Resource, ResourceKind, ResourceProfile},
    service::{
        Assignment, BookingRules, BranchOffer, PhaseTemplate, ResourceNeed, Service, ServiceProfile,
    },
    staff::{Staff, StaffCommand, StaffProfile},
    tenant::{Tenant, TenantCommand, UsageLimits},
    testing::{TENANT, TestLog, context},
};

/// A tenant with a company, a branch, a staff member and a service.
struct House {
    dispatcher: Dispatcher<TestLog>,
}

const COMPANY: u128 = 1;
const BRANCH: u128 = 2;
const STAFF: u128 = 3;
const SERVICE: u128 = 4;

impl House {
    async fn empty() -> Self {
        let log = TestLog::default();
        log.open_tenant(TENANT).await.expect("the tenant opens");
        let house = Self { dispatcher: Dispatcher::new(log) };
        let open = TenantCommand::Open { name: "Salon group".to_owned() };
        house.ask::<Tenant>(TENANT.uuid(), open).await.expect("the tenant is opened");
        house
    }

    async fn furnished() -> Self {
        let house = Self::empty().await;
        house.run(&company(COMPANY, "Nord")).await.expect("a company");
        house.run(&branch(BRANCH, "Mitte")).await.expect("a branch");
        house.run(&staff(STAFF)).await.expect("a staff member");
        house.run(&service(SERVICE, "Cut")).await.expect("a service");
        house
    }

    async fn run<C: UnitCommand>(&self, command: &C) -> Result<C::Answer, C::Refusal> {
        match self.dispatcher.run(&context(DateTime::UNIX_EPOCH), command).await {
            Ok(done) => Ok(done.answer),
            Err(CommandError::Refused { refusal, .. }) => Err(refusal),
            Err(error) => panic!("the machinery broke: {error}"),
        }
    }

    async fn ask<A>(&self, id: Uuid, command: A::Command) -> Result<Saved, MasterDataError>
    where
        A: crate::aggregate::Decide<Error = MasterDataError, Command: Clone>,
    {
        self.run(&One::<A> { id, command, expected: None }).await
    }

    fn event_count(&self) -> usize {
        self.dispatcher.log().events(TENANT).len()
    }
}

#[tokio::test]
async fn registering_again_answers_the_same_and_records_nothing() {
    let house = House::furnished().await;
    let before = house.event_count();
    let saved = house.run(&staff(STAFF)).await;
    assert_eq!(saved, Ok(Saved { id: Uuid::from_u128(STAFF), version: 1 }));
    assert_eq!(house.event_count(), before);
}

#[tokio::test]
async fn name_belongs_to_one_service_of_a_company_whatever_its_case() {
    let house = House::furnished().await;
    let refusal = house.run(&service(5, " cUt ")).await.unwrap_err();
    let owner = Uuid::from_u128(SERVICE).to_string();
    assert_eq!(refusal, MasterDataError::Taken { field: "name", owner: owner.clone() });
    assert_eq!(refusal.code(), "NAME_TAKEN");
    assert_eq!(refusal.details().expect("details")["owner"], owner);
}

#[tokio::test]
async fn same_name_in_another_company_is_free() {
    let house = House::furnished().await;
    house.run(&company(11, "South")).await.expect("another company");
    let mut command = service(5, "Cut");
    command.profile.company_id = CompanyId::new(Uuid::from_u128(11));
    assert!(house.run(&command).await.is_ok());
}

#[tokio::test]
async fn name_that_was_given_up_is_free_again() {
    let house = House::furnished().await;
    let renamed = service(SERVICE, "Trim");
    let change = Change::<Service> { id: renamed.id, profile: renamed.profile, expected: None };
    house.run(&change).await.expect("the service is renamed");
    assert!(house.run(&service(5, "Cut")).await.is_ok());
    let refusal = house.run(&service(6, "Trim")).await.unwrap_err();
    assert_eq!(refusal.code(), "NAME_TAKEN");
}

#[tokio::test]
async fn refused_change_of_name_leaves_everything_as_it_was() {
    let house = House::furnished().await;
    house.run(&service(5, "Trim")).await.expect("another service");
    let before = house.event_count();
    let clash = service(5, "Cut");
    let change = Change::<Service> { id: clash.id, profile: clash.profile, expected: None };
    assert_eq!(house.run(&change).await.unwrap_err().code(), "NAME_TAKEN");
    assert_eq!(house.event_count(), before);
}

#[tokio::test]
async fn reference_belongs_to_one_staff_member_but_two_may_share_a_name() {
    let house = House::furnished().await;
    assert!(house.run(&staff(7)).await.is_ok());
    let with_reference = |id| {
        let mut command = staff(id);
        command.profile.external_ref = Some("hr-1".to_owned());
        command
    };
    house.run(&with_reference(8)).await.expect("the first one has the reference");
    let refusal = house.run(&with_reference(9)).await.unwrap_err();
    assert_eq!(refusal.code(), "EXTERNAL_REF_TAKEN");
}

#[tokio::test]
async fn missing_and_inactive_parents_are_named() {
    let house = House::empty().await;
    let missing = MasterDataError::NotFound { what: "company", field: "company_id" };
    assert_eq!(house.run(&branch(BRANCH, "Mitte")).await, Err(missing));

    let house = House::furnished().await;
    let mut elsewhere = staff(7);
    elsewhere.profile.branches = BTreeSet::from([BranchId::new(Uuid::from_u128(99))]);
    let missing = MasterDataError::NotFound { what: "branch", field: "branch_id" };
    assert_eq!(house.run(&elsewhere).await, Err(missing));

    let close = CompanyCommand::SetActive { is_active: false };
    house.ask::<Company>(Uuid::from_u128(COMPANY), close).await.expect("the company closes");
    let inactive = MasterDataError::Inactive { what: "company", field: "company_id" };
    assert_eq!(house.run(&branch(12, "Nord")).await, Err(inactive));
}

#[tokio::test]
async fn what_hangs_on_a_closed_company_can_still_be_mended_and_registered_again() {
    let house = House::furnished().await;
    let close = CompanyCommand::SetActive { is_active: false };
    house.ask::<Company>(Uuid::from_u128(COMPANY), close).await.expect("the company closes");
    let again = house.run(&branch(BRANCH, "Mitte")).await;
    assert_eq!(again.map(|saved| saved.version), Ok(1));
    let Register { id, profile } = branch(BRANCH, "Berlin Mitte");
    let renamed = house.run(&Change::<Branch> { id, profile, expected: None }).await;
    assert_eq!(renamed.map(|saved| saved.version), Ok(2));
}

#[tokio::test]
async fn prices_are_in_the_currency_of_the_company() {
    let house = House::furnished().await;
    let mut dear = service(5, "Colour");
    dear.profile.price =
        Money::new(3900, Currency::try_from("CHF".to_owned()).expect("a currency"));
    let problem = "the company's prices are in EUR";
    let refusal = MasterDataError::invalid("price/currency", problem);
    assert_eq!(house.run(&dear).await, Err(refusal));
}

#[tokio::test]
async fn phase_needs_a_resource_of_its_company_with_enough_units() {
    let house = House::furnished().await;
    let needing = |resource: u128, units| {
        let mut colour = service(5, "Colour");
        let any_of = vec![ResourceId::new(Uuid::from_u128(resource))];
        colour.profile.phases[0].resource = Some(ResourceNeed { any_of, units });
        colour
    };
    let missing = MasterDataError::NotFound { what: "resource", field: "phases" };
    assert_eq!(house.run(&needing(30, 1)).await, Err(missing));
    let profile = ResourceProfile {
        company_id: CompanyId::new(Uuid::from_u128(COMPANY)),
        branch_id: BranchId::new(Uuid::from_u128(BRANCH)),
        name: "Chair".to_owned(),
        kind: ResourceKind::Room,
        capacity: 2,
        zone: chrono_tz::Europe::Berlin,
        external_ref: None,
    };
    let chair = Register::<Resource> { id: Uuid::from_u128(30), profile };
    house.run(&chair).await.expect("a chair");
    let refusal = MasterDataError::invalid("phases", "Chair has 2 units");
    assert_eq!(house.run(&needing(30, 3)).await, Err(refusal));
    assert!(house.run(&needing(30, 2)).await.is_ok());
}

#[tokio::test]
async fn service_is_offered_at_branches_of_its_company_only() {
    let house = House::furnished().await;
    let offer = |branch: u128| OfferAt {
        service_id: service_id(SERVICE),
        branch_id: BranchId::new(Uuid::from_u128(branch)),
        offer: BranchOffer { is_offered: false, price: None },
        expected: None,
    };
    let missing = MasterDataError::NotFound { what: "branch", field: "branch_id" };
    assert_eq!(house.run(&offer(99)).await, Err(missing));
    assert_eq!(house.run(&offer(BRANCH)).await.map(|saved| saved.version), Ok(2));
}

#[tokio::test]
async fn branch_of_another_company_is_as_good_as_none() {
    let house = House::furnished().await;
    house.run(&company(11, "South")).await.expect("another company");
    let mut command = staff(7);
    command.profile.company_id = CompanyId::new(Uuid::from_u128(11));
    let missing = MasterDataError::NotFound { what: "branch", field: "branch_id" };
    assert_eq!(house.run(&command).await, Err(missing));
}

#[tokio::test]
async fn company_above_the_tenants_limit_is_refused() {
    let house = House::empty().await;
    let limits = UsageLimits { companies: Some(1), ..UsageLimits::default() };
    let set = TenantCommand::SetLimits { limits };
    house.ask::<Tenant>(TENANT.uuid(), set).await.expect("the limit is set");
    house.run(&company(COMPANY, "Nord")).await.expect("the first company");
    let refusal = house.run(&company(11, "South")).await.unwrap_err();
    assert_eq!(refusal, MasterDataError::LimitReached { what: "companies", limit: 1 });
    assert!(house.run(&company(COMPANY, "Nord")).await.is_ok(), "the first one is counted once");
}

#[tokio::test]
async fn stale_version_is_refused_and_the_read_one_is_accepted() {
    let house = House::furnished().await;
    let renamed = branch(BRANCH, "Berlin Mitte");
    let change = |expected| Change::<Branch> {
        id: renamed.id,
        profile: renamed.profile.clone(),
        expected: Some(expected),
    };
    let refusal = house.run(&change(7)).await.unwrap_err();
    assert_eq!(refusal, MasterDataError::VersionMismatch { expected: 7, actual: 1 });
    assert_eq!(house.run(&change(1)).await.map(|saved| saved.version), Ok(2));
}

#[tokio::test]
async fn matrix_is_saved_at_once_or_not_at_all() {
    let house = House::furnished().await;
    house.run(&service(5, "Colour")).await.expect("another service");
    let cell = |service| AssignmentOf::Does(service_id(service), plain(STAFF));
    let before = house.event_count();
    let unknown = Assign { cells: vec![cell(SERVICE), cell(99)] };
    assert_eq!(house.run(&unknown).await.unwrap_err().code(), "NOT_FOUND");
    assert_eq!(house.event_count(), before);
    let both = Assign { cells: vec![cell(SERVICE), cell(5)] };
    assert_eq!(house.run(&both).await, Ok(Assigned { saved: 2 }));
    assert_eq!(house.event_count(), before + 2);
    assert_eq!(house.run(&both).await, Ok(Assigned { saved: 2 }));
    assert_eq!(house.event_count(), before + 2, "a repeated matrix records nothing");
}

#[tokio::test]
async fn staff_who_left_or_take_no_appointments_are_refused_by_name() {
    let cell = AssignmentOf::Does(service_id(SERVICE), plain(STAFF));
    let assign = Assign { cells: vec![cell] };

    let house = House::furnished().await;
    let leave = StaffCommand::SetActive { is_active: false };
    house.ask::<Staff>(Uuid::from_u128(STAFF), leave).await.expect("the staff member leaves");
    let inactive = MasterDataError::Inactive { what: "staff member", field: "staff_id" };
    assert_eq!(house.run(&assign).await, Err(inactive));

    let house = House::furnished().await;
    let mut profile = staff(STAFF).profile;
    profile.is_bookable = false;
    let change = StaffCommand::Change { profile };
    house.ask::<Staff>(Uuid::from_u128(STAFF), change).await.expect("the staff member pauses");
    assert_eq!(house.run(&assign).await, Err(MasterDataError::NotBookable));
}

#[tokio::test]
async fn staff_who_left_can_still_be_taken_off_a_service() {
    let house = House::furnished().await;
    let does = AssignmentOf::Does(service_id(SERVICE), plain(STAFF));
    house.run(&Assign { cells: vec![does] }).await.expect("the staff member does it");
    let leave = StaffCommand::SetActive { is_active: false };
    house.ask::<Staff>(Uuid::from_u128(STAFF), leave).await.expect("the staff member leaves");
    let staff_id = StaffId::new(Uuid::from_u128(STAFF));
    let does_not = AssignmentOf::DoesNot(service_id(SERVICE), staff_id);
    assert_eq!(house.run(&Assign { cells: vec![does_not] }).await, Ok(Assigned { saved: 1 }));
}

#[tokio::test]
async fn phone_number_belongs_to_one_customer_until_that_one_is_forgotten() {
    let house = House::furnished().await;
    house.run(&customer(20)).await.expect("a customer");
    let refusal = house.run(&customer(21)).await.unwrap_err();
    assert_eq!(refusal.code(), "PHONE_TAKEN");
    let erase = erase(20);
    house.run(&erase).await.expect("the customer is forgotten");
    let after = house.event_count();
    assert_eq!(house.run(&erase).await.map(|saved| saved.version), Ok(2));
    assert_eq!(house.event_count(), after, "the second time there is nothing left to forget");
    assert!(house.run(&customer(21)).await.is_ok());
    // The first one no longer owns the number, so a late repetition takes nothing from the second.
    house.run(&erase).await.expect("a late repetition");
    assert_eq!(house.run(&customer(22)).await.unwrap_err().code(), "PHONE_TAKEN");
}

#[tokio::test]
async fn customer_who_changes_number_frees_the_old_one() {
    let house = House::furnished().await;
    house.run(&customer(20)).await.expect("a customer");
    let change = ChangeCustomer {
        id: Uuid::from_u128(20),
        contact: contact(20, "+4915187654321"),
        indexes_before: by_phone(&index()),
        indexes: by_phone("other"),
        expected: Some(1),
    };
    house.run(&change).await.expect("the number changes");
    assert!(house.run(&customer(21)).await.is_ok());
}

#[tokio::test]
async fn answer_and_unique_keys_of_a_customer_hold_nothing_personal() {
    let house = House::furnished().await;
    let saved = house.run(&customer(20)).await.expect("a customer");
    let answer = serde_json::to_string(&saved).expect("the answer is JSON");
    assert!(!answer.contains("4915"));
    let events = house.dispatcher.log().events(TENANT);
    let keys: Vec<_> =
        events.iter().filter(|event| event.stream.aggregate_type == "unique_key").collect();
    assert!(keys.iter().any(|event| event.stream.aggregate_id.starts_with("customer-phone:")));
    for event in keys {
        assert!(!format!("{} {}", event.stream, event.payload).contains("4915"));
    }
    let (state, _) = house
        .dispatcher
        .state::<Customer>(&context(DateTime::UNIX_EPOCH), Uuid::from_u128(20))
        .await
        .expect("the customer");
    assert!(state.contact().is_some());
}

fn by_phone(index: &str) -> CustomerIndexes {
    CustomerIndexes { phone: Some(index.to_owned()), external_ref: None }
}

fn erase(id: u128) -> EraseCustomer {
    EraseCustomer {
        id: Uuid::from_u128(id),
        indexes: by_phone(&index()),
        reason: ErasureReason::Requested,
        only_if_due: false,
        expected: None,
    }
}

fn company(id: u128, name: &str) -> Register<Company> {
    let profile = CompanyProfile {
        name: name.to_owned(),
        zone: chrono_tz::Europe::Berlin,
        currency: Currency::EUR,
        phone_region: "DE".to_owned(),
        external_ref: None,
    };
    Register { id: Uuid::from_u128(id), profile }
}

fn branch(id: u128, name: &str) -> Register<Branch> {
    let profile = BranchProfile {
        company_id: CompanyId::new(Uuid::from_u128(COMPANY)),
        name: name.to_owned(),
        zone: chrono_tz::Europe::Berlin,
        address: None,
        phone_region: None,
        service_radius_m: None,
        transport_info: None,
        external_ref: None,
    };
    Register { id: Uuid::from_u128(id), profile }
}

fn staff(id: u128) -> Register<Staff> {
    let profile = StaffProfile {
        company_id: CompanyId::new(Uuid::from_u128(COMPANY)),
        name: "Jana".to_owned(),
        branches: BTreeSet::from([BranchId::new(Uuid::from_u128(BRANCH))]),
        zone: chrono_tz::Europe::Berlin,
        roles: BTreeSet::new(),
        is_bookable: true,
        buffer_before_min: 0,
        buffer_after_min: 0,
        calcom_username: None,
        external_ref: None,
    };
    Register { id: Uuid::from_u128(id), profile }
}

fn service(id: u128, name: &str) -> Register<Service> {
    let profile = ServiceProfile {
        company_id: CompanyId::new(Uuid::from_u128(COMPANY)),
        name: name.to_owned(),
        description: None,
        phases: vec![PhaseTemplate::active("A", 30)],
        price: Money::new(3900, Currency::EUR),
        rules: BookingRules::default(),
        external_ref: None,
    };
    Register { id: Uuid::from_u128(id), profile }
}

fn customer(id: u128) -> RegisterCustomer {
    RegisterCustomer {
        id: Uuid::from_u128(id),
        company_id: CompanyId::new(Uuid::from_u128(COMPANY)),
        contact: contact(id, "+4915112345678"),
        indexes: by_phone(&index()),
    }
}

fn contact(id: u128, phone: &str) -> Contact {
    let phone = Phone::try_from(phone.to_owned()).expect("a phone number");
    Contact {
        name: None,
        phone: Some(Personal::new(CustomerId::new(Uuid::from_u128(id)), phone)),
        phone_is_valid: None,
        email: None,
        language: None,
        preferred_branch_id: None,
        external_ref: None,
    }
}

fn index() -> String {
    "a1b2".to_owned()
}

fn plain(staff: u128) -> Assignment {
    Assignment::plain(StaffId::new(Uuid::from_u128(staff)))
}

fn service_id(id: u128) -> ServiceId {
    ServiceId::new(Uuid::from_u128(id))
}
