//! What was looked at and what came of it, printed as it goes.

/// What stands before something that is not as it should be.
pub(super) const FAILED: &str = "FAILED  ";

/// The report.
#[derive(Default)]
pub(super) struct Report {
    checks: usize,
    failed: usize,
}

impl Report {
    /// A part begins.
    pub(super) fn part(number: u8, title: &str) {
        println!("\n{number}. {title}");
    }

    /// Something was looked at. `Ok` has a word more, which may be empty.
    pub(super) fn check(&mut self, what: &str, result: anyhow::Result<String>) {
        self.checks += 1;
        match result {
            Ok(more) if more.is_empty() => println!("   ok      {what}"),
            Ok(more) => println!("   ok      {what}: {more}"),
            Err(error) => {
                self.failed += 1;
                println!("   {FAILED}{what}: {error:#}");
            }
        }
    }

    /// How many things were looked at.
    pub(super) fn checks(&self) -> usize {
        self.checks
    }

    /// How many of them are not as they should be.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }
}
