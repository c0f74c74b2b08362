//! Where a registry is served: by any web server, or in a folder.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// A place that serves a registry's files. None of them is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    url: Url,
    place: Place,
}

/// Where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below this URL, which ends in `/`.
    Web(Url),
    /// In this folder.
    Folder(PathBuf),
}

/// Why a text is no place that serves a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// Not a URL.
    #[error("\"{0}\" is no URL: write https://…, http://… or file:///…")]
    NotAUrl(String),
    /// A URL of something else.
    #[error("\"{0}\": a registry is at https://…, http://… or file:///…")]
    Scheme(String),
    /// A URL with more in it than a place.
    #[error("\"{0}\": leave out user name, password, ?query and #fragment")]
    More(String),
}

impl Mirror {
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The name of the host; `None` for a folder.
    pub fn host(&self) -> Option<&str> {
        self.url.host_str()
    }
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let mut url = Url::parse(text).map_err(|_| MirrorError::NotAUrl(text.to_owned()))?;
        let has_more = url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some();
        if has_more {
            return Err(MirrorError::More(text.to_owned()));
        }
        let scheme = || MirrorError::Scheme(text.to_owned());
        let place = match url.scheme() {
            "http" | "https" => {
                if !url.path().ends_with('/') {
                    let path = format!("{}/", url.path());
                    url.set_path(&path);
                }
                Place::Web(url.clone())
            }
            "file" => Place::Folder(url.to_file_path().map_err(|()| scheme())?),
            _ => return Err(scheme()),
        };
        Ok(Self { url, place })
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_url_and_nothing_more() {
        for (text, url) in [
            ("https://registry.example", "https://registry.example/"),
            ("http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080/a/b/"),
            ("https://registry.example/a/", "https://registry.example/a/"),
            ("https://registry.example/a/../b", "https://registry.example/b/"),
        ] {
            assert_eq!(text.parse::<Mirror>().unwrap().to_string(), url);
        }
        #[cfg(unix)]
        assert_eq!(
            "file:///srv/../mirror".parse::<Mirror>().unwrap().place,
            Place::Folder("/mirror".into())
        );
        for text in [
            "registry.example",
            "/srv/mirror",
            "ftp://registry.example/",
            "https://me@registry.example/",
            "https://registry.example/?a",
            "https://registry.example/#a",
            "",
        ] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }
}
