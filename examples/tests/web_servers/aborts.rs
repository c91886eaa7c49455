//! HTTP clients that leave, as the application's handler sees it.

use std::io::Write;

use crate::application::{Application, Said, Writing};
use crate::http::{self, Body};
use crate::table::{ClientGone, Server};

/// A client that closes after its whole request, of either kind.
pub(crate) fn handler_is_told(server: &Server) {
    let application = Application::start();
    let gateway = (server.start)(application.port);
    for (method, body) in [("GET", Body::None), ("POST", Body::Length(1000))] {
        let mut client = http::connect(gateway.port);
        let head = http::head(method, "/wait", &[], body);
        client.write_all(head.as_bytes()).unwrap();
        http::write_body(&mut client, body).unwrap();
        assert_eq!(application.next(), Said::Begun, "{method}");
        drop(client);
        match server.client_gone {
            ClientGone::Closes => assert_eq!(application.next(), Said::Aborted, "{method}"),
            ClientGone::TellsWhenWritten => {
                application.write(Writing::UntilStopped);
                let said = application.next();
                let told = matches!(said, Said::Aborted | Said::Stopped);
                assert!(told, "{method}: {said:?}");
            }
            ClientGone::Waits => {
                application.write(Writing::Lines(20));
                // It is told, or nobody minds.
                application.next();
            }
        }
        // The next client is served, whatever became of the connection.
        let response = http::request(gateway.port, "GET", "/", &[], Body::None);
        assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]));
    }
}
