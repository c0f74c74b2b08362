//! The probe for apps: tasks that are started with OONI's settings and tell OONI's events, over [`netsonde_probe`].
//!
//! What belongs here: what apps need and no command line does, and the ways into it from other languages. What does not: how
//! anything is run, which the interpreter of `netsonde-probe` knows alone. `docs/apps.md` has the settings, the events and the
//! calls.
//!
//! ```
//! let app = netsonde_mobile::App::new();
//! let task = app.start_task(r#"{"name": "telegram", "version": 0}"#)?;
//! let keys = std::iter::repeat_with(|| task.wait_for_next_event());
//! let keys: Vec<String> = keys.take_while(|event| !event.contains("task_terminated")).collect();
//! assert!(keys[1].contains("invalid Settings.Version number"));
//! # Ok::<(), netsonde_mobile::SettingsError>(())
//! ```

mod app;
pub mod c;
mod checkin;
mod device;
mod events;
mod home;
mod place;
mod queue;
mod run;
mod script;
mod settings;
mod task;
#[cfg(feature = "uniffi")]
pub mod uniffi;
mod view;

#[cfg(not(any(feature = "compiler", feature = "pulley")))]
compile_error!("modules are compiled or interpreted: build with the feature `compiler` or `pulley`");

#[cfg(feature = "uniffi")]
::uniffi::setup_scaffolding!("netsonde");

pub use app::{App, AppError};
pub use settings::SettingsError;
pub use task::Task;
