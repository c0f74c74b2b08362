//! Text that comes in and goes out.

use std::ffi::{CStr, CString, c_char};

/// Text that came in, and is ours now.
pub(super) struct Given(String);

impl Given {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Copy a text that a caller gave. `what` is its name, for errors.
///
/// # Safety
///
/// `text` is NULL or ends in a zero byte.
pub(super) unsafe fn take(what: &str, text: *const c_char) -> Result<Given, String> {
    if text.is_null() {
        return Err(format!("`{what}` is NULL: give a text"));
    }
    // SAFETY: it is not NULL, and the caller says that it ends.
    let bytes = unsafe { CStr::from_ptr(text) };
    let text = bytes.to_str();
    let text = text.map_err(|error| format!("`{what}` is no UTF-8: {error}"))?;
    Ok(Given(text.to_owned()))
}

/// A text for a caller, who frees it.
pub(super) fn give(text: &str) -> *mut c_char {
    // No text of ours has zero bytes, but parts of what was given to us may.
    let text = CString::new(text).or_else(|_| CString::new(text.replace('\0', "\u{fffd}")));
    text.map_or(std::ptr::null_mut(), CString::into_raw)
}

/// Write a pointer where a caller wants it; if nobody does, free what it points to.
///
/// # Safety
///
/// `to` is NULL or can be written to; `text` is NULL or from [`give`].
pub(super) unsafe fn write(to: *mut *mut c_char, text: *mut c_char) {
    if to.is_null() {
        // SAFETY: the text is ours, and nobody else has it.
        unsafe { free(text) };
    } else {
        // SAFETY: the caller says that it can be written to.
        unsafe { to.write(text) };
    }
}

/// Free a text.
///
/// # Safety
///
/// It is NULL or from [`give`], and was not freed.
pub(super) unsafe fn free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it is from `CString::into_raw` and was not freed.
        drop(unsafe { CString::from_raw(text) });
    }
}
