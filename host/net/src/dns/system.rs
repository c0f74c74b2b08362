//! Lookups by the system: getaddrinfo, with its real return code.

use super::{Answer, failure, tidy};
use crate::{Exceeded, Net, Transaction, guard::Guard, sys};
use dns_lookup::{AddrInfoHints, LookupError, SockType, getaddrinfo};
use netsonde_data::{
    failure::FailureCode,
    observation::{self, Query},
};
use std::{io, net::IpAddr, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// How long a lookup may take if the caller does not say, and at most.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many lookups may occupy a thread at once, in the whole process: getaddrinfo can not be cancelled.
static THREADS: Semaphore = Semaphore::const_new(8);

/// What getaddrinfo found.
#[derive(Debug, Default)]
struct Found {
    addresses: Vec<IpAddr>,
    cname: Option<String>,
}

/// Why it found nothing: the failure, and the return code where there is one.
#[derive(Debug, PartialEq, Eq)]
struct NotFound {
    code: FailureCode,
    getaddrinfo_error: i32,
    /// The system's error, where it is that it gives no socket: no return code says that for certain.
    no_socket: Option<i32>,
}

impl Net {
    /// Ask the system. The clock starts when a thread is free: waiting for one is the probe's doing, not the
    /// network's.
    pub(super) async fn lookup_system(
        &self,
        tx: &Transaction,
        domain: &str,
        within: Option<Duration>,
    ) -> Result<Answer, Exceeded> {
        self.meter().query()?;
        let clock = self.trace().clock();
        if let Err(denied) = self.admit_name(domain) {
            let now = clock.now();
            self.ended(tx, domain, now, now, &Err(denied.code().into()));
            return Ok(Answer {
                failure: Some(failure(denied.code(), domain)),
                ..Answer::default()
            });
        }
        let waiting = Guard::new(|| {
            let now = clock.now();
            self.ended(tx, domain, now, now, &Err(NotFound::interrupted()));
        });
        let permit = THREADS.acquire().await;
        waiting.disarm();
        let t0 = clock.now();
        let guard = Guard::new(|| self.ended(tx, domain, t0, clock.now(), &Err(NotFound::interrupted())));
        let name = domain.to_owned();
        let thread = spawn_blocking(move || {
            let result = ask(&name);
            drop(permit);
            result
        });
        let within = within.unwrap_or(TIMEOUT).min(TIMEOUT);
        let result = match timeout(within, thread).await {
            Ok(Ok(result)) => result,
            // The thread panicked: the library can not stand a canonical name that is not text.
            Ok(Err(error)) => Err(NotFound::from(FailureCode::unknown(format!(
                "getaddrinfo: {error}"
            )))),
            Err(_) => Err(NotFound::from(FailureCode::GENERIC_TIMEOUT_ERROR)),
        };
        let t = clock.now();
        guard.disarm();
        if let Err(NotFound {
            no_socket: Some(number),
            ..
        }) = result
        {
            self.meter().no_socket(&io::Error::from_raw_os_error(number));
        }
        self.ended(tx, domain, t0, t, &result);
        Ok(match result {
            Ok(found) => Answer {
                addresses: tidy(found.addresses),
                cname: found.cname.map(|name| name.trim_end_matches('.').to_owned()),
                ..Answer::default()
            },
            Err(not_found) => Answer {
                failure: Some(failure(not_found.code, domain)),
                getaddrinfo_error: not_found.getaddrinfo_error,
                ..Answer::default()
            },
        })
    }

    /// Write the lookup down as one query of type `ANY`.
    fn ended(
        &self,
        tx: &Transaction,
        domain: &str,
        t0: Duration,
        t: Duration,
        result: &Result<Found, NotFound>,
    ) {
        let found = result.as_ref().ok();
        let addresses = found.into_iter().flat_map(|found| &found.addresses);
        let addresses = addresses.map(|&address| observation::Answer::address(address, None));
        let cname = found.and_then(|found| found.cname.as_deref());
        let cname = cname.map(|target| observation::Answer::cname(target, None));
        let query = Query {
            answers: addresses.chain(cname).collect(),
            engine: "getaddrinfo".to_owned(),
            failure: result.as_ref().err().map(|not_found| not_found.code.clone()),
            getaddrinfo_error: result
                .as_ref()
                .err()
                .map_or(0, |not_found| not_found.getaddrinfo_error.into()),
            hostname: domain.to_owned(),
            query_type: "ANY".to_owned(),
            t0: t0.as_secs_f64(),
            t: t.as_secs_f64(),
            ..Query::default()
        };
        self.trace().query(tx, query);
    }
}

/// Call getaddrinfo, on this thread.
fn ask(domain: &str) -> Result<Found, NotFound> {
    let hints = AddrInfoHints {
        flags: AI_CANONNAME,
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let mut found = Found::default();
    let result = getaddrinfo(Some(domain), None, Some(hints));
    let system = io::Error::last_os_error();
    let infos = result.map_err(|error| NotFound {
        no_socket: system.raw_os_error().filter(|_| sys::is_out_of_files(&system)),
        ..error.into()
    })?;
    for info in infos {
        // An address of a family that is neither IPv4 nor IPv6 can not be connected to.
        let Ok(info) = info else { continue };
        let address = info.sockaddr.ip();
        if !found.addresses.contains(&address) {
            found.addresses.push(address);
        }
        found.cname = found.cname.or(info.canonname).filter(|name| !name.is_empty());
    }
    if found.addresses.is_empty() {
        return Err(FailureCode::DNS_NO_ANSWER.into());
    }
    Ok(found)
}

impl NotFound {
    fn interrupted() -> Self {
        FailureCode::INTERRUPTED.into()
    }
}

impl From<FailureCode> for NotFound {
    fn from(code: FailureCode) -> Self {
        Self {
            code,
            getaddrinfo_error: 0,
            no_socket: None,
        }
    }
}

impl From<LookupError> for NotFound {
    fn from(error: LookupError) -> Self {
        let getaddrinfo_error = error.error_num();
        let code = code(getaddrinfo_error, &error.into());
        Self {
            code,
            getaddrinfo_error,
            no_socket: None,
        }
    }
}

#[cfg(unix)]
const AI_CANONNAME: i32 = libc::AI_CANONNAME;
#[cfg(not(unix))]
const AI_CANONNAME: i32 = 2;

/// `EAI_NODATA` of Android's C library, whose name cache says it whatever is wrong. On Linux, too, nothing else is meant by
/// it: the return codes of the other C libraries are negative.
#[cfg(any(target_os = "android", target_os = "linux"))]
const BIONIC_NODATA: i32 = 7;

/// The failure string for a return code of getaddrinfo. `error` is the system's error at that moment.
#[cfg(unix)]
fn code(number: i32, error: &io::Error) -> FailureCode {
    match number {
        libc::EAI_NONAME => FailureCode::DNS_NXDOMAIN_ERROR,
        #[cfg(any(target_os = "android", target_os = "linux"))]
        BIONIC_NODATA => FailureCode::ANDROID_DNS_CACHE_NO_DATA,
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        libc::EAI_NODATA => FailureCode::DNS_NO_ANSWER,
        libc::EAI_SYSTEM => match error.raw_os_error() {
            None | Some(0) => FailureCode::from_io(&io::Error::from_raw_os_error(libc::EMFILE)),
            Some(_) => FailureCode::from_io(error),
        },
        // No return code: the name could not even be handed over.
        0 => FailureCode::from_io(error),
        _ => FailureCode::DNS_SERVER_MISBEHAVING,
    }
}

/// The failure string for a return code of getaddrinfo, which here is a Winsock error number.
#[cfg(not(unix))]
fn code(number: i32, error: &io::Error) -> FailureCode {
    match number {
        0 => FailureCode::from_io(error),
        _ => FailureCode::from_errno(number).unwrap_or(FailureCode::DNS_SERVER_MISBEHAVING),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn return_codes_become_failures() {
        let of = |number| NotFound::from(LookupError::new(number));
        assert_eq!(of(libc::EAI_NONAME).code, FailureCode::DNS_NXDOMAIN_ERROR);
        assert_eq!(of(libc::EAI_NONAME).getaddrinfo_error, libc::EAI_NONAME);
        assert_eq!(of(libc::EAI_AGAIN).code, FailureCode::DNS_SERVER_MISBEHAVING);
        assert_eq!(of(libc::EAI_FAIL).code, FailureCode::DNS_SERVER_MISBEHAVING);
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        assert_eq!(code(libc::EAI_SYSTEM, &refused), FailureCode::CONNECTION_REFUSED);
        let nothing = io::Error::from_raw_os_error(0);
        assert_eq!(
            code(libc::EAI_SYSTEM, &nothing).as_str(),
            "unknown_failure: too many open files"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_data_is_no_answer() {
        assert_eq!(
            NotFound::from(LookupError::new(libc::EAI_NODATA)).code,
            FailureCode::DNS_NO_ANSWER
        );
    }

    #[cfg(any(target_os = "android", target_os = "linux"))]
    #[test]
    fn what_androids_name_cache_says_is_told_apart() {
        let not_found = NotFound::from(LookupError::new(7));
        assert_eq!(not_found.code, FailureCode::ANDROID_DNS_CACHE_NO_DATA);
        assert_eq!(not_found.getaddrinfo_error, 7);
    }

    #[test]
    fn localhost_is_found_without_the_network() {
        let found = ask("localhost").unwrap();
        assert!(found.addresses.iter().all(IpAddr::is_loopback) && !found.addresses.is_empty());
        assert!(found.cname.is_some());
    }
}
