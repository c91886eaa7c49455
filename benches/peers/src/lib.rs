//! Starts the real programs that tests and benches talk to (php-cgi,
//! php-fpm, web servers, session backends) on free ports or private sockets
//! in temporary folders, and stops them on drop.
//!
//! A missing program is a failed test that names the apt line, never a
//! silent pass: see [`tool`]. Where releases differ, a test asks for the
//! [`Version`] that is installed.

mod application;
mod authority;
mod disk;
mod gateway;
mod mariadb;
mod memcached;
mod php;
mod postgres;
mod process;
mod redis;
mod relay;
mod tool;
mod version;
mod wait;

pub use application::Application;
pub use authority::Authority;
pub use disk::{Disk, in_own_mounts};
pub use gateway::Gateway;
pub use mariadb::MariaDb;
pub use memcached::Memcached;
pub use php::{InstalledFpm, Php};
pub use postgres::Postgres;
pub use process::Peer;
pub use redis::{Redis, RedisCluster, SentinelSet};
pub use relay::{Relay, Seen};
pub use tool::{tool, try_tool};
pub use version::{NoVersion, Version};
pub use wait::{free_port, wait_for_port, wait_for_socket, wait_until};
