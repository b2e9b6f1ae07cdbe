//! Certificates and an authority to begin with. A federation that has an authority of its own gives
//! it the request that [`request`] makes.
//!
//! Keys are ECDSA P-256, which every TLS library reads. Serials are random, names of an authority
//! and of what it signs differ, and both carry key identifiers and usages, as `openssl verify
//! -x509_strict` demands.

use std::net::IpAddr;

use merits_primitives::calendar::Timestamp;
use rand_core::CryptoRng;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
    RevokedCertParams, SanType, SerialNumber, string::Ia5String,
};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::names::{Names, NamesError, Subject};

/// Why a certificate cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A host.
    #[error(
        "{0:?} is neither the name of a host nor an IP address, as a caller would write it in an address"
    )]
    Host(String),
    /// An authority's name.
    #[error("the authority's name has {0} letters, and a certificate has room for {MAX_NAME}")]
    Name(usize),
    /// The names in a request.
    #[error("the request is not taken: {0}")]
    Names(#[from] NamesError),
    /// The party's signature ends too soon.
    #[error("the request is good until {0} only, which is over: have a new one made")]
    Over(String),
    /// A request asks for something that no party gets.
    #[error(
        "the request asks for the name {0:?}, which is no host, no address and none of `merits:`"
    )]
    OtherName(String),
    /// A file that is no request, or a request that cannot be read.
    #[error(
        "it is no request for a certificate: {0}. Name the file that the party made (`merits tls request`)"
    )]
    NoRequest(&'static str),
    /// A party's private key that cannot be read.
    #[error(
        "the private key is cut off or damaged, or it is another file: put it back from your backup, or have \
         another made (`--new-key`)"
    )]
    NoKey,
    /// What rcgen cannot make.
    #[error("{what}: {source}")]
    Certificate {
        /// What was made.
        what: &'static str,
        /// Why.
        source: rcgen::Error,
    },
    /// A certificate that cannot be read.
    #[error("it is no certificate: it is cut off or damaged, or another file was meant")]
    NotRead,
    /// An authority's certificate that cannot be read.
    #[error(
        "the authority's certificate is cut off or damaged, or it is another file: put it back from \
         your backup, or copy it from a party that has it among its `authorities`"
    )]
    NoAuthority,
    /// An authority's key that cannot be read.
    #[error(
        "the authority's key is cut off or damaged, or it is another file: put it back from your backup"
    )]
    NoAuthorityKey,
    /// A certificate and a key that are not of one authority: nobody would take what they sign.
    #[error(
        "the authority's key is not the one of its certificate: put both back from your backup, because \
         nobody takes what they sign"
    )]
    TwoAuthorities,
    /// An authority whose own time is over, or has not begun: nobody should take what it signs.
    #[error("the authority's certificate {word} at {time}, so it signs nothing: {advice}")]
    NotNow {
        /// Ended or begins.
        word: &'static str,
        /// When.
        time: String,
        /// What to do.
        advice: &'static str,
    },
    /// A certificate of another authority, whose list it would not stand on.
    #[error(
        "another authority made this certificate, and only that one can revoke it: name its folder"
    )]
    OtherAuthority,
}

fn at(what: &'static str) -> impl Fn(rcgen::Error) -> IssueError {
    move |source| IssueError::Certificate { what, source }
}

/// A private key as PEM, and what goes with it as PEM.
#[derive(Debug)]
pub struct Made {
    /// A certificate or a request.
    pub pem: String,
    /// Its private key; nothing shows it.
    pub key: Key,
}

