//! What is kept of a person as a table, one value a line: `section,record,field,value` (RFC 4180).

use serde_json::Value;

use super::Person;

/// A person as CSV. A section is a part of the whole, a record one thing in it, counted from 1; what lies
/// deeper has a field such as `phases.1.key`.
pub fn csv(person: &Person) -> Result<Vec<u8>, csv::Error> {
    let whole = serde_json::to_value(person).map_err(std::io::Error::from)?;
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(["section", "record", "field", "value"])?;
    for (name, part) in whole.as_object().into_iter().flatten() {
        match part {
            Value::Array(records) => {
                for (index, record) in records.iter().enumerate() {
                    let number = (index + 1).to_string();
                    values(record, String::new(), &mut |field, value| {
                        writer.write_record([name.as_str(), &number, field, value])
                    })?;
                }
            }
            Value::Object(_) => values(part, String::new(), &mut |field, value| {
                writer.write_record([name.as_str(), "1", field, value])
            })?,
            plain => values(plain, name.clone(), &mut |field, value| {
                writer.write_record(["person", "1", field, value])
            })?,
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Tells every value that lies in another one, with the way to it. What is absent is left out.
fn values(
    value: &Value,
    way: String,
    tell: &mut impl FnMut(&str, &str) -> Result<(), csv::Error>,
) -> Result<(), csv::Error> {
    let deeper =
        |name: &str| if way.is_empty() { name.to_owned() } else { format!("{way}.{name}") };
    match value {
        Value::Null => Ok(()),
        Value::Bool(it) => tell(&way, if *it { "true" } else { "false" }),
        Value::Number(it) => tell(&way, &it.to_string()),
        Value::String(it) => tell(&way, it),
        Value::Array(items) => {
            let mut numbered = items.iter().zip(1_usize..);
            numbered.try_for_each(|(item, number)| values(item, deeper(&number.to_string()), tell))
        }
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, it)| values(it, deeper(name), tell))
        }
    }
}
