//! DNS over HTTPS (RFC 8484): a POST for each query, all on one connection.

use super::{
    Reply, Resolver,
    asked::{Asked, Question, Unanswered},
    failure,
    stream::until,
    wire::Form,
};
use crate::{
    Connection, Exceeded,
    http::{Request, Response},
};
use futures::future::join_all;
use netsonde_data::failure::{Failure, FailureCode};
use std::net::SocketAddr;
use tokio::time::Instant;
use url::{Host, Url};

/// The media type of DNS messages.
const MEDIA_TYPE: &str = "application/dns-message";
/// How much of a response is read at most, in bytes: one more than the longest DNS message has.
const LONGEST: u64 = 1 << 16;

/// Where to POST.
pub(super) struct Target {
    url: String,
    /// The host: a name, or an address without brackets.
    host: String,
}

impl Target {
    pub(super) fn parse(text: &str, domain: &str) -> Result<Self, Failure> {
        let invalid = |why: &str| {
            let doing = format!("{domain}: the resolver's URL {text:?} {why}");
            failure(FailureCode::INVALID_ARGUMENT, &doing)
        };
        let url = Url::parse(text).map_err(|error| invalid(&format!("is malformed ({error})")))?;
        let host = match url.host() {
            _ if url.scheme() != "https" => return Err(invalid("is not one of https")),
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("has no host")),
        };
        Ok(Self {
            url: text.to_owned(),
            host,
        })
    }
}

impl Question<'_> {
    /// Connect, shake hands, and ask for every type at once.
    pub(super) async fn over_https(
        self,
        endpoint: SocketAddr,
        target: &Target,
    ) -> Result<Vec<Reply>, Exceeded> {
        let asked = self.begin()?;
        let deadline = self.deadline();
        let connection = match self.options.resolver {
            Resolver::Doh3 { .. } => self.open_quic(endpoint, &target.host, "h3", deadline).await,
            _ => {
                self.open_tls(endpoint, &target.host, &["h2", "http/1.1"], deadline)
                    .await
            }
        };
        Ok(match connection {
            Ok(connection) => {
                let posts = asked.into_iter();
                join_all(posts.map(|asked| self.post(asked, &connection, target, deadline))).await
            }
            Err(error) => {
                let why = error.into();
                asked.into_iter().map(|asked| asked.failed(&why)).collect()
            }
        })
    }

    /// One query in one HTTP transaction.
    async fn post(
        self,
        asked: Asked<'_>,
        connection: &Connection,
        target: &Target,
        deadline: Instant,
    ) -> Reply {
        match self.transaction(&asked, connection, target, deadline).await {
            Ok(response) => asked.answered(response.body, None).0,
            Err(why) => asked.failed(&why),
        }
    }

    async fn transaction(
        self,
        asked: &Asked<'_>,
        connection: &Connection,
        target: &Target,
        deadline: Instant,
    ) -> Result<Response, Unanswered> {
        let mut headers = self.options.headers.clone();
        for name in ["Accept", "Content-Type"] {
            if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), MEDIA_TYPE.to_owned()));
            }
        }
        let request = Request {
            method: "POST".to_owned(),
            url: target.url.clone(),
            headers,
            body: asked.encode(Form::Padded)?.into(),
            body_snapshot_limit: LONGEST,
            timeout: Some(until(deadline)),
            ..Request::default()
        };
        let response = self.net.round_trip(self.tx, connection, request).await?;
        check(response)
    }
}

/// Whether a response can hold a DNS message. The failure strings are OONI's.
fn check(response: Response) -> Result<Response, Unanswered> {
    if let Some(failure) = response.body_failure {
        return Err(crate::NetError::from(failure).into());
    }
    let refused =
        |text: &str, detail: String| Err(Unanswered::with_detail(FailureCode::unknown(text), Some(detail)));
    if response.status != 200 {
        return refused(
            "doh: server returned error",
            format!("HTTP status {}", response.status),
        );
    }
    let mut headers = response.headers.iter();
    let media_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = media_type
        .map(|(_, value)| String::from_utf8_lossy(value))
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
        return refused(
            "doh: invalid content-type",
            format!("HTTP content type {media_type:?}"),
        );
    }
    if response.body_is_truncated {
        return refused(
            "doh: response is too long",
            format!("more than {} bytes", LONGEST - 1),
        );
    }
    Ok(response)
}
