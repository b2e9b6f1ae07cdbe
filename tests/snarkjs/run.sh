#!/bin/sh
# Shows with the public tool, not with our own code, that our files are circom's and snarkjs's:
#
#   tests/snarkjs/run.sh [DIR]
#
# DIR holds circuit.r1cs, circuit.zkey, verification_key.json, witness.wtns, proof.json and
# public.json of one proof, as `merits_circuits::snarkjs_files` writes them. Without DIR this is
# done for four circuits: a small one with every kind of constraint (on either path of the prover),
# statement earn of the scale cycling-week with a batch of claims, statement ticket and statement
# redeem. `merits-bench prover` is asked for proofs too: of our key, and of one that snarkjs makes of
# the small circuit after its terms were shuffled, doubled and joined by zeros.
#
# MERITS_BENCH names the program with the measures (default: target/release/merits-bench, which is built).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"

# With the workspace's features, under which the tests have built most of it already.
cargo build --release --quiet --workspace --example snarkjs_files --bin merits-bench
ours() { target/release/examples/snarkjs_files "$@"; }

bench=${MERITS_BENCH:-$root/target/release/merits-bench}

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

# judge NAME ZKEY WTNS [R1CS]: a proof by `merits-bench prover`, before snarkjs.
judge() {
    local judged="$work/judged-$1"
    "$bench" prover --zkey "$2" --wtns "$3" ${4:+--r1cs "$4"} \
        --runs 1 --threads 1 --data-dir "$work/bench" --output "$judged" >"$judged.out"
    snarkjs zkey export verificationkey "$2" "$judged.json"
    snarkjs groth16 verify "$judged.json" "$judged/public.json" "$judged/proof.json"
    snarkjs groth16 verify "$judged/verification_key.json" "$judged/public.json" "$judged/proof.json"
}

# A circuit and a key whose terms stand in another order, more than once, or are zero.
foreign() {
    local files=$1 at="$work/foreign"
    mkdir "$at"
    step 'snarkjs makes a key of our circuit, after its terms were written down in another way'
    node "$here/scramble.js" "$files/circuit.r1cs" "$at/circuit.r1cs"
    snarkjs powersoftau new bn128 "$2" "$at/new.ptau"
    # Nobody's powers are those of 1, at which nearly every point of a key is the identity.
    snarkjs powersoftau contribute "$at/new.ptau" "$at/one.ptau" --name=one -e='not secret at all'
    snarkjs powersoftau prepare phase2 "$at/one.ptau" "$at/phase2.ptau"
    snarkjs groth16 setup "$at/circuit.r1cs" "$at/phase2.ptau" "$at/setup.zkey"
    # A circuit that is too large for the powers ends in exit code 0 and an empty file.
    [ -s "$at/setup.zkey" ]
    # The first key of a ceremony has the generator as its delta, and anybody could forge under it.
    snarkjs zkey contribute "$at/setup.zkey" "$at/circuit.zkey" --name=one -e='not secret at all'
    node "$here/scramble.js" "$at/circuit.zkey" "$at/scrambled.zkey"
    for key in circuit scrambled; do
        for r1cs in "$files" "$at"; do
            step "snarkjs accepts our proof under its $key.zkey"
            judge "$key-$(basename "$r1cs")" "$at/$key.zkey" "$files/witness.wtns" "$r1cs/circuit.r1cs"
        done
    done
}

if [ $# -ge 1 ]; then
    check "$(cd "$1" && pwd)"
else
    ours export "$work/sampler"
    check "$work/sampler"
    step 'snarkjs accepts the proof of merits-bench prover'
    judge ours "$work/sampler/circuit.zkey" "$work/sampler/witness.wtns"
    # Minutes of snarkjs's own work: .ci/nightly foreign-keys.
    [ -z "${MERITS_FOREIGN_KEYS:-}" ] || foreign "$work/sampler" 12
    step 'the same, proven without AVX-512'
    MERITS_BN254_PATH=scalar ours export "$work/sampler-scalar"
    check "$work/sampler-scalar"
    for statement in earn ticket redeem; do
        ours "export-$statement" "$work/$statement"
        check "$work/$statement"
    done
fi

step 'all agreed'
