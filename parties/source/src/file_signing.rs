//! Signing a file of records: configuration, keys and register in, bundle out.

use std::{
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_guard::{
    input,
    output::{Output, OutputError},
};
use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use merits_params::manifest::{Manifest, Validity};
use merits_primitives::{calendar::Timestamp, ids::Period};
use merits_records::{
    MappingError, Plan, ReadError, ReadOptions, Reading, RefusedGroup, Report,
    bundle::{Bundle, FileKind as _},
    read_file_with_rejects,
    reading::Span,
    wall_clock::Present,
};
use rand_core::CryptoRng;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    complete_span::{CompleteSpan, Periods, SpanFault},
    config::SourceConfig,
    keys::KeyError,
    register::{Register, RegisterError},
    signer::Signer,
    signing::{Pseudonyms, RefusedReason, SignError, SignReport, sign_groups},
    wholeness::{MOST_REJECTS_PERCENT, Partial, RejectShare, Wholeness},
};

/// A file of records to sign.
#[derive(Debug, Clone, Copy)]
pub struct FileSigning<'a> {
    /// Records: CSV or JSON Lines, as the configuration's mapping says.
    pub input: &'a Path,
    /// Pseudonyms of accounts, if not the configuration's `links_file`.
    pub links: Option<&'a Path>,
    /// The bundle to write.
    pub output: &'a Path,
    /// Rows that cannot be read go to this new file.
    pub rejects: Option<&'a Path>,
    /// Read only this many subjects, the first ones.
    pub subjects: Option<usize>,
    /// What the operator says of the file.
    pub said: CompleteSpan,
    /// Rows in a hundred that may be rejected, if not the configuration's.
    pub most_rejects_percent: Option<u8>,
    /// Report what would be signed, and sign and write nothing but the rejects file.
    pub dry_run: bool,
    /// Begin a mark for a register that has none.
    pub begin_register_mark: bool,
}

/// How far a signing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningStep {
    /// Rows read so far.
    Rows(u64),
    /// Groups signed so far.
    Signed {
        /// So far.
        done: usize,
        /// Of.
        total: usize,
    },
}

/// The result of a signing.
#[derive(Debug, Clone, Serialize)]
pub struct Signing {
    /// Rows of the input: read, accepted, rejected by reason.
    pub rows: Report,
    /// Subject-periods over a claim's size.
    pub refused_groups: Vec<RefusedGroup>,
    /// What the file covers.
    #[serde(serialize_with = "span")]
    pub span: Option<Span>,
    /// What was signed; `None` when too many rows were rejected.
    pub report: Option<SignReport>,
    /// Periods of which a part may be missing.
    pub partial: Partial,
    /// The clock that says when periods are over.
    #[serde(serialize_with = "text")]
    pub present: Present,
    /// A message about periods for which the scale's version is not.
    pub outside: Option<String>,
    /// Rows in a hundred that may be rejected.
    pub most_rejects: u8,
}

/// Whether a signing signed all that the file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything, apart from accounts that are not linked: a source does not sign for them.
    Whole,
    /// A part.
    Partly,
    /// Nothing.
    Nothing,
}

impl Signing {
    /// Whether all was signed, or would be.
    pub fn outcome(&self) -> Outcome {
        let Some(report) = self.report.as_ref().filter(|report| report.signed > 0) else {
            return Outcome::Nothing;
        };
        let left_out = report
            .refused
            .iter()
            .any(|refused| refused.reason != RefusedReason::NoLink);
        let all = self.rows.rejected == 0
            && self.refused_groups.is_empty()
            && self.partial.is_empty()
            && !left_out;
        if all { Outcome::Whole } else { Outcome::Partly }
    }
}

fn text<S: Serializer>(value: &Present, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The earliest and the latest row.
fn span<S: Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
    let span = span.as_ref();
    let moments = span.map(|span| [span.first, span.last].map(|edge| edge.moment.to_string()));
    moments.serialize(serializer)
}

