//! `progress`: what the user sees while a nettest runs.

use crate::bindings::progress;
use crate::ledger::Account;
use crate::run::Level;
use crate::state::State;

/// The longest text of a line; the rest is cut off.
const LINE: usize = 4096;

impl progress::Host for State {
    fn report(&mut self, fraction: f64, message: String) -> wasmtime::Result<()> {
        self.call(message.len())?;
        self.ledger.add(Account::LogLines, 1)?;
        let message = shorten(&message);
        if self.is_mini {
            // The bar belongs to the nettest, which alone knows how many mini nettests there are.
            self.shared.view.log(self.ledger.module(), Level::Debug, message);
        } else if fraction.is_finite() {
            self.shared.view.progress(fraction.clamp(0.0, 1.0), message);
        }
        Ok(())
    }

    fn log(&mut self, level: progress::Level, message: String) -> wasmtime::Result<()> {
        self.call(message.len())?;
        self.ledger.add(Account::LogLines, 1)?;
        let level = match level {
            progress::Level::Debug => Level::Debug,
            progress::Level::Info => Level::Info,
            progress::Level::Warning => Level::Warning,
        };
        self.shared
            .view
            .log(self.ledger.module(), level, shorten(&message));
        Ok(())
    }
}

/// At most [`LINE`] bytes, cut between characters.
fn shorten(message: &str) -> &str {
    message
        .get(..message.floor_char_boundary(LINE))
        .unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"x".repeat(LINE + 1)).len(), LINE);
        assert_eq!(shorten(&"é".repeat(LINE)).len(), LINE);
        assert_eq!(shorten(&format!("x{}", "é".repeat(LINE))).len(), LINE - 1);
    }
}
