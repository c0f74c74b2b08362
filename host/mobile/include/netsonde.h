/* The probe for apps. docs/apps.md has the settings, the events and an example.
 *
 * Made of host/mobile/src/c.rs: NETSONDE_WRITE_HEADER=1 cargo test --package netsonde-mobile --test header
 */

#ifndef NETSONDE_H
#define NETSONDE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes an app. One is enough for a process.
//
// Returns its handle, to be freed with `netsonde_app_free`. 0 if there can be none.
uint64_t netsonde_app_new(void);

// Frees an app. Its tasks go on until they are freed. A handle that is none is ignored.
void netsonde_app_free(uint64_t app);

// Starts a task. `settings` is JSON.
//
// Returns its handle, to be freed with `netsonde_task_free`. 0 if the settings are no settings: then `error`, unless it is NULL, gets
// a text that says why, to be freed with `netsonde_string_free`. It gets NULL otherwise. All else that can be wrong is an event.
//
// # Safety
//
// `settings` is NULL or a text that ends in a zero byte. `error` is NULL or can be written to.
uint64_t netsonde_task_start(uint64_t app,
                             const char *settings,
                             char **error);

// Waits for a task's next event.
//
// Returns JSON, `{"key": …, "value": {…}}`, to be freed with `netsonde_string_free`. After the last event, and for a handle that is
// none, that is `{"key":"task_terminated","value":{}}`. Another thread may free the task meanwhile. NULL only if there is no memory.
char *netsonde_task_wait_for_next_event(uint64_t task);

// Whether `netsonde_task_wait_for_next_event` has said `task_terminated`. True for a handle that is none.
bool netsonde_task_is_done(uint64_t task);

// Ends a task before its time. Does not wait; the events up to the end still come. A handle that is none is ignored.
void netsonde_task_interrupt(uint64_t task);

// Interrupts a task, waits until its threads have ended, and frees it. A thread that waits for its next event gets `task_terminated`.
// A handle that is none is ignored.
void netsonde_task_free(uint64_t task);

// Finds out where the probe is, by settings as of a task. Waits for the answers.
//
// Returns JSON, to be freed with `netsonde_string_free`. NULL if there is no answer: then `error` says why, as of
// `netsonde_task_start`.
//
// # Safety
//
// As of `netsonde_task_start`.
char *netsonde_geolocate(uint64_t app,
                         const char *settings,
                         char **error);

// Asks the registries that are followed what to run here, and says what that is. Runs and fetches nothing. Waits for the answers.
//
// Returns JSON as `netsonde_geolocate` does.
//
// # Safety
//
// As of `netsonde_task_start`.
char *netsonde_check_in(uint64_t app,
                        const char *settings,
                        char **error);

// Follows a registry from now on. `registry` is JSON: `{"url": …, "root_sha256": "sha256:…"}`, or with `root` in place of the digest,
// and `mirrors` and `name` if there are. Waits for the answers.
//
// Returns JSON as `netsonde_geolocate` does.
//
// # Safety
//
// As of `netsonde_task_start`; `registry` is like `settings`.
char *netsonde_registry_follow(uint64_t app,
                               const char *settings,
                               const char *registry,
                               char **error);

// Lists the registries that are followed.
//
// Returns JSON as `netsonde_geolocate` does.
//
// # Safety
//
// As of `netsonde_task_start`.
char *netsonde_registry_list(uint64_t app, const char *settings, char **error);

// Follows a registry no longer, by its name or one of its addresses. What was kept of it is removed.
//
// Returns JSON as `netsonde_geolocate` does.
//
// # Safety
//
// As of `netsonde_task_start`; `which` is like `settings`.
char *netsonde_registry_unfollow(uint64_t app,
                                 const char *settings,
                                 const char *which,
                                 char **error);

// Says that the device is in another network now, or in none. `network_type` is NULL where it is not known ("wifi", "mobile", …);
// `metered` is 1, 0, or -1 where that is not known. Tasks under way find out where they are before their next target.
//
// # Safety
//
// `network_type` is NULL or a text that ends in a zero byte.
void netsonde_network_changed(uint64_t app,
                              const char *network_type,
                              int32_t metered);

// Says whether the device is being charged: 1, 0, or -1 where that is not known.
void netsonde_charging_changed(uint64_t app, int32_t charging);

// Frees a text that a function of this library returned or wrote to `error`. NULL is ignored.
//
// # Safety
//
// `text` is NULL or such a text, and was not freed yet.
void netsonde_string_free(char *text);

// The version of this library. Not to be freed.
const char *netsonde_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NETSONDE_H */
