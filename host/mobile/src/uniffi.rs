//! The calls for Swift, Kotlin and Python, as `UniFFI` makes them. Nothing is decided here: each passes its arguments on.
//!
//! The names carry the library's, as those of C do: Swift has a `Task` of its own, which all its concurrent code uses.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::run::defect;
use crate::{App, AppError, SettingsError, Task};

/// Why a call could not do what it was asked for.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum NetsondeError {
    /// The settings are none: they are no JSON, or a member is of the wrong type.
    #[error("{0}")]
    Settings(String),
    /// Something that the call needs does not work.
    #[error("{0}")]
    Failed(String),
    /// A defect of the probe.
    #[error("{0}")]
    Defect(String),
}

impl From<SettingsError> for NetsondeError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<AppError> for NetsondeError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Settings(error) => error.into(),
            AppError::Failed(why) => Self::Failed(why),
        }
    }
}

/// Do it, and make an error of a panic. `UniFFI` catches panics, too, but bindings for Swift end the app then where a call is not
/// said to fail.
fn caught<T, E>(call: impl FnOnce() -> Result<T, E>) -> Result<T, NetsondeError>
where
    NetsondeError: From<E>,
{
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => Ok(done?),
        Err(panic) => Err(NetsondeError::Defect(defect(&*panic))),
    }
}

/// The same for what can not fail otherwise.
fn unfailing<T>(call: impl FnOnce() -> T) -> Result<T, NetsondeError> {
    caught(|| Ok::<T, NetsondeError>(call()))
}

/// The version of netsonde.
#[uniffi::export]
pub fn netsonde_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// An app's probe. One is enough for a process.
#[derive(uniffi::Object)]
pub struct NetsondeApp(App);

#[uniffi::export]
impl NetsondeApp {
    /// An app of whose device nothing is known yet.
    #[uniffi::constructor]
    pub fn new() -> Result<Self, NetsondeError> {
        unfailing(|| Self(App::new()))
    }

    /// Start a task, by settings in JSON. Only settings that are none fail here; whatever else is wrong is an event.
    pub fn start_task(&self, settings: &str) -> Result<Arc<NetsondeTask>, NetsondeError> {
        caught(|| {
            self.0
                .start_task(settings)
                .map(|task| Arc::new(NetsondeTask(task)))
        })
    }

    /// Where the probe is, by the same settings, in JSON. Waits for the answers.
    pub fn geolocate(&self, settings: &str) -> Result<String, NetsondeError> {
        caught(|| self.0.geolocate(settings))
    }

    /// What the registries that are followed want to be run here, in JSON. Runs and fetches nothing. Waits for the answers.
    pub fn check_in(&self, settings: &str) -> Result<String, NetsondeError> {
        caught(|| self.0.check_in(settings))
    }

    /// Follow a registry: `{"url": …, "root_sha256": "sha256:…"}`, or with `root` in place of the digest, and `mirrors` and `name` if
    /// there are. What is known of it then, in JSON. Waits for the answers.
    pub fn follow_registry(&self, settings: &str, registry: &str) -> Result<String, NetsondeError> {
        caught(|| self.0.follow_registry(settings, registry))
    }

    /// The registries that are followed, a list in JSON.
    pub fn registries(&self, settings: &str) -> Result<String, NetsondeError> {
        caught(|| self.0.registries(settings))
    }

    /// Follow a registry no longer, by its name or one of its addresses. What was kept of it is removed.
    pub fn unfollow_registry(&self, settings: &str, which: &str) -> Result<String, NetsondeError> {
        caught(|| self.0.unfollow_registry(settings, which))
    }

    /// The device is in another network now, or in none. What is not known is nothing. Tasks under way find out where they are before
    /// their next target.
    #[expect(clippy::needless_pass_by_value, reason = "optional arguments come by value")]
    pub fn network_changed(
        &self,
        network_type: Option<String>,
        metered: Option<bool>,
    ) -> Result<(), NetsondeError> {
        unfailing(|| self.0.network_changed(network_type.as_deref(), metered))
    }

    /// The device is being charged now, or it is not.
    pub fn charging_changed(&self, charging: Option<bool>) -> Result<(), NetsondeError> {
        unfailing(|| self.0.charging_changed(charging))
    }
}

/// A task under way, or one that has ended. With the last reference to it it is discarded.
#[derive(uniffi::Object)]
pub struct NetsondeTask(Task);

#[uniffi::export]
impl NetsondeTask {
    /// The next event, in JSON. Waits until there is one; `task_terminated` after the last one, for ever.
    pub fn wait_for_next_event(&self) -> Result<String, NetsondeError> {
        unfailing(|| self.0.wait_for_next_event())
    }

    /// Whether `task_terminated` was said, or the task was discarded.
    pub fn is_done(&self) -> Result<bool, NetsondeError> {
        unfailing(|| self.0.is_done())
    }

    /// End the task before its time. Does not wait. The events up to the end still come.
    pub fn interrupt(&self) -> Result<(), NetsondeError> {
        unfailing(|| self.0.interrupt())
    }

    /// Interrupt the task, throw its unread events away, and wait until its threads have ended. Whoever waits for an event gets
    /// `task_terminated`. (It is not called `close`, which in Kotlin lets go of the reference.)
    pub fn discard(&self) -> Result<(), NetsondeError> {
        unfailing(|| self.0.close())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_goes_no_further() {
        let why = caught(|| -> Result<(), AppError> { panic!("it is {}", "dark") }).unwrap_err();
        assert!(matches!(&why, NetsondeError::Defect(_)), "{why:?}");
        assert_eq!(
            why.to_string(),
            "a defect of the probe: it is dark; please report it"
        );
        assert!(
            unfailing(|| panic!("it is dark"))
                .is_err_and(|why: NetsondeError| why.to_string().contains("dark"))
        );
    }

    #[test]
    fn errors_say_which_kind_they_are() {
        let app = NetsondeApp::new().unwrap();
        assert!(matches!(app.start_task("{"), Err(NetsondeError::Settings(_))));
        assert!(matches!(app.geolocate("{"), Err(NetsondeError::Settings(_))));
        assert!(matches!(app.geolocate("{}"), Err(NetsondeError::Failed(_))));
    }
}
