//! The registries that a probe follows: what it keeps of them on its disk, and how it asks them and their mirrors for more.
//!
//! What belongs here: files, HTTP, and which mirror is asked next. What does not: what to believe, which `netsonde-log` says
//! of every byte before it counts, and what modules and scripts are.
//!
//! | module | what it knows |
//! |---|---|
//! | [`mod@file`] | what a registry serves, and how long each file may be |
//! | [`mirror`] | where it is served |
//! | [`getter`] | getting one file from one mirror, within a limit and a time |
//! | [`registries`] | the folder with a folder for each registry |
//! | [`feed`] | one registry: what is known of it, and getting to know more |

pub mod feed;
pub mod file;
pub mod getter;
pub mod mirror;
pub mod registries;
mod store;

pub use feed::{Feed, Forgotten, KeepError, NotFetched, NotProven, Problem, Proven, Trouble};
pub use getter::{GetError, Getter, Patience};
pub use mirror::{Mirror, MirrorError};
pub use registries::{AddError, Registries};
pub use store::{StoreError, Turn};
