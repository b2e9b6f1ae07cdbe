# Signing again gives the same commitments, no second ones.
merits source sign --config source.toml --input trips.csv --links links.jsonl --output bundle-again.jsonl --subjects 40 --complete-until 2014-09-14 || [ $? -eq 3 ]
cmp bundle.jsonl bundle-again.jsonl
# The run said its last word after the coordinator was back, or nothing was tested.
[ run.out -nt coordinator.out ]
[ "$log_key" = "$(sed -n 's/^log key //p' coordinator.out)" ]
claims=$(($(wc -l <bundle.jsonl) - 1))
expect "claims      0 in no batch yet, $claims on the ledger, 0 refused" merits distributor status --config distributor.toml
# Again: nothing is lost, nothing twice.
# The trip that is too long is left out again.
again=$(merits distributor run --config distributor.toml --input trips.csv --bundle bundle.jsonl --source bay-area-bike-share --subjects 40) || [ $? -eq 3 ]
grep -q '0 proofs over 0 claims' <<<"$again"
