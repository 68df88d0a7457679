//! Events as JSON objects that say their type first: `{"type":"claimed", …}`.
//!
//! serde's own `tag = "type"` writes the same text, but reads it through a tree of boxed values,
//! because the tag might come last. A replay reads millions of events that say it first: here the
//! fields go straight into the variant. The derives of an event make its plain enum form
//! (`remote = "Self"`), and `event_kinds!` puts these adapters around it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        self, DeserializeSeed, EnumAccess, IgnoredAny, IntoDeserializer as _, VariantAccess,
        Visitor, value::StrDeserializer,
    },
    ser::{self, Impossible, SerializeStruct, SerializeStructVariant},
};
use serde_json::{Deserializer as JsonDeserializer, Error, Value, de::StrRead};

/// The field that names the variant.
const TAG: &str = "type";

/// The type that a text says first, if it does. A type has no escapes in it.
pub fn tag(text: &str) -> Option<&str> {
    let (tag, _) = text.strip_prefix(r#"{"type":""#)?.split_once('"')?;
    (!tag.contains('\\')).then_some(tag)
}

/// An event's text: an enum whose variant is the tag and whose fields are the object's. The tag
/// itself is one more field, which no variant has and every variant passes over.
#[derive(Clone, Copy, Debug)]
pub struct Text<'t> {
    tag: &'t str,
    text: &'t str,
}

impl<'t> Text<'t> {
    /// The event in a text that says its type first.
    pub fn new(text: &'t str) -> Option<Self> {
        Some(Self { tag: tag(text)?, text })
    }

    /// The object, read by `read`, with nothing after it.
    fn object<T>(
        self,
        read: impl FnOnce(&mut JsonDeserializer<StrRead<'t>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut json = JsonDeserializer::from_str(self.text);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'t> EnumAccess<'t> for Text<'t> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let variant: StrDeserializer<'t, Error> = self.tag.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'t> VariantAccess<'t> for Text<'t> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.object(|json| IgnoredAny::deserialize(json)).map(|_fields| ())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Error> {
        self.object(|json| seed.deserialize(json))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _len: usize, _visitor: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("an event has named fields"))
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.object(|json| json.deserialize_map(visitor))
    }
}

/// Reads an event from any format: its object as text, type first. Slow, and seldom.
pub fn text_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let missing = || de::Error::missing_field(TAG);
    let tag = value.get(TAG).and_then(Value::as_str).ok_or_else(missing)?;
    let mut text = format!(r#"{{"type":{}"#, Value::from(tag));
    for (name, field) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != TAG) {
        text.push(',');
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        text.push_str(&field.to_string());
    }
    text.push('}');
    Ok(text)
}

/// Writes an enum as an object that says its variant first.
#[derive(Debug)]
pub struct TagFirst<S>(pub S);

/// Writes a struct with its variant as the first field.
struct WithTag<S> {
    inner: S,
    tag: &'static str,
}

/// The fields of a variant, after its tag.
#[derive(Debug)]
pub struct Fields<T>(T);

impl<T: SerializeStruct> SerializeStructVariant for Fields<T> {
    type Ok = T::Ok;
    type Error = T::Error;

    fn serialize_field<V: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &V,
    ) -> Result<(), T::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), T::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<T::Ok, T::Error> {
        self.0.end()
    }
}

/// Everything that an event is not.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*)),+ $(,)?) => {
        $(fn $method(self, $(_: $argument),*) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom(NotAnEvent))
        })+
    };
    (compound $($method:ident($($argument:ty),*) -> $compound:ident),+ $(,)?) => {
        $(fn $method(self, $(_: $argument),*) -> Result<Self::$compound, S::Error> {
            Err(ser::Error::custom(NotAnEvent))
        })+
    };
}

struct NotAnEvent;

impl fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event is an enum of structs")
    }
}

