//! `merits tls`: certificates, and an authority to begin with.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_coordinator::Config;
use merits_guard::{
    Guard, Secret,
    output::{Kind, Output, Readers, make_own, replace_own},
    protected::Protected,
};
use merits_party::{config::holder_of, machine_time};
use merits_primitives::calendar::Timestamp;
use merits_tls::{
    Names, Subject, TlsFiles,
    issue::{self, Key, Made},
    pair,
};
use zeroize::Zeroizing;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an authority: a key that stays with its owner, and a certificate for everybody
    Ca {
        /// Folder of the authority, which is made if it is not there
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Name of the authority, for people who look at its certificate
        #[arg(long, default_value = "MERITS TLS authority", value_parser = merits_text::typed::argument)]
        name: String,
        /// Days until its certificate ends
        #[arg(long, default_value_t = 3_650, value_parser = clap::value_parser!(u32).range(1..=MOST_DAYS))]
        days: u32,
    },
    /// Make the certificate of a party or a coordinator, where its authority is at hand
    Certificate {
        #[command(flatten)]
        subject: SubjectArguments,
        /// Folder of the authority
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
    },
    /// Make a key and the request for its certificate, for an authority elsewhere
    Request {
        #[command(flatten)]
        subject: SubjectArguments,
        /// The request (PKCS #10, PEM)
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Make the certificate that a request asks for. First find out that the request is the party's
    Sign {
        /// Folder of the authority
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
        /// The request
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// Days until the certificate ends, unless the party's own word for it ends before
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=MOST_DAYS))]
        days: u32,
        /// The certificate
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Put a certificate on the authority's list of revoked ones
    Revoke {
        /// Folder of the authority
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
        /// The certificate
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
}

/// Whose certificate it is. Its files are those that the configuration's table of TLS names.
#[derive(Debug, Args)]
pub(crate) struct SubjectArguments {
    /// Configuration file of a party, of any role
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "coordinator",
        conflicts_with = "coordinator"
    )]
    config: Option<PathBuf>,
    /// Configuration file of a coordinator, whose ledger is founded
    #[arg(long, value_name = "FILE")]
    coordinator: Option<PathBuf>,
    /// A name or IP address by which callers reach it; once for each. None for a party that serves nothing
    #[arg(long)]
    host: Vec<String>,
    /// Days until the party's word for the certificate ends, and the certificate with it
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=MOST_DAYS))]
    days: u32,
    /// Make a new private key, which waits beside the present one (`.next`) until its certificate is in its place.
    /// Without it an existing one stays, and only the certificate is new
    #[arg(long)]
    new_key: bool,
}

/// A hundred years: a longer time is a slip of the hand.
const MOST_DAYS: i64 = 36_500;

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority.key";
const LIST: &str = "revoked.pem";
const REGISTER: &str = "revoked.list";

/// Most bytes of a request, a certificate or a key: each has some hundreds.
const MOST_BYTES: u64 = 1 << 16;

const PEM_CERTIFICATE: Kind<'static> =
    Kind::new("a certificate", Readers::Everybody).replacing(b"-----BEGIN CERTIFICATE-----");
