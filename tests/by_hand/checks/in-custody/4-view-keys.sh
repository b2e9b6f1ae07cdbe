# Nobody approves what was not proposed.
refuse 'cycling-week version 1 is unknown' merits supervisor approve --config supervisor.toml --scale cycling-week --version 1
