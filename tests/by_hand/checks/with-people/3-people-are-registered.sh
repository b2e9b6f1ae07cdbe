refuse 'registered before' merits registrar register --config registrar.toml --request ann.request --identity-number-file bob.number
refuse 'check character' merits registrar register --config registrar.toml --request again.request <<<110105194912310021
cp ann.number open.number
chmod 644 open.number
refuse 'mode 644' merits registrar register --config registrar.toml --request again.request --identity-number-file open.number
