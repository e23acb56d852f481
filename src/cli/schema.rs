//! `sockhound schema`: the JSON Schemas, as they are checked in. The tests generate them from the types that are printed, so that
//! the program need not hold what generates them.

use std::io::{self, Write};

use flate2::read::GzDecoder;

use super::args::{Model, SchemaArguments};
use super::exit::Failure;
use super::output;

/// Prints the schema asked for.
pub fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    output::write(None, |out| print(arguments.model, out))
}

fn print(model: Model, out: &mut dyn Write) -> io::Result<()> {
    io::copy(&mut GzDecoder::new(compressed(model)), out).map(drop)
}

/// As `build.rs` leaves them.
const fn compressed(model: Model) -> &'static [u8] {
    match model {
        Model::Summary => include_bytes!(concat!(env!("OUT_DIR"), "/summary.v1.json.gz")),
        Model::Comparison => include_bytes!(concat!(env!("OUT_DIR"), "/comparison.v1.json.gz")),
        Model::Exchange => include_bytes!(concat!(env!("OUT_DIR"), "/exchange.v1.json.gz")),
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

    fn printed(model: Model) -> String {
        let mut text = Vec::new();
        print(model, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

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
    fn what_was_compressed_is_printed_whole() {
        for (model, name) in MODELS {
            let path = format!("{}/docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            assert!(
                printed(model) == std::fs::read_to_string(&path).unwrap(),
                "{name}"
            );
        }
    }

    #[test]
    fn every_field_is_documented() {
        let words = include_str!("../../docs/json.md");
        for (model, _) in MODELS {
            let schema: serde_json::Value = serde_json::from_str(&printed(model)).unwrap();
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
