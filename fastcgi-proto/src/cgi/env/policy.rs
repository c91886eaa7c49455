//! Which fields become variables.

/// Which fields of a request become variables, and bounds.
///
/// Whatever the policy, `Proxy` is dropped (httpoxy, CVE-2016-5385), so are
/// fields about a connection, and `Content-Length` and `Content-Type` appear
/// under their own names alone. Fields that `Connection` lists are *not*
/// dropped: a client could take away by that what a proxy added.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EnvPolicy {
    /// Names that would collide with others once they are variables: drop.
    pub unsafe_names: UnsafeNames,
    /// Whether the application sees credentials: pass, PHP needs them.
    pub authorization: Authorization,
    /// Write `REDIRECT_STATUS=200`, without which php-cgi refuses to run a
    /// script: on.
    pub redirect_status: bool,
    /// Fields of one request: 1024.
    pub max_fields: usize,
}

impl Default for EnvPolicy {
    fn default() -> Self {
        Self {
            unsafe_names: UnsafeNames::Drop,
            authorization: Authorization::Pass,
            redirect_status: true,
            max_fields: 1024,
        }
    }
}

/// What to do with a field name that has a byte other than letters, digits
/// and `-`. `X_Real` and `X-Real` would both become `HTTP_X_REAL`, so that a
/// client could forge what a proxy vouches for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum UnsafeNames {
    /// Leave the field out.
    #[default]
    Drop,
    /// Refuse the request: [`EnvError::UnsafeName`](super::EnvError::UnsafeName).
    Reject,
}

/// What to do with `Authorization` and `Proxy-Authorization`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Authorization {
    /// `Authorization` becomes `HTTP_AUTHORIZATION`; `Proxy-Authorization`
    /// is for this hop and stays out.
    #[default]
    Pass,
    /// Both stay out, as RFC 3875, section 4.1.18, allows: the host has
    /// checked them and sets `REMOTE_USER`.
    Drop,
}
