//! How a command gets a passphrase.

use std::{
    io::{IsTerminal as _, Read as _},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use merits_guard::{Guard, Secret};
use merits_keyfile::passphrase::{LEAST_PASSPHRASE, passphrase_of_file};
use merits_text::typed::typed;
use zeroize::Zeroizing;

/// Most bytes of a passphrase file.
const MOST_PASSPHRASE: usize = 4_096;

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
        let at = || format!("passphrase file {}", path.display());
        // A buffer that grows would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MOST_PASSPHRASE));
        merits_guard::open(path, Guard::Private(secret))?
            .take(MOST_PASSPHRASE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(merits_guard::explain::reading)
            .with_context(at)?;
        if bytes.len() > MOST_PASSPHRASE {
            bail!(
                "{}: it is longer than {MOST_PASSPHRASE} bytes: name the file with the passphrase. If an older merits \
                 made the backup from such a file, the passphrase is its first line: write that alone into a file",
                at()
            );
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| anyhow::anyhow!("it is not UTF-8 text: save the file as UTF-8"))
            .with_context(at)?;
        let line = passphrase_of_file(text).with_context(at)?;
        return Ok(Zeroizing::new(line.to_owned()));
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
