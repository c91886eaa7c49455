use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Error, ErrorKind, Result, SerializeHandler, StoreOptions};

/// A parsed store URL: `scheme:rest?name=value&…`.
///
/// Every scheme takes these parameters; durations are seconds, with
/// fractions if wanted:
///
/// | parameter | sets | default |
/// |---|---|---|
/// | `preset` | [`Preset`]: keys, schema and codec of an application | `php`, for SQL none |
/// | `ttl` | [`StoreOptions::ttl`] | 1440 |
/// | `lock_wait` | [`StoreOptions::lock_wait`] | 30 |
/// | `lease` | [`StoreOptions::lease`] | 30 |
/// | `timeout` | [`StoreOptions::timeout`] | 5 |
/// | `alias` | [`StoreOptions::alias`] | 30 |
/// | `max_waiters` | [`Limits::max_waiters`](crate::Limits::max_waiters) | 32 |
///
/// `%XX` is decoded in parameters and in the paths of local backends.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use session_store::{Preset, StoreUrl};
///
/// let url = StoreUrl::parse("sqlite:/var/app.db?preset=symfony&lock_wait=2.5")?;
/// assert_eq!((url.scheme(), url.rest()), ("sqlite", "/var/app.db"));
/// assert_eq!(url.preset(), Some(Preset::Symfony));
/// assert_eq!(url.options().lock_wait, Duration::from_millis(2500));
/// # Ok::<(), session_store::Error>(())
/// ```
#[derive(Clone)]
pub struct StoreUrl {
    scheme: String,
    rest: String,
    params: Vec<(String, String)>,
    preset: Option<Preset>,
    options: StoreOptions,
}

/// Whose sessions they are: key names, table, wrapping and codec as that
/// application has them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Preset {
    /// PHP's own save handlers: files, phpredis, php-memcached.
    Php,
    /// Symfony's `PdoSessionHandler`, `RedisSessionHandler` and
    /// `MemcachedSessionHandler`.
    Symfony,
    /// Laravel's database and cache sessions.
    Laravel,
    /// Drupal's `sessions` table, with hashed ids.
    Drupal,
}

impl Preset {
    /// The name as URLs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Php => "php",
            Self::Symfony => "symfony",
            Self::Laravel => "laravel",
            Self::Drupal => "drupal",
        }
    }

    /// The serialize handler of the sessions, unless the application is
    /// configured otherwise.
    pub fn handler(self) -> SerializeHandler {
        match self {
            Self::Laravel => SerializeHandler::PhpSerialize,
            Self::Php | Self::Symfony | Self::Drupal => SerializeHandler::Php,
        }
    }
}

const PRESETS: [Preset; 4] = [
    Preset::Php,
    Preset::Symfony,
    Preset::Laravel,
    Preset::Drupal,
];

impl StoreUrl {
    /// Parses a URL and checks the parameters that every scheme takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with what is wrong as its source.
    pub fn parse(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once(':') else {
            let example = "there is no scheme, as in files:/path or redis://host:6379";
            return Err(config("store URL", example));
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parsed = Self {
            scheme: scheme.to_ascii_lowercase(),
            rest: rest.to_owned(),
            params: Vec::new(),
            preset: None,
            options: StoreOptions::default(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = parsed.decode(name)?;
            let value = parsed.decode(value)?;
            parsed.set(name, value)?;
        }
        Ok(parsed)
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between the scheme's colon and the question mark, as
    /// written. It may hold a password.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The preset it names.
    pub fn preset(&self) -> Option<Preset> {
        self.preset
    }

    /// The options of the store that it sets.
    pub fn options(&self) -> StoreOptions {
        self.options
    }

    /// A parameter of the backend's own; the last one counts.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter().rev();
        params
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter of the backend's own, as a number or other simple value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it does not parse.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.param(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.bad_value(name)),
        }
    }

    /// All parameters of the backend's own.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses parameters that are not in `names`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for the first unknown one.
    pub fn allow(&self, names: &[&str]) -> Result<()> {
        let unknown = |(name, _): &&(String, String)| !names.contains(&name.as_str());
        match self.params.iter().find(unknown) {
            None => Ok(()),
            Some((name, _)) => Err(self.config(format!("there is no parameter {name}"))),
        }
    }

    /// The same URL without some parameters.
    pub(super) fn without(&self, names: &[&str]) -> Self {
        let mut url = self.clone();
        url.params
            .retain(|(name, _)| !names.contains(&name.as_str()));
        url
    }

    /// The rest as a path of this machine, with `%XX` decoded and without a
    /// leading `//`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none.
    pub fn path(&self) -> Result<String> {
        let path = self.rest.strip_prefix("//").unwrap_or(&self.rest);
        if path.is_empty() {
            return Err(self.config(format!("there is no path, as in {}:/path", self.scheme)));
        }
        self.decode(path)
    }

    /// An error about this URL, which is shown without its rest.
    pub fn error(&self, kind: ErrorKind, what: impl Into<String>) -> Error {
        Error::new(kind, format!("{} store URL", self.scheme), "use it").with_source(what.into())
    }

    /// The same of [`ErrorKind::Config`].
    pub(crate) fn config(&self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Config, what)
    }

