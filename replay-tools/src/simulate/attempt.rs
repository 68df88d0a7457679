//! What was asked and refused in the past. History holds no refusals: the receipts tell, as long as
//! they are kept.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use daybook_adapters::receipts::{self, Receipt, ReceiptFilter};
use daybook_domain::{
    availability::{Item, StaffWish},
    booking::{
        BookingAnswer, HoldAnswer, Wish,
        commands::{Book, BookHeld, Guest, Particulars, PlaceHold},
    },
    commands::{CustomerIndexes, RegisterCustomer},
    customer::Contact,
    event_log::{Metadata, Position},
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, HoldId, ServiceId, StaffId},
    personal::Personal,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    outcome::{About, Refused},
    world::{Wishes, World},
};
use crate::source::History;

/// Receipts per read.
const PAGE: u32 = 1000;

const BOOKINGS: &str = "POST /api/v2/bookings";
const HOLDS: &str = "POST /api/v2/holds";

/// What was asked for, as the API takes it. What else a request may say decides nothing.
#[derive(Clone, Debug, Deserialize)]
struct Question {
    customer_id: Option<CustomerId>,
    service_id: Option<ServiceId>,
    duration_minutes: Option<u16>,
    #[serde(default)]
    services: Vec<Item>,
    staff_id: Option<StaffId>,
    branch_id: Option<BranchId>,
    starts_at: Option<DateTime<Utc>>,
    hold_token: Option<HoldId>,
    ttl_seconds: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

/// What was asked and refused.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Its receipt.
    pub receipt_id: Uuid,
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// The code that it was refused with.
    pub code: String,
    /// The position that the refusal rests on; receipts of earlier times have none.
    pub(super) position: Option<Position>,
    metadata: Metadata,
    is_hold: bool,
    question: Question,
    /// The appointment that was in the way.
    pub(super) in_the_way: Option<AppointmentId>,
}

impl Attempt {
    /// Who asked, and when.
    pub(super) const fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Its receipt.
    pub receipt_id: Uuid,
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// What was asked: `book` or `hold`.
    pub kind: &'static str,
    /// The code that it was refused with.
    pub code: String,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// Whether it would have been accepted at that moment.
    pub is_accepted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// What it would have brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingAnswer>,
}

/// What the receipts of a tenant tell: whom customers asked for, and what was refused.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub(super) wishes: Wishes,
    /// In the order of asking.
    pub(super) attempts: Vec<Attempt>,
}

impl Asked {
    /// Reads it from receipts.
    pub fn from_receipts(receipts: impl IntoIterator<Item = Receipt>) -> Self {
        let mut asked = Self::default();
        for receipt in receipts {
            let is_hold = receipt.route == HOLDS;
            if !is_hold && receipt.route != BOOKINGS {
                continue;
            }
            let Ok(question) = serde_json::from_value::<Question>(receipt.question.clone()) else {
                continue;
            };
            if question.dry_run {
                continue;
            }
            match (receipt.status, receipt.code.clone()) {
                (200 | 201, _) if question.hold_token.is_none() => {
                    let request = (receipt.request_id, receipt.at.timestamp_micros());
                    asked.wishes.insert(request, question.staff());
                }
                (409, Some(code)) => asked.attempts.push(attempt(receipt, code, question, is_hold)),
                _no_decision => (),
            }
        }
        asked.attempts.sort_by_key(|it| (it.at, it.receipt_id));
        asked
    }

    /// Reads all receipts of the tenant's bookings and holds that are kept.
    pub async fn of(history: &History) -> anyhow::Result<Self> {
        let (mut found, mut before) = (Vec::new(), None);
        let filter = ReceiptFilter::default();
        loop {
            let page = receipts::page(history.pool(), history.tenant, &filter, before, PAGE).await;
            let page = page.context("the receipts cannot be read")?;
            let Some(last) = page.last() else { break };
            before = Some(last.receipt_id);
            let about_places = |it: &Receipt| it.route == BOOKINGS || it.route == HOLDS;
            found.extend(page.into_iter().filter(about_places));
        }
        Ok(Self::from_receipts(found))
    }
}

