#!/usr/bin/env bash
# How many of a hundred made-up photographs of attestations are read: here, and by zxing-cpp. Fails where fewer
# than 98 in a hundred are read here. Runs as the nightly step `photographs`: it takes minutes, and Python packages.
#
#   measure.sh [COUNT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet segno pillow numpy zxing-cpp
"$work/python/bin/python" "$here/photographs.py" make "$work/photographs" "${1:-100}"
"$work/python/bin/python" "$here/photographs.py" read "$work/photographs"
cd "$here/../../../.."
# As the workspace is built: `cargo run` in the crate's folder would choose other features and build most crates
# again.
cargo build --release --quiet --workspace --features merits-bench/timing --example read_photographs
target/release/examples/read_photographs "$work/photographs" 98
