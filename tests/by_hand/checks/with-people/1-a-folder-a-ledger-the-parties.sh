# An evaluator that never announced its key makes none by serving.
refuse 'evaluator-voprf.key' merits evaluator serve --config evaluator.toml
