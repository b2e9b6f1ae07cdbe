#!/usr/bin/env bash
# Plays the README's "Your own formula" as somebody does who pastes it: a new scale with records and a
# mapping of one's own, in a folder that is not this repository.
#
#   tests/by_hand/own_scale.sh
#
# MERITS_KEY_STORE names a store of proving keys to share, as made by an earlier demo.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
[ -x "$root/target/release/merits" ] || cargo build --release --quiet --manifest-path "$root/Cargo.toml"
store=${MERITS_KEY_STORE:+$(cd "$root" && realpath -m "$MERITS_KEY_STORE")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/target/release" "$work/merits-data"
ln -s "$root/target/release/merits" "$work/target/release/merits"
[ -z "$store" ] || ln -s "$store" "$work/merits-data/keys"
awk '/^## /{ here = $0 == "## Your own formula" }
    here && /^```sh$/ { inside = 1; next }
    /^```$/ { inside = 0 }
    inside' "$root/README.md" >"$work/pasted.sh"
grep -q '^merits demo --scale my-scale' "$work/pasted.sh"
cd "$work"
bash -euc 'source ./pasted.sh' >out 2>&1 </dev/null || {
    cat out >&2
    exit 1
}
cat out
# Five records of three cars in two months: four claims, of 100 + 50 + 60 + 20 fen; one is withdrawn.
grep -q 'example-source (your records) commits' out
grep -q 'computed 3 claims' out
grep -q '^conserved' out