/// A private key as PEM.
pub struct Key(pub Zeroizing<String>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The longest that a certificate begins before it was made, because clocks differ.
const EARLIER: u64 = 60 * 60;
const DAY: u64 = 86_400;
/// Of the 64 that X.509 allows, nine are a random number.
const MAX_NAME: usize = 55;

/// Makes an authority. Its certificate goes to everybody, its key stays with it.
///
/// # Errors
/// [`IssueError::Certificate`].
pub fn authority(
    name: &str,
    now: Timestamp,
    days: u32,
    rng: &mut impl CryptoRng,
) -> Result<Made, IssueError> {
    let length = name.chars().count();
    if length > MAX_NAME {
        return Err(IssueError::Name(length));
    }
    let key = new_key()?;
    let mut params = CertificateParams::default();
    // Two authorities of one name are told apart.
    let mut tail = [0; 4];
    rng.fill_bytes(&mut tail);
    params.distinguished_name = common_name(&format!("{name} {:08x}", u32::from_be_bytes(tail)));
    params.serial_number = Some(serial(rng));
    (params.not_before, params.not_after) = dates(now, now + days_of(days));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    let made = params
        .self_signed(&key)
        .map_err(at("the authority's certificate"))?;
    Ok(Made {
        pem: made.pem(),
        key: Key(Zeroizing::new(key.serialize_pem())),
    })
}

/// Makes a private key and the request for its certificate. `sign` gets the key's
/// `SubjectPublicKeyInfo`. `hosts` are the names and IP addresses under which it is called; a party
/// that only calls has none. With `key`, the request is for that private key (PEM).
///
/// # Errors
/// [`IssueError`], or that of `sign`.
pub fn request<E: From<IssueError>>(
    sign: impl FnOnce(&[u8]) -> Result<Names, E>,
    hosts: &[String],
    key: Option<&str>,
) -> Result<Made, E> {
    let key = match key {
        // The parser's words may repeat a part of the key.
        Some(pem) => KeyPair::from_pem(pem).map_err(|_| IssueError::NoKey)?,
        None => new_key()?,
    };
    let names = sign(&key.subject_public_key_info())?;
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(&match names.subject {
        Subject::Party(party) => format!("party {party}"),
        Subject::Log => "coordinator".to_owned(),
    });
    for host in hosts {
        params.subject_alt_names.push(host_name(host)?);
    }
    for uri in names.to_uris() {
        params.subject_alt_names.push(SanType::URI(ia5(&uri)?));
    }
    let made = params
        .serialize_request(&key)
        .and_then(|request| request.pem())
        .map_err(at("the request"))?;
    Ok(Made {
        pem: made,
        key: Key(Zeroizing::new(key.serialize_pem())),
    })
}

/// A certificate that was made for a request.
#[derive(Debug)]
pub struct Signed {
    /// The certificate as PEM.
    pub pem: String,
    /// Whom it names. The ledger's key of this party signed for it, or nobody takes it.
    pub names: Names,
    /// The hosts that it is for.
    pub hosts: Vec<String>,
    /// Its end.
    pub until: Timestamp,
}

/// Whom it names and until when, with the certificate, which is public.
impl Serialize for Signed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Signed", 5)?;
        report.serialize_field("origin", self.names.origin.as_str())?;
        report.serialize_field("subject", &self.names.subject.to_string())?;
        report.serialize_field("hosts", &self.hosts)?;
        report.serialize_field("until", &self.until.to_minute().to_string())?;
        report.serialize_field("pem", &self.pem)?;
        report.end()
    }
}

