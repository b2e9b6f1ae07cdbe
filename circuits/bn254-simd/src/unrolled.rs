//! Arrays whose elements are written out, one expression each.

/// `unrolled!(0 1 2; i => f(i))` is `[f(0), f(1), f(2)]`. Not a closure: those are not inlined for
/// certain, and outside a function with the features every vector instruction is a call.
macro_rules! unrolled {
    ($($n:literal)*; $i:ident => $element:expr) => {
        [$({
            let $i = $n;
            $element
        }),*]
    };
}

pub(crate) use unrolled;
