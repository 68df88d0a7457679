//! Values whose bounds a derived schema cannot say.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type},
    },
};

/// Minutes between starts: they divide the day.
pub(super) struct GridMinutes;

impl PartialSchema for GridMinutes {
    fn schema() -> RefOr<Schema> {
        let divides = (5..=1440).step_by(5).filter(|minutes| 1440 % minutes == 0);
        ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(divides)).into()
    }
}

impl ToSchema for GridMinutes {}

/// Minutes that a phase takes.
pub(super) struct ActiveMinutes(u16);

impl PartialSchema for ActiveMinutes {
    fn schema() -> RefOr<Schema> {
        let minutes = ObjectBuilder::new().schema_type(Type::Integer);
        minutes.minimum(Some(5)).maximum(Some(720)).multiple_of(Some(5)).into()
    }
}

impl ToSchema for ActiveMinutes {}

/// Nothing, an amount in the smallest unit, or per cent of the price.
pub(super) struct Fee;

impl PartialSchema for Fee {
    fn schema() -> RefOr<Schema> {
        let count = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let one = |name: &str, amount: ObjectBuilder| {
            let only = AdditionalProperties::FreeForm(false);
            let one = ObjectBuilder::new().property(name, amount).required(name);
            one.additional_properties(Some(only))
        };
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["none"])))
            .item(one("fixed_minor", count().maximum(Some(isize::MAX))))
            .item(one("percent", count().maximum(Some(100))))
            .into()
    }
}

impl ToSchema for Fee {}
