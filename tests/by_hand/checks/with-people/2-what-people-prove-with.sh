expect 'in force already' merits supervisor adopt --config supervisor.toml --statement ticket --key-store "$MERITS_KEY_STORE"
[ "$(stat -c %a evaluator-voprf.key)" = 600 ]
