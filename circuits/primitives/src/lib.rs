//! Field codec, Poseidon and its tags, Baby Jubjub keys, identities, notes, view-key encryption: shared by provers and verifiers, free of constraint systems.
