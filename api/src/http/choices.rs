//! What the fields of a request ask of each other, which a derived schema cannot say.

use utoipa::openapi::{
    AllOfBuilder, ArrayBuilder, Components, ObjectBuilder, OneOfBuilder, Schema,
    schema::{AnyOfBuilder, SchemaType, Type},
};

/// A field that is there and not null.
fn given(field: &str) -> Schema {
    let types = [Type::String, Type::Object, Type::Array, Type::Number, Type::Boolean];
    let value = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    ObjectBuilder::new().property(field, value).required(field).into()
}

/// A list that is there and not empty.
fn filled(field: &str) -> Schema {
    let list = ArrayBuilder::new().items(ObjectBuilder::new()).min_items(Some(1));
    ObjectBuilder::new().property(field, list).required(field).into()
}

fn all<const N: usize>(rules: [Schema; N]) -> Schema {
    rules.into_iter().fold(AllOfBuilder::new(), AllOfBuilder::item).into()
}

fn any(one: Schema, other: Schema) -> Schema {
    AnyOfBuilder::new().item(one).item(other).into()
}

fn either(one: Schema, other: Schema) -> Schema {
    OneOfBuilder::new().item(one).item(other).into()
}

/// The rules, by the name of the request.
fn rules() -> [(&'static str, Schema); 4] {
    let customer = || either(given("customer_id"), given("customer"));
    let services = || either(given("service_id"), filled("services"));
    let place = all([given("branch_id"), given("starts_at"), services()]);
    [
        ("CreateBooking", all([customer(), any(given("hold_token"), place)])),
        ("StartSeries", all([customer(), services()])),
        ("PlaceHold", services()),
        ("AskExplain", either(given("starts_at"), given("date"))),
    ]
}

/// Adds the rules to the requests that have any.
pub fn add(components: &mut Components) {
    for (name, rule) in rules() {
        if let Some(held) = components.schemas.remove(name) {
            let both = AllOfBuilder::new().item(held).item(rule);
            components.schemas.insert(name.to_owned(), both.into());
        }
    }
}
