//! How a command gets a passphrase.

use std::{
    io::{Error, ErrorKind, IsTerminal as _, Read as _},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use merits_guard::{Guard, Secret};
use merits_keyfile::passphrase::LEAST_PASSPHRASE;
use merits_text::{file::without_mark, typed::typed};
use zeroize::Zeroizing;

/// Most bytes of a passphrase file.
const MOST_PASSPHRASE: usize = 4_096;

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
        let at = || format!("passphrase file {}", path.display());
        let mut text = Zeroizing::new(String::with_capacity(MOST_PASSPHRASE));
        merits_guard::open(path, Guard::Private(secret))?
            .take(MOST_PASSPHRASE as u64)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidData => {
                    Error::new(error.kind(), "it is not UTF-8 text: save the file as UTF-8")
                }
                _ => merits_guard::words::reading(error),
            })
            .with_context(at)?;
        let line = without_mark(&text).lines().next().unwrap_or_default();
        return Ok(Zeroizing::new(line.to_owned()));
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
