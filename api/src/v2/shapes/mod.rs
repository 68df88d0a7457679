//! The shapes of what the API takes and answers, for the OpenAPI document alone.
//!
//! The domain knows no OpenAPI, so its types are drawn again here. The stories hold each answer
//! against the document, so that a drawing cannot drift from what it shows.

#![expect(
    dead_code,
    clippy::struct_field_names,
    reason = "shapes are drawn as they are answered, never made"
)]

pub(super) mod availability;
pub(super) mod bookings;
pub(super) mod catalog;
pub(super) mod customers;
pub(super) mod events;
pub(super) mod person;
pub(super) mod receipts;
pub(super) mod reports;
mod rules;
mod values;
pub(super) mod webhooks;

use std::{borrow::Cow, marker::PhantomData};

use daybook_domain::appointment::REASON_CODES;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type},
    },
};
use uuid::Uuid;

/// Nothing but a wish to see what would happen.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Decides and answers, and records nothing.
    dry_run: Option<bool>,
}

/// Who wants a change.
#[derive(Clone, Copy, Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChangedBy {
    /// The customer: the agreed terms apply.
    Customer,
    /// The business: it costs the customer nothing and does not count against the customer.
    Business,
    /// Daybook or the client, following a rule: as the business.
    System,
}

/// A reason in one word: one that every company has, or one of `reason_codes` of its policies.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReasonCode;

impl PartialSchema for ReasonCode {
    fn schema() -> RefOr<Schema> {
        let known = format!("One of {}, or one of the company's own.", REASON_CODES.join(", "));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[a-z][a-z0-9_]{0,39}$"))
            .description(Some(known))
            .into()
    }
}

impl ToSchema for ReasonCode {}

/// Nothing.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What was saved.
#[derive(ToSchema)]
pub(super) struct Saved {
    id: Uuid,
    /// Its version now, for `If-Match`.
    version: u64,
}

/// A page; `next` is `after` of the next one.
pub(super) struct Page<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new()
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next", ObjectBuilder::new().schema_type(next))
            .required("items")
            .required("next")
            .into()
    }
}

/// Each page has a name of its own, or one would stand for all.
impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("PageOf{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
        schemas.push((T::name().into_owned(), T::schema()));
    }
}

/// An amount in the smallest unit of its currency.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Money {
    #[schema(minimum = 0, example = 4500)]
    amount_minor: i64,
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}
