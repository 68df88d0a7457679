//! What a customer accepts and refuses, what rules count, and what is forgotten.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    aggregate::{Decide as _, fold},
    ids::{AppointmentId, CompanyId, CustomerId, ServiceId},
    master_data::MasterDataError,
    personal::Personal,
    refusal::Refusal as _,
};

#[test]
fn registering_a_customer_again_records_nothing() {
    given([]).when(register("Ada")).then_expect_events(vec![registered()]);
    given([registered()]).when(register("Ada")).then_expect_events(Vec::new());
}

#[test]
fn id_of_another_customer_is_refused() {
    given([registered()])
        .when(register("Eve"))
        .then_expect_error(MasterDataError::AlreadyRegistered { what: "customer" });
}

#[test]
fn unknown_customer_refuses_everything_else() {
    let missing = MasterDataError::NotFound { what: "customer", field: "customer_id" };
    for command in [
        CustomerCommand::ChangeContact { contact: contact("Eve") },
        consent(true),
        note("likes tea"),
        wish(24),
        CustomerCommand::WithdrawErasure { at: hour(1) },
        erase(),
    ] {
        given([]).when(command).then_expect_error(missing.clone());
    }
}

#[test]
fn customer_who_cannot_be_reached_is_refused() {
    let unreachable = Contact { phone: None, ..contact("Ada") };
    let command = CustomerCommand::Register { company_id: company(), contact: unreachable.clone() };
    assert_eq!(field_of(&Customer::default(), command), "phone");
    let change = CustomerCommand::ChangeContact { contact: unreachable };
    assert_eq!(field_of(&fold([&registered()]), change), "phone");
}

#[test]
fn changed_contact_is_recorded_once() {
    let change = || CustomerCommand::ChangeContact { contact: contact("Ada L") };
    let changed = CustomerEvent::ContactChanged { contact: contact("Ada L") };
    given([registered()]).when(change()).then_expect_events(vec![changed.clone()]);
    given([registered(), changed]).when(change()).then_expect_events(Vec::new());
}

#[test]
fn consent_is_given_and_withdrawn_once_each() {
    let given_event = CustomerEvent::ConsentGiven { consent: Consent::Marketing, at: hour(1) };
    let withdrawn = CustomerEvent::ConsentWithdrawn { consent: Consent::Marketing, at: hour(1) };
    given([registered()]).when(consent(false)).then_expect_events(Vec::new());
    given([registered()]).when(consent(true)).then_expect_events(vec![given_event.clone()]);
    given([registered(), given_event.clone()]).when(consent(true)).then_expect_events(Vec::new());
    given([registered(), given_event.clone()])
        .when(consent(false))
        .then_expect_events(vec![withdrawn.clone()]);
    let state = fold::<Customer>([&registered(), &given_event]);
    assert_eq!(state.consent(Consent::Marketing), Some(hour(1)));
    assert_eq!(state.consent(Consent::Gdpr), None);
    let state = fold::<Customer>([&registered(), &given_event, &withdrawn]);
    assert_eq!(state.consents().count(), 0);
}

#[test]
fn note_is_written_down_once() {
    given([registered()]).when(note("likes tea")).then_expect_events(vec![noted("likes tea")]);
    given([registered(), noted("likes tea")])
        .when(note("likes tea"))
        .then_expect_events(Vec::new());
}

#[test]
fn note_without_text_or_with_a_novel_is_refused() {
    let known = fold::<Customer>([&registered()]);
    assert_eq!(field_of(&known, note("")), "text");
    assert_eq!(field_of(&known, note(&"x".repeat(10_001))), "text");
}

#[test]
fn erased_customer_is_forgotten_and_accepts_nothing_about_a_person() {
    let after = fold::<Customer>([&registered(), &erased()]);
    assert!(after.is_erased());
    assert_eq!(after.contact(), None);
    assert_eq!(after.company_id(), Some(company()));
    let gone = MasterDataError::Inactive { what: "customer", field: "customer_id" };
    for command in [
        CustomerCommand::ChangeContact { contact: contact("Ada") },
        consent(true),
        note("likes tea"),
    ] {
        given([registered(), erased()]).when(command).then_expect_error(gone.clone());
    }
}