/// Why nothing was signed, or not all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileSigningError {
    /// Not a share of rows.
    #[error("most_rejects_percent is {0}: the most is 100")]
    MostRejects(u8),
    /// The mapping of the records.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// What the operator says of the file cannot be so.
    #[error(transparent)]
    CompleteSpan(#[from] SpanFault),
    /// The records.
    #[error("records {}", .path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// The source's keys and id.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The salts.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The register.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The salts are there and the register is not.
    #[error(
        "the register {} is missing, but the salts in {} exist: the same periods would be signed a second \
         time, so no register is begun. Bring it back from its copy. Only if nothing was ever signed with \
         these salts, move them away",
        .register.display(),
        .salts.display()
    )]
    RegisterLost {
        /// The register.
        register: PathBuf,
        /// The salts.
        salts: PathBuf,
    },
    /// The register is there and the salts are not.
    #[error(
        "the salts {} are missing, but the register {} exists: under new salts, signed periods would get a \
         second commitment, so none are made. Bring them back from their copy",
        .salts.display(),
        .register.display()
    )]
    SaltsLost {
        /// The register.
        register: PathBuf,
        /// The salts.
        salts: PathBuf,
    },
    /// No file of pseudonyms is named.
    #[error(
        "no file of pseudonyms is named: give --links, or name `links_file` in the configuration"
    )]
    NoLinks,
    /// The file of pseudonyms cannot be opened.
    #[error(
        "links {}: {source}. `merits source link` writes links into the configuration's `links_file`, and --links \
         names another file",
        .path.display()
    )]
    Links {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bundle may not be written there.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Signing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Signing into the bundle.
    #[error("bundle {}", .path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SignError,
    },
}

impl SourceConfig {
    /// Reads a file of records and signs commitments to those that are complete at `now`.
    /// `manifest` is the scale's.
    ///
    /// # Errors
    /// [`FileSigningError`]. An interrupted signing leaves the bundle of before.
    pub fn sign(
        &self,
        manifest: &Manifest,
        file: &FileSigning<'_>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        progress: &mut dyn FnMut(SigningStep),
    ) -> Result<Signing, FileSigningError> {
        let most = file
            .most_rejects_percent
            .or(self.most_rejects_percent)
            .unwrap_or(MOST_REJECTS_PERCENT);
        if most > 100 {
            return Err(FileSigningError::MostRejects(most));
        }
        let plan = Plan::new(&self.mapping, manifest.schema())?;
        let present = plan.present(now);
        let Validity { from, until } = manifest.validity();
        let periods = Periods {
            first: from,
            last: until,
        };
        file.said.check(periods, &present)?;
        let options = ReadOptions {
            first_subjects: file.subjects,
            now: Some(present.latest()),
        };
        let mut rows = |rows| progress(SigningStep::Rows(rows));
        let mut reading =
            read_file_with_rejects(file.input, &plan, options, file.rejects, &mut rows).map_err(
                |source| FileSigningError::Records {
                    path: file.input.to_owned(),
                    source,
                },
            )?;
        let whole = Wholeness::new(reading.span, file.said, &present);
        let partial = whole.part(&mut reading.groups);
        let mut done = Signing {
            rows: reading.report.clone(),
            refused_groups: reading.refused.clone(),
            span: reading.span,
            report: None,
            partial,
            present,
            outside: outside(manifest, &reading),
            most_rejects: most,
        };
        if !RejectShare::new(&reading.report).exceeds(most) {
            done.report = Some(self.sign_reading(manifest, file, &reading, rng, progress)?);
        }
        Ok(done)
    }

    fn sign_reading(
        &self,
        manifest: &Manifest,
        file: &FileSigning<'_>,
        reading: &Reading,
        rng: &mut impl CryptoRng,
        progress: &mut dyn FnMut(SigningStep),
    ) -> Result<SignReport, FileSigningError> {
        let origin = self.ledger_origin()?;
        let (signing, salts, mut register) = if file.dry_run {
            self.secrets_as_they_are(rng)?
        } else {
            self.secrets(rng)?
        };
        register = register.under(&self.register_mark(), file.begin_register_mark)?;
        let source = self.party_of(&signing)?;
        // The files that the configuration names are kept, so each is a regular file. Only a file
        // that a person names now may be a pipe.
        let (path, links) = match (file.links, self.links_file.as_deref()) {
            (Some(path), _) => (path, input::open_stream(path)),
            (None, Some(path)) => (path, input::open(path)),
            (None, None) => return Err(FileSigningError::NoLinks),
        };
        let links = links.map_err(|source| FileSigningError::Links {
            path: path.to_owned(),
            source,
        })?;
        let links = BufReader::new(links);
        let pseudonyms = Pseudonyms::read(links, origin.as_str(), source, &reading.groups)?;
        let signer = Signer::new(origin, source, manifest.schema().clone(), signing, salts);
        let total = reading.groups.len();
        let mut sign = |mut output: &mut dyn io::Write| {
            sign_groups(
                &signer,
                &mut register,
                &reading.groups,
                &pseudonyms,
                &mut output,
                &mut |done| progress(SigningStep::Signed { done, total }),
            )
        };
        if file.dry_run {
            return Ok(sign(&mut io::sink())?);
        }
        // Under its name only when it is whole: an interrupted signing leaves the bundle of before.
        let mut output = Output::begin(file.output, Bundle::KIND)?;
        let report = sign(&mut output).map_err(|source| FileSigningError::Bundle {
            path: file.output.to_owned(),
            source,
        })?;
        if report.signed > 0 {
            output.publish()?;
        }
        Ok(report)
    }

