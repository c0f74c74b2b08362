//! What a TLS library does here, whichever it is.

use super::{
    ech, group::Group, options::Version, options::Versions, roots, verifier::Verifier, with_rustls::Client,
};
use crate::tls::{BackendName, Ech, HandshakeOptions, Identity, Sni};
use netsonde_data::failure::FailureCode;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use std::{fmt, net::SocketAddr, pin::Pin, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};

/// The most bytes of application protocols in a hello, which has to fit into a record.
const ALPN_BYTES: usize = 8192;

/// What a library reads from and writes to, and what it makes of that.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Io for T {}

/// A TLS library, made ready for one handshake. It does no I/O of its own and looks at no clock: who drives it decides
/// whether a socket or a guest carries its bytes.
pub(super) trait Backend: Send {
    /// Shake hands over `io`, which a failure drops.
    fn shake(self: Box<Self>, io: Box<dyn Io>) -> Shaking;
}

/// A handshake on its way.
pub(super) type Shaking = Pin<Box<dyn Future<Output = Result<Secured, Broken>> + Send>>;

/// A handshake that succeeded.
#[derive(Debug)]
pub(super) struct Secured {
    /// Reads and writes what TLS protects.
    pub(super) io: Box<dyn Io>,
    pub(super) agreed: Agreed,
}

/// What a handshake agreed on, in the words of Go's library, which OONI's data has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) version: String,
    pub(crate) cipher: String,
    /// The group that keys were exchanged in.
    pub(crate) group: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) ech_accepted: Option<bool>,
}

/// A handshake that failed, over TCP or inside QUIC.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) code: FailureCode,
    /// The exact cause, where the code does not say it.
    pub(crate) detail: Option<String>,
    /// Whether the server is known to have rejected ECH, and what it wants instead.
    pub(crate) ech_rejected: bool,
    pub(crate) ech_retry_configs: Option<Vec<u8>>,
}

impl Broken {
    pub(crate) fn new(code: FailureCode, detail: Option<String>) -> Self {
        Self {
            code,
            detail,
            ech_rejected: false,
            ech_retry_configs: None,
        }
    }

    /// The server did not take the encrypted hello. The text is that of Go's library.
    pub(super) fn rejected(ech_retry_configs: Option<Vec<u8>>) -> Self {
        Self {
            code: FailureCode::unknown("tls: server rejected ECH"),
            detail: None,
            ech_rejected: true,
            ech_retry_configs,
        }
    }
}

/// Why no handshake is even tried.
#[derive(Debug)]
pub(super) enum Refused {
    /// The options make no sense.
    Invalid(String),
    /// The backend can not do it, and this says who can.
    Unsupported(String),
}

impl Refused {
    pub(super) fn reason(self) -> String {
        match self {
            Self::Invalid(reason) | Self::Unsupported(reason) => reason,
        }
    }
}

/// Options, checked and taken apart for a backend.
pub(super) struct Plan {
    /// The name that the library sends, and that our verifier replaces where another is to be verified.
    pub(super) name: ServerName<'static>,
    pub(super) is_name_sent: bool,
    pub(super) versions: Versions,
    /// None where the library decides.
    pub(super) groups: Vec<Group>,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) ech: EchPlan,
    pub(super) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub(super) verifier: Arc<Verifier>,
}

/// How to offer ECH.
pub(super) enum EchPlan {
    Absent,
    Grease,
    Configs(Vec<u8>),
}

/// What observations of a handshake say whatever comes of it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) server_name: String,
    pub(crate) verified_name: Option<String>,
    /// `GREASE`, or the ECH configurations in base64, and their public name.
    pub(crate) ech: ech::Offered,
}

