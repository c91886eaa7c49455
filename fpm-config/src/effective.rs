//! The values that are in effect, as text.

use crate::draft::{Draft, Section};
use crate::model::ValueSource;
use crate::model::read::source;
use crate::schema::{DIRECTIVES, DefaultValue, Directive, Id, Kind, Scope, Value};
use crate::validate::UNSET_PRIORITY;

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveSection {
    /// `global`, or the pool's name.
    pub name: Vec<u8>,
    /// Which of the two it is.
    pub scope: Scope,
    /// Its values, in the order of php-fpm's dump.
    pub values: Vec<EffectiveValue>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveValue {
    /// The directive. Flags are found under `php_value` and
    /// `php_admin_value`, as php-fpm keeps them.
    pub directive: &'static Directive,
    /// The key, for arrays.
    pub key: Option<Vec<u8>>,
    /// The value as php-fpm's dump has it; `None` where that says
    /// `undefined`.
    pub text: Option<Vec<u8>>,
    /// Where it comes from.
    pub source: ValueSource,
}

pub(crate) fn sections(draft: &Draft) -> Vec<EffectiveSection> {
    let pools = draft.pools.iter().filter(|pool| pool.status_of.is_none());
    let pools = pools.map(|pool| section(pool, Scope::Pool));
    std::iter::once(section(&draft.global, Scope::Global))
        .chain(pools)
        .collect()
}

fn section(section: &Section, scope: Scope) -> EffectiveSection {
    let mut values = Vec::new();
    let known = DIRECTIVES.iter().filter(|known| known.scope == scope);
    // FreeBSD's alone.
    for directive in known.filter(|known| known.id != Id::ListenSetfib) {
        match directive.kind {
            Kind::Include | Kind::FlagArray => {}
            Kind::Array => array(section, directive, &mut values),
            _ => values.push(EffectiveValue {
                directive,
                key: None,
                text: text(section, directive),
                source: source(section, directive.id),
            }),
        }
    }
    EffectiveSection {
        name: section.name.clone(),
        scope,
        values,
    }
}

/// Entries as php-fpm lists them: the last one first.
fn array(section: &Section, directive: &'static Directive, values: &mut Vec<EffectiveValue>) {
    for entry in section.arrays.iter().rev() {
        let kept_as = match entry.id {
            Id::PhpFlag => Id::PhpValue,
            Id::PhpAdminFlag => Id::PhpAdminValue,
            id => id,
        };
        if kept_as == directive.id {
            values.push(EffectiveValue {
                directive,
                key: Some(entry.key.clone()),
                text: Some(entry.value.clone()),
                source: ValueSource::File(entry.value_span),
            });
        }
    }
}

fn text(section: &Section, directive: &Directive) -> Option<Vec<u8>> {
    let id = directive.id;
    let value = match (section.slot(id).map(|slot| &slot.value), directive.default) {
        (Some(value), _) => value.clone(),
        (None, DefaultValue::Integer(number)) => Value::Integer(number),
        (None, DefaultValue::Boolean(value)) => Value::Boolean(value),
        (None, DefaultValue::Text(text)) => Value::Text(text.into()),
        (None, DefaultValue::Unset) if id == Id::EventsMechanism => Value::Text(b"epoll".to_vec()),
        (None, DefaultValue::Unset) => return None,
    };
    let text = match value {
        Value::Integer(UNSET_PRIORITY) if is_priority(id) => return None,
        // php-fpm leaves the unit of this one time out.
        Value::Integer(number)
            if directive.kind == Kind::Time && id != Id::PmProcessIdleTimeout =>
        {
            format!("{number}s").into_bytes()
        }
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Boolean(true) => b"yes".to_vec(),
        Value::Boolean(false) => b"no".to_vec(),
        Value::Text(text) => text,
        Value::ProcessManager(manager) => manager.as_str().into(),
        Value::LogLevel(level) => level.as_str().into(),
    };
    Some(text)
}

fn is_priority(id: Id) -> bool {
    matches!(id, Id::GlobalProcessPriority | Id::PoolProcessPriority)
}
