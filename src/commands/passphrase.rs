//! How a command gets a passphrase.

use std::{io::IsTerminal as _, path::Path};

use anyhow::{bail, ensure};
use merits_guard::Secret;
use merits_keyfile::{passphrase::LEAST_PASSPHRASE, passphrase_file};
use merits_text::typed::typed;
use zeroize::Zeroizing;

/// Whether the passphrase is chosen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    New,
    Known,
}

/// The passphrase of something, from a file or from the terminal. It is never an argument, because every process on
/// the machine could read that.
pub(crate) fn ask(
    file: Option<&Path>,
    asking: Asking,
    what: &str,
    secret: Secret,
) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        return Ok(passphrase_file::read(path, secret)?);
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the passphrase: give --passphrase-file");
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let first = match asking {
        Asking::Known => return Ok(ask(format!("Passphrase of {what}: "))?),
        Asking::New => ask(format!(
            "Passphrase for {what} (at least {LEAST_PASSPHRASE} characters): "
        ))?,
    };
    ensure!(
        typed(&first) == typed(&ask("Once more: ".to_owned())?),
        "the two passphrases differ: nothing was written"
    );
    Ok(first)
}
