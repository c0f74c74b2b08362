//! With the feature `pulley`: compiles the preinstalled guests to bytecode and writes the list that `src/bytecode.rs` includes.

#[cfg(feature = "pulley")]
#[path = "src/compiling.rs"]
mod compiling;
#[cfg(feature = "pulley")]
#[path = "src/settings.rs"]
#[cfg_attr(
    feature = "compiler",
    expect(dead_code, reason = "machine code is made where it runs")
)]
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "pulley")]
    if let Err(error) = bytecode::write() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[cfg(feature = "pulley")]
mod bytecode {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use netsonde_preinstalled::{GUESTS, Guest};
    use sha2::{Digest as _, Sha256};
    use wasmtime::Engine;

    use crate::{compiling, settings};

    /// For proving that what does not fit is refused: what these modules are made of in place of bytecode, `NAME=native` (machine
    /// code), `NAME=foreign` (for other settings) or `NAME=tampered` (with another digest), between commas.
    const MISFITS: &str = "NETSONDE_MISFITS";

    pub(crate) fn write() -> Result<(), Box<dyn Error>> {
        for file in ["src/settings.rs", "src/compiling.rs"] {
            println!("cargo:rerun-if-changed={file}");
        }
        println!("cargo:rerun-if-env-changed={MISFITS}");
        let misfits = env::var(MISFITS).unwrap_or_default();
        let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: cargo runs this")?);
        let fitting = engine(settings::interpreted()?)?;
        let mut list = String::from("&[\n");
        for guest in GUESTS {
            let misfit = misfits
                .split(',')
                .find_map(|misfit| misfit.strip_prefix(guest.name)?.strip_prefix('='));
            let engine = match misfit {
                None | Some("tampered") => fitting.clone(),
                Some("native") => engine(wasmtime::Config::new())?,
                Some("foreign") => {
                    let mut other = settings::interpreted()?;
                    other.epoch_interruption(false).consume_fuel(true);
                    engine(other)?
                }
                Some(other) => return Err(format!("{MISFITS}: {other} is no misfit").into()),
            };
            let code = engine
                .precompile_component(guest.wasm)
                .map_err(|error| format!("compile {} to bytecode: {error:#}", guest.name))?;
            let sha256 = hex::encode(Sha256::digest(&code));
            let code = match misfit {
                Some("tampered") => tampered(code),
                _ => code,
            };
            entry(&mut list, guest, (&code, &sha256), &out)?;
        }
        list.push(']');
        fs::write(out.join("bytecode.in"), list)?;
        Ok(())
    }

    fn engine(mut config: wasmtime::Config) -> Result<Engine, Box<dyn Error>> {
        config.wasm_component_model_async(true);
        compiling::compiling(&mut config);
        Engine::new(&config).map_err(|error| format!("set the compiler up: {error:#}").into())
    }

    /// Write the bytecode of a guest beside the list, and what is said of it into the list.
    fn entry(
        list: &mut String,
        guest: &Guest,
        (code, sha256): (&[u8], &str),
        out: &Path,
    ) -> Result<(), Box<dyn Error>> {
        let file = format!("{}.bytecode", guest.name);
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(code)?;
        fs::write(out.join(&file), deflated.finish()?)?;
        let manifest = manifest(guest)?;
        let (name, module) = (guest.name, guest.sha256);
        writeln!(
            list,
            "Bytecode {{ name: {name:?}, manifest: {manifest:?}, module: {module:?}, sha256: {sha256:?}, \
             deflated: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/\", {file:?})) }},",
        )?;
        Ok(())
    }

    /// The same with its last bit turned.
    fn tampered(mut code: Vec<u8>) -> Vec<u8> {
        if let Some(last) = code.last_mut() {
            *last ^= 1;
        }
        code
    }

    fn manifest(guest: &Guest) -> Result<String, Box<dyn Error>> {
        let surface = netsonde_guest_build::component::surface(guest.name, guest.wasm)?;
        Ok(surface
            .manifest
            .ok_or_else(|| format!("{} has no manifest", guest.name))?)
    }
}