/// Signs a request (PEM) with an authority's certificate and key (PEM). The certificate ends after
/// `days`, or with the party's own signature or the authority's certificate if one of these is
/// sooner.
///
/// # Errors
/// [`IssueError`].
pub fn sign(
    authority: (&str, &Key),
    request: &str,
    now: Timestamp,
    days: u32,
    rng: &mut impl CryptoRng,
) -> Result<Signed, IssueError> {
    let issuer = issuer(authority)?;
    let end = end_of_authority(authority.0, now)?;
    // This checks that the request is signed by its own key.
    let mut request = CertificateSigningRequestParams::from_pem(request)
        .map_err(|_| IssueError::NoRequest(instead_of_a_request(request)))?;
    let asked = std::mem::take(&mut request.params.subject_alt_names);
    let uris = asked.iter().filter_map(|name| match name {
        SanType::URI(uri) => Some(uri.as_str()),
        _ => None,
    });
    let names = Names::from_uris(uris)?;
    let until = names.until();
    if until <= now {
        return Err(IssueError::Over(until.to_minute()));
    }
    let until = until.min(now + days_of(days)).min(end);
    let mut hosts = Vec::new();
    for name in &asked {
        match name {
            SanType::DnsName(host) => hosts.push(host.to_string()),
            SanType::IpAddress(address) => hosts.push(address.to_string()),
            SanType::URI(uri) if names.to_uris().iter().any(|own| own == uri.as_str()) => {}
            other => return Err(IssueError::OtherName(format!("{other:?}"))),
        }
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = std::mem::take(&mut request.params.distinguished_name);
    params.subject_alt_names = asked;
    params.serial_number = Some(serial(rng));
    (params.not_before, params.not_after) = dates(now, until);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    request.params = params;
    let made = request.signed_by(&issuer).map_err(at("the certificate"))?;
    Ok(Signed {
        pem: made.pem(),
        names,
        hosts,
        until,
    })
}

/// What a text is that cannot be read as a request.
fn instead_of_a_request(text: &str) -> &'static str {
    let begins = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if begins("CERTIFICATE REQUEST") || begins("NEW CERTIFICATE REQUEST") {
        "it is cut off or damaged, or its own key did not sign it, or it asks for what no party gets"
    } else if begins("CERTIFICATE") {
        "it is a certificate"
    } else if begins("X509 CRL") {
        "it is a list of revoked certificates"
    } else if text.contains("PRIVATE KEY-----") {
        "it is a private key, which stays where it was made"
    } else {
        "it is another kind of file"
    }
}

/// The serial of a certificate (PEM), in hexadecimal digits.
///
/// # Errors
/// [`IssueError::NotRead`].
pub fn serial_of(certificate: &str) -> Result<String, IssueError> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes());
    let der = der.map_err(|_| IssueError::NotRead)?;
    let read = webpki::EndEntityCert::try_from(&der).map_err(|_| IssueError::NotRead)?;
    Ok(hex::encode(read.serial()))
}

/// Checks that a certificate and a key (PEM) are of one authority.
///
/// # Errors
/// [`IssueError::NoAuthority`], [`IssueError::NoAuthorityKey`], [`IssueError::TwoAuthorities`].
pub fn check_authority(authority: (&str, &Key)) -> Result<(), IssueError> {
    issuer(authority).map(drop)
}

/// Checks that an authority's certificate (PEM) is good at this time.
///
/// # Errors
/// [`IssueError::NotNow`], [`IssueError::NoAuthority`].
pub fn check_time(authority: &str, now: Timestamp) -> Result<(), IssueError> {
    end_of_authority(authority, now).map(drop)
}

/// The serial of a certificate (PEM) that this authority (PEM) made, in hexadecimal digits.
///
/// # Errors
/// [`IssueError::NotRead`], [`IssueError::NoAuthority`], [`IssueError::OtherAuthority`].
pub fn serial_of_own(authority: &str, certificate: &str) -> Result<String, IssueError> {
    let serial = serial_of(certificate)?;
    let der = CertificateDer::from_pem_slice(certificate.as_bytes());
    let der = der.map_err(|_| IssueError::NotRead)?;
    let read = webpki::EndEntityCert::try_from(&der).map_err(|_| IssueError::NotRead)?;
    let by = CertificateDer::from_pem_slice(authority.as_bytes());
    let by = by.map_err(|_| IssueError::NoAuthority)?;
    let anchor = webpki::anchor_from_trusted_cert(&by).map_err(|_| IssueError::NoAuthority)?;
    // Names of authorities have a random number.
    match read.issuer() == anchor.subject.as_ref() {
        true => Ok(serial),
        false => Err(IssueError::OtherAuthority),
    }
}

