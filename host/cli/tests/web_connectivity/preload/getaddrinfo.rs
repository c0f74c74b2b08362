//! A getaddrinfo to be loaded before the C library's. It says whatever that one says, but of each failure what Android's
//! name cache does: that there is no data, by the number that this has there.
//!
//! Built by `android.rs`, without cargo.

use std::ffi::{CStr, c_char, c_int, c_void};

/// `EAI_NODATA` of Android's C library.
const NO_DATA: c_int = 7;
/// "The next one that there is", for dlsym.
const NEXT: *mut c_void = -1_isize as *mut c_void;

type GetAddrInfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const c_void, *mut *mut c_void) -> c_int;

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// Looks a name up.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const c_void,
    found: *mut *mut c_void,
) -> c_int {
    const NAME: &CStr = c"getaddrinfo";
    // SAFETY: the name ends with a zero.
    let next = unsafe { dlsym(NEXT, NAME.as_ptr()) };
    // SAFETY: what goes by this name in the C library is such a function, and if there is none it is null, which None is.
    let next: Option<GetAddrInfo> = unsafe { std::mem::transmute(next) };
    // SAFETY: the arguments are the caller's.
    match next.map(|next| unsafe { next(node, service, hints, found) }) {
        Some(0) => 0,
        _ => NO_DATA,
    }
}
