//! Error numbers of the operating system and the strings that OONI has for them.
//!
//! `EPIPE`, `EPERM` and whatever else is not listed has no string of its own.

use super::FailureCode;

/// The failure string for `number`.
#[cfg(unix)]
pub(super) fn code(number: i32) -> Option<FailureCode> {
    // EAGAIN and EWOULDBLOCK may be one number or two, which a match can not express on every platform.
    if number == libc::EWOULDBLOCK || number == libc::EAGAIN {
        return Some(FailureCode::OPERATION_WOULD_BLOCK);
    }
    Some(match number {
        libc::ECONNREFUSED => FailureCode::CONNECTION_REFUSED,
        libc::ECONNRESET => FailureCode::CONNECTION_RESET,
        libc::EHOSTUNREACH => FailureCode::HOST_UNREACHABLE,
        libc::ETIMEDOUT => FailureCode::TIMED_OUT,
        libc::EAFNOSUPPORT => FailureCode::ADDRESS_FAMILY_NOT_SUPPORTED,
        libc::EADDRINUSE => FailureCode::ADDRESS_IN_USE,
        libc::EADDRNOTAVAIL => FailureCode::ADDRESS_NOT_AVAILABLE,
        libc::EISCONN => FailureCode::ALREADY_CONNECTED,
        libc::EFAULT => FailureCode::BAD_ADDRESS,
        libc::EBADF => FailureCode::BAD_FILE_DESCRIPTOR,
        libc::ECONNABORTED => FailureCode::CONNECTION_ABORTED,
        libc::EALREADY => FailureCode::CONNECTION_ALREADY_IN_PROGRESS,
        libc::EDESTADDRREQ => FailureCode::DESTINATION_ADDRESS_REQUIRED,
        libc::EINTR => FailureCode::INTERRUPTED,
        libc::EINVAL => FailureCode::INVALID_ARGUMENT,
        libc::EMSGSIZE => FailureCode::MESSAGE_SIZE,
        libc::ENETDOWN => FailureCode::NETWORK_DOWN,
        libc::ENETRESET => FailureCode::NETWORK_RESET,
        libc::ENETUNREACH => FailureCode::NETWORK_UNREACHABLE,
        libc::ENOBUFS => FailureCode::NO_BUFFER_SPACE,
        libc::ENOPROTOOPT => FailureCode::NO_PROTOCOL_OPTION,
        libc::ENOTSOCK => FailureCode::NOT_A_SOCKET,
        libc::ENOTCONN => FailureCode::NOT_CONNECTED,
        libc::EACCES => FailureCode::PERMISSION_DENIED,
        libc::EPROTONOSUPPORT => FailureCode::PROTOCOL_NOT_SUPPORTED,
        libc::EPROTOTYPE => FailureCode::WRONG_PROTOCOL_TYPE,
        _ => return None,
    })
}

/// The symbolic name of a `number` that has no failure string, of those that sockets give.
#[cfg(unix)]
pub(super) fn name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::EPIPE => "EPIPE",
        libc::EPERM => "EPERM",
        libc::EPROTO => "EPROTO",
        libc::EHOSTDOWN => "EHOSTDOWN",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        libc::ENOMEM => "ENOMEM",
        libc::ENODEV => "ENODEV",
        _ => return None,
    })
}

/// Elsewhere the text says it all.
#[cfg(not(unix))]
pub(super) fn name(_number: i32) -> Option<&'static str> {
    None
}

/// The failure string for a Winsock error number (`WSAE…`).
#[cfg(windows)]
pub(super) fn code(number: i32) -> Option<FailureCode> {
    Some(match number {
        10004 => FailureCode::INTERRUPTED,
        10009 => FailureCode::BAD_FILE_DESCRIPTOR,
        10013 => FailureCode::PERMISSION_DENIED,
        10014 => FailureCode::BAD_ADDRESS,
        10022 => FailureCode::INVALID_ARGUMENT,
        10035 => FailureCode::OPERATION_WOULD_BLOCK,
        10037 => FailureCode::CONNECTION_ALREADY_IN_PROGRESS,
        10038 => FailureCode::NOT_A_SOCKET,
        10039 => FailureCode::DESTINATION_ADDRESS_REQUIRED,
        10040 => FailureCode::MESSAGE_SIZE,
        10041 => FailureCode::WRONG_PROTOCOL_TYPE,
        10042 => FailureCode::NO_PROTOCOL_OPTION,
        10043 => FailureCode::PROTOCOL_NOT_SUPPORTED,
        10047 => FailureCode::ADDRESS_FAMILY_NOT_SUPPORTED,
        10048 => FailureCode::ADDRESS_IN_USE,
        10049 => FailureCode::ADDRESS_NOT_AVAILABLE,
        10050 => FailureCode::NETWORK_DOWN,
        10051 => FailureCode::NETWORK_UNREACHABLE,
        10052 => FailureCode::NETWORK_RESET,
        10053 => FailureCode::CONNECTION_ABORTED,
        10054 => FailureCode::CONNECTION_RESET,
        10055 => FailureCode::NO_BUFFER_SPACE,
        10056 => FailureCode::ALREADY_CONNECTED,
        10057 => FailureCode::NOT_CONNECTED,
        10060 => FailureCode::TIMED_OUT,
        10061 => FailureCode::CONNECTION_REFUSED,
        10065 => FailureCode::HOST_UNREACHABLE,
        11001 => FailureCode::DNS_NXDOMAIN_ERROR,
        11002 => FailureCode::DNS_TEMPORARY_FAILURE,
        11003 => FailureCode::DNS_NON_RECOVERABLE_FAILURE,
        11004 => FailureCode::DNS_NO_ANSWER,
        _ => return None,
    })
}

/// Elsewhere no error number is known.
#[cfg(not(any(unix, windows)))]
pub(super) fn code(_number: i32) -> Option<FailureCode> {
    None
}
