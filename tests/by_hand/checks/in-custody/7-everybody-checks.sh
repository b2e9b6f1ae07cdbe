expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml
expect "valid batches with $claims claims, 0 invalid" merits clearing audit --config clearing.toml
refuse 'dev' merits verify "$receipt" --kit kit
if [ -n "$_fixtures" ]; then
    rm -rf "$_fixtures"
    mkdir -p "$_fixtures"
    cp -r kit "$_fixtures/kit"
    cp "$receipt" "$_fixtures/batch.receipt"
fi
# Their keys end, as after a theft: what they signed holds, and all that follows is theirs still.
for role in supervisor witness issuer distributor clearing; do
    expect 'no earlier key signs anything any more' merits party rotate-key --config $role.toml --grace-hours 0
done
expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml
expect "valid batches with $claims claims, 0 invalid" merits clearing audit --config clearing.toml
