# Nobody approves what was not proposed.
refuse 'nobody proposed cycling-week version 1' merits supervisor approve --config supervisor.toml --scale cycling-week --version 1
