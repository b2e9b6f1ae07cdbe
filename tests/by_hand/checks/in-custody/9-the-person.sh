refuse 'knows no subject|forgotten' merits distributor forget --config distributor.toml --subject "$account"
expect "$claims claims: .* hold offline" merits sponsor verify --config sponsor.toml
refuse 'in use by another coordinator' merits coordinator serve --config coordinator.toml
# fsck reads a snapshot, so it may run beside the coordinator.
expect '^clean' merits coordinator fsck --config coordinator.toml
