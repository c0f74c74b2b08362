//! The places of programs in the lab: which network they are in, which resolver they ask, whom they trust.

use crate::lab::{LabError, doing};
use crate::sys::namespaces::{OwnFile, View};
use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const CA_FILE: &str = "ca.pem";
/// Where the lab's files may be mounted: folders of every machine that no program in the lab needs, and in which
/// nobody keeps data. Container runtimes hide the first one, too.
const FILES_FOLDERS: [&str; 2] = ["/sys/firmware", "/mnt"];
/// Where the C library would ask the machine's own name cache.
const NAME_CACHES: [&str; 2] = ["/run/nscd", "/var/run/nscd"];

fn files_folder() -> Result<&'static Path, LabError> {
    let mut folders = FILES_FOLDERS.into_iter().map(Path::new);
    folders.find(|folder| folder.is_dir()).ok_or_else(|| {
        doing("find a folder for the lab's files (/sys/firmware or /mnt)")(io::ErrorKind::NotFound)
    })
}

/// A place for programs, and the file in it that has the lab's authority.
pub(crate) struct Place {
    pub(crate) view: View,
    pub(crate) ca_file: PathBuf,
    pub(crate) folder: &'static Path,
}

/// Makes a place in a network, with a resolver, and with these files beside the authority's.
pub(crate) fn place(
    network: OwnedFd,
    resolver: IpAddr,
    ca_pem: &str,
    more: &[(&str, String)],
) -> Result<Place, LabError> {
    let folder = files_folder()?;
    // All but the way to host names stays as it is on this machine.
    let switch = std::fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
    let kept = switch
        .lines()
        .filter(|line| !line.trim_start().starts_with("hosts:"));
    let switch: String = kept
        .chain(["hosts: files dns"])
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut view = View {
        network,
        folder: c_string(folder)?,
        files: Vec::new(),
        hidden: Vec::new(),
    };
    for (name, content) in [(CA_FILE, ca_pem)]
        .into_iter()
        .chain(more.iter().map(|(name, content)| (*name, content.as_str())))
    {
        view.files.push(OwnFile {
            path: c_string(&folder.join(name))?,
            content: content.into(),
            covers: None,
        });
    }
    let files = [
        (
            "/etc/resolv.conf",
            format!("nameserver {resolver}\noptions timeout:2 attempts:2\n"),
        ),
        ("/etc/nsswitch.conf", switch),
        ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()),
    ];
    for (path, content) in files {
        // Links are followed: what they lead to is what can be covered.
        let covers = match std::fs::canonicalize(path) {
            Ok(covers) => covers,
            Err(_) if path != "/etc/resolv.conf" => continue,
            Err(error) => return Err(doing("find /etc/resolv.conf (an empty file will do)")(error)),
        };
        let name = Path::new(path).file_name().unwrap_or_default();
        view.files.push(OwnFile {
            path: c_string(&folder.join(name))?,
            content: content.into(),
            covers: Some(c_string(&covers)?),
        });
    }
    let caches: BTreeSet<PathBuf> = NAME_CACHES
        .into_iter()
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .collect();
    for cache in caches {
        view.hidden.push(c_string(&cache)?);
    }
    Ok(Place {
        view,
        ca_file: folder.join(CA_FILE),
        folder,
    })
}

/// A program to be started in a place, with the lab's authority in the variables that programs look for.
pub(crate) fn command(program: impl AsRef<OsStr>, view: &Arc<View>, ca_file: &Path) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "GIT_SSL_CAINFO",
        "NETSONDE_CA_FILE",
        "NETSONDE_LAB_CA",
    ] {
        command.env(variable, ca_file);
    }
    Arc::clone(view).apply(&mut command);
    command
}

fn c_string(path: &Path) -> Result<CString, LabError> {
    CString::new(path.as_os_str().as_bytes()).map_err(doing("name a file"))
}