const PEM_REQUEST: Kind<'static> = Kind::new("a request for a certificate", Readers::Everybody)
    .replacing(b"-----BEGIN CERTIFICATE REQUEST-----");

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        // Reads and writes small files, and signs.
        tokio::task::spawn_blocking(move || self.work())
            .await
            .context("the work stopped, which is this program's fault")??;
        Ok(ExitCode::SUCCESS)
    }

    fn work(self) -> anyhow::Result<()> {
        let rng = &mut rand::rng();
        let now = machine_time();
        match self {
            Self::Ca { dir, name, days } => {
                ensure!(
                    !name.trim().is_empty(),
                    "--name: the authority needs a name, by which people know it"
                );
                let made = issue::authority(&name, now, days, rng)?;
                let (certificate, key) = (dir.join(CERTIFICATE), dir.join(KEY));
                // Everybody trusts by this file: it is never another authority's from now on.
                ensure!(
                    !certificate.exists(),
                    "{} has an authority already: name another folder. If its key is lost, move what is \
                     left away, and have everybody take its certificate out of `authorities`",
                    dir.display()
                );
                ensure!(
                    !key.exists(),
                    "{} is an authority's key without its certificate {CERTIFICATE}: put that back (everybody has \
                     it among their `authorities`), or name another folder",
                    key.display()
                );
                merits_guard::create_folder(&dir).with_context(|| dir.display().to_string())?;
                // First the key, under another name: a certificate without it would be of no use, and a
                // run that is cut off leaves no half of an authority.
                let next = pair::next_key(&key);
                merits_guard::check_folder(&next)?;
                replace_own(&next, Readers::Owner, |out| {
                    out.write_all(made.key.0.as_bytes())
                })
                .with_context(|| next.display().to_string())?;
                Output::write(&certificate, PEM_CERTIFICATE, made.pem.as_bytes())?;
                merits_guard::folder::rename(&next, &key)
                    .with_context(|| key.display().to_string())?;
                println!(
                    "wrote {}: everybody names it among their `authorities`",
                    certificate.display()
                );
                println!(
                    "wrote {}: whoever has it can make a certificate for any server's name, but for no party",
                    key.display()
                );
            }
            Self::Certificate { subject, ca } => {
                let (days, subject) = (subject.days, subject.read()?);
                let authority = Authority::load(&ca)?;
                issue::check_time(&authority.certificate, now)?;
                let request = subject.request(now)?;
                let signed = issue::sign(authority.parts(), &request.pem, now, days, rng)?;
                replace_own(&subject.certificate, Readers::Everybody, |out| {
                    out.write_all(signed.pem.as_bytes())
                })
                .with_context(|| subject.certificate.display().to_string())?;
                tell(&subject.certificate, &signed);
                subject.settle()?;
            }
            Self::Request { subject, output } => {
                let mut subject = subject.read()?;
                subject.protected.admit(&output, "the request")?;
                let request = subject.request(now)?;
                Output::write(&output, PEM_REQUEST, request.pem.as_bytes())?;
                println!(
                    "wrote {}: give it to the authority, and put its certificate into {}",
                    output.display(),
                    subject.certificate.display()
                );
                let next = pair::next_key(&subject.key);
                if subject.new_key && next.exists() {
                    println!(
                        "wrote {}: the new key, which takes the place of the present one when its certificate is \
                         there. Servers see it, and need no restart",
                        next.display()
                    );
                }
            }
            Self::Sign {
                ca,
                request,
                days,
                output,
            } => {
                let authority = Authority::load(&ca)?;
                let mut protected = of_authority(&ca);
                protected.keep(&request, "the request");
                protected.admit(&output, "the certificate")?;
                let text = read(&request)?;
                let signed = issue::sign(authority.parts(), &text, now, days, rng)
                    .with_context(|| request.display().to_string())?;
                Output::write(&output, PEM_CERTIFICATE, signed.pem.as_bytes())?;
                tell(&output, &signed);
            }
            Self::Revoke { ca, certificate } => {
                let authority = Authority::load(&ca)?;
                let serial = issue::serial_of_own(&authority.certificate, &read(&certificate)?)
                    .with_context(|| certificate.display().to_string())?;
                let register = ca.join(REGISTER);
                let mut revoked = read_register(&register)?;
                if !revoked.iter().any(|(known, _)| *known == serial) {
                    revoked.push((serial.clone(), now));
                }
                let lines: String = revoked
                    .iter()
                    .map(|(serial, time)| format!("{serial} {}\n", time.as_millis()))
                    .collect();
                let mut serials = Vec::with_capacity(revoked.len());
                for (serial, time) in &revoked {
                    serials.push((hex::decode(serial)?, *time));
                }
                let list = issue::revoked(authority.parts(), &serials, now)?;
                let published = ca.join(LIST);
                for (path, text) in [(&register, &lines), (&published, &list)] {
                    replace_own(path, Readers::Everybody, |out| {
                        out.write_all(text.as_bytes())
                    })
                    .with_context(|| path.display().to_string())?;
                }
                println!(
                    "revoked {serial}; wrote {}: everybody names it among their `revoked`, and takes the new one \
                     in its place",
                    published.display()
                );
            }
        }
        Ok(())
    }
}

fn tell(path: &Path, signed: &issue::Signed) {
    let hosts = if signed.hosts.is_empty() {
        "no host".to_owned()
    } else {
        signed.hosts.join(", ")
    };
    println!(
        "wrote {}: {} of {}, for {hosts}, until {}",
        path.display(),
        signed.names.subject,
        signed.names.origin,
        signed.until.to_minute()
    );
}

/// Serials in hexadecimal digits, each with its time in milliseconds since 1970.
fn read_register(path: &Path) -> anyhow::Result<Vec<(String, Timestamp)>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let line = |line: &str| {
        let (serial, time) = line.split_once(' ')?;
        hex::decode(serial).ok()?;
        Some((
            serial.to_owned(),
            Timestamp::from_millis(time.parse().ok()?),
        ))
    };
    let text = read(path)?;
    let lines: Option<Vec<_>> = text.lines().map(line).collect();
    lines.with_context(|| {
        format!(
            "{} is damaged: put it back from a backup, because the list is made from it",
            path.display()
        )
    })
}

/// An authority's files.
struct Authority {
    certificate: String,
    key: Key,
}

impl Authority {
    fn load(dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join(CERTIFICATE);
        ensure!(
            file.exists(),
            "{} has no authority: there is no {CERTIFICATE}. Name the folder that `merits tls ca` made",
            dir.display()
        );
        let certificate = read(&file)?;
        let path = dir.join(KEY);
        // `merits tls ca` was cut off before the key had its name.
        let next = pair::next_key(&path);
        let waits = !path.exists() && next.exists();
        let key = read_private(if waits { &next } else { &path }, Secret::TlsAuthority)?;
        let authority = Self { certificate, key };
        issue::check_authority(authority.parts())
            .with_context(|| format!("{} and {KEY} beside it", file.display()))?;
        if waits {
            merits_guard::folder::rename(&next, &path)
                .with_context(|| path.display().to_string())?;
        }
        Ok(authority)
    }

