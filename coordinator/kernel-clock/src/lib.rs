//! Whether a time service keeps the machine's clock, by the kernel's word.
//!
//! Every time service on Linux (chrony, ntpd, systemd-timesyncd) steers the clock through the kernel and
//! tells it when the clock is right to within a bound. The kernel takes that back by itself when somebody
//! sets the clock, or when the service is silent until the bound has grown past 16 seconds.
//!
//! `unsafe` is confined to the module `ask`.

#![deny(unsafe_code)]

/// What the kernel says of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synchronised {
    /// A time service keeps it.
    Yes,
    /// None does, or not yet.
    No,
    /// The system does not let this program ask, or has nobody to ask: why, in words. Containers and sandboxes
    /// often do not let.
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
            return Synchronised::Unknown(format!("adjtimex: {}", io::Error::last_os_error()));
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
