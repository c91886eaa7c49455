//! What phpredis' session handler says, and what it means.

use std::time::Duration;

use bytes::Bytes;

use crate::SessionId;
use crate::endpoint::holds::Key;

/// A command on sessions.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Command {
    Get(Key),
    /// `GETEX key EX ttl`
    GetAndTouch(SessionId, Option<Duration>),
    Exists(Vec<Key>),
    /// `SETEX`, or `SET` without conditions
    Write(SessionId, Bytes, Option<Duration>),
    /// `SET key value NX`: phpredis 6 reserves a new id on a Cluster so
    Create(SessionId, Bytes, Option<Duration>),
    /// `SET key_LOCK secret NX`
    Lock(SessionId, Bytes),
    /// The script that compares and deletes
    Unlock(SessionId, Bytes),
    Touch(SessionId, Duration),
    Delete(Vec<Key>),
    Ping(Option<Bytes>),
    /// Something that changes nothing here: `SELECT 0`, `CLIENT …`
    Ignored,
    Quit,
}

/// Why a command is refused, as Redis words it where it has words for it.
#[derive(Debug, Clone, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("ERR unknown command '{0}'; this endpoint serves PHP sessions only")]
    Unknown(String),
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arguments(String),
    #[error("ERR syntax error")]
    Syntax,
    #[error("ERR value is not an integer or out of range")]
    Number,
    #[error("ERR the key does not start with '{0}'; set the prefix of session.save_path to that")]
    Prefix(String),
    #[error("ERR the session id is not one that PHP makes")]
    Id,
    #[error("NOSCRIPT No matching script. Please use EVAL.")]
    NoScript,
    #[error("ERR AUTH called without any password configured; remove auth from session.save_path")]
    Auth,
    #[error("ERR DB index is out of range; remove database from session.save_path")]
    Database,
}

impl Command {
    /// Reads a command; `prefix` is what every key starts with.
    pub(super) fn parse(words: &[Bytes], prefix: &str) -> Result<Self, Refusal> {
        let Some((name, arguments)) = words.split_first() else {
            return Err(Refusal::Unknown(String::new()));
        };
        let name = name.to_ascii_uppercase();
        let parser = Parser {
            name: &name,
            prefix,
        };
        match (name.as_slice(), arguments) {
            (b"GET", [key]) => Ok(Self::Get(parser.key(key)?)),
            (b"GETEX", [key, options @ ..]) => Ok(Self::GetAndTouch(
                parser.session(key)?,
                parser.ttl(options)?,
            )),
            (b"EXISTS", [_, ..]) => Ok(Self::Exists(parser.keys(arguments)?)),
            (b"DEL" | b"UNLINK", [_, ..]) => Ok(Self::Delete(parser.keys(arguments)?)),
            (b"SETEX", [key, seconds, value]) => {
                let ttl = Duration::from_secs(positive(seconds)?);
                Ok(Self::Write(parser.session(key)?, value.clone(), Some(ttl)))
            }
            (b"PSETEX", [key, millis, value]) => {
                let ttl = Duration::from_millis(positive(millis)?);
                Ok(Self::Write(parser.session(key)?, value.clone(), Some(ttl)))
            }
            (b"SET", [key, value, options @ ..]) => parser.set(key, value, options),
            (b"EXPIRE", [key, seconds]) => {
                let ttl = Duration::from_secs(positive(seconds)?);
                Ok(Self::Touch(parser.session(key)?, ttl))
            }
            (b"PEXPIRE", [key, millis]) => {
                let ttl = Duration::from_millis(positive(millis)?);
                Ok(Self::Touch(parser.session(key)?, ttl))
            }
            (b"EVALSHA", [script, one, key, secret]) if one == "1" => {
                if !script.eq_ignore_ascii_case(RELEASE_SHA1) {
                    return Err(Refusal::NoScript);
                }
                parser.unlock(key, secret)
            }
            (b"EVAL", [script, one, key, secret]) if one == "1" && is_release(script) => {
                parser.unlock(key, secret)
            }
            (b"EVALSHA", _) => Err(Refusal::NoScript),
            (b"PING", []) => Ok(Self::Ping(None)),
            (b"PING" | b"ECHO", [text]) => Ok(Self::Ping(Some(text.clone()))),
            (b"SELECT", [number]) if number == "0" => Ok(Self::Ignored),
            (b"SELECT", [_]) => Err(Refusal::Database),
            (b"AUTH", [_, ..]) => Err(Refusal::Auth),
            (b"CLIENT", [_, ..]) => Ok(Self::Ignored),
            (b"QUIT", []) => Ok(Self::Quit),
            _ => Err(parser.unknown()),
        }
    }

