//! What the options ask for.

use fpm_pool::KeyLimit;
use fpm_pool::http::{BodyPolicy, SessionKeys};

use super::{HttpOptions, Options, PhpOptions};
use crate::serve::limits::Limits;
use crate::serve::settings::{PhpSettings, ReportSettings, Settings, SiteSettings};

impl Options {
    /// What they ask for.
    pub(crate) fn settings(self) -> Settings {
        let Self {
            php, http, report, ..
        } = self;
        Settings {
            listen: self.listen,
            threads: http.threads.map(usize::from),
            tls: http.tls_cert.clone().zip(http.tls_key.clone()),
            limits: http.limits(),
            grace: http.grace,
            sites: SiteSettings {
                root: self.root,
                by_host: self.vhost,
                front_controller: self.front_controller,
                denied: self.deny,
                symlinks: self.symlinks,
                send_files: php.sendfile_root.clone(),
                session_keys: php.session_keys(),
                bodies: http.bodies(),
            },
            trusted: http.trusted_proxy.into_iter().collect(),
            sessions: php.sessions.clone(),
            php: php.settings(),
            report: ReportSettings {
                status_path: report.status_path,
                access_log: report.access_log,
                access_log_format: report.access_log_format,
            },
        }
    }
}

impl PhpOptions {
    fn session_keys(&self) -> SessionKeys {
        let keys = match &self.exclusive_cookie {
            Some(name) => SessionKeys::new().cookie(name, KeyLimit::EXCLUSIVE),
            None => SessionKeys::new(),
        };
        match self.session_share.0 {
            None => keys,
            Some(share) if self.session_cookie.is_empty() => keys.common(share),
            Some(share) => {
                let names = self.session_cookie.iter();
                names.fold(keys, |keys, name| keys.cookie(name, share))
            }
        }
    }

    fn settings(self) -> PhpSettings {
        PhpSettings {
            upstreams: self.upstream,
            config: self.config,
            pool: self.pool,
            program: self.php,
            defines: self.define,
            workers: (self.workers).map(|workers| usize::try_from(workers).unwrap_or(usize::MAX)),
            queue: self.queue,
            queue_timeout: self.queue_timeout,
            request_timeout: self.request_timeout,
        }
    }
}

impl HttpOptions {
    fn limits(&self) -> Limits {
        Limits {
            header_time: self.header_timeout,
            send_stall: self.send_timeout,
            ..Limits::default()
        }
    }

    fn bodies(&self) -> BodyPolicy {
        BodyPolicy::default()
            .max_bytes(self.max_body)
            .stall(self.body_timeout)
            .streams(self.stream_uploads)
    }
}
