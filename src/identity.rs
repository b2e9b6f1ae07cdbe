//! A party's identity: its key files, and the application by which it asks to be admitted.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ed25519_dalek::SigningKey;
use merits_guard::output::{Kind, Output, Readers};
use merits_keyfile::KeyKind;
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_replica::Replica;
use merits_sealing::SealingKey;
use merits_supervisor::handover::{self, Handover};
use merits_text::typed::typed;

use crate::outputs;

/// Key files and name of a party on one ledger.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) signing: SigningKey,
    pub(crate) sealing: SealingKey,
}

impl Identity {
    /// Loads the key files. A lost one is an error: another key would be another party's.
    pub(crate) fn load(
        origin: Origin,
        name: &str,
        signing_key: &Path,
        sealing_key: &Path,
    ) -> anyhow::Result<Self> {
        let sealing = merits_keyfile::load(sealing_key, KeyKind::Sealing)?;
        Ok(Self {
            origin,
            name: name.to_owned(),
            signing: merits_keyfile::signing_key(signing_key, KeyKind::Signing)?,
            sealing: SealingKey::from_bytes(&sealing)?,
        })
    }

    /// The request to be admitted in these roles, signed by the party itself.
    pub(crate) fn application(&self, roles: &[Role]) -> PartyAdmitted {
        PartyAdmitted::apply(
            &self.origin,
            &self.name,
            Roles::new(roles),
            &self.signing,
            self.sealing.public(),
        )
    }

    /// The id that this name and first key have on this ledger, whatever the roles.
    pub(crate) fn party(&self) -> PartyId {
        self.application(&[]).party(&self.origin)
    }
}

/// Makes the key files of a party that is new, where there are none yet: before its application.
pub(crate) fn make_keys(signing_key: &Path, sealing_key: &Path) -> anyhow::Result<()> {
    let rng = &mut rand::rng();
    merits_keyfile::load_or_create(signing_key, KeyKind::Signing, rng)?;
    merits_keyfile::load_or_create(sealing_key, KeyKind::Sealing, rng)?;
    Ok(())
}

/// Makes what is handed to a supervisor, an application or a public half, and writes it. Nothing is made where it
/// could not be written.
pub(crate) fn hand_over<T: Handover>(
    config: &Path,
    output: &Path,
    make: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    let begins = format!("{} ", T::WORD);
    let kind = Kind::new(T::WHAT, Readers::Everybody).replacing(begins.as_bytes());
    outputs::of_configuration(config).admit(output, T::WHAT)?;
    Output::check(output, kind)?;
    Output::write(output, kind, handover::to_line(&make()?).as_bytes())?;
    println!("wrote {}", output.display());
    Ok(())
}

/// Reads what was handed over.
pub(crate) fn read_handover<T: Handover>(path: &Path) -> anyhow::Result<T> {
    let line = merits_text::file::read(path).with_context(|| path.display().to_string())?;
    handover::from_line(&line).with_context(|| path.display().to_string())
}

/// A party's id, by name or by 64 hexadecimal digits.
pub(crate) fn find_party(replica: &Replica, text: &str) -> anyhow::Result<PartyId> {
    let parties = replica.state()?.parties();
    let text = &*typed(text);
    if let Some((id, _)) = parties.by_name(text) {
        return Ok(*id);
    }
    let mut id = [0u8; 32];
    if hex::decode_to_slice(text, &mut id).is_ok() && parties.get(&PartyId(id)).is_some() {
        return Ok(PartyId(id));
    }
    let known: Vec<&str> = parties
        .iter()
        .map(|(_, party)| party.name.as_str())
        .collect();
    bail!(
        "the ledger has no party {text:?}, by name or id; it knows {}",
        if known.is_empty() {
            "none yet".to_owned()
        } else {
            known.join(", ")
        }
    )
}

/// An entry's id, by 64 hexadecimal digits or the first of them.
pub(crate) fn find_entry(replica: &Replica, text: &str) -> anyhow::Result<EntryId> {
    let text = text.to_ascii_lowercase();
    ensure!(
        (8..=64).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "entry {text:?}: 64 hexadecimal digits of an entry's id are expected, or the first 8 or more"
    );
    let mut found = Vec::new();
    for leaf in replica.leaves() {
        let id = leaf?.1.entry.id();
        if id.to_hex().starts_with(&text) {
            found.push(id);
        }
    }
    match found.as_slice() {
        [id] => Ok(*id),
        [] => bail!(
            "the log's copy of {} leaves has no entry {text}",
            replica.size()
        ),
        _ => bail!("several entries begin with {text}: give more digits"),
    }
}
