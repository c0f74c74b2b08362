//! Names with versions: `http-address@v1`. A plain name is version 0.

/// A name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versioned<'a> {
    /// The name before the version.
    pub(crate) bare: &'a str,
    /// The version, where there is one.
    pub(crate) major: Option<u64>,
}

impl<'a> Versioned<'a> {
    /// Take a name apart. What does not end in `@v` and a number is all name.
    pub(crate) fn split(name: &'a str) -> Self {
        let whole = Self {
            bare: name,
            major: None,
        };
        let Some((bare, version)) = name.rsplit_once("@v") else {
            return whole;
        };
        let canonical = version == "0" || !version.starts_with('0');
        if bare.is_empty() || !canonical || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return whole;
        }
        match version.parse() {
            Ok(major) => Self {
                bare,
                major: Some(major),
            },
            Err(_) => whole,
        }
    }
}

/// The name as scripts write it: plain for version 0.
pub(crate) fn join(bare: &str, major: u64) -> String {
    if major == 0 {
        bare.to_owned()
    } else {
        format!("{bare}@v{major}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_v_and_a_number_after_the_last_at_sign() {
        let split = |name| {
            let Versioned { bare, major } = Versioned::split(name);
            (bare.to_owned(), major)
        };
        assert_eq!(split("http-address@v1"), ("http-address".to_owned(), Some(1)));
        assert_eq!(split("telegram"), ("telegram".to_owned(), None));
        assert_eq!(split("telegram@v0"), ("telegram".to_owned(), Some(0)));
        for odd in [
            "telegram@1",
            "telegram@v",
            "telegram@v01",
            "telegram@v-1",
            "@v1",
            "telegram@v99999999999999999999",
        ] {
            assert_eq!(split(odd), (odd.to_owned(), None));
        }
    }

    #[test]
    fn version_zero_is_the_plain_name() {
        assert_eq!(join("telegram", 0), "telegram");
        assert_eq!(join("telegram", 2), "telegram@v2");
    }
}
