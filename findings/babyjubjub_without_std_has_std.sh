#!/usr/bin/env bash
# taceo-ark-babyjubjub without its feature `std` still turns `std` on.
#
# The crate of circom's Baby Jubjub has a feature `std` that is off by default, and asks arkworks' crates for
# no default features, as crates do that are made for targets without the standard library. One of its
# dependencies, ark-std, is asked for with its default features, and those are `std`. Features add up over a
# build, so every crate of the build that uses ark-std gets `std`, and nothing builds for such a target, however
# carefully the others were chosen.
#
# Seen with taceo-ark-babyjubjub 0.6.0 and ark-std 0.6.0, 2026-11-30. Met by verifiers for devices and for
# WebAssembly without the standard library: define the curve over arkworks' model, and test it against the crate.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
touch src/lib.rs
manifest() {
    cat >Cargo.toml <<T
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
$1
[workspace]
T
}
std_is_on() { cargo tree --edges features --invert ark-std 2>/dev/null | grep -c 'ark-std feature "std"' || true; }

manifest 'ark-ec = { version = "=0.6.0", default-features = false }'
alone=$(std_is_on)
manifest 'ark-ec = { version = "=0.6.0", default-features = false }
taceo-ark-babyjubjub = { version = "=0.6.0", default-features = false }'
beside=$(std_is_on)
echo "ark-std's feature std: $alone times with ark-ec alone, $beside times with the curve beside it"
[ "$alone" = 0 ] && [ "$beside" -gt 0 ] || { echo 'changed'; exit 1; }
