//! Tasks of the library for apps, run one after the other in a process that was told what no phone lets it do: from the first task on,
//! whoever asks the kernel for memory that can be executed, or starts a program, is killed. `cargo xtask ios-proof` runs it in the
//! lab and reads what it prints: a line for each event, and in the end one that says whether the process has the same executable
//! memory as before.

#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod maps;
#[cfg(target_os = "linux")]
mod run;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: the filter is Linux's");
}
