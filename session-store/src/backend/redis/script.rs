//! The scripts that make a step on the server one step.

use bytes::Bytes;
use redis::Cmd;
use sha1_smol::Sha1;

/// Checks the lock (if a token is given) and the content, writes, and frees
/// the lock.
///
/// Keys: session, lock. Arguments: token or empty; what to do; what must be
/// stored (`none`, `any`, or `same` as the next argument); the mark of the
/// content that was loaded; time to live in milliseconds; new content; `keep`
/// to keep the lock; how long a content may be to be its own mark. A longer
/// one has its SHA-1 as its mark.
///
/// Answers one of the words in [`Outcome`], after `touched` the mark of what
/// is stored.
const COMMIT: &str = r"
local session, lock = KEYS[1], KEYS[2]
local token, change, wanted, base, ttl, content, keep, short = unpack(ARGV)
if token ~= '' and redis.call('GET', lock) ~= token then
    return 'conflict'
end
local function done(outcome)
    if token ~= '' then
        redis.call('DEL', lock)
    end
    return outcome
end
local old = redis.call('GET', session)
local function mark()
    if #old > tonumber(short) then
        return redis.sha1hex(old)
    end
    return old
end
if wanted == 'none' then
    if old and change == 'put' then
        return done('conflict')
    end
elseif wanted == 'same' then
    if not old and change ~= 'delete' then
        return done('gone')
    end
    if old and mark() ~= base then
        return done('conflict')
    end
end
if change == 'delete' then
    redis.call('DEL', session)
    return done('deleted')
end
local outcome = 'stored'
if change == 'touch' then
    if not old then
        return done('gone')
    end
    outcome = 'touched' .. mark()
    redis.call('PEXPIRE', session, ttl)
else
    redis.call('SET', session, content, 'PX', ttl)
end
if keep ~= 'keep' then
    done()
end
return outcome
";

/// Extends a lock that is still the caller's.
const RENEW: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
";

/// Frees a lock that is still the caller's; phpredis sends the same.
const RELEASE: &str = r#"if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end"#;

/// A script, and the digest that servers know it by once they have run it.
#[derive(Debug)]
pub(super) struct Script {
    code: &'static str,
    digest: String,
}

impl Script {
    fn new(code: &'static str) -> Self {
        let digest = Sha1::from(code).hexdigest();
        Self { code, digest }
    }

    /// Runs it on a server that knows it.
    pub(super) fn call(&self, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.digest, keys, arguments)
    }

    /// Runs it on a server that may not know it, and does then.
    pub(super) fn call_whole(&self, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        command("EVAL", self.code, keys, arguments)
    }
}

fn command(name: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    let texts = [name, script].into_iter().chain(keys.iter().copied());
    let bytes = texts.map(str::len).chain(arguments.iter().map(|a| a.len()));
    let mut command =
        Cmd::with_capacity(3 + keys.len() + arguments.len(), bytes.sum::<usize>() + 1);
    command.arg(name).arg(script).arg(keys.len());
    for key in keys {
        command.arg(*key);
    }
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// All scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) commit: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            commit: Script::new(COMMIT),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
        }
    }
}

/// What [`COMMIT`] answers.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The new content is stored.
    Stored,
    /// With the mark of what is stored.
    Touched(Bytes),
    Deleted,
    Gone,
    Conflict,
}

impl Outcome {
    pub(super) fn parse(answer: &Bytes) -> Option<Self> {
        match answer.as_ref() {
            b"stored" => Some(Self::Stored),
            b"deleted" => Some(Self::Deleted),
            b"gone" => Some(Self::Gone),
            b"conflict" => Some(Self::Conflict),
            other => other
                .starts_with(TOUCHED)
                .then(|| Self::Touched(answer.slice(TOUCHED.len()..))),
        }
    }
}

const TOUCHED: &[u8] = b"touched";

/// What tells one content from another: a short one itself, which is less
/// work for both sides than a digest, a long one by its SHA-1.
pub(super) fn mark(content: &Bytes) -> Bytes {
    if content.len() > SHORT {
        Sha1::from(content).hexdigest().into()
    } else {
        content.clone()
    }
}

/// Longest content in bytes that is its own mark. Servers digest a kilobyte
/// in the time that it takes to send eight.
pub(super) const SHORT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_contents_are_digested() {
        let short = Bytes::from(vec![b'x'; SHORT]);
        assert_eq!(mark(&short), short);
        let long = Bytes::from(vec![b'x'; SHORT + 1]);
        assert_eq!(mark(&long).len(), 40);
    }

    #[test]
    fn answers_are_told_apart() {
        let parse = |answer: &'static str| Outcome::parse(&Bytes::from_static(answer.as_bytes()));
        assert_eq!(parse("stored"), Some(Outcome::Stored));
        assert_eq!(parse("touched"), Some(Outcome::Touched(Bytes::new())));
        assert_eq!(
            parse("toucheda|i:1;"),
            Some(Outcome::Touched("a|i:1;".into()))
        );
        assert_eq!(parse("storeda|i:1;"), None);
    }
}
