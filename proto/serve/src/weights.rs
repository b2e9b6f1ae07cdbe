//! What a call may hold in memory, said by each server for its own methods.

/// Bytes that calls of one service hold at most: what is read of the request, the answer as it is
/// made and as it is sent. Of a call whose requests are a stream, what it holds while nothing is in
/// work: the message that is being read. Its items hold what [`crate::InWork`] gives them.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Of methods that are not named.
    pub usual: usize,
    /// Of others, by the method's name.
    pub methods: &'static [(&'static str, usize)],
}

/// A weight is counted in units of so many bytes.
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

/// Of reflection: descriptors of all services.
pub(crate) const INFRASTRUCTURE: Weights = Weights::of_all(256 * 1_024);

/// Of a path that no service has.
pub(crate) const UNKNOWN: Weights = Weights::of_all(4 * 1_024);
