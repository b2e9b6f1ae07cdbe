#!/bin/sh
# Starts a coordinator on a free port and lets a stock Python gRPC client use it.
# Needs: python3 with venv, PyPI. Leaves: target/grpc_python (a virtual environment).
set -eu
cd "$(dirname "$0")/../.."

venv=target/grpc_python
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check -r tests/grpc_python/requirements.txt

# With the workspace's features, under which the tests have built most of it already.
cargo build --release -q --workspace --example federation_node
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node" 2>/dev/null || true; rm -rf "$work"' EXIT

target/release/examples/federation_node "$work" >"$work/out" 2>"$work/err" &
node=$!
# The node prints its address once it serves.
for _ in $(seq 100); do
    address=$(sed -n 's/^listening on //p' "$work/out")
    [ -z "$address" ] || break
    kill -0 "$node" || { cat "$work/err"; exit 1; }
    sleep 0.1
done

"$venv/bin/python" tests/grpc_python/client.py "$address"

# A graceful stop ends with success.
kill -TERM "$node"
wait "$node"
node=
