#!/usr/bin/env bash
# Starts a federation by hand, every role as its own process with its own configuration file, by
# the commands of docs/src/operations.md; kills the coordinator in the middle of a run; checks what
# everybody then sees, and ends with fsck. The ledger is one in custody; tests/by_hand/people.sh has
# one on which every claim needs its person's ticket.
#
#   tests/by_hand/run.sh [--keep DIR] [--fixtures DIR]
#
# --keep DIR      works in DIR, which must not be there yet, and leaves it
# --fixtures DIR  writes a kit and the receipt of a batch into DIR (tests/it/cli/federation)
#
# MERITS names the binary (default: target/release/merits). MERITS_KEY_STORE names a store of
# proving keys to share, as made by an earlier demo; without it the key is made here, which takes
# some seconds.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
binary=${MERITS:-$root/target/release/merits}
fixtures=
work=
while [ $# -gt 0 ]; do
    case $1 in
    --keep) work=$2 ;;
    --fixtures) fixtures=$(realpath -m "$2") ;;
    *)
        echo "unknown argument $1" >&2
        exit 2
        ;;
    esac
    shift 2
done
[ -x "$binary" ] || {
    echo "$binary is not there: cargo build --release" >&2
    exit 2
}
PATH=$(dirname "$(realpath "$binary")"):$PATH
if [ -n "$work" ]; then
    mkdir "$work"
    work=$(realpath "$work")
else
    work=$(mktemp -d)
    remove=$work
fi

source "$root/tests/by_hand/steps.sh"

cd "$work"

