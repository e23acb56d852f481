//! `sockhound schema`: the JSON Schemas, generated from the types that are printed.

use std::io;

use super::args::{Model, SchemaArguments};
use super::exit::Failure;
use super::output;
use crate::summary::compare::Comparison;
use crate::summary::{ExchangeLine, Summary};

/// Prints the schema asked for.
pub fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    let schema = text(arguments.model)?;
    output::write(None, |out| out.write_all(schema.as_bytes()))
}

fn text(model: Model) -> io::Result<String> {
    let generator = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let schema = match model {
        Model::Summary => generator.into_root_schema_for::<Summary>(),
        Model::Comparison => generator.into_root_schema_for::<Comparison>(),
        Model::Exchange => generator.into_root_schema_for::<ExchangeLine<'static>>(),
    };
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKED_IN: [(Model, &str); 3] = [
        (
            Model::Comparison,
            include_str!("../../docs/schema/comparison.v1.json"),
        ),
        (Model::Summary, include_str!("../../docs/schema/summary.v1.json")),
        (
            Model::Exchange,
            include_str!("../../docs/schema/exchange.v1.json"),
        ),
    ];

    #[test]
    fn the_schemas_checked_in_are_those_printed() {
        for (model, checked_in) in CHECKED_IN {
            assert_eq!(
                text(model).unwrap(),
                checked_in,
                "write the output of `sockhound schema` for {model:?} to docs/schema"
            );
        }
    }

    #[test]
    fn every_field_is_documented() {
        let words = include_str!("../../docs/json.md");
        for (_, schema) in CHECKED_IN {
            let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
            let models = schema["$defs"].as_object().unwrap().values().chain([&schema]);
            for field in models
                .filter_map(|model| model["properties"].as_object())
                .flat_map(|it| it.keys())
            {
                assert!(
                    words.contains(&format!("`{field}`")),
                    "docs/json.md does not tell of `{field}`"
                );
            }
        }
    }
}
