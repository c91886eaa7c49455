//! The scripts that make a step on the server one step.

use redis::Script;

/// Checks the lock (if a token is given) and the content, writes, and frees
/// the lock.
///
/// Keys: session, lock. Arguments: token or empty; what to do; SHA-1 of the
/// content that was loaded, empty for "there was none", `*` for "any"; time
/// to live in milliseconds; new content; `keep` to keep the lock.
/// Answers one of the words in [`Outcome`], after `stored` the SHA-1 of what
/// is stored.
const COMMIT: &str = r"
local session, lock = KEYS[1], KEYS[2]
local token, change, base, ttl, content, keep = unpack(ARGV)
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
if base == '' then
    if old and change == 'put' then
        return done('conflict')
    end
elseif base ~= '*' then
    if not old and change ~= 'delete' then
        return done('gone')
    end
    if old and redis.sha1hex(old) ~= base then
        return done('conflict')
    end
end
if change == 'delete' then
    redis.call('DEL', session)
    return done('deleted')
end
local stored = content
if change == 'touch' then
    if not old then
        return done('gone')
    end
    stored = old
    redis.call('PEXPIRE', session, ttl)
else
    redis.call('SET', session, content, 'PX', ttl)
end
if keep ~= 'keep' then
    done()
end
return 'stored' .. redis.sha1hex(stored)
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

/// The scripts with their digests.
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
    /// With the SHA-1 of what is stored.
    Stored(String),
    Deleted,
    Gone,
    Conflict,
}

impl Outcome {
    pub(super) fn parse(answer: &str) -> Option<Self> {
        match answer {
            "deleted" => Some(Self::Deleted),
            "gone" => Some(Self::Gone),
            "conflict" => Some(Self::Conflict),
            _ => answer
                .strip_prefix("stored")
                .map(|digest| Self::Stored(digest.to_owned())),
        }
    }
}
