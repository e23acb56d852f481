//! `sockhound schema`: the JSON Schemas, as they are checked in. The tests generate them from the types that are printed, so that
//! the program need not hold what generates them.

use super::args::{Model, SchemaArguments};
use super::exit::Failure;
use super::output;

/// Prints the schema asked for.
pub fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    output::write(None, |out| out.write_all(text(arguments.model).as_bytes()))
}

const fn text(model: Model) -> &'static str {
    match model {
        Model::Summary => include_str!("../../docs/schema/summary.v1.json"),
        Model::Comparison => include_str!("../../docs/schema/comparison.v1.json"),
        Model::Exchange => include_str!("../../docs/schema/exchange.v1.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::compare::Comparison;
    use crate::summary::{ExchangeLine, Summary};

    const MODELS: [(Model, &str); 3] = [
        (Model::Comparison, "comparison.v1.json"),
        (Model::Summary, "summary.v1.json"),
        (Model::Exchange, "exchange.v1.json"),
    ];

    fn generated(model: Model) -> String {
        let generator = schemars::generate::SchemaSettings::draft2020_12()
            .for_serialize()
            .into_generator();
        let schema = match model {
            Model::Summary => generator.into_root_schema_for::<Summary>(),
            Model::Comparison => generator.into_root_schema_for::<Comparison>(),
            Model::Exchange => generator.into_root_schema_for::<ExchangeLine<'static>>(),
        };
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    /// With `SOCKHOUND_BLESS` set, writes them.
    #[test]
    fn the_schemas_printed_are_those_of_the_types() {
        for (model, name) in MODELS {
            let path = format!("{}/docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("SOCKHOUND_BLESS").is_some() {
                std::fs::write(&path, generated(model)).unwrap();
            }
            assert!(
                generated(model) == std::fs::read_to_string(&path).unwrap(),
                "{name} is of other types than are printed: SOCKHOUND_BLESS=1 cargo test --lib schema"
            );
        }
    }

    #[test]
    fn every_field_is_documented() {
        let words = include_str!("../../docs/json.md");
        for (model, _) in MODELS {
            let schema: serde_json::Value = serde_json::from_str(text(model)).unwrap();
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
