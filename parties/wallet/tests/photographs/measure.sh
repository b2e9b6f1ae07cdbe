#!/usr/bin/env bash
# How many of a hundred made-up photographs of attestations are read: here, and by zxing-cpp.
# Not a part of the tests: it takes minutes, and Python packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet segno pillow numpy zxing-cpp
"$work/python/bin/python" "$here/photographs.py" make "$work/photographs" "${1:-100}"
"$work/python/bin/python" "$here/photographs.py" read "$work/photographs"
cd "$here/../.."
cargo run --release --quiet --features timing --example read_photographs -- "$work/photographs"
