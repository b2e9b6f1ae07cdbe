//! The memory that a call may hold, stated by each server for its methods.

/// The most bytes that calls of one service hold: the part of the request that is read, and the
/// answer while it is made and sent. For a call whose requests are a stream, this is what it holds
/// while nothing is in work: the message that is being read. [`crate::InWork`] gives its items
/// their memory.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// For methods that are not named.
    pub usual: usize,
    /// For others, by the method's name.
    pub methods: &'static [(&'static str, usize)],
}

/// The unit of weights, in bytes.
pub(crate) const UNIT: usize = 1_024;

impl Weights {
    /// One for all methods of a service.
    pub const fn of_all(bytes: usize) -> Self {
        Self {
            usual: bytes,
            methods: &[],
        }
    }

    pub(crate) fn units(&self, method: &str) -> u32 {
        let named = self.methods.iter().find(|(name, _)| *name == method);
        let bytes = named.map_or(self.usual, |(_, bytes)| *bytes);
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
    }
}

/// For reflection: descriptors of all services.
pub(crate) const INFRASTRUCTURE: Weights = Weights::of_all(256 * 1_024);

/// For a path that no service has.
pub(crate) const UNKNOWN: Weights = Weights::of_all(4 * 1_024);

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A health check. Monitors ask when everything else is in use, so their resources are
    /// reserved.
    Probe,
    /// A health watch, which may stay open and silent for days.
    Watch,
    /// This many units of memory.
    Units(u32),
}
