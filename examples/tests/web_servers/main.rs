//! `echo-app`, and an application that waits for the abort, behind the web
//! servers that are installed: the same cases for all, with a table of what
//! tells them apart.

mod aborts;
mod application;
mod cases;
mod http;
#[path = "../support/mod.rs"]
mod support;
mod table;

/// A module per server, a test per case.
macro_rules! servers {
    ($($name:ident: $server:ident),* $(,)?) => {$(
        mod $name {
            use crate::{aborts, cases, table};

            const SERVER: &table::Server = &table::$server;

            #[test]
            fn get_is_answered() {
                cases::get_is_answered(SERVER);
            }

            #[test]
            fn post_of_1_mib_arrives() {
                cases::post_arrives(SERVER, 1 << 20);
            }

            #[test]
            fn post_of_100_mib_arrives() {
                cases::post_arrives(SERVER, 100 << 20);
            }

            #[test]
            fn chunked_post_arrives() {
                cases::chunked_post_arrives(SERVER);
            }

            #[test]
            fn head_of_70_kib_arrives() {
                cases::large_head_arrives(SERVER);
            }

            #[test]
            fn connections_are_used_again() {
                cases::connections_are_used_again(SERVER);
            }

            #[test]
            fn client_that_leaves_harms_nobody() {
                cases::client_leaves(SERVER);
            }

            #[test]
            fn handler_is_told_that_the_client_left() {
                aborts::handler_is_told(SERVER);
            }

            #[test]
            fn broken_upload_harms_nobody() {
                cases::upload_breaks(SERVER);
            }

            #[test]
            fn two_requests_at_once_are_answered() {
                cases::two_at_once(SERVER);
            }

            #[test]
            fn large_answer_arrives_whole() {
                cases::large_answer(SERVER);
            }
        }
    )*};
}

servers! {
    nginx: NGINX,
    lighttpd: LIGHTTPD,
    apache: APACHE,
    caddy: CADDY,
    h2o: H2O,
    haproxy: HAPROXY,
}

#[test]
fn haproxy_shares_a_connection_among_requests() {
    cases::requests_share_a_connection();
}

#[test]
fn lighttpd_asks_an_authorizer() {
    cases::authorizer_is_asked();
}

#[test]
fn lighttpd_that_passes_answers_on_as_they_come_tells_that_the_client_left() {
    aborts::handler_is_told(&table::LIGHTTPD_STREAMING);
}
