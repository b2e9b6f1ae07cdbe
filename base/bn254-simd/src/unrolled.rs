//! Arrays whose elements are written out, one expression each.

/// `unrolled!(0 1 2; i => f(i))` is `[f(0), f(1), f(2)]`. It is a macro because closures are not
/// always inlined, and outside of a function with the features every vector instruction is a call.
macro_rules! unrolled {
    ($($n:literal)*; $i:ident => $element:expr) => {
        [$({
            let $i = $n;
            $element
        }),*]
    };
}

pub(crate) use unrolled;
