refuse 'commitment was registered before' merits registrar re-register --config registrar.toml --request ann.request --identity-number-file ann.number
expect 'generation  1' merits wallet identity --dir again
refuse 'retired|registered' merits wallet consent --dir bob --distributor green-city-app --scale cycling-week --period 2014-W38 --source bay-area-bike-share --account 584 --output late.ticket --yes
