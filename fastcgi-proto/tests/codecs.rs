//! The codecs under `tokio_util::codec::Framed`.
#![cfg(feature = "codec")]

use bytes::Bytes;
use fastcgi_proto::client::{self, BodyLen, Reuse};
use fastcgi_proto::codec::{ClientCodec, ClientCommand, ServerCodec, ServerCommand};
use fastcgi_proto::{Params, Role, server};
use futures::{SinkExt, StreamExt};
use tokio_util::codec::Framed;

#[tokio::test]
async fn request_and_answer_through_framed() {
    let (near, far) = tokio::io::duplex(1024);
    let application = tokio::spawn(async move {
        let mut framed = Framed::new(far, ServerCodec::new(server::Config::default()));
        let mut body = Vec::new();
        while let Some(event) = framed.next().await {
            match event.unwrap() {
                server::Event::Stdin { request, content } => {
                    framed
                        .codec_mut()
                        .connection_mut()
                        .consumed(request, content.len());
                    body.extend_from_slice(&content);
                }
                server::Event::StdinEnd { request, .. } => {
                    let content = Bytes::from(std::mem::take(&mut body));
                    let answer = [
                        ServerCommand::Stdout { request, content },
                        ServerCommand::End {
                            request,
                            app_status: 5,
                        },
                    ];
                    for command in answer {
                        framed.send(command).await.unwrap();
                    }
                }
                _ => {}
            }
        }
    });

    let mut framed = Framed::new(near, ClientCodec::new(client::Config::default()));
    let params = Params::from_pairs([("CONTENT_LENGTH", "20000")]).unwrap();
    let connection = framed.codec_mut().connection_mut();
    let request = connection
        .begin(Role::RESPONDER, &params, BodyLen::Exact(20_000))
        .unwrap();
    let content = Bytes::from(vec![b'x'; 20_000]);
    framed
        .send(ClientCommand::Content { request, content })
        .await
        .unwrap();
    framed
        .send(ClientCommand::Finish { request })
        .await
        .unwrap();
    let mut received = 0;
    let status = loop {
        match framed.next().await.unwrap().unwrap() {
            client::Event::Stdout { content, .. } => received += content.len(),
            client::Event::End { app_status, .. } => break app_status,
            _ => {}
        }
    };
    assert_eq!((received, status), (20_000, 5));
    assert_eq!(framed.codec().connection().reuse(), Reuse::Ready);
    drop(framed);
    application.await.unwrap();
}

#[tokio::test]
async fn end_of_the_stream_inside_an_answer_is_an_error() {
    let (near, far) = tokio::io::duplex(1024);
    let mut framed = Framed::new(near, ClientCodec::new(client::Config::default()));
    let connection = framed.codec_mut().connection_mut();
    connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
        .unwrap();
    framed.send(ClientCommand::Flush).await.unwrap();
    drop(far);
    assert!(framed.next().await.unwrap().is_err());
}