    /// The session that is about to be destroyed, if it is one.
    pub(super) fn destroys(&self) -> Option<&SessionId> {
        match self {
            Self::Delete(keys) => match keys.as_slice() {
                [Key::Session(id)] => Some(id),
                _ => None,
            },
            _ => None,
        }
    }
}

struct Parser<'a> {
    name: &'a [u8],
    prefix: &'a str,
}

impl Parser<'_> {
    fn key(&self, key: &[u8]) -> Result<Key, Refusal> {
        let Some(name) = key.strip_prefix(self.prefix.as_bytes()) else {
            return Err(Refusal::Prefix(self.prefix.to_owned()));
        };
        // `_` is no letter of an id.
        match name.strip_suffix(b"_LOCK") {
            Some(name) => Ok(Key::Lock(id(name)?)),
            None => Ok(Key::Session(id(name)?)),
        }
    }

    fn keys(&self, keys: &[Bytes]) -> Result<Vec<Key>, Refusal> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn session(&self, key: &[u8]) -> Result<SessionId, Refusal> {
        match self.key(key)? {
            Key::Session(id) => Ok(id),
            Key::Lock(_) => Err(self.unknown()),
        }
    }

    /// `[NX] [EX seconds | PX milliseconds]` in any order.
    fn set(&self, key: &[u8], value: &Bytes, options: &[Bytes]) -> Result<Command, Refusal> {
        let is_nx = |word: &Bytes| word.eq_ignore_ascii_case(b"NX");
        let (nx, rest): (Vec<&Bytes>, Vec<&Bytes>) = options.iter().partition(|word| is_nx(word));
        let rest: Vec<Bytes> = rest.into_iter().cloned().collect();
        let ttl = self.ttl(&rest)?;
        let value = value.clone();
        match (self.key(key)?, nx.is_empty()) {
            // The lock lives as long as its connection, whatever life it was given.
            (Key::Lock(id), false) => Ok(Command::Lock(id, value)),
            (Key::Session(id), false) => Ok(Command::Create(id, value, ttl)),
            (Key::Session(id), true) => Ok(Command::Write(id, value, ttl)),
            (Key::Lock(_), true) => Err(self.unknown()),
        }
    }

    fn ttl(&self, options: &[Bytes]) -> Result<Option<Duration>, Refusal> {
        match options {
            [] => Ok(None),
            [unit, number] if unit.eq_ignore_ascii_case(b"EX") => {
                Ok(Some(Duration::from_secs(positive(number)?)))
            }
            [unit, number] if unit.eq_ignore_ascii_case(b"PX") => {
                Ok(Some(Duration::from_millis(positive(number)?)))
            }
            _ => Err(Refusal::Syntax),
        }
    }

    fn unlock(&self, key: &[u8], secret: &Bytes) -> Result<Command, Refusal> {
        match self.key(key)? {
            Key::Lock(id) => Ok(Command::Unlock(id, secret.clone())),
            Key::Session(_) => Err(self.unknown()),
        }
    }

    fn unknown(&self) -> Refusal {
        let name: String = self.name[..self.name.len().min(32)]
            .escape_ascii()
            .to_string();
        if KNOWN.contains(&name.as_str()) {
            Refusal::Arguments(name.to_ascii_lowercase())
        } else {
            Refusal::Unknown(name)
        }
    }
}

