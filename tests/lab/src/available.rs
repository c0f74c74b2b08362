//! Whether a lab can be built here, and if not, which setting is in the way and what to type.

/// Why no lab can be built here. Its text names the cause and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Not Linux.
    #[error(
        "the lab needs Linux's network namespaces: run it on a Linux machine or in a Linux virtual machine"
    )]
    NotLinux,
    /// A kernel setting forbids user namespaces to users.
    #[error(
        "{setting} is {value}, which keeps users from making namespaces: type `{remedy}`, or run as root"
    )]
    Setting {
        /// The setting, as sysctl(8) names it.
        setting: &'static str,
        /// What it is set to.
        value: String,
        /// What to type.
        remedy: &'static str,
    },
    /// No setting explains it: a container's system call filter or the lack of a capability does.
    #[error(
        "{tried}: {error}; the system call filter of a container is the usual cause: start it with \
         `docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined \
         --security-opt apparmor=unconfined`, or run outside it"
    )]
    Forbidden {
        /// What was tried.
        tried: &'static str,
        /// What the kernel said.
        error: String,
    },
    /// Namespaces work, but no device to connect them does.
    #[error(
        "neither /dev/net/tun nor a veth pair with packet sockets can be used ({error}): \
         type `sudo modprobe tun`, and in a container pass `--device /dev/net/tun`"
    )]
    NoDevice {
        /// What the kernel said.
        error: String,
    },
    /// The trial itself failed.
    #[error(
        "try namespaces in a child process: {error}; free memory or raise the process limit (`ulimit -u`)"
    )]
    Trial {
        /// What the operating system said.
        error: String,
    },
}

/// Tries, in a child process that ends at once, all that a lab needs of the kernel.
#[cfg(not(target_os = "linux"))]
pub fn available() -> Result<(), Unavailable> {
    Err(Unavailable::NotLinux)
}

/// Tries, in a child process that ends at once, all that a lab needs of the kernel.
#[cfg(target_os = "linux")]
pub fn available() -> Result<(), Unavailable> {
    use crate::sys::namespaces::{Step, try_in_child};

    let (step, error) = match try_in_child() {
        Ok(None) => return Ok(()),
        Ok(Some((step, error))) => (step, error.to_string()),
        Err(error) => {
            return Err(Unavailable::Trial {
                error: error.to_string(),
            });
        }
    };
    Err(match step {
        Step::Fork | Step::Done => Unavailable::Trial { error },
        Step::Links => Unavailable::NoDevice { error },
        Step::UserNamespace | Step::IdentityMaps | Step::OtherNamespaces => forbidding_setting(|name| {
            std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()
        })
        .unwrap_or(Unavailable::Forbidden {
            tried: step.what(),
            error,
        }),
    })
}

/// The setting that forbids namespaces to users, if one does; `read` gives a setting's value.
#[cfg(target_os = "linux")]
fn forbidding_setting(read: impl Fn(&str) -> Option<String>) -> Option<Unavailable> {
    const SETTINGS: [(&str, &str, &str); 6] = [
        (
            "kernel.unprivileged_userns_clone",
            "0",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            "user.max_user_namespaces",
            "0",
            "sudo sysctl -w user.max_user_namespaces=10000",
        ),
        (
            "user.max_net_namespaces",
            "0",
            "sudo sysctl -w user.max_net_namespaces=10000",
        ),
        (
            "user.max_mnt_namespaces",
            "0",
            "sudo sysctl -w user.max_mnt_namespaces=10000",
        ),
        (
            "user.max_pid_namespaces",
            "0",
            "sudo sysctl -w user.max_pid_namespaces=10000",
        ),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ];
    SETTINGS.into_iter().find_map(|(setting, forbids, remedy)| {
        let value = read(setting)?.trim().to_owned();
        (value == forbids).then_some(Unavailable::Setting {
            setting,
            value,
            remedy,
        })
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::forbidding_setting;

    #[test]
    fn a_forbidding_setting_is_named_with_its_remedy() {
        let ubuntu = |name: &str| match name {
            "kernel.apparmor_restrict_unprivileged_userns" | "kernel.unprivileged_userns_clone" => {
                Some("1\n".to_owned())
            }
            "user.max_user_namespaces" => Some("63000\n".to_owned()),
            _ => None,
        };
        let text = forbidding_setting(ubuntu).map(|cause| cause.to_string());
        assert_eq!(
            text.as_deref(),
            Some(
                "kernel.apparmor_restrict_unprivileged_userns is 1, which keeps users from making namespaces: type \
                 `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
            )
        );
    }

    #[test]
    fn each_kind_of_namespace_has_its_setting() {
        for kind in ["user", "net", "mnt", "pid"] {
            let name = format!("user.max_{kind}_namespaces");
            let text = forbidding_setting(|setting| (setting == name).then(|| "0\n".to_owned()))
                .map(|cause| cause.to_string());
            assert!(
                text.as_ref()
                    .is_some_and(|text| text.starts_with(&format!("{name} is 0,"))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_permissive_machine_has_no_forbidding_setting() {
        assert_eq!(forbidding_setting(|_| None), None);
    }
}
