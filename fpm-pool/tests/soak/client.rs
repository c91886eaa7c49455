//! Clients that ask for anything, at any speed, and leave at any moment.

use std::ops::AddAssign;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fpm_pool::{KeyLimit, OnClientGone, PoolHandle, Priority, Request, ResponseBody};
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep, timeout};

use crate::common::request;
use crate::random::Random;
use crate::site::{MAX_WAIT, SoakSite, TOTAL};

/// A refused or ended request is told in time, and a busy machine's slack.
const PATIENCE: Duration = Duration::from_secs(20);

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    pub(crate) whole: u64,
    pub(crate) failed: u64,
    pub(crate) left: u64,
}

impl AddAssign for Served {
    fn add_assign(&mut self, other: Self) {
        self.whole += other.whole;
        self.failed += other.failed;
        self.left += other.left;
    }
}

/// One client after the other until `stop`.
pub(crate) async fn run(
    pool: PoolHandle,
    site: Arc<SoakSite>,
    mut random: Random,
    stop: Arc<AtomicBool>,
) -> Served {
    let mut served = Served::default();
    let mut serial = 0;
    while !stop.load(Ordering::Relaxed) {
        serial += 1;
        let (request, expected) = choose(&site, &mut random, serial);
        let stays = Duration::from_micros(random.size(1 << 22));
        let leaves = random.one_in(4);
        let began = Instant::now();
        let call = pool.call(request);
        let answer = if leaves {
            let Ok(answer) = timeout(stays, call).await else {
                served.left += 1;
                continue;
            };
            answer
        } else {
            call.await
        };
        let waited = began.elapsed();
        assert!(
            waited < MAX_WAIT + TOTAL * 2 + PATIENCE,
            "told after {waited:?}"
        );
        let Ok(answer) = answer else {
            served.failed += 1;
            // As a client that was refused.
            sleep(Duration::from_millis(random.below(20))).await;
            continue;
        };
        match read(answer, &mut random, leaves).await {
            Read::Whole(body) => {
                served.whole += 1;
                check(&body, &expected);
            }
            Read::Failed => served.failed += 1,
            Read::Left => served.left += 1,
        }
    }
    served
}

/// What an answer has to say.
enum Expected {
    Text(String),
    Length(u64),
    Anything,
}

fn check(body: &[u8], expected: &Expected) {
    match expected {
        Expected::Text(text) => assert_eq!(String::from_utf8_lossy(body), *text),
        Expected::Length(length) => assert_eq!(body.len() as u64, *length),
        Expected::Anything => {}
    }
}

enum Read {
    Whole(Vec<u8>),
    Failed,
    Left,
}

/// Reads an answer at some speed, to the end or not.
async fn read(answer: Response<ResponseBody>, random: &mut Random, leaves: bool) -> Read {
    let ok = answer.status() == 200;
    let mut body = answer.into_body();
    let mut all = Vec::new();
    let slow = random.one_in(5);
    let until = leaves.then(|| random.size(1 << 22));
    loop {
        if until.is_some_and(|until| all.len() as u64 >= until) {
            return Read::Left;
        }
        if slow {
            sleep(Duration::from_micros(random.below(3000))).await;
        }
        match body.frame().await {
            Some(Ok(frame)) => all.extend(frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return Read::Failed,
            None if ok => return Read::Whole(all),
            None => return Read::Failed,
        }
    }
}

fn choose(site: &SoakSite, random: &mut Random, serial: u64) -> (Request, Expected) {
    let text = |text: &str| Expected::Text(text.to_owned());
    let (name, query, expected) = match random.below(20) {
        0..8 => return with_keys(echo(site, random, serial), random),
        8..11 => {
            let size = random.size(1 << 22);
            ("big.php", size.to_string(), Expected::Length(size))
        }
        11 => ("flush.php", String::new(), Expected::Length(200)),
        12 | 13 => ("sleep.php", random.size(1 << 21).to_string(), text("slept")),
        14 => ("crash.php", String::new(), Expected::Anything),
        15 => ("half.php", String::new(), Expected::Anything),
        16 => ("leave.php", String::new(), text("left")),
        17 => ("noise.php", String::new(), text("loud")),
        18 => ("memory.php", String::new(), text(&(40 << 20).to_string())),
        _ => ("fatal.php", String::new(), Expected::Anything),
    };
    let method = if random.one_in(2) { "GET" } else { "DELETE" };
    let request = request(method, &site.path(name), 0, &query);
    with_keys((request, expected), random)
}

/// A body that must come back as its length and checksum.
fn echo(site: &SoakSite, random: &mut Random, serial: u64) -> (Request, Expected) {
    let size = random.size(1 << 21);
    let body: Bytes = (0..size).map(|n| (n ^ serial).to_le_bytes()[0]).collect();
    let mut checksum = flate2::Crc::new();
    checksum.update(&body);
    let query = format!("{serial}");
    let expected = format!("{query} {size} {}", checksum.sum());
    let script = site.path("echo.php");
    let request = request("POST", &script, size, &query);
    let request = if random.one_in(2) {
        request.bytes(body)
    } else {
        // One in eight uploads breaks off.
        let broken = random.one_in(8);
        let length = if broken { random.below(size) } else { size };
        let part = body.slice(..usize::try_from(length).expect("it is in memory"));
        let slow = random.one_in(3);
        request.stream(Upload::new(part, random.below(50_000), slow), size)
    };
    (request, Expected::Text(expected))
}

fn with_keys((request, expected): (Request, Expected), random: &mut Random) -> (Request, Expected) {
    let mut request = request;
    if random.one_in(3) {
        request = request.key(
            format!("session {}", random.below(3)),
            KeyLimit::Percent(50),
        );
    }
    if random.one_in(6) {
        request = request.exclusive(format!("alone {}", random.below(3)));
    }
    if random.one_in(5) {
        request = request.deadline(Instant::now() + Duration::from_millis(random.below(3000)));
    }
    let priorities = [Priority::Low, Priority::Normal, Priority::High];
    if let Some(&priority) = random.pick(&priorities) {
        request = request.priority(priority);
    }
    let policies = [
        OnClientGone::Abort,
        OnClientGone::Finish,
        OnClientGone::Kill,
    ];
    if let Some(&policy) = random.pick(&policies) {
        request = request.on_client_gone(policy);
    }
    (request, expected)
}

/// A body that comes in pieces.
struct Upload {
    rest: Bytes,
    piece: usize,
    pause: Option<Pin<Box<Sleep>>>,
    slow: bool,
}

impl Upload {
    fn new(body: Bytes, piece: u64, slow: bool) -> Self {
        Self {
            rest: body,
            piece: usize::try_from(piece).unwrap_or(1).max(1),
            pause: None,
            slow,
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = self.piece.min(self.rest.len());
        let piece = self.rest.split_to(len);
        if self.slow {
            self.pause = Some(Box::pin(sleep(Duration::from_millis(2))));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
