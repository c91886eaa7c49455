//! One function per command.

use std::time::{Duration, Instant};

use bytes::Bytes;
use session_store::{
    Committed, Document, IdError, Key, Node, Preset, SerializeHandler, SessionId, Store, StoreUrl,
    ValueKind, open_url,
};

use super::{Args, Codec, Command, Failure, endpoint, json, print};

/// How many names `list` prints, and how many sessions one `gc` removes.
const EVERYTHING: usize = 10_000_000;

/// How often one `incr` repeats what others were faster with.
const MAX_AGAIN: u32 = 10_000;

/// Opens the store and carries out the command.
pub(super) async fn execute(args: Args) -> Result<(), Failure> {
    if let Command::Endpoint(endpoint) = &args.command
        && let Some(printed) = endpoint::print_only(endpoint)
    {
        return printed;
    }
    let url = args.store.ok_or_else(|| {
        Failure::Usage("give the store: --store URL, such as --store files:/path".into())
    })?;
    let url = StoreUrl::parse(&url)?;
    let store = Store::with_options(open_url(&url).await?, url.options());
    let of_preset = url.preset().map(Preset::handler).unwrap_or_default();
    let handler = args.handler.unwrap_or(of_preset);
    let session = |id: &str| Session::new(&store, handler, id);
    match args.command {
        Command::Get { id } => session(&id)?.get().await,
        Command::Set { id, name, json } => session(&id)?.set(&name, &json).await,
        Command::Incr {
            id,
            name,
            times,
            hold_ms,
        } => {
            let hold = Duration::from_millis(hold_ms);
            session(&id)?.incr(&name, times, hold).await
        }
        Command::Destroy { id } => session(&id)?.destroy().await,
        Command::Convert { to, id } => session(&id)?.convert(to).await,
        Command::Endpoint(args) => endpoint::serve(store, args).await,
        Command::List => list(&store).await,
        Command::Gc => print(&store.gc(EVERYTHING).await?.to_string()),
    }
}

/// A session by its id, in its store and format.
struct Session {
    store: Store,
    codec: Codec,
    id: SessionId,
}

impl Session {
    fn new(store: &Store, handler: SerializeHandler, id: &str) -> Result<Self, IdError> {
        Ok(Self {
            codec: Codec::new(handler, store.options().limits),
            store: store.clone(),
            id: SessionId::parse(id)?,
        })
    }

    async fn get(&self) -> Result<(), Failure> {
        let entry = self.store.read(&self.id).await?.ok_or(Failure::Missing)?;
        let document = self.codec.decode(Some(&entry.bytes))?;
        print(&json::render(&document)?)
    }

    async fn set(&self, name: &str, json: &str) -> Result<(), Failure> {
        self.change(self.codec, |document| {
            let value = json::parse(document.graph_mut(), json)?;
            document.set(Key::from(name), value);
            Ok(())
        })
        .await
    }

    async fn incr(&self, name: &str, times: u32, hold: Duration) -> Result<(), Failure> {
        let mut value = 0;
        let mut longest = Duration::ZERO;
        let mut again = 0;
        let mut done = 0;
        while done < times {
            let asked = Instant::now();
            let locked = self.store.lock(&self.id).await?;
            longest = longest.max(asked.elapsed());
            let changed = self.codec.decode(locked.data()).and_then(|mut document| {
                value = add_one(&mut document, name)?;
                self.codec.encode(&document)
            });
            tokio::time::sleep(hold).await;
            match finish(locked, changed).await {
                Ok(()) => done += 1,
                // Somebody who does not know this lock wrote meanwhile:
                // nothing was lost, adding one can be done again.
                Err(Failure::NotWritten(Committed::Conflict)) if again < MAX_AGAIN => again += 1,
                Err(failure) => return Err(failure),
            }
        }
        eprintln!("{times} increments, {again} repeated, longest wait {longest:.1?}");
        print(&value.to_string())
    }

    async fn destroy(&self) -> Result<(), Failure> {
        let outcome = self.store.destroy(&self.id).await?;
        written(outcome)
    }

    async fn convert(&self, to: SerializeHandler) -> Result<(), Failure> {
        if self.store.read(&self.id).await?.is_none() {
            return Err(Failure::Missing);
        }
        let new = Codec::new(to, self.store.options().limits);
        self.change(new, |_| Ok(())).await
    }

    /// Changes the session under its lock and stores it as `codec` writes it.
    async fn change(
        &self,
        codec: Codec,
        change: impl FnOnce(&mut Document) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let locked = self.store.lock(&self.id).await?;
        let changed = self.codec.decode(locked.data()).and_then(|mut document| {
            change(&mut document)?;
            codec.encode(&document)
        });
        finish(locked, changed).await
    }
}

/// Commits what was made of a locked session, or gives it back.
async fn finish(
    locked: session_store::Locked,
    changed: Result<Bytes, Failure>,
) -> Result<(), Failure> {
    match changed {
        Ok(bytes) => written(locked.commit(bytes).await?),
        Err(failure) => {
            locked.release().await?;
            Err(failure)
        }
    }
}

fn written(outcome: Committed) -> Result<(), Failure> {
    if outcome.is_done() {
        return Ok(());
    }
    Err(Failure::NotWritten(outcome))
}

/// PHP's `$_SESSION[$name]++` where the result is an integer.
fn add_one(document: &mut Document, name: &str) -> Result<i64, Failure> {
    let old = match document.value(name) {
        None => Some(0),
        Some(value) if value.kind() == ValueKind::Null => Some(0),
        Some(value) => value.as_int().or_else(|| digits(value.as_bytes()?)),
    };
    let old = old.ok_or_else(|| Failure::Data(format!("{name} is no integer")))?;
    let new = old
        .checked_add(1)
        .ok_or_else(|| Failure::Data(format!("{name} is the largest integer")))?;
    let value = document.graph_mut().add(Node::Int(new));
    document.set(Key::from(name), value);
    Ok(new)
}

/// The integer that a string spells, as PHP counts on from `"5"`.
fn digits(text: &Bytes) -> Option<i64> {
    match Key::symbol(text.clone()) {
        Key::Int(number) => Some(number),
        Key::Str(_) => None,
    }
}

async fn list(store: &Store) -> Result<(), Failure> {
    let mut names = store.list(EVERYTHING).await?;
    names.sort_unstable();
    if names.is_empty() {
        return Ok(());
    }
    print(&names.join("\n"))
}