/// What both adapters refuse alike.
macro_rules! refuse_all_but_structs {
    () => {
        type Ok = S::Ok;
        type Error = S::Error;
        type SerializeSeq = Impossible<S::Ok, S::Error>;
        type SerializeTuple = Impossible<S::Ok, S::Error>;
        type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
        type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
        type SerializeMap = Impossible<S::Ok, S::Error>;

        refuse! {
            serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
            serialize_i64(i64), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
            serialize_u64(u64), serialize_f32(f32), serialize_f64(f64), serialize_char(char),
            serialize_str(&str), serialize_bytes(&[u8]), serialize_none(), serialize_unit(),
            serialize_unit_struct(&'static str),
        }

        refuse! {
            compound
            serialize_seq(Option<usize>) -> SerializeSeq,
            serialize_tuple(usize) -> SerializeTuple,
            serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant,
            serialize_map(Option<usize>) -> SerializeMap,
        }

        fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<S::Ok, S::Error> {
            value.serialize(self)
        }

        fn serialize_newtype_struct<V: Serialize + ?Sized>(
            self,
            _name: &'static str,
            value: &V,
        ) -> Result<S::Ok, S::Error> {
            value.serialize(self)
        }
    };
}

impl<S: Serializer> Serializer for TagFirst<S> {
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    refuse_all_but_structs!();

    refuse! { compound serialize_struct(&'static str, usize) -> SerializeStruct }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        let mut fields = self.0.serialize_struct(name, 1)?;
        fields.serialize_field(TAG, variant)?;
        fields.end()
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(WithTag { inner: self.0, tag: variant })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let mut fields = self.0.serialize_struct(name, len + 1)?;
        fields.serialize_field(TAG, variant)?;
        Ok(Fields(fields))
    }
}

impl<S: Serializer> Serializer for WithTag<S> {
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    refuse_all_but_structs!();

    refuse! { serialize_unit_variant(&'static str, u32, &'static str) }

    refuse! {
        compound
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &V,
    ) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(NotAnEvent))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<S::SerializeStruct, S::Error> {
        let mut fields = self.inner.serialize_struct(name, len + 1)?;
        fields.serialize_field(TAG, self.tag)?;
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As an event is derived.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(remote = "Self", rename_all = "snake_case")]
    enum Ours {
        Gone,
        Moved { to: String, by: Option<u8> },
        Booked(Box<Fact>),
    }

    /// As serde would do it.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Theirs {
        Gone,
        Moved { to: String, by: Option<u8> },
        Booked(Box<Fact>),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Fact {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        numbers: Vec<i64>,
    }

    crate::event_codec!(Ours);

    fn pairs() -> [(Ours, Theirs); 4] {
        let fact = Box::new(Fact { note: None, numbers: vec![-1, 2] });
        let to = "a \"quoted\" ß".to_owned();
        [
            (Ours::Gone, Theirs::Gone),
            (Ours::Moved { to: to.clone(), by: None }, Theirs::Moved { to: to.clone(), by: None }),
            (Ours::Moved { to: to.clone(), by: Some(3) }, Theirs::Moved { to, by: Some(3) }),
            (Ours::Booked(fact.clone()), Theirs::Booked(fact)),
        ]
    }

    #[test]
    fn writes_what_serde_writes_and_reads_it_back() {
        for (ours, theirs) in pairs() {
            let text = serde_json::to_string(&theirs).expect("it is written");
            assert_eq!(serde_json::to_string(&ours).expect("it is written"), text);
            assert_eq!(Ours::from_text(&text).expect("it is read"), ours);
            let value = serde_json::to_value(&theirs).expect("it is written");
            assert_eq!(serde_json::to_value(&ours).expect("it is written"), value);
            assert_eq!(serde_json::from_value::<Ours>(value).expect("it is read"), ours);
        }
    }

    #[test]
    fn reads_other_orders_other_blanks_and_unknown_fields() {
        let moved = Ours::Moved { to: "x".to_owned(), by: None };
        for text in [
            r#"{"to":"x","type":"moved"}"#,
            r#" { "type" : "moved", "to" : "x" } "#,
            r#"{"type":"moved","new":{"deep":[1]},"to":"x"}"#,
            r#"{"type":"mov\u0065d","to":"x"}"#,
        ] {
            assert_eq!(Ours::from_text(text).expect(text), moved);
        }
        let gone = r#"{"type":"gone","more":1}"#;
        assert_eq!(Ours::from_text(gone).expect(gone), Ours::Gone);
    }

    #[test]
    fn refuses_what_serde_refuses() {
        for text in [
            r#"{"type":"moved"}"#,
            r#"{"type":"lost"}"#,
            r#"{"to":"x"}"#,
            r#"{"type":"gone"} x"#,
            r#"{"type":"gone""#,
            r#"{"type":"moved","to":"x","to":"y"}"#,
            r#"{"type":"booked","numbers":"x"}"#,
            "[]",
            "",
        ] {
            assert!(serde_json::from_str::<Theirs>(text).is_err(), "{text}");
            assert!(Ours::from_text(text).is_err(), "{text}");
        }
        let not_text = json!({ "type": 7 });
        assert!(serde_json::from_value::<Ours>(not_text).is_err());
    }
}