    fn bad_value(&self, name: &str) -> Error {
        self.config(format!("the value of {name} is wrong"))
    }

    fn set(&mut self, name: String, value: String) -> Result<()> {
        let wrong = self.bad_value(&name);
        let options = &mut self.options;
        let duration = match name.as_str() {
            "preset" => {
                let preset = PRESETS.into_iter().find(|preset| preset.name() == value);
                self.preset = Some(preset.ok_or_else(|| {
                    self.config("preset is none of php, symfony, laravel, drupal")
                })?);
                return Ok(());
            }
            "max_waiters" => {
                options.limits.max_waiters = value.parse().map_err(|_| wrong)?;
                return Ok(());
            }
            "ttl" => &mut options.ttl,
            "lock_wait" => &mut options.lock_wait,
            "lease" => &mut options.lease,
            "timeout" => &mut options.timeout,
            "alias" => &mut options.alias,
            _ => {
                self.params.push((name, value));
                return Ok(());
            }
        };
        match value.parse().map(Duration::try_from_secs_f64) {
            Ok(Ok(parsed)) if name == "alias" || name == "lock_wait" || !parsed.is_zero() => {
                *duration = parsed;
                Ok(())
            }
            _ => Err(wrong),
        }
    }

    pub(crate) fn decode(&self, text: &str) -> Result<String> {
        percent_decode(text).ok_or_else(|| self.config("a percent sign is not followed by %XX"))
    }
}

/// The rest may hold a password.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUrl")
            .field("scheme", &self.scheme)
            .field("preset", &self.preset)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn config(what: &'static str, problem: &'static str) -> Error {
    Error::new(ErrorKind::Config, what, "use it").with_source(problem)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn refusal(url: &str) -> String {
        let error = StoreUrl::parse(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.source().unwrap().to_string()
    }

    #[test]
    fn parameters_of_the_backend_stay_with_it() {
        let url = StoreUrl::parse("files:/var/lib?depth=2&mode=0660&ttl=60").unwrap();
        assert_eq!(url.parsed::<u32>("depth").unwrap(), Some(2));
        assert_eq!(url.param("mode"), Some("0660"));
        assert_eq!(url.param("ttl"), None);
        assert_eq!(url.options().ttl, Duration::from_secs(60));
        assert!(url.allow(&["depth", "mode"]).is_ok());
        assert!(url.allow(&["depth"]).is_err());
    }

    #[test]
    fn paths_are_decoded_with_and_without_slashes_in_front() {
        for url in ["redb:/a%20b", "redb:///a%20b"] {
            assert_eq!(StoreUrl::parse(url).unwrap().path().unwrap(), "/a b");
        }
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        assert_eq!(refusal("memory:?ttl=0"), "the value of ttl is wrong");
        assert_eq!(refusal("memory:?lease=-1"), "the value of lease is wrong");
        assert!(refusal("memory:?preset=magento").contains("preset"));
        assert!(refusal("memory").contains("scheme"));
        assert!(refusal("files:/x?a=%zz").contains("%XX"));
    }

    #[test]
    fn passwords_are_not_shown() {
        let url = StoreUrl::parse("redis://:secret@host/").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
        let error = url.error(ErrorKind::Config, "x");
        assert!(!error.to_string().contains("secret"));
    }
}
