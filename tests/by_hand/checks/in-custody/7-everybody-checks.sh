expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml
expect "valid batches with $claims claims, 0 invalid" merits clearing audit --config clearing.toml
refuse 'dev' merits verify "$receipt" --kit kit
if [ -n "$_fixtures" ]; then
    rm -rf "$_fixtures"
    mkdir -p "$_fixtures"
    cp -r kit "$_fixtures/kit"
    cp "$receipt" "$_fixtures/batch.receipt"
fi