fn attempt(receipt: Receipt, code: String, question: Question, is_hold: bool) -> Attempt {
    let in_the_way = receipt
        .answer
        .as_ref()
        .and_then(|it| it.pointer("/error/details/conflicting_appointment_id"))
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    let actor = format!("key:{}", receipt.key_id);
    let metadata = Metadata::new(actor, receipt.at, receipt.request_id);
    let metadata = Metadata { source: Some("api".to_owned()), ..metadata };
    let (receipt_id, at) = (receipt.receipt_id, receipt.at);
    let position = receipt.position.map(Position);
    Attempt { receipt_id, at, code, position, metadata, is_hold, question, in_the_way }
}

impl Question {
    fn staff(&self) -> StaffWish {
        self.staff_id.map_or(StaffWish::Anyone, StaffWish::Pinned)
    }

    fn items(&self) -> Vec<Item> {
        let one = self.service_id.map(|id| Item::of(id).lasting(self.duration_minutes));
        one.into_iter().chain(self.services.iter().cloned()).collect()
    }

    fn wish(&self) -> Option<Wish> {
        Some(Wish {
            branch_id: self.branch_id?,
            items: Some(self.items()).filter(|items| !items.is_empty())?,
            staff: self.staff(),
            starts_at: self.starts_at?,
        })
    }
}

/// Tries what was refused; `is_taken` lets the world go on with it if it is accepted. `company_of`
/// tells whose branch it is. `None` when nobody could tell what was wished.
pub(super) async fn attempt_again(
    world: &World,
    attempt: &Attempt,
    company_of: impl Fn(BranchId) -> Option<CompanyId>,
    is_taken: bool,
) -> anyhow::Result<Option<Tried>> {
    let question = &attempt.question;
    let Some(guest) = guest(world, question, company_of) else { return Ok(None) };
    let particulars = Particulars {
        guest,
        source: "api".to_owned(),
        notes: None,
        external_ref: None,
        call_id: None,
    };
    let (metadata, dry_run) = (&attempt.metadata, !is_taken);
    let tried: Result<Option<BookingAnswer>, Refused> = match (question.hold_token, question.wish())
    {
        (Some(hold), _) => {
            let hold_id = world.hold(hold).unwrap_or(hold);
            let command = BookHeld { hold_id, particulars };
            world.try_to(metadata, &command, dry_run).await?.map(Some)
        }
        (None, Some(wish)) if attempt.is_hold => {
            let ttl = question.ttl_seconds.map(|it| chrono::TimeDelta::seconds(it.into()));
            let held = world.try_to(metadata, &PlaceHold { wish, ttl }, dry_run).await?;
            held.map(|_: HoldAnswer| None)
        }
        (None, Some(wish)) => {
            world.try_to(metadata, &Book { wish, particulars }, dry_run).await?.map(Some)
        }
        (None, None) => return Ok(None),
    };
    let (booking, refused) = match tried {
        Ok(booking) => (booking, None),
        Err(refused) => (None, Some(refused)),
    };
    Ok(Some(Tried {
        receipt_id: attempt.receipt_id,
        at: attempt.at,
        kind: if attempt.is_hold { "hold" } else { "book" },
        code: attempt.code.clone(),
        about: About {
            hold_id: question.hold_token,
            branch_id: question.branch_id,
            service_ids: question.items().iter().map(|item| item.service_id).collect(),
            staff_id: question.staff_id,
            starts_at: question.starts_at,
            ..About::default()
        },
        is_accepted: refused.is_none(),
        refused,
        booking,
    }))
}

/// Who asked: a receipt keeps nothing of a newcomer, who is somebody unknown here.
fn guest(
    world: &World,
    question: &Question,
    company_of: impl Fn(BranchId) -> Option<CompanyId>,
) -> Option<Guest> {
    if let Some(id) = question.customer_id {
        return Some(Guest::Known(id));
    }
    let company_id = match question.branch_id {
        Some(branch_id) => company_of(branch_id)?,
        // The hold's own branch says whose customer it is; nothing else does.
        None => return None,
    };
    let id = world.new_id();
    let contact = Contact {
        name: None,
        phone: Some(Personal::Erased { subject: CustomerId::new(id) }),
        phone_is_valid: None,
        email: None,
        language: None,
        preferred_branch_id: None,
        external_ref: None,
    };
    let register =
        RegisterCustomer { id, company_id, contact, indexes: CustomerIndexes::default() };
    Some(Guest::New(Box::new(register)))
}
