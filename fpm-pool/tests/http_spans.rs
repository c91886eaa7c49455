//! What a subscriber sees of a request to a site.
#![cfg(feature = "http")]

mod common;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use common::web::{ask, get};
use common::{Site, fixed, start};
use fpm_pool::http::{Origin, PhpSite};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The fields of the spans of sites, in order, and which have ended.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(Fields, bool)>>>);

#[derive(Clone, Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Spans {
    fn at(id: &Id) -> usize {
        usize::try_from(id.into_u64()).unwrap() - 1
    }

    /// The fields of the only span so far, which has ended.
    #[track_caller]
    fn take(&self) -> BTreeMap<String, String> {
        let mut spans = self.0.lock().unwrap();
        let (fields, ended) = spans.last_mut().unwrap();
        assert!(*ended, "{:?}", fields.0);
        std::mem::take(&mut fields.0)
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == "fpm_pool::http"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut spans = self.0.lock().unwrap();
        spans.push((fields, false));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut self.0.lock().unwrap()[Self::at(id)].0);
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.lock().unwrap()[Self::at(&id)].1 = true;
        true
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn span_tells_of_a_request_to_its_end() {
    let spans = Spans::default();
    let _listening = tracing::subscriber::set_default(spans.clone());
    let site = Site::new(&[
        ("hi.php", "<?php echo 'hello';"),
        ("big.php", "<?php echo str_repeat('x', 8 << 20);"),
        ("die.php", "<?php posix_kill(posix_getpid(), 9);"),
    ]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let mut hi = get("/hi.php?secret");
    hi.extensions_mut().insert(Origin::unix().request_id(7));
    ask(&php, hi).await;
    let seen = spans.take();
    assert_eq!(seen["request"], "7");
    assert_eq!(seen["path"], "\"/hi.php\"");
    assert_eq!(seen["script"], site.path("hi.php").to_str().unwrap());
    assert_eq!((&*seen["status"], &*seen["end"]), ("200", "\"complete\""));
    assert_eq!(seen["sent_bytes"], "5");
    for number in ["worker", "queue_wait_us", "first_byte_us"] {
        seen[number].parse::<u64>().unwrap();
    }
    drop(php.respond(get("/big.php")).await);
    let left = spans.take();
    assert_eq!(
        (&*left["status"], &*left["end"]),
        ("200", "\"client left\"")
    );
    ask(&php, common::web::request("POST", "/die.php", "x")).await;
    let dead = spans.take();
    assert_eq!((&*dead["status"], &*dead["end"]), ("502", "\"complete\""));
    assert!(dead["failure"].contains("SIGKILL"), "{dead:?}");
    ask(&php, get("/missing")).await;
    assert!(spans.take()["failure"].contains("nothing"));
}
