//! The library as C sees it: numbers for handles, text for everything else. The header is made of this file.
//!
//! What belongs here: nothing but the way in and out. A handle is a number in a table, so that one that was freed, or made up, leads
//! nowhere. No panic goes past these functions.

#![expect(
    unsafe_code,
    reason = "C calls these functions by their names, and gives and takes text by pointers"
)]

mod handles;
mod text;

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::events::TERMINATED;
use crate::run::defect;
use crate::{App, Task};
use handles::Table;
use text::{Given, give, take, write};

static APPS: Table<App> = Table::new();
static TASKS: Table<Task> = Table::new();

/// Run something that may fail or panic. What went wrong is written where the caller wants it, and `otherwise` is returned.
fn answer<T>(error: *mut *mut c_char, otherwise: T, body: impl FnOnce() -> Result<T, String>) -> T {
    let done = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(defect(&*panic)));
    match done {
        Ok(value) => {
            // SAFETY: the contract of every function with such a parameter: it is NULL or can be written to.
            unsafe { write(error, std::ptr::null_mut()) };
            value
        }
        Err(why) => {
            // SAFETY: as above.
            unsafe { write(error, give(&why)) };
            otherwise
        }
    }
}

/// Run something that can not fail, but may panic.
fn unfailing<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

fn app(handle: u64) -> Result<App, String> {
    let unknown = || format!("there is no app {handle}: it was freed, or never made by netsonde_app_new");
    APPS.get(handle).ok_or_else(unknown)
}

/// -1, 0 and 1.
fn known(value: i32) -> Option<bool> {
    (value >= 0).then_some(value != 0)
}

/// Makes an app. One is enough for a process.
///
/// Returns its handle, to be freed with `netsonde_app_free`. 0 if there can be none.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_app_new() -> u64 {
    unfailing(0, || APPS.add(App::new()))
}

/// Frees an app. Its tasks go on until they are freed. A handle that is none is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_app_free(app: u64) {
    unfailing((), || drop(APPS.remove(app)));
}

/// Starts a task. `settings` is JSON.
///
/// Returns its handle, to be freed with `netsonde_task_free`. 0 if the settings are no settings: then `error`, unless it is NULL, gets
/// a text that says why, to be freed with `netsonde_string_free`. It gets NULL otherwise. All else that can be wrong is an event.
///
/// # Safety
///
/// `settings` is NULL or a text that ends in a zero byte. `error` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_task_start(
    app: u64,
    settings: *const c_char,
    error: *mut *mut c_char,
) -> u64 {
    // SAFETY: the caller's contract.
    let settings = unsafe { take("settings", settings) };
    answer(error, 0, || {
        let app = self::app(app)?;
        let task = app
            .start_task(settings?.text())
            .map_err(|error| error.to_string())?;
        Ok(TASKS.add(task))
    })
}

/// Waits for a task's next event.
///
/// Returns JSON, `{"key": …, "value": {…}}`, to be freed with `netsonde_string_free`. After the last event, and for a handle that is
/// none, that is `{"key":"task_terminated","value":{}}`. Another thread may free the task meanwhile. NULL only if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_task_wait_for_next_event(task: u64) -> *mut c_char {
    let event = unfailing(TERMINATED.to_owned(), || {
        TASKS
            .get(task)
            .map_or_else(|| TERMINATED.to_owned(), |task| task.wait_for_next_event())
    });
    give(&event)
}

/// Whether `netsonde_task_wait_for_next_event` has said `task_terminated`. True for a handle that is none.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_task_is_done(task: u64) -> bool {
    unfailing(true, || TASKS.get(task).is_none_or(|task| task.is_done()))
}

/// Ends a task before its time. Does not wait; the events up to the end still come. A handle that is none is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_task_interrupt(task: u64) {
    unfailing((), || {
        if let Some(task) = TASKS.get(task) {
            task.interrupt();
        }
    });
}

/// Interrupts a task, waits until its threads have ended, and frees it. A thread that waits for its next event gets `task_terminated`.
/// A handle that is none is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_task_free(task: u64) {
    unfailing((), || {
        if let Some(task) = TASKS.remove(task) {
            task.close();
        }
    });
}

/// Finds out where the probe is, by settings as of a task. Waits for the answers.
///
/// Returns JSON, to be freed with `netsonde_string_free`. NULL if there is no answer: then `error` says why, as of
/// `netsonde_task_start`.
///
/// # Safety
///
/// As of `netsonde_task_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_geolocate(
    app: u64,
    settings: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: the caller's contract.
    let settings = unsafe { take("settings", settings) };
    answered(app, error, settings, App::geolocate)
}

