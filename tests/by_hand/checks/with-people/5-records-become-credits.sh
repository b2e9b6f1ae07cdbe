expect ', 3 on the ledger, 0 refused' merits distributor status --config distributor.toml