    fn parts(&self) -> (&str, &Key) {
        (&self.certificate, &self.key)
    }
}

/// The files of an authority, which nothing else is written over.
fn of_authority(dir: &Path) -> Protected {
    let mut kept = Protected::new();
    for (name, what) in [
        (CERTIFICATE, "the authority's certificate"),
        (KEY, "the authority's key"),
        (LIST, "the authority's list of revoked certificates"),
        (REGISTER, "the authority's register of revoked certificates"),
    ] {
        kept.keep(&dir.join(name), what);
    }
    kept.keep(&pair::next_key(&dir.join(KEY)), "the authority's key");
    kept
}

/// Signs for a TLS key.
type Sign = Box<dyn Fn(&[u8], Timestamp) -> anyhow::Result<Names>>;

/// A party or a coordinator that gets a certificate.
struct Owner {
    sign: Sign,
    certificate: PathBuf,
    key: PathBuf,
    protected: Protected,
    hosts: Vec<String>,
    days: u32,
    new_key: bool,
}

impl SubjectArguments {
    fn read(self) -> anyhow::Result<Owner> {
        let (config, files, sign): (_, _, Sign) = match (self.config, self.coordinator) {
            (Some(path), _) => {
                let holder = holder_of(&path)?;
                let (origin, files) = (holder.ledger.origin()?, holder.ledger.tls);
                let sign = move |info: &[u8], until| {
                    let subject = Subject::Party(holder.party);
                    Ok(Names::sign(&origin, subject, info, until, &holder.signing))
                };
                (path, files, Box::new(sign))
            }
            (None, Some(path)) => {
                let config = Config::load(&path)?;
                let files = config.tls.clone();
                let sign = move |info: &[u8], until| {
                    Ok(merits_coordinator::tls_names(&config, info, until)?)
                };
                (path, files, Box::new(sign))
            }
            (None, None) => anyhow::bail!("give --config or --coordinator"),
        };
        let TlsFiles {
            certificate, key, ..
        } = files.with_context(|| {
            format!(
                "{} has no table of TLS ([ledger.tls], of a coordinator [tls]), which names the files",
                config.display()
            )
        })?;
        let (Some(certificate), Some(key)) = (certificate, key) else {
            anyhow::bail!(
                "{}: the table of TLS names the files `certificate` and `key`, which are made here",
                config.display()
            );
        };
        Ok(Owner {
            sign,
            certificate,
            key,
            protected: crate::outputs::of_configuration(&config),
            hosts: self.host,
            days: self.days,
            new_key: self.new_key,
        })
    }
}

impl Owner {
    /// A request for the present key or for a new one, whose file is there afterwards. A new key
    /// beside a present one waits for its certificate.
    fn request(&self, now: Timestamp) -> anyhow::Result<Made> {
        let until = now + std::time::Duration::from_secs(u64::from(self.days) * 86_400);
        // An earlier run may have ended between the certificate and the name of its key.
        self.settle()?;
        let path = if self.new_key && self.key.exists() {
            pair::next_key(&self.key)
        } else {
            self.key.clone()
        };
        // A key that waits was used for nothing but requests: it is taken again.
        let key = if path.exists() {
            Some(read_private(&path, Secret::TlsKey)?)
        } else {
            None
        };
        let sign = |info: &[u8]| (self.sign)(info, until);
        let made = issue::request(sign, &self.hosts, key.as_ref().map(|key| key.0.as_str()))?;
        if key.is_none() {
            keep_key(&path, &made.key)?;
        }
        Ok(made)
    }

    fn settle(&self) -> anyhow::Result<()> {
        if pair::settle(&self.certificate, &self.key)? {
            println!(
                "the new key is {} now: make a backup of it",
                self.key.display()
            );
        }
        Ok(())
    }
}

fn keep_key(path: &Path, key: &Key) -> anyhow::Result<()> {
    merits_guard::check_folder(path)?;
    make_own(path, Readers::Owner, |file| {
        file.write_all(key.0.as_bytes())
    })
    .with_context(|| path.display().to_string())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes =
        merits_guard::input::read(path, MOST_BYTES).with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).with_context(|| format!("{} is not PEM", path.display()))
}

fn read_private(path: &Path, secret: Secret) -> anyhow::Result<Key> {
    let file = merits_guard::open(path, Guard::Private(secret))?;
    let mut text = Zeroizing::new(String::with_capacity(1 << 14));
    file.take(1 << 14)
        .read_to_string(&mut text)
        .with_context(|| path.display().to_string())?;
    Ok(Key(text))
}