#[test]
fn erasure_and_the_wish_for_it_are_recorded_once() {
    given([registered()]).when(wish(24)).then_expect_events(vec![wished(24)]);
    given([registered(), wished(24)]).when(wish(48)).then_expect_events(Vec::new());
    given([registered(), wished(24)]).when(erase()).then_expect_events(vec![erased()]);
    for command in [erase(), wish(24)] {
        given([registered(), erased()]).when(command).then_expect_events(Vec::new());
    }
}

#[test]
fn wish_to_be_forgotten_is_taken_back_once_and_may_be_made_again() {
    let withdraw = || CustomerCommand::WithdrawErasure { at: hour(2) };
    let withdrawn = || CustomerEvent::ErasureWithdrawn { at: hour(2) };
    given([registered()]).when(withdraw()).then_expect_events(Vec::new());
    given([registered(), wished(24)]).when(withdraw()).then_expect_events(vec![withdrawn()]);
    given([registered(), wished(24), withdrawn()]).when(withdraw()).then_expect_events(Vec::new());
    given([registered(), wished(24), withdrawn()])
        .when(wish(48))
        .then_expect_events(vec![wished(48)]);
}

#[test]
fn grace_has_none_to_thirty_days() {
    let known = fold::<Customer>([&registered()]);
    for hours in [0, 30 * 24] {
        assert!(known.decide(wish(hours)).is_ok(), "{hours}");
    }
    for hours in [-1, 30 * 24 + 1] {
        assert_eq!(field_of(&known, wish(hours)), "grace_days");
    }
}

#[test]
fn wish_that_says_nothing_of_its_end_is_due_after_thirty_days() {
    let wished = CustomerEvent::ErasureRequested { at: hour(1), due_at: None };
    let leaving = fold::<Customer>([&registered(), &wished]);
    assert_eq!(leaving.wished_erasure().map(|wish| wish.due_at), Some(hour(1 + 30 * 24)));
}

#[test]
fn customer_who_asked_to_be_forgotten_gets_no_notes_but_may_be_put_right() {
    let pending = MasterDataError::ErasurePending { field: "customer_id" };
    assert_eq!(pending.code(), "CUSTOMER_ERASURE_PENDING");
    given([registered(), wished(24)]).when(note("likes tea")).then_expect_error(pending);
    let change = CustomerCommand::ChangeContact { contact: contact("Ada L") };
    let changed = CustomerEvent::ContactChanged { contact: contact("Ada L") };
    given([registered(), wished(24)]).when(change).then_expect_events(vec![changed]);
}

#[test]
fn visits_are_counted_where_they_are_now() {
    let moved = CustomerEvent::VisitMoved {
        appointment_id: appointment(1),
        starts_at: hour(30),
        local_date: day(2),
    };
    let before = fold::<Customer>([&registered(), &booked(1), &booked(2)]);
    assert_eq!(before.upcoming(hour(9)), 2);
    assert_eq!(before.upcoming(hour(10)), 0);
    assert_eq!((before.booked_on(day(1), service()), before.booked_on(day(2), service())), (2, 0));
    let after = fold::<Customer>([&registered(), &booked(1), &booked(2), &moved]);
    assert_eq!(after.upcoming(hour(10)), 1);
    assert_eq!((after.booked_on(day(1), service()), after.booked_on(day(2), service())), (1, 1));
    assert_eq!(after.booked_on(day(1), ServiceId::new(Uuid::from_u128(99))), 0);
}

#[test]
fn visit_that_is_over_is_no_longer_upcoming_but_stays_counted() {
    let cancelled = |counted_in: Option<&str>| CustomerEvent::VisitCancelled {
        appointment_id: appointment(1),
        counted_in: counted_in.map(str::to_owned),
    };
    let completed = CustomerEvent::VisitCompleted { appointment_id: appointment(1) };
    let missed = CustomerEvent::VisitMissed { appointment_id: appointment(1) };
    let counts = |end: &CustomerEvent| {
        let state = fold::<Customer>([&registered(), &booked(1), end]);
        assert_eq!(state.upcoming(hour(0)), 0);
        assert!(state.visit(appointment(1)).is_none());
        (state.cancellations_in("2026-11"), state.completed_count(), state.missed_count())
    };
    assert_eq!(counts(&cancelled(Some("2026-11"))), (1, 0, 0));
    assert_eq!(counts(&cancelled(Some("2026-10"))), (0, 0, 0));
    assert_eq!(counts(&cancelled(None)), (0, 0, 0));
    assert_eq!(counts(&completed), (0, 1, 0));
    assert_eq!(counts(&missed), (0, 0, 1));
}

