//! How many workers there are, by php-fpm's process managers.

use std::time::Duration;

/// How many workers the pool keeps (php-fpm's `pm`).
///
/// All three start workers the moment more requests wait than workers are
/// idle; php-fpm looks once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sizing {
    /// Always `max_children` workers.
    Static {
        /// The number of workers.
        max_children: usize,
    },
    /// As many idle workers as the spare settings say.
    Dynamic {
        /// The most workers at a time.
        max_children: usize,
        /// Workers at the start.
        start_servers: usize,
        /// Fewer idle workers than this: more are started.
        min_spare_servers: usize,
        /// More idle workers than this: the one unused for longest is
        /// stopped, one a second.
        max_spare_servers: usize,
    },
    /// No worker without demand.
    Ondemand {
        /// The most workers at a time.
        max_children: usize,
        /// A worker idle for longer is stopped.
        process_idle_timeout: Duration,
    },
}

impl Sizing {
    /// The most workers at a time.
    #[must_use]
    pub const fn max_children(&self) -> usize {
        match *self {
            Self::Static { max_children }
            | Self::Dynamic { max_children, .. }
            | Self::Ondemand { max_children, .. } => max_children,
        }
    }

    /// Says what php-fpm would refuse about these numbers.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.max_children() == 0 {
            return Err("max_children must be at least 1");
        }
        let Self::Dynamic {
            max_children,
            start_servers,
            min_spare_servers,
            max_spare_servers,
        } = *self
        else {
            return Ok(());
        };
        if min_spare_servers == 0 {
            Err("min_spare_servers must be at least 1")
        } else if max_spare_servers < min_spare_servers {
            Err("max_spare_servers must not be less than min_spare_servers")
        } else if max_spare_servers > max_children {
            Err("max_spare_servers must not be greater than max_children")
        } else if !(min_spare_servers..=max_spare_servers).contains(&start_servers) {
            Err("start_servers must lie between min_spare_servers and max_spare_servers")
        } else {
            Ok(())
        }
    }
}

impl Default for Sizing {
    /// Five workers at most, started on demand, stopped after 10 s idle.
    fn default() -> Self {
        Self::Ondemand {
            max_children: 5,
            process_idle_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dynamic(start: usize, min: usize, max: usize, children: usize) -> Sizing {
        Sizing::Dynamic {
            max_children: children,
            start_servers: start,
            min_spare_servers: min,
            max_spare_servers: max,
        }
    }

    #[test]
    fn php_fpms_own_rules_hold() {
        assert!(dynamic(2, 1, 3, 5).check().is_ok());
        assert!(dynamic(4, 1, 3, 5).check().is_err());
        assert!(dynamic(1, 0, 3, 5).check().is_err());
        assert!(dynamic(3, 3, 2, 5).check().is_err());
        assert!(dynamic(3, 3, 6, 5).check().is_err());
        assert!(Sizing::Static { max_children: 0 }.check().is_err());
    }
}
