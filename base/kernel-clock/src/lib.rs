//! Asks the kernel whether a time service keeps the machine's clock right.
//!
//! Every time service on Linux (chrony, ntpd, systemd-timesyncd) steers the clock through the
//! kernel and tells it when the clock is right to within a bound. The kernel revokes that by itself
//! when somebody sets the clock, or when the service is silent until the bound exceeds 16 seconds.
//!
//! `unsafe` is confined to the module `ask`.

#![deny(unsafe_code)]

/// The kernel's answer about the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synchronised {
    /// A time service keeps it.
    Yes,
    /// No time service keeps it, or not yet.
    No,
    /// The system does not let this program ask, or cannot answer. Holds the reason as text.
    /// Containers and sandboxes often do not allow it.
    Unknown(String),
}

/// Asks the kernel. Changes nothing, and needs no privilege.
pub fn synchronised() -> Synchronised {
    ask::synchronised()
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod ask {
    use std::io;

    use super::Synchronised;

    pub(super) fn synchronised() -> Synchronised {
        // SAFETY: `timex` is integers only, for which zeros are a value. With `modes` 0 the call reads.
        let mut answer: libc::timex = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a `timex` of ours, which lives until the call has returned.
        let state = unsafe { libc::adjtimex(&raw mut answer) };
        if state == -1 {
            let error = io::Error::last_os_error();
            return Synchronised::Unknown(match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "the system does not let this program ask, as in many containers".to_owned()
                }
                kind => format!("adjtimex: {kind}"),
            });
        }
        if state == libc::TIME_ERROR || answer.status & libc::STA_UNSYNC != 0 {
            Synchronised::No
        } else {
            Synchronised::Yes
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod ask {
    use super::Synchronised;

    pub(super) fn synchronised() -> Synchronised {
        Synchronised::Unknown("only Linux is asked".to_owned())
    }
}