/// Asks the registries that are followed what to run here, and says what that is. Runs and fetches nothing. Waits for the answers.
///
/// Returns JSON as `netsonde_geolocate` does.
///
/// # Safety
///
/// As of `netsonde_task_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_check_in(
    app: u64,
    settings: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: the caller's contract.
    let settings = unsafe { take("settings", settings) };
    answered(app, error, settings, App::check_in)
}

/// Follows a registry from now on. `registry` is JSON: `{"url": …, "root_sha256": "sha256:…"}`, or with `root` in place of the digest,
/// and `mirrors` and `name` if there are. Waits for the answers.
///
/// Returns JSON as `netsonde_geolocate` does.
///
/// # Safety
///
/// As of `netsonde_task_start`; `registry` is like `settings`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_registry_follow(
    app: u64,
    settings: *const c_char,
    registry: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: the caller's contract.
    let (settings, registry) = unsafe { (take("settings", settings), take("registry", registry)) };
    answered(app, error, settings, |app, settings| {
        app.follow_registry(settings, registry.map_err(crate::AppError::Failed)?.text())
    })
}

/// Lists the registries that are followed.
///
/// Returns JSON as `netsonde_geolocate` does.
///
/// # Safety
///
/// As of `netsonde_task_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_registry_list(
    app: u64,
    settings: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: the caller's contract.
    let settings = unsafe { take("settings", settings) };
    answered(app, error, settings, App::registries)
}

/// Follows a registry no longer, by its name or one of its addresses. What was kept of it is removed.
///
/// Returns JSON as `netsonde_geolocate` does.
///
/// # Safety
///
/// As of `netsonde_task_start`; `which` is like `settings`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_registry_unfollow(
    app: u64,
    settings: *const c_char,
    which: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: the caller's contract.
    let (settings, which) = unsafe { (take("settings", settings), take("which", which)) };
    answered(app, error, settings, |app, settings| {
        app.unfollow_registry(settings, which.map_err(crate::AppError::Failed)?.text())
    })
}

/// Says that the device is in another network now, or in none. `network_type` is NULL where it is not known ("wifi", "mobile", …);
/// `metered` is 1, 0, or -1 where that is not known. Tasks under way find out where they are before their next target.
///
/// # Safety
///
/// `network_type` is NULL or a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_network_changed(app: u64, network_type: *const c_char, metered: i32) {
    // SAFETY: the caller's contract.
    let network_type = unsafe { take("network_type", network_type) };
    unfailing((), || {
        if let Ok(app) = self::app(app) {
            let network_type = network_type.as_ref().ok().map(Given::text);
            app.network_changed(network_type, known(metered));
        }
    });
}

/// Says whether the device is being charged: 1, 0, or -1 where that is not known.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_charging_changed(app: u64, charging: i32) {
    unfailing((), || {
        if let Ok(app) = self::app(app) {
            app.charging_changed(known(charging));
        }
    });
}

/// Frees a text that a function of this library returned or wrote to `error`. NULL is ignored.
///
/// # Safety
///
/// `text` is NULL or such a text, and was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn netsonde_string_free(text: *mut c_char) {
    // SAFETY: the caller's contract.
    unsafe { text::free(text) };
}

/// The version of this library. Not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn netsonde_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// A question to an app that is answered in JSON.
fn answered(
    app: u64,
    error: *mut *mut c_char,
    settings: Result<Given, String>,
    ask: impl FnOnce(&App, &str) -> Result<String, crate::AppError>,
) -> *mut c_char {
    answer(error, std::ptr::null_mut(), || {
        let app = self::app(app)?;
        let answer = ask(&app, settings?.text()).map_err(|error| error.to_string())?;
        Ok(give(&answer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_goes_no_further() {
        let mut error = std::ptr::null_mut();
        let answer = answer(&raw mut error, 7, || -> Result<i32, String> {
            panic!("it is dark")
        });
        assert_eq!(answer, 7);
        // SAFETY: it was written by `answer`, and is a text that ends.
        let text = unsafe { take("error", error) };
        assert!(text.unwrap().text().contains("it is dark"));
        // SAFETY: it is from `give`, and was not freed.
        unsafe { netsonde_string_free(error) };
        assert_eq!(unfailing(7, || panic!("it is dark")), 7);
    }
}
