//! `netsonde-bindgen LIBRARY --out DIR`: writes the code by which Swift, Kotlin and Python use the library for apps.
//!
//! What the calls are, the library says itself: they stand in `host/mobile/src/uniffi.rs`, and nowhere else. This is a program of its
//! own so that neither the library nor anything else that is shipped has to do with making code.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

/// Write the code by which Swift, Kotlin and Python use the library for apps.
#[derive(Parser)]
#[command(name = "netsonde-bindgen")]
struct Cli {
    /// The shared or static library, built with the feature `uniffi`.
    library: PathBuf,
    /// The folder to write to. It is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Cli { library, out } = Cli::parse();
    let options = GenerateOptions {
        languages: vec![
            TargetLanguage::Swift,
            TargetLanguage::Kotlin,
            TargetLanguage::Python,
        ],
        source: library.clone().try_into().context("the library")?,
        out_dir: out.try_into().context("--out")?,
        ..GenerateOptions::default()
    };
    generate(options).with_context(|| {
        let library = library.display();
        format!(
            "make code of {library}, which has to be the library of netsonde-mobile with the feature `uniffi`"
        )
    })
}