fn id(name: &[u8]) -> Result<SessionId, Refusal> {
    let name = std::str::from_utf8(name).map_err(|_| Refusal::Id)?;
    SessionId::parse(name).map_err(|_| Refusal::Id)
}

fn positive(number: &[u8]) -> Result<u64, Refusal> {
    let number = std::str::from_utf8(number).ok();
    let number = number.and_then(|number| number.parse::<u32>().ok());
    number
        .filter(|&number| number > 0)
        .map(u64::from)
        .ok_or(Refusal::Number)
}

/// phpredis' script, blanks aside.
fn is_release(script: &[u8]) -> bool {
    let words = script
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.eq(RELEASE.split_ascii_whitespace().map(str::as_bytes))
}

const RELEASE: &str = r#"if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end"#;
const RELEASE_SHA1: &[u8] = b"b70c2384248f88e6b75b9f89241a180f856ad852";
const KNOWN: &[&str] = &[
    "GET", "GETEX", "EXISTS", "DEL", "UNLINK", "SETEX", "PSETEX", "SET", "EXPIRE", "PEXPIRE",
    "EVAL", "PING", "ECHO", "SELECT", "AUTH", "CLIENT", "QUIT",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Refusal> {
        let words: Vec<Bytes> = line.split(' ').map(|word| word.to_owned().into()).collect();
        Command::parse(&words, "P:")
    }

    fn id() -> SessionId {
        SessionId::parse("abc").unwrap()
    }

    #[test]
    fn what_phpredis_sends_is_understood() {
        let life = Duration::from_secs(3600);
        let hour = Some(life);
        let sha = "b70c2384248f88e6b75b9f89241a180f856ad852";
        for (line, command) in [
            ("GET P:abc", Command::Get(Key::Session(id()))),
            ("GET P:abc_LOCK", Command::Get(Key::Lock(id()))),
            ("setex P:abc 3600 v", Command::Write(id(), "v".into(), hour)),
            ("EXPIRE P:abc 3600", Command::Touch(id(), life)),
            ("GETEX P:abc EX 3600", Command::GetAndTouch(id(), hour)),
            (
                "SET P:abc_LOCK h|1 NX PX 9",
                Command::Lock(id(), "h|1".into()),
            ),
            ("SET P:abc_LOCK h|1 NX", Command::Lock(id(), "h|1".into())),
            (
                "SET P:abc v NX EX 3600",
                Command::Create(id(), "v".into(), hour),
            ),
            ("DEL P:abc", Command::Delete(vec![Key::Session(id())])),
            ("SELECT 0", Command::Ignored),
        ] {
            assert_eq!(parse(line), Ok(command), "{line}");
        }
        let unlock = Command::Unlock(id(), "h|1".into());
        assert_eq!(
            parse(&format!("EVALSHA {sha} 1 P:abc_LOCK h|1")),
            Ok(unlock)
        );
    }

    #[test]
    fn the_script_is_known_whatever_its_blanks() {
        let spaced = format!("  {} ", RELEASE.replace(' ', "\n  "));
        let words: Vec<Bytes> = [b"EVAL", spaced.as_bytes(), b"1", b"P:abc_LOCK", b"s"]
            .map(|word| word.to_vec().into())
            .into();
        assert_eq!(
            Command::parse(&words, "P:"),
            Ok(Command::Unlock(id(), "s".into()))
        );
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (line, refusal) in [
            ("GET X:abc", Refusal::Prefix("P:".into())),
            ("GET P:a_b", Refusal::Id),
            ("FLUSHALL", Refusal::Unknown("FLUSHALL".into())),
            ("GET", Refusal::Arguments("get".into())),
            ("SETEX P:abc 0 v", Refusal::Number),
            ("SETEX P:abc_LOCK 1 v", Refusal::Arguments("setex".into())),
            ("SET P:abc v XX", Refusal::Syntax),
            ("EVALSHA 1234 1 P:abc_LOCK s", Refusal::NoScript),
            ("SELECT 3", Refusal::Database),
            ("AUTH pw", Refusal::Auth),
        ] {
            assert_eq!(parse(line), Err(refusal), "{line}");
        }
    }
}