    /// For a run that keeps nothing: neither a key nor a register is made. A source that never
    /// signed has no salts, so any salts will do.
    fn secrets_as_they_are(
        &self,
        rng: &mut impl CryptoRng,
    ) -> Result<(SigningKey, SecretBytes, Register), FileSigningError> {
        let secret = merits_keyfile::load(&self.signing_key, KeyKind::Signing)?;
        self.require_no_other_things()?;
        self.require_register()?;
        let never_signed = !self.salt_key.exists() && !self.register_file.exists();
        let salts = if never_signed {
            let mut salts = SecretBytes::default();
            rng.fill_bytes(salts.as_mut());
            salts
        } else {
            merits_keyfile::load(&self.salt_key, KeyKind::SaltMac)?
        };
        let register = Register::look(&self.register_file)?;
        Ok((SigningKey::from_bytes(&secret), salts, register))
    }

    /// A dangling link does not mean that the register is lost.
    fn require_no_other_things(&self) -> Result<(), FileSigningError> {
        merits_guard::require_file_if_any(&self.register_file).map_err(RegisterError::from)?;
        merits_guard::require_file_if_any(&self.salt_key).map_err(KeyFileError::Exposed)?;
        Ok(())
    }

    /// The register of salts that exist.
    fn require_register(&self) -> Result<(), FileSigningError> {
        let (register, salts) = (self.register_file.clone(), self.salt_key.clone());
        if salts.exists() && !register.exists() {
            return Err(FileSigningError::RegisterLost { register, salts });
        }
        Ok(())
    }

    /// Beside the high-water mark, which lies outside the folder, with the suffix `.register`; without one beside the
    /// register.
    fn register_mark(&self) -> PathBuf {
        let ledger = self.ledger.as_ref();
        let mark = ledger.and_then(|ledger| ledger.high_water_mark.clone());
        let (mut path, suffix) = match mark {
            Some(mark) => (mark, ".register"),
            None => (self.register_file.clone(), ".mark"),
        };
        path.as_mut_os_string().push(suffix);
        path
    }

    /// Register and salts belong together: with either alone, what was signed would get a second
    /// commitment. The register is made first, so that salts without a register always mean a loss.
    fn secrets(
        &self,
        rng: &mut impl CryptoRng,
    ) -> Result<(SigningKey, SecretBytes, Register), FileSigningError> {
        let (register, salts) = (&self.register_file, &self.salt_key);
        self.require_no_other_things()?;
        let had_salts = salts.exists();
        self.require_register()?;
        let opened = Register::open(register)?;
        if !had_salts && !opened.is_empty() {
            return Err(FileSigningError::SaltsLost {
                register: register.clone(),
                salts: salts.clone(),
            });
        }
        let signing = self.load_signing_key()?;
        let salts = merits_keyfile::load_or_create(salts, KeyKind::SaltMac, rng)?;
        Ok((signing, salts, opened))
    }
}

/// Describes periods for which the configuration's version of the scale is not. Another version may
/// be for them, or their dates are wrong: milliseconds that are read as seconds, a wrong century.
fn outside(manifest: &Manifest, reading: &Reading) -> Option<String> {
    let groups = reading.groups.iter();
    let outside: Vec<Period> = groups
        .map(|group| group.period)
        .filter(|period| !manifest.is_valid_at(*period))
        .collect();
    // Groups come by period.
    let (first, last) = (outside.first()?, outside.last()?);
    Some(format!(
        "outside the scale: {} commitments are of periods from {} to {}, and {} version {} begins with {}{}: does \
         the mapping read the dates right? (Another version of the scale may be for them)",
        outside.len(),
        first.label(),
        last.label(),
        manifest.id(),
        manifest.version().0,
        manifest.validity().from.label(),
        manifest
            .validity()
            .until
            .map_or_else(String::new, |until| format!(
                " and ends with {}",
                until.label()
            )),
    ))
}
