expect '2014-W37 .* taken back before it was claimed with' merits wallet consents --dir bob
# Everybody goes on with another key. The evaluator is at work, and its old key signs until it is started again.
for role in supervisor witness issuer source distributor sponsor exchange registrar; do
    expect 'no earlier key signs anything any more' merits party rotate-key --config $role.toml --grace-hours 0
done
expect 'it signs until' merits party rotate-key --config evaluator.toml