step 'one directory with every sample, a scale and records'
cp "$root"/coordinator/coordinator.sample.toml "$root"/parties/*/*.sample.toml .
for sample in *.sample.toml; do mv "$sample" "${sample/.sample/}"; done
cp -r "$root/params/scales/cycling-week" cycling-week
# Two weeks of real trips: enough proofs to be killed among.
awk -F, 'NR == 1 || $4 < "2014-09-15"' "$root/examples/cycling/trips.csv" >trips.csv
move_ports
if [ -n "${MERITS_KEY_STORE:-}" ]; then
    sed -i "s|^key_store = .*|key_store = \"$(cd "$root" && realpath -m "$MERITS_KEY_STORE")\"|" ./*.toml
fi

step 'the founding supervisor makes its keys; the coordinator starts'
authority=$(merits supervisor init --name city-supervisor --origin ledger.example.org/merits)
sed -i "s|^authority = .*|authority = \"$authority\"|; s|^allow_dev_keys = .*|allow_dev_keys = true|" ./*.toml
sed -i '/^tickets = /d; /^least_claims_per_total = /a tickets = false' ./*.toml

serve_coordinator
log_key=$(sed -n 's/^log key //p' coordinator.out)
sed -i "s|^log_key = .*|log_key = \"$log_key\"|" ./*.toml

step 'the supervisor founds the ledger and admits the parties'
expect 'founded the ledger' merits supervisor found --config supervisor.toml
for role in witness issuer source distributor sponsor clearing; do
    expect "wrote $role.application" merits $role apply --config $role.toml --output $role.application
    expect 'admitted .* entry' merits supervisor admit --config supervisor.toml $role.application
done

step 'two halves of a view key, each served by its holder'
merits witness half --config witness.toml --epoch 1 --output witness-half-1.public
expect 'opened epoch 1' merits supervisor epoch --config supervisor.toml --epoch 1 --witness-half witness-half-1.public
merits supervisor serve --config supervisor.toml >supervisor.out 2>supervisor.log &
servers+=($!)
merits witness serve --config witness.toml >witness.out 2>witness.log &
servers+=($!)

step 'the issuer proposes a scale, the supervisor approves it'
refuse 'cycling-week version 1 is unknown' merits supervisor approve --config supervisor.toml --scale cycling-week --version 1
expect 'proposed cycling-week version 1' merits issuer propose --config issuer.toml
expect 'approved cycling-week version 1' merits supervisor approve --config supervisor.toml --scale cycling-week --version 1

step 'pseudonyms, and the source signs'
merits distributor links --config distributor.toml --input trips.csv --source bay-area-bike-share --output links.jsonl --subjects 40
partly 'commitments over .* records signed' merits source sign --config source.toml --input trips.csv --links links.jsonl --output bundle.jsonl --rejects source-rejects.csv --subjects 40 --complete-until 2014-09-14
# Again: the same commitments, no second ones.
partly 'commitments over .* records signed' merits source sign --config source.toml --input trips.csv --links links.jsonl --output bundle-again.jsonl --subjects 40 --complete-until 2014-09-14
cmp bundle.jsonl bundle-again.jsonl

step 'the distributor proves; kill -9 hits the coordinator in the middle'
merits distributor run --config distributor.toml --input trips.csv --bundle bundle.jsonl --source bay-area-bike-share --rejects rejects.csv --subjects 40 >run.out 2>run.log &
run=$!
servers+=("$run")
# The status is read beside the running prover.
some_are_in() {
    kill -0 "$run" 2>/dev/null || return 0
    merits distributor status --config distributor.toml 2>/dev/null |
        grep -Eq '^batches .* [1-9][0-9]* on the ledger'
}
until_true 60 some_are_in
kill -9 "$coordinator"
wait "$coordinator" 2>/dev/null || true
kill -0 "$run" || {
    echo 'the run ended before the coordinator was killed: nothing was tested' >&2
    exit 1
}
merits distributor status --config distributor.toml
expect '^clean' merits coordinator fsck --config coordinator.toml
refuse 'is it running' merits sponsor verify --config sponsor.toml
serve_coordinator
[ "$log_key" = "$(sed -n 's/^log key //p' coordinator.out)" ]
wait "$run" || {
    cat run.out run.log >&2
    exit 1
}
cat run.out
claims=$(($(wc -l <bundle.jsonl) - 1))
expect "claims      0 in no batch yet, $claims on the ledger, 0 refused" merits distributor status --config distributor.toml --receipts receipts
expect 'batches     0 to prove, 0 in the outbox, [0-9]+ on the ledger, 0 refused' merits distributor status --config distributor.toml
# Again: nothing is lost, nothing twice.
expect '0 proofs over 0 claims' merits distributor run --config distributor.toml --input trips.csv --bundle bundle.jsonl --source bay-area-bike-share --subjects 40

step 'strangers verify'
expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml
expect "valid batches with $claims claims, 0 invalid" merits clearing audit --config clearing.toml
merits kit --config sponsor.toml --output kit
receipt=$(find receipts -name '*.receipt' | sort | head -n 1)
expect 'proof       yes' merits verify "$receipt" --kit kit --allow-dev-keys
refuse 'dev' merits verify "$receipt" --kit kit
if [ -n "$fixtures" ]; then
    rm -rf "$fixtures"
    mkdir -p "$fixtures"
    cp -r kit "$fixtures/kit"
    cp "$receipt" "$fixtures/batch.receipt"
fi

step 'the supervisor opens one claim, the distributor discloses it'
entry=$(merits verify "$receipt" --kit kit --allow-dev-keys | awk '$1 == "entry" { print $2 }')
expect 'completed: entry' merits supervisor open --config supervisor.toml --entry "$entry" --claim 0 --basis "sampling, case 17"
request=$(ls requests/*.json)
expect 'disclosure.json' merits distributor disclose --config distributor.toml --entry "$entry" --claim 0 --request "$request" --output disclosure.json
refuse 'another claim' merits distributor disclose --config distributor.toml --entry "$entry" --claim 1 --request "$request" --output other.json
expect 'disclosed records open the commitment on the ledger' merits supervisor check --config supervisor.toml --request "$request" --disclosure disclosure.json
expect 'revealed' merits supervisor reveal --config supervisor.toml "$request"
merits distributor disclose --config distributor.toml --entry "$entry" --claim 1 --person-asks --output other.json
refuse 'claim' merits supervisor check --config supervisor.toml --request "$request" --disclosure other.json

step 'a total, opened for everybody'
expect 'claims in 2014-W36 of cycling-week earned' merits supervisor total --config supervisor.toml --scale cycling-week --period 2014-W36
expect 'checked from the log' merits clearing audit --config clearing.toml

step 'an owner reads the own credits, and is forgotten by the distributor'
account=$(sed -n '2s/.*"subject":"\([^"]*\)".*/\1/p' links.jsonl)
merits sponsor verify --config sponsor.toml >/dev/null
expect "^$account  2014-W3[67]" merits wallet custody-credits --seed custody.seed --account "$account" --ledger sponsor.toml
expect "forgot $account" merits distributor forget --config distributor.toml --subject "$account"
refuse 'knows no subject|forgotten' merits distributor forget --config distributor.toml --subject "$account"
expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml

step 'a graceful stop, and fsck'
refuse 'in use by another coordinator' merits coordinator serve --config coordinator.toml
# fsck reads a snapshot, so it may run beside the coordinator.
expect '^clean' merits coordinator fsck --config coordinator.toml
kill -TERM "$coordinator"
wait "$coordinator"
said coordinator.out 'every acknowledged entry is on disk'
expect '^clean' merits coordinator fsck --config coordinator.toml

step 'all as it should be'
