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

/// Where a command may find a file with the passphrase, before the terminal asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassphrasePlaces<'p> {
    /// The option `--passphrase-file`.
    Option(Option<&'p Path>),
    /// The key `passphrase_file` of the configuration.
    Configuration(Option<&'p Path>),
    /// Both: the option wins.
    OptionOrConfiguration {
        /// The option.
        option: Option<&'p Path>,
        /// The key.
        configured: Option<&'p Path>,
    },
}

impl<'p> PassphrasePlaces<'p> {
    /// The file, if one is named.
    fn file(self) -> Option<&'p Path> {
        match self {
            Self::Option(file) | Self::Configuration(file) => file,
            Self::OptionOrConfiguration { option, configured } => option.or(configured),
        }
    }

    /// How to name one.
    fn advice(self) -> &'static str {
        match self {
            Self::Option(_) => "give --passphrase-file",
            Self::Configuration(_) => "name `passphrase_file` in the configuration",
            Self::OptionOrConfiguration { .. } => {
                "give --passphrase-file, or name `passphrase_file` in the configuration"
            }
        }
    }
}

/// The passphrase of something, from a file or from the terminal. It is never an argument, because every process on
/// the machine could read that.
pub(crate) fn ask(
    places: PassphrasePlaces<'_>,
    asking: Asking,
    what: &str,
    secret: Secret,
) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = places.file() {
        return Ok(passphrase_file::read(path, secret)?);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask for the passphrase of {what}: {}",
            places.advice()
        );
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