#[test]
fn phone_and_email_are_what_they_look_like() {
    for text in [
        "+4915112345678",
        "+1234567",
        "+123456789012345",
        "+49301234567;ext=5",
        "+49301234567;ext=12345678901234567890",
    ] {
        assert!(Phone::try_from(text.to_owned()).is_ok(), "{text}");
    }
    for text in [
        "",
        "015112345678",
        "+0151123456",
        "+123456",
        "+1234567890123456",
        "+49 151 1",
        "+49301234567;ext=",
        "+49301234567;ext=a",
        "+49301234567;ext=123456789012345678901",
        "+49301234567x5",
    ] {
        assert!(Phone::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["ada@example.com", "a@b.c.d"] {
        assert!(Email::try_from(text.to_owned()).is_ok(), "{text}");
    }
    for text in ["", "ada", "@example.com", "ada@example", "a@b@c.d", "a da@b.c", "a@b..c"] {
        assert!(Email::try_from(text.to_owned()).is_err(), "{text}");
    }
}

#[test]
fn debug_text_of_a_customer_holds_nothing_personal() {
    let text = format!("{:?} {:?}", registered(), fold::<Customer>([&registered()]));
    assert!(text.contains("Personal("));
    assert!(!text.contains("Ada") && !text.contains("4915"), "{text}");
}

fn given<const N: usize>(events: [CustomerEvent; N]) -> AggregateTestExecutor<Customer> {
    TestFramework::<Customer>::with(()).given(events.to_vec())
}

fn field_of(state: &Customer, command: CustomerCommand) -> String {
    state.decide(command).expect_err("the field is wrong").field().expect("it is named")
}

fn wish(hours: i64) -> CustomerCommand {
    CustomerCommand::RequestErasure { at: hour(1), due_at: hour(1 + hours) }
}

fn wished(hours: i64) -> CustomerEvent {
    CustomerEvent::ErasureRequested { at: hour(1), due_at: Some(hour(1 + hours)) }
}

fn erase() -> CustomerCommand {
    CustomerCommand::Erase { reason: ErasureReason::Requested }
}

fn erased() -> CustomerEvent {
    CustomerEvent::Erased { reason: Some(ErasureReason::Requested) }
}

fn register(name: &str) -> CustomerCommand {
    CustomerCommand::Register { company_id: company(), contact: contact(name) }
}

fn registered() -> CustomerEvent {
    CustomerEvent::Registered { company_id: company(), contact: contact("Ada") }
}

fn consent(is_given: bool) -> CustomerCommand {
    CustomerCommand::SetConsent { consent: Consent::Marketing, is_given, at: hour(1) }
}

fn note(text: &str) -> CustomerCommand {
    CustomerCommand::AddNote {
        note_id: Uuid::from_u128(7),
        kind: NoteKind::General,
        visibility: NoteVisibility::Staff,
        is_pinned: false,
        text: Personal::new(ada(), text.to_owned()),
    }
}

fn noted(text: &str) -> CustomerEvent {
    CustomerEvent::NoteAdded {
        note_id: Uuid::from_u128(7),
        kind: NoteKind::General,
        visibility: NoteVisibility::Staff,
        is_pinned: false,
        text: Personal::new(ada(), text.to_owned()),
    }
}

fn booked(number: u128) -> CustomerEvent {
    CustomerEvent::VisitBooked {
        appointment_id: appointment(number),
        service_ids: vec![service()],
        starts_at: hour(10),
        local_date: day(1),
    }
}

fn contact(name: &str) -> Contact {
    let phone = Phone::try_from("+4915112345678".to_owned()).expect("a phone number");
    Contact {
        name: Some(Personal::new(ada(), name.to_owned())),
        phone: Some(Personal::new(ada(), phone)),
        phone_is_valid: None,
        email: None,
        language: None,
        preferred_branch_id: None,
        external_ref: None,
    }
}

fn ada() -> CustomerId {
    CustomerId::new(Uuid::from_u128(5))
}

fn company() -> CompanyId {
    CompanyId::new(Uuid::from_u128(1))
}

fn service() -> ServiceId {
    ServiceId::new(Uuid::from_u128(2))
}

fn appointment(number: u128) -> AppointmentId {
    AppointmentId::new(Uuid::from_u128(number))
}

fn hour(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hours)
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(1970, 1, day).expect("a day of January")
}
