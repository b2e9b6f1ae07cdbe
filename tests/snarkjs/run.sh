#!/bin/sh
# Shows with the public tool, not with our own code, that our files are circom's and snarkjs's:
#
#   tests/snarkjs/run.sh [DIR]
#
# DIR holds circuit.r1cs, circuit.zkey, verification_key.json, witness.wtns, proof.json and
# public.json of one proof, as `merits_circuits::snarkjs_files` writes them. Without DIR this is
# done for four circuits: a small one with every kind of constraint (on either path of the prover),
# statement earn of the scale cycling-week with a batch of claims, statement ticket and statement
# redeem.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"

ours() { cargo run --release --quiet -p merits-circuits --example snarkjs_files -- "$@"; }

if [ ! -x "$here/node_modules/.bin/snarkjs" ]; then
    npm ci --prefix "$here" --no-audit --no-fund
fi
snarkjs() { "$here/node_modules/.bin/snarkjs" "$@"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { printf '\n== %s\n' "$1"; }

check() {
files=$1
theirs="$work/theirs-$(basename "$files")"
step 'snarkjs reads our constraint system'
snarkjs r1cs info "$files/circuit.r1cs"

step 'snarkjs finds our witness correct'
snarkjs wtns check "$files/circuit.r1cs" "$files/witness.wtns"

step 'snarkjs accepts our proof'
snarkjs groth16 verify "$files/verification_key.json" "$files/public.json" "$files/proof.json"

step 'snarkjs refuses our proof for other public inputs'
node -e '
    const fs = require("fs");
    const inputs = JSON.parse(fs.readFileSync(process.argv[1]));
    inputs[0] = (BigInt(inputs[0]) + 1n).toString();
    fs.writeFileSync(process.argv[2], JSON.stringify(inputs));
' "$files/public.json" "$work/other.json"
if snarkjs groth16 verify "$files/verification_key.json" "$work/other.json" "$files/proof.json"; then
    echo 'snarkjs accepted a proof for other public inputs' >&2
    exit 1
fi

step 'snarkjs takes the same verification key from our proving key'
mkdir "$theirs"
snarkjs zkey export verificationkey "$files/circuit.zkey" "$theirs/verification_key.json"
node -e '
    const assert = require("assert");
    const read = (path) => JSON.parse(require("fs").readFileSync(path));
    assert.deepStrictEqual(read(process.argv[1]), read(process.argv[2]));
' "$files/verification_key.json" "$theirs/verification_key.json"

step 'snarkjs proves from our proving key and witness, and our verifier accepts'
snarkjs groth16 prove "$files/circuit.zkey" "$files/witness.wtns" \
    "$theirs/proof.json" "$theirs/public.json"
ours check "$theirs"

}

if [ $# -ge 1 ]; then
    check "$(cd "$1" && pwd)"
else
    ours export "$work/sampler"
    check "$work/sampler"
    step 'the same, proven without AVX-512'
    MERITS_BN254_PATH=scalar ours export "$work/sampler-scalar"
    check "$work/sampler-scalar"
    for statement in earn ticket redeem; do
        ours "export-$statement" "$work/$statement"
        check "$work/$statement"
    done
fi

step 'all agreed'
