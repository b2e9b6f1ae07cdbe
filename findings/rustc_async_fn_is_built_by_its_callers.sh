#!/usr/bin/env bash
# The body of a public, non-generic `async fn` is not compiled into its own library, but into every program
# that awaits it.
#
# A plain function is in the library's object code. Of an `async fn` only the part that makes the future is;
# the state machine that does the work is generated again in each crate that polls it, with everything
# generic that it uses. A workspace whose servers are started by many test programs builds the servers once a
# program. A function that returns a boxed future (`Pin<Box<dyn Future>>`) has its body in its own library.
#
# Seen with rustc 1.95.0, release profile, 2026-11-30. Met by whoever splits an async program into crates to
# build less: box the futures at the crate's edge.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >lib.rs <<'R'
use std::{future::Future, pin::Pin};

pub fn plain(text: &str) -> usize {
    text.matches("needle-of-plain").count()
}

pub async fn open(text: &str) -> usize {
    std::future::ready(()).await;
    text.matches("needle-of-async").count()
}

pub fn boxed(text: &str) -> Pin<Box<dyn Future<Output = usize> + '_>> {
    Box::pin(async move {
        std::future::ready(()).await;
        text.matches("needle-of-boxed").count()
    })
}
R
rustc --edition 2021 -O --crate-type lib --crate-name edge -o libedge.rlib lib.rs
# The object code alone: the metadata beside it holds the text of every function.
mkdir objects
(cd objects && ar x ../libedge.rlib)
has() { if grep -q "needle-of-$1" objects/*.o; then echo yes; else echo no; fi; }
seen="plain: $(has plain), async: $(has async), boxed: $(has boxed)"
echo "in the library's object code: $seen"
[ "$seen" = 'plain: yes, async: no, boxed: yes' ]
