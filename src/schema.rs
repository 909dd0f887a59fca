//! The JSON Schema (2020-12) of one line of the JSON Lines contract, made from the types that are serialized and from
//! their documentation, so that it cannot say anything else.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::model::Line;

/// The schema.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize() // what is written: a field that can be null is there all the same
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Line<'static>>().to_value();
    tidy(&mut schema);
    if let Value::Object(root) = &mut schema {
        let title = "One line of tcptrace-states --format jsonl";
        root.insert("title".to_owned(), title.into());
    }
    schema
}

/// Turns documentation into plain text, and describes the tags, which have none.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = plain(text);
            }
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for (tag, about) in [("type", "What this line is."), ("row", "What this row shows.")] {
                    describe(properties, tag, about);
                }
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn describe(properties: &mut Map<String, Value>, tag: &str, about: &str) {
    if let Some(Value::Object(property)) = properties.get_mut(tag)
        && property.contains_key("const")
    {
        property.insert("description".to_owned(), about.into());
    }
}

/// One line, without the brackets of rustdoc's links.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("[`", "`").replace("`]", "`")
}
