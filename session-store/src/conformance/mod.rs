//! The contract of [`Backend`](crate::Backend) as tests (feature `conformance`).
//!
//! One public function per rule; each panics where the backend breaks it.
//! [`conformance_suite!`](crate::conformance_suite) turns them into tests, so
//! a backend proves itself in one line:
//!
//! ```
//! use session_store::backend::Memory;
//! use session_store::conformance::Subject;
//! use session_store::{Clock, Limits};
//!
//! session_store::conformance_suite!(async {
//!     let clock = Clock::manual();
//!     Subject::new(Memory::new(Limits::default(), clock.clone())).with_clock(clock)
//! });
//! # fn main() {}
//! ```
//!
//! Rules that need what [`Caps`](crate::Caps) says the backend has not are
//! skipped; everything else must hold.

#![expect(clippy::missing_panics_doc, reason = "panics are how a rule fails")]

mod locking;
mod modes;
mod racing;
mod storage;
mod subject;
mod vanishing;

pub use locking::*;
pub use modes::*;
pub use racing::*;
pub use storage::*;
pub use subject::{Subject, run};
pub use vanishing::*;

/// Makes tests of every rule for a backend.
///
/// `conformance_suite!(FUTURE)` makes one test per rule and awaits the
/// expression, a [`Subject`](crate::conformance::Subject), anew in each.
/// `conformance_suite!(NAME, FUTURE)` makes a single test of that name with
/// one subject, for backends whose server is slow to start.
#[macro_export]
macro_rules! conformance_suite {
    ($subject:expr) => { $crate::conformance_suite!(@rules tests ($subject)); };
    ($name:ident, $subject:expr) => {
        #[test]
        fn $name() {
            $crate::conformance::run(async {
                let subject = $subject.await;
                $crate::conformance_suite!(@rules all (subject));
            });
        }
    };
    (@rules $then:ident ($subject:expr)) => {
        $crate::conformance_suite! { @$then ($subject)
            unknown_session_is_none
            created_session_exists_once
            any_bytes_come_back
            ids_of_every_legal_character_work
            growing_and_shrinking_keep_exact_bytes
            touch_keeps_the_bytes_and_extends_the_life
            read_may_extend_the_life
            old_version_conflicts
            put_if_can_delete
            too_large_a_session_is_refused
            stored_sessions_are_listed

            expired_session_is_not_loaded
            commit_after_vanishing_is_gone
            touch_after_vanishing_is_gone
            put_if_after_vanishing_is_gone
            purge_takes_only_the_expired
            purge_spares_a_session_in_use

            lock_excludes_everybody
            lock_times_out_at_its_deadline
            commit_releases_the_lock
            write_can_keep_the_lease
            waiter_after_delete_loads_nothing
            dead_holder_blocks_nobody_for_long
            lost_lease_cannot_write_or_release
            renewed_lease_lives_on
            reading_needs_no_lock

            requests_of_one_store_enter_in_order
            one_waiter_too_many_is_refused
            drop_releases_without_writing
            unchanged_session_is_only_touched
            regenerate_leads_parallel_requests
            alias_ends
            logout_is_not_revived
            unknown_id_is_not_adopted
            optimistic_writes_merge
            optimistic_conflict_is_visible
            metrics_tell_what_happened

            increments_of_many_requests_all_count
            optimistic_increments_all_count
        }
    };
    (@tests ($subject:expr) $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::run(async {
                    let subject = $subject.await;
                    $crate::conformance::$rule(&subject).await;
                });
            }
        )+
    };
    (@all ($subject:expr) $($rule:ident)+) => {
        $(
            println!("rule {}", stringify!($rule));
            $crate::conformance::$rule(&$subject).await;
        )+
    };
}
