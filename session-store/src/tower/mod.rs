//! PHP's session in `tower` services, such as `axum` applications.
//!
//! [`SessionLayer`] puts a [`Session`] into the extensions of each request.
//! Nothing is read or locked until a handler uses it; after the answer's
//! head is made, changes are stored and the cookie is sent if it is new.
//!
//! ```
//! use session_store::backend::Memory;
//! use session_store::tower::{Session, SessionLayer};
//! use session_store::{SerializeHandler, Store};
//!
//! // As the PHP application has it in php.ini.
//! let layer = SessionLayer::new(Store::new(Memory::default()))
//!     .cookie_name("PHPSESSID")
//!     .serialize_handler(SerializeHandler::Php);
//! # let _ = layer;
//!
//! // In axum: `Extension(session): Extension<Session>`.
//! async fn greet(session: Session) -> Result<String, session_store::tower::SessionError> {
//!     let name: Option<String> = session.get("user").await?;
//!     Ok(format!("hello {}", name.as_deref().unwrap_or("stranger")))
//! }
//! # let _ = greet;
//! ```

mod config;
mod cookie;
mod error;
mod layer;
mod session;
mod state;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;

pub use config::{Mode, SameSite};
pub use error::SessionError;
pub use layer::{SessionLayer, SessionService};
pub use session::Session;
#[cfg(feature = "tower-sessions")]
pub use tower_sessions::{PhpIdLayer, PhpIdService, PhpSessionStore};
