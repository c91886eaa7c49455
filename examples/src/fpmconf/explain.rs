//! `fpmconf explain`.

use fpm_config::diagnostic::Code;
use fpm_config::schema::{Directive, Scope, directive, nearest};

use super::{Failure, Outcome, print};

/// Explains a directive or the code of a finding.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A directive such as pm.max_children, a code such as open-socket, or
    /// `all` for a list of both.
    name: String,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let name = args.name.split('[').next().unwrap_or_default();
    let scopes = [Scope::Global, Scope::Pool];
    let found: Vec<_> = scopes
        .iter()
        .filter_map(|&scope| directive(name, scope))
        .collect();
    let text = if name == "all" {
        list()
    } else if let Ok(code) = name.parse::<Code>() {
        explain_code(code)
    } else if found.is_empty() {
        let near = scopes.iter().find_map(|&scope| nearest(name, scope));
        let hint = near.map(|near| format!("; did you mean `{}`?", near.name));
        let hint = hint.unwrap_or_default();
        return Err(Failure(format!("no directive or code `{name}`{hint}")));
    } else {
        let texts: Vec<_> = found.into_iter().map(explain_directive).collect();
        texts.join("\n")
    };
    print(text.as_bytes());
    Ok(Outcome::Clean)
}

fn explain_directive(directive: &Directive) -> String {
    let section = match directive.scope {
        Scope::Global => "[global]",
        _ => "a pool's section",
    };
    let unit = match directive.unit {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    let mut text = format!(
        "{}\n\n{}\n\n  in:      {section}\n  type:    {}{unit}\n  default: {}\n  since:   PHP {}\n",
        directive.name,
        directive.doc,
        directive.kind.describe(),
        directive.default,
        directive.since,
    );
    for rule in directive.rules {
        text.push_str(&format!("  rule:    {rule}\n"));
    }
    text
}

fn explain_code(code: Code) -> String {
    let severity = code.severity().as_str();
    format!("{code} ({severity})\n\n{}\n", code.explanation())
}

fn list() -> String {
    let mut text = String::from("directives:\n");
    for directive in fpm_config::schema::DIRECTIVES {
        text.push_str(&format!("  {}\n", directive.name));
    }
    text.push_str("codes:\n");
    for code in Code::ALL {
        text.push_str(&format!("  {code} ({})\n", code.severity().as_str()));
    }
    text
}