impl Plan {
    /// Check `options` for a handshake with `remote`; `trusting` makes the verifier.
    pub(super) fn new(
        options: &HandshakeOptions,
        remote: SocketAddr,
        trusting: impl FnOnce(Option<(ServerName<'static>, ServerName<'static>)>) -> Result<Verifier, String>,
    ) -> Result<(Self, Said), Refused> {
        if let Some(why) = &options.refusal {
            return Err(Refused::Invalid(why.clone()));
        }
        let verified = match &options.server_name {
            None => ServerName::IpAddress(remote.ip().into()),
            Some(name) => parse_name(name)?,
        };
        let (name, is_name_sent) = match &options.sni {
            Sni::ServerName => (verified.clone(), options.server_name.is_some()),
            Sni::Absent => (verified.clone(), false),
            Sni::Name(name) => (parse_name(name)?, true),
        };
        if matches!(&options.sni, Sni::Name(_)) && matches!(name, ServerName::IpAddress(_)) {
            return Err(Refused::Invalid("an address can not be sent as SNI".to_owned()));
        }
        let said_name = match (&options.sni, &options.server_name) {
            (Sni::Absent, _) => String::new(),
            (Sni::Name(name), _) => name.clone(),
            (Sni::ServerName, name) => name.clone().unwrap_or_default(),
        };
        let verified_name = verified.to_str().into_owned();
        let is_other = options.sni != Sni::ServerName && !options.no_verify && verified_name != said_name;
        let versions = options.versions.unwrap_or_default();
        if options.ech != Ech::Absent && !versions.contains(Version::Tls13) {
            return Err(Refused::Invalid("ECH needs TLS 1.3".to_owned()));
        }
        let (ech, offered) = ech_plan(&options.ech, Some(&name).filter(|_| is_name_sent))?;
        let replaced = (name != verified).then(|| (name.clone(), verified));
        let plan = Self {
            is_name_sent,
            versions,
            groups: groups(&options.groups)?,
            alpn: alpn(&options.alpn)?,
            ech,
            identity: options.identity.as_ref().map(identity).transpose()?,
            verifier: Arc::new(trusting(replaced).map_err(Refused::Invalid)?),
            name,
        };
        let said = Said {
            server_name: said_name,
            verified_name: is_other.then_some(verified_name),
            ech: offered,
        };
        Ok((plan, said))
    }

    /// The library of this name, ready.
    pub(super) fn backend(self, name: BackendName) -> Result<Box<dyn Backend>, Refused> {
        match name {
            BackendName::Rustls => Ok(Box::new(Client::new(self)?)),
            #[cfg(feature = "boringssl")]
            BackendName::BoringSsl => Ok(Box::new(super::with_boring::Boring::new(self)?)),
            #[cfg(not(feature = "boringssl"))]
            BackendName::BoringSsl => Err(Refused::Unsupported(
                "the TLS backend boringssl is not in this build; build netsonde with its feature `boringssl`"
                    .to_owned(),
            )),
        }
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, Refused> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Refused::Invalid(format!(
            "the server name {name:?} is neither a domain nor an address"
        ))
    })
}

/// The protocols, such as a hello can hold.
fn alpn(protocols: &[String]) -> Result<Vec<Vec<u8>>, Refused> {
    let invalid = |what: String| Refused::Invalid(format!("{what} can not be offered as ALPN"));
    if let Some(wrong) = protocols
        .iter()
        .find(|protocol| !(1..=255).contains(&protocol.len()))
    {
        let what = format!(
            "a protocol of {} bytes, where 1 to 255 are possible,",
            wrong.len()
        );
        return Err(invalid(what));
    }
    let total: usize = protocols.iter().map(String::len).sum();
    if total > ALPN_BYTES {
        return Err(invalid(format!("more than {ALPN_BYTES} bytes of protocols")));
    }
    Ok(protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect())
}

/// The groups, each once: there are no more than a hello can hold.
fn groups(groups: &[Group]) -> Result<Vec<Group>, Refused> {
    for (position, group) in groups.iter().enumerate() {
        if groups.iter().take(position).any(|earlier| earlier == group) {
            let what = format!("the group {} is offered twice", group.as_str());
            return Err(Refused::Invalid(what));
        }
    }
    Ok(groups.to_vec())
}

fn identity(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Refused> {
    let invalid = |what: &str, reason: &dyn fmt::Display| {
        Refused::Invalid(format!("the client's {what} can not be used: {reason}"))
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.certificates_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| invalid("certificate", &error))?;
    if chain.is_empty() {
        return Err(invalid("certificate", &"there is no BEGIN CERTIFICATE block"));
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
        .map_err(|error| invalid("private key", &error))?;
    Ok((chain, key))
}

/// How to offer ECH, and what observations say about it. `sent` is the name that the hello shows.
fn ech_plan(ech: &Ech, sent: Option<&ServerName<'static>>) -> Result<(EchPlan, ech::Offered), Refused> {
    let domain = sent
        .filter(|name| matches!(name, ServerName::DnsName(_)))
        .map(|name| name.to_str().into_owned());
    match ech {
        Ech::Absent => Ok((EchPlan::Absent, ech::Offered::default())),
        Ech::Grease => Ok((EchPlan::Grease, ech::Offered::grease(domain.as_deref()))),
        Ech::MadeUp => {
            let unnamed = || {
                Refused::Invalid(
                    "a made-up ECH configuration needs a domain to send as its public name".to_owned(),
                )
            };
            let name = domain.ok_or_else(unnamed)?;
            let (config_id, public_key) = roots::random_hpke_key().map_err(Refused::Invalid)?;
            let list = ech::made_up(&name, config_id, &public_key).ok_or_else(unnamed)?;
            Ok((EchPlan::Configs(list), ech::Offered::grease(Some(&name))))
        }
        Ech::Configs(list) => Ok((EchPlan::Configs(list.clone()), ech::Offered::list(list))),
    }
}
