//! Typed values out of a completed section.

use std::time::Duration;

use crate::draft::{Origin, Section};
use crate::schema::{Id, ProcessManager};
use crate::validate::UNSET_PRIORITY;

use super::address::Address;
use super::pool::Rlimit;
use super::text::Text;
use super::{Setting, ValueSource};

/// Reads the settings of one section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a>(pub(super) &'a Section);

impl Read<'_> {
    fn setting<T>(self, id: Id, value: T) -> Setting<T> {
        Setting::new(value, source(self.0, id))
    }

    /// A text where the empty one means none.
    pub(super) fn filled(self, id: Id) -> Setting<Option<Text>> {
        self.setting(id, self.0.filled(id).map(Text::from))
    }

    pub(super) fn text_or(self, id: Id, default: &str) -> Setting<Text> {
        let text = self.0.text(id).unwrap_or(default.as_bytes());
        self.setting(id, text.into())
    }

    /// Parts between the bytes of `separators`, without empty ones.
    pub(super) fn list(self, id: Id, separators: &[u8]) -> Setting<Vec<Text>> {
        let text = self.0.text(id).unwrap_or_default();
        let parts = text.split(|byte| separators.contains(byte));
        let parts = parts.filter(|part| !part.is_empty()).map(Text::from);
        self.setting(id, parts.collect())
    }

    /// The same; `None` if nothing is written.
    pub(super) fn optional_list(self, id: Id, separators: &[u8]) -> Setting<Option<Vec<Text>>> {
        let list = self.list(id, separators);
        let value = self.0.is_set(id).then_some(list.value);
        Setting::new(value, list.source)
    }

    pub(super) fn optional_address(self, id: Id) -> Setting<Option<Address>> {
        self.setting(id, self.0.filled(id).map(Address::parse))
    }

    /// A refused configuration may have none; `static` asks for least.
    pub(super) fn process_manager(self) -> Setting<ProcessManager> {
        let manager = self.0.process_manager();
        self.setting(Id::Pm, manager.unwrap_or(ProcessManager::Static))
    }

    /// A number where 0 sets no limit.
    pub(super) fn count_limit(self, id: Id) -> Setting<Option<u32>> {
        let most = self.count(id);
        Setting::new(Some(most.value).filter(|&most| most > 0), most.source)
    }

    pub(super) fn integer(self, id: Id) -> Setting<i32> {
        self.setting(id, self.0.integer(id))
    }

    /// A number that php-fpm takes for 0 if it is negative.
    pub(super) fn count(self, id: Id) -> Setting<u32> {
        self.setting(id, u32::try_from(self.0.integer(id)).unwrap_or(0))
    }

    pub(super) fn time(self, id: Id) -> Setting<Duration> {
        let seconds = u64::try_from(self.0.integer(id)).unwrap_or(0);
        self.setting(id, Duration::from_secs(seconds))
    }

    /// A time where 0 turns it off.
    pub(super) fn limit(self, id: Id) -> Setting<Option<Duration>> {
        let time = self.time(id);
        let value = Some(time.value).filter(|time| !time.is_zero());
        Setting::new(value, time.source)
    }

    pub(super) fn boolean(self, id: Id) -> Setting<bool> {
        self.setting(id, self.0.boolean(id))
    }

    pub(super) fn priority(self, id: Id) -> Setting<Option<i32>> {
        let value = self.0.slot(id).map(|_| self.0.integer(id));
        self.setting(id, value.filter(|&nice| nice != UNSET_PRIORITY))
    }

    pub(super) fn rlimit(self, id: Id) -> Setting<Rlimit> {
        let value = match self.0.integer(id) {
            0 => Rlimit::Keep,
            negative if negative < 0 => Rlimit::Unlimited,
            limit => Rlimit::Limit(u64::from(limit.unsigned_abs())),
        };
        self.setting(id, value)
    }

    /// An octal mode; garbage ends the number, as it does for C's `strtoul`.
    pub(super) fn mode(self, id: Id, default: u32) -> Setting<u32> {
        let value = match self.0.text(id) {
            Some(text) => octal(text),
            None => default,
        };
        self.setting(id, value)
    }
}

/// The octal number at the start of `text`, its permission bits.
pub(crate) fn octal(text: &[u8]) -> u32 {
    let digits = text.trim_ascii_start().iter();
    let digits = digits.take_while(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0_u32, |mode, digit| {
        (mode << 3 | u32::from(digit - b'0')) & 0o7777
    })
}

pub(crate) fn source(section: &Section, id: Id) -> ValueSource {
    match section.slot(id).map(|slot| slot.origin) {
        Some(Origin::Written(span)) => ValueSource::File(span),
        Some(Origin::Derived) => ValueSource::Derived,
        None => ValueSource::Default,
    }
}
