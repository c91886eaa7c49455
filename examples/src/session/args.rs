use clap::{Parser, Subcommand};
use session_store::SerializeHandler;

use super::EndpointArgs;

/// Reads and changes PHP sessions in any store that PHP or this project uses.
#[derive(Debug, Parser)]
#[command(name = "session", version, after_help = NOTES)]
pub struct Args {
    /// The store: files:/path?depth=0, memory:, redb:/path, redis://host,
    /// redis+sentinel://…, redis+cluster://…, memcached://host:port,host:port,
    /// postgres://…, mysql://…, sqlite:/path; `session --help` lists parameters
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
    /// Serialize handler of the sessions: php, php_serialize, php_binary,
    /// igbinary or msgpack [default: what the preset has, else php]
    #[arg(long, global = true, value_name = "NAME")]
    pub handler: Option<SerializeHandler>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints a session as JSON
    Get {
        /// The session id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Sets one variable, under the session's lock
    Set {
        /// The session id
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// Name of the variable
        name: String,
        /// Its value
        #[arg(allow_negative_numbers = true)]
        json: String,
    },
    /// Adds one to a variable, each time under the session's lock; prints
    /// the last value, and the longest wait on stderr
    Incr {
        /// The session id
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// Name of the variable
        name: String,
        /// How often
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        times: u32,
        /// How long to hold the lock each time
        #[arg(long, default_value_t = 0, value_name = "M")]
        hold_ms: u64,
    },
    /// Destroys a session once nobody holds it
    Destroy {
        /// The session id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Prints the stored sessions' names, one a line
    List,
    /// Removes expired sessions and prints how many
    Gc,
    /// Stores a session anew in the format of another serialize handler
    Convert {
        /// The new serialize handler
        #[arg(long, value_name = "HANDLER")]
        to: SerializeHandler,
        /// The session id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Serves the store to PHP until it is told to stop, and prints the
    /// lines for php.ini
    Endpoint(EndpointArgs),
}

const NOTES: &str = "\
Parameters of store URLs, as in redis://host?preset=symfony&lock_wait=5:
  preset=php|symfony|laravel|drupal   whose keys, tables and formats they are
  compression=none|lzf|zstd|lz4       values as phpredis compresses them
  hash_ids=1                          ids stored as their SHA-256
  serialization=json                  with preset=laravel: session.serialization
  app_key=base64:…, cipher=NAME       with preset=laravel: session.encrypt
  ttl, lock_wait, lease, timeout, alias   in seconds [1440, 30, 30, 5, 30]
  max_waiters                         requests that may wait for a session [32]
  depth, mode [files]; prefix [redis, memcached]; table, pool,
  lock=lease|row|named, lock_prefix [SQL];
  distribution=ketama|ketama_weighted|modula [memcached]

Values that JSON has no word for are shown as objects with names that start
with @: {\"@class\": \"Foo\", …} for objects, {\"@enum\": \"Suit:Hearts\"},
{\"@float\": \"NAN\"}, {\"@bytes\": \"<hex>\"} for strings that are no UTF-8,
{\"@opaque\": \"Foo\", \"@payload\": …} for what only its class can read. An
object that several places hold has an @id, and is {\"@same\": <that id>, …}
after the first; an array inside itself is cut with @recursion.

An id that starts with -h or -V goes behind --, as in: get -- -hid

Exit codes: 0 done; 1 there is no such session, or it vanished or changed
meanwhile and nothing was written; 2 wrong arguments or store URL; 3 the store
failed; 4 the session's data cannot be decoded, or the value not encoded.
SESSION_LOG=debug shows what happens.";
