//! `merits tls`: certificates, and an authority to begin with.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_coordinator::Config;
use merits_guard::{output::Output, protected::Protected};
use merits_party::{config::holder_of, machine_time};
use merits_primitives::calendar::Timestamp;
use merits_tls::{
    Authority, Names, Renewal, Requested, Subject, authority::PEM_REQUEST, issue::Signed,
};

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
                let made = Authority::make(&dir, &name, now, days, rng)?;
                println!(
                    "wrote {}: everybody names it among their `authorities`",
                    made.certificate.display()
                );
                println!(
                    "wrote {}: whoever has it can make a certificate for any server's name, but for no party",
                    made.key.display()
                );
            }
            Self::Certificate { subject, ca } => {
                let (days, subject) = (subject.days, subject.read()?);
                let authority = Authority::open(&ca)?;
                authority.check_time(now)?;
                let request = subject.request(now)?;
                let signed = authority.sign(&request.pem, now, days, rng)?;
                subject.files.install(&signed)?;
                tell(subject.files.certificate(), &signed);
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
                    subject.files.certificate().display()
                );
                if let Some(next) = request.waits {
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
                let signed = Authority::open(&ca)?.sign_file(&request, &output, now, days, rng)?;
                tell(&output, &signed);
            }
            Self::Revoke { ca, certificate } => {
                let revoked = Authority::open(&ca)?.revoke(&certificate, now)?;
                println!(
                    "revoked {}; wrote {}: everybody names it among their `revoked`, and takes the new one \
                     in its place",
                    revoked.serial,
                    revoked.list.display()
                );
            }
        }
        Ok(())
    }
}

fn tell(path: &Path, signed: &Signed) {
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

/// Signs for a TLS key.
type Sign = Box<dyn Fn(&[u8], Timestamp) -> anyhow::Result<Names>>;

/// A party or a coordinator that gets a certificate.
struct Owner {
    sign: Sign,
    files: Renewal,
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
        let files = files.with_context(|| {
            format!(
                "{} has no table of TLS ([ledger.tls], of a coordinator [tls]), which names the files",
                config.display()
            )
        })?;
        let files = Renewal::of(files).with_context(|| {
            format!(
                "{}: the table of TLS names the files `certificate` and `key`, which are made here",
                config.display()
            )
        })?;
        Ok(Owner {
            sign,
            files,
            protected: crate::outputs::of_configuration(&config),
            hosts: self.host,
            days: self.days,
            new_key: self.new_key,
        })
    }
}

impl Owner {
    /// A request for the present key or for a new one, whose file is there afterwards.
    fn request(&self, now: Timestamp) -> anyhow::Result<Requested> {
        let until = now + std::time::Duration::from_secs(u64::from(self.days) * 86_400);
        self.settle()?;
        let sign = |info: &[u8]| (self.sign)(info, until);
        self.files.request(sign, &self.hosts, self.new_key)
    }

    fn settle(&self) -> anyhow::Result<()> {
        if self.files.settle()? {
            println!(
                "the new key is {} now: make a backup of it",
                self.files.key().display()
            );
        }
        Ok(())
    }
}
