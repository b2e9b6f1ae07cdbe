# Signing again gives the same commitments, no second ones.
exits 3 merits source sign --config source.toml --input trips.csv --links links.jsonl --output bundle-again.jsonl --subjects 40 --complete-until 2014-09-14
cmp bundle.jsonl bundle-again.jsonl
# The run said its last word after the coordinator was back, or nothing was tested.
[ run.out -nt coordinator.out ]
[ "$log_key" = "$(sed -n 's/^log key //p' coordinator.out)" ]
claims=$(($(wc -l <bundle.jsonl) - 1))
expect "claims      0 in no batch yet, $claims on the ledger, 0 refused" merits distributor status --config distributor.toml
# Again: nothing is lost, nothing twice.
# The trip that is too long is left out again.
exits 3 merits distributor run --config distributor.toml --input trips.csv --bundle bundle.jsonl --source bay-area-bike-share --subjects 40 >again.out
grep -q '0 proofs over 0 claims' again.out
# A file of which nothing can be taken in, and one that leaves nobody out.
{ head -1 trips.csv && echo '1,568,Customer,yesterday,today,600,1,2,1000'; } >unreadable.csv
exits 4 merits distributor run --config distributor.toml --input unreadable.csv --bundle bundle.jsonl --source bay-area-bike-share >unreadable.out
grep -q 'NOTHING WAS TAKEN IN' unreadable.out
head -1 trips.csv >empty.csv
exits 0 merits distributor run --config distributor.toml --input empty.csv --bundle bundle.jsonl --source bay-area-bike-share
