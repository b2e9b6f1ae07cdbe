refuse 'another claim' merits distributor disclose --config distributor.toml --entry "$entry" --claim 1 --request "$request" --output other.json
# The records of another claim do not open this one's commitment.
expect 'other.json' merits distributor disclose --config distributor.toml --entry "$entry" --claim 1 --person-asks --output other.json
refuse 'claim' merits supervisor check --config supervisor.toml --request "$request" --disclosure other.json