/// An authority's list of revoked certificates (PEM): their serials, and when each was revoked.
///
/// # Errors
/// [`IssueError`].
pub fn revoked(
    authority: (&str, &Key),
    serials: &[(Vec<u8>, Timestamp)],
    now: Timestamp,
) -> Result<String, IssueError> {
    let issuer = issuer(authority)?;
    let one = |(serial, time): &(Vec<u8>, Timestamp)| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: date(time.as_millis() / 1_000),
        reason_code: None,
        invalidity_date: None,
    };
    let (this_update, next_update) = dates(now, now + days_of(YEAR));
    let list = CertificateRevocationListParams {
        this_update,
        next_update,
        crl_number: SerialNumber::from(now.as_millis()),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(one).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let made = list
        .signed_by(&issuer)
        .map_err(at("the list of revoked certificates"))?;
    made.pem().map_err(at("the list of revoked certificates"))
}

const YEAR: u32 = 365;

/// When an authority's certificate (PEM) ends, which is later than `now`.
fn end_of_authority(certificate: &str, now: Timestamp) -> Result<Timestamp, IssueError> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes());
    let der = der.map_err(|_| IssueError::NoAuthority)?;
    let read = x509_parser::parse_x509_certificate(&der);
    let (_, read) = read.map_err(|_| IssueError::NoAuthority)?;
    let time = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Timestamp::from_millis(seconds.saturating_mul(1_000))
    };
    let validity = read.validity();
    let (begin, end) = (
        time(validity.not_before.timestamp()),
        time(validity.not_after.timestamp()),
    );
    if begin > now {
        return Err(IssueError::NotNow {
            word: "begins",
            time: begin.to_minute(),
            advice: "see whether this machine's clock is right",
        });
    }
    if end <= now {
        return Err(IssueError::NotNow {
            word: "ended",
            time: end.to_minute(),
            advice: "make a new authority in another folder (`merits tls ca`), and have everybody name its \
                     certificate among their `authorities` before it signs. If it should still be good, see \
                     whether this machine's clock is right",
        });
    }
    Ok(end)
}

fn issuer((certificate, key): (&str, &Key)) -> Result<Issuer<'static, KeyPair>, IssueError> {
    // The parser's words may repeat a part of the key.
    let key = KeyPair::from_pem(&key.0).map_err(|_| IssueError::NoAuthorityKey)?;
    let der = CertificateDer::from_pem_slice(certificate.as_bytes());
    let der = der.map_err(|_| IssueError::NoAuthority)?;
    let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| IssueError::NoAuthority)?;
    // What stands in the certificate is the key without its outermost tag and length.
    let public = key.subject_public_key_info();
    let bare = anchor.subject_public_key_info.as_ref();
    if public.is_empty() || bare.is_empty() || !public.ends_with(bare) {
        return Err(IssueError::TwoAuthorities);
    }
    Issuer::from_ca_cert_pem(certificate, key).map_err(|_| IssueError::NoAuthority)
}

fn new_key() -> Result<KeyPair, IssueError> {
    // rcgen takes randomness from the system only.
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(at("a private key"))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn host_name(host: &str) -> Result<SanType, IssueError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    ServerName::try_from(host).map_err(|_| IssueError::Host(host.to_owned()))?;
    Ok(SanType::DnsName(ia5(&host.to_ascii_lowercase())?))
}

fn ia5(text: &str) -> Result<Ia5String, IssueError> {
    Ia5String::try_from(text).map_err(at("a name"))
}

/// 16 random bytes, positive and never zero.
fn serial(rng: &mut impl CryptoRng) -> SerialNumber {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes[0] = bytes[0] & 0x3f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn days_of(days: u32) -> std::time::Duration {
    std::time::Duration::from_secs(u64::from(days) * DAY)
}

fn dates(from: Timestamp, until: Timestamp) -> (OffsetDateTime, OffsetDateTime) {
    let from = (from.as_millis() / 1_000).saturating_sub(EARLIER);
    (date(from), date(until.as_millis() / 1_000))
}

/// X.509 ends in 9999.
fn date(seconds: u64) -> OffsetDateTime {
    let seconds = i64::try_from(seconds.min(253_402_300_799)).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
