#!/usr/bin/env bash
# Starts a federation with people by hand, every role as its own process, by the commands of
# docs/src/operations.md ("With people"): two people are registered once each, link their accounts,
# consent, one takes a consent back; the distributor claims with their tickets; one redeems and
# attests; one loses everything. What must not be is tried, and refused.
#
#   tests/by_hand/people.sh [--keep DIR]
#
# --keep DIR  works in DIR, which must not be there yet, and leaves it
#
# MERITS and MERITS_KEY_STORE as for run.sh. Without the latter three keys are made here.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
binary=${MERITS:-$root/target/release/merits}
work=
if [ "${1:-}" = --keep ]; then
    work=$2
elif [ $# -gt 0 ]; then
    echo "unknown argument $1" >&2
    exit 2
fi
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

step 'one directory with every sample, a scale, and the records of two people'
cp "$root"/coordinator/coordinator.sample.toml "$root"/parties/*/*.sample.toml .
for sample in *.sample.toml; do mv "$sample" "${sample/.sample/}"; done
cp -r "$root/params/scales/cycling-week" cycling-week
# The records are of 2014, and nobody redeems what has expired.
sed -i 's/^lifetime_months = .*/lifetime_months = 600/' cycling-week/scale.toml
awk -F, 'NR == 1 || ($4 < "2014-09-15" && ($2 == 344 || $2 == 584))' "$root/examples/cycling/trips.csv" >trips.csv
# The source checks links against the ledger.
sed -i '/^# \[ledger\]/,/^# allow_dev_keys/s/^# //' source.toml
# Nobody waits an hour for an anchor here.
sed -i '/^anchor_seconds = /d; /^least_claims_per_total = /a anchor_seconds = 1' ./*.toml
move_ports
keys=keys
if [ -n "${MERITS_KEY_STORE:-}" ]; then
    keys=$(cd "$root" && realpath -m "$MERITS_KEY_STORE")
fi
sed -i "s|^key_store = .*|key_store = \"$keys\"|" ./*.toml

step 'a ledger on which every claim needs a ticket, and its parties'
authority=$(merits supervisor init --name city-supervisor --origin ledger.example.org/merits)
sed -i "s|^authority = .*|authority = \"$authority\"|; s|^allow_dev_keys = .*|allow_dev_keys = true|" ./*.toml
serve_coordinator
log_key=$(sed -n 's/^log key //p' coordinator.out)
sed -i "s|^log_key = .*|log_key = \"$log_key\"|" ./*.toml
expect 'founded the ledger' merits supervisor found --config supervisor.toml
for role in witness issuer source distributor sponsor evaluator registrar exchange; do
    expect "wrote $role.application" merits $role apply --config $role.toml --output $role.application
    expect 'admitted .* entry' merits supervisor admit --config supervisor.toml $role.application
done
merits witness half --config witness.toml --epoch 1 --output witness-half-1.public
expect 'opened epoch 1' merits supervisor epoch --config supervisor.toml --epoch 1 --witness-half witness-half-1.public
expect 'proposed cycling-week version 1' merits issuer propose --config issuer.toml
expect 'approved cycling-week version 1' merits supervisor approve --config supervisor.toml --scale cycling-week --version 1

step 'keys of what people prove, and the evaluator'
expect 'adopted a key of ticket' merits supervisor adopt --config supervisor.toml --statement ticket --key-store "$keys"
expect 'adopted a key of redeem' merits supervisor adopt --config supervisor.toml --statement redeem --key-store "$keys"
expect 'in force already' merits supervisor adopt --config supervisor.toml --statement ticket --key-store "$keys"
refuse 'evaluator-voprf.key' merits evaluator serve --config evaluator.toml
expect 'announced' merits evaluator announce --config evaluator.toml
expect 'already' merits evaluator announce --config evaluator.toml
[ "$(stat -c %a evaluator-voprf.key)" = 600 ]
merits evaluator serve --config evaluator.toml >evaluator.out 2>evaluator.log &
evaluator=$!
servers+=("$evaluator")
until_true 20 said evaluator.out 'answers registrars'

step 'two people make wallets and are registered once each'
# The examples of GB 11643, of which no person has one any more.
(umask 077 && echo 11010519491231002X >ann.number && echo 440524188001010014 >bob.number)
for person in ann bob; do
    expect 'made a wallet' merits wallet create --dir $person --ledger sponsor.toml --key-store "$keys"
    expect "wrote $person.request" merits wallet register --dir $person --output $person.request
    expect 'registered with generation 0' merits registrar register --config registrar.toml --request $person.request --identity-number-file $person.number
    expect 'standing    registered' merits wallet identity --dir $person
done
merits wallet create --dir again --ledger sponsor.toml --key-store "$keys" >again.out
merits wallet register --dir again --output again.request >>again.out
refuse 'registered before' merits registrar register --config registrar.toml --request again.request --identity-number-file ann.number
refuse 'registered before' merits registrar register --config registrar.toml --request ann.request --identity-number-file bob.number
refuse 'check character' merits registrar register --config registrar.toml --request again.request <<<110105194912310021
cp ann.number open.number
chmod 644 open.number
refuse 'mode 644' merits registrar register --config registrar.toml --request again.request --identity-number-file open.number

step 'links, terms, consents'
account() { [ "$1" = ann ] && echo 344 || echo 584; }
for person in ann bob; do
    expect 'wrote' merits wallet link --dir $person --source bay-area-bike-share --account "$(account $person)" --output $person.link
    expect '1 links written' merits source link --config source.toml --import $person.link
done
expect 'wrote terms.toml' merits distributor terms --config distributor.toml --write terms.toml
expect 'published: entry' merits distributor terms --config distributor.toml --publish terms.toml
expect 'Digest' merits wallet terms --dir ann --distributor green-city-app --scale cycling-week
for person in ann bob; do
    expect 'wrote' merits wallet consent --dir $person --distributor green-city-app --scale cycling-week --period 2014-W36..2014-W37 --source bay-area-bike-share --account "$(account $person)" --output $person.tickets --yes
    expect '2 tickets deposited now' merits distributor tickets --config distributor.toml --import $person.tickets/*
done
expect '2014-W37: taken back' merits wallet withdraw --dir bob --distributor green-city-app --scale cycling-week --period 2014-W37
expect '2014-W37 .* taken back before it was claimed with' merits wallet consents --dir bob

step 'the source signs, the distributor claims with tickets'
expect '4 commitments over 113 records signed' merits source sign --config source.toml --input trips.csv --output bundle.jsonl --complete-until 2014-09-14
expect 'consent taken back: 584 in 2014-W37' merits distributor run --config distributor.toml --input trips.csv --bundle bundle.jsonl --source bay-area-bike-share
expect ', 3 on the ledger, 0 refused' merits distributor status --config distributor.toml
expect '3 claims: .* hold offline' merits sponsor verify --config sponsor.toml

step 'credits, from the seed and the ledger alone'
expect 'cycling-week: [0-9,]+' merits wallet credits --dir ann
echo 'four words are too few' >passphrase
expect 'holds the seed' merits wallet backup --dir ann --output ann.backup --passphrase-file passphrase
expect 'restored' merits wallet restore --backup ann.backup --dir ann-restored --passphrase-file passphrase --key-store "$keys"
# The size of the copy is a part of both answers.
cmp <(merits wallet credits --dir ann) <(merits wallet credits --dir ann-restored)

step 'an offer, an exchange, a voucher'
cat >offer.toml <<'OFFER'
scale = "cycling-week"
earned = "2014-W36"
kind = "goods"
title = "A bicycle bell"
description = "Brass."
price = 100
quota = 2
opens = "2026-01-01"
closes = "2060-01-01"
exchanges = ["city-exchange"]
OFFER
expect 'published offer' merits sponsor offer publish --config sponsor.toml --offer offer.toml
offer=$(merits sponsor offer list --config sponsor.toml | grep -Eo '[0-9a-f]{16,64}' | head -n 1)
expect 'wrote 2 vouchers' merits sponsor vouchers make --config sponsor.toml --offer "$offer" --output codes.txt
expect '2 in all, for a quota of 2' merits exchange stock --config exchange.toml --offer "$offer" --vouchers codes.txt
merits exchange serve --config exchange.toml >exchange.out 2>exchange.log &
servers+=($!)
until_true 20 listening $((port + 4))
exchange=http://127.0.0.1:$((port + 4))
expect 'bell' merits wallet offers --dir ann
# The credits are anchored when the second is over in which they were claimed, and nothing since then
# need have taken that long.
sleep 1.2
expect '^voucher ' merits wallet redeem --dir ann --offer "$offer" --exchange "$exchange" | tee redeemed.out
code=$(awk '$1 == "voucher" { print $2 }' redeemed.out)
grep -qx "$code" codes.txt
redemption=$(awk '$1 == "redemption" { print $2 }' redeemed.out)
expect "$code" merits wallet voucher --dir ann --redemption "$redemption" --exchange "$exchange"

step 'ann shows that she owns something, to a verifier without a network'
# So is the change.
sleep 1.2
expect 'shows       at least 1 ' merits wallet attest --dir ann --scale cycling-week --at-least 1 --for parking-office --nonce 17 --output ann.png
merits kit --config sponsor.toml --output kit
expect 'shown       yes' merits verify attest --image ann.png --kit kit --for parking-office --nonce 17 --allow-dev-keys
refuse 'nonce is not the one' merits verify attest --image ann.png --kit kit --for parking-office --nonce 18 --allow-dev-keys
refuse 'not for .tax-office.' merits verify attest --image ann.png --kit kit --for tax-office --nonce 17 --allow-dev-keys

step 'a loss: ann is registered anew, the old identity ends'
refuse 'commitment was registered before' merits registrar re-register --config registrar.toml --request ann.request --identity-number-file ann.number
expect 'generation 1, for deeds from' merits registrar re-register --config registrar.toml --request again.request --identity-number-file ann.number
expect 'RETIRED' merits wallet identity --dir ann
expect 'generation  1' merits wallet identity --dir again
expect 'retired: entry' merits registrar retire --config registrar.toml --request bob.request --basis 'given up'
refuse 'retired|registered' merits wallet consent --dir bob --distributor green-city-app --scale cycling-week --period 2014-W38 --source bay-area-bike-share --account 584 --output late.ticket --yes

step 'the evaluator stops, and nobody can be registered'
kill -TERM "$evaluator"
wait "$evaluator"
refuse 'is it running' merits registrar re-register --config registrar.toml --request bob.request --identity-number-file bob.number

step 'the books balance, every rule holds'
expect 'conserved' merits audit conservation --ledger sponsor.toml
expect 'leaves of ledger.example.org/merits hold' merits audit replay --ledger sponsor.toml
# No file and no log of a party has an identity number.
if grep -rlE '11010519491231002X|440524188001010014' --exclude='*.number' .; then
    echo 'an identity number was written' >&2
    exit 1
fi
kill -TERM "$coordinator"
wait "$coordinator"
expect '^clean' merits coordinator fsck --config coordinator.toml

step 'all as it should be'
