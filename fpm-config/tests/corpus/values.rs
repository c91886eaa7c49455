//! Every directive with valid, boundary, invalid, quoted, unquoted and
//! computed values.

use fpm_config::schema::{DIRECTIVES, Directive, Kind, Scope};

use super::{Case, GLOBAL, POOL};

/// Ways to write a value, whatever it is for.
pub(crate) const WRITTEN: &[&str] = &[
    "",
    " ",
    "\"\"",
    "''",
    "5",
    "\"5\"",
    "'5'",
    "\"5",
    "'5",
    "a'5'",
    "5;c",
    "5 ; c",
    "  5  ",
    "5\t",
    "5 5",
    "\"5\" \"6\"",
    "'5' '6'",
    "\"5\"6",
    "5|2",
    "6&3",
    "5^1",
    "~1",
    "!1",
    "!0",
    "(5)",
    "(5",
    "5)",
    "5|",
    "|5",
    "E_ALL",
    "E_ALL & ~E_NOTICE",
    "PHP_VERSION",
    "M_PI",
    "E_ALL5",
    "yes",
    "YES",
    "Yes 1",
    "no",
    "off",
    "none",
    "null",
    "true",
    "on",
    "false",
    "\"yes\"",
    "'no'",
    "\"Yes\"",
    "yes1",
    "${FPM_TEST}",
    "\"${FPM_TEST}\"",
    "'${FPM_TEST}'",
    "${NOT_THERE_AT_ALL}",
    "${FPM_TEST",
    "${}",
    "${ FPM_TEST }",
    "${FPM_TEST:-x}",
    "\\${FPM_TEST}",
    "\"\\${FPM_TEST}\"",
    "$FPM_TEST",
    "$pool",
    "\"$pool\"",
    "a$pool$pool",
    "a=b",
    "a!b",
    "a~b",
    "a(b)",
    "{a}",
    "a{b",
    "a\\b",
    "\"a\\b\"",
    "\"a\\\"b\"",
    "\"a\\\\\"",
    "\"a\\\"",
    "\"a\\n\"",
    "a#b",
    "a,b",
    "a:b",
    "[a]",
    "a[b]",
    "/a/b",
    "@",
    "@/x",
    "../x",
    "%R",
    "\"%R %{x}e\"",
    "x\r",
    "x\ry",
    "a\0b",
    "\u{fffd}",
    "\u{e4}\u{f6}",
    "`id`",
    "a'b'c",
    "\"a'b\"",
    "'a\"b'",
    "a\"b\"c",
];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "-",
    "--1",
    "+1",
    "1.0",
    "1k",
    "0x10",
    "010",
    "64",
    "-19",
    "-20",
    "20",
    "21",
    "511",
    "512",
    "513",
    "2147483647",
    "2147483648",
    "4294967296",
    "-2147483648",
    "99999999999999999999",
    "1 000",
    "65535",
    "65536",
    "127",
];
const TIMES: &[&str] = &[
    "0",
    "0s",
    "1",
    "5s",
    "5m",
    "5h",
    "1d",
    "5S",
    "5ms",
    "1h30m",
    "1.5s",
    "x5",
    "5x",
    "s",
    "-1",
    "-5m",
    "\"5m\"",
    "5 m",
    "2147483647s",
    "99999999h",
    "3000000",
    "1w",
];
const BOOLEANS: &[&str] = &[
    "1", "0", "2", "y", "n", "\"on\"", "\"On\"", "\"null\"", "enabled", "-1",
];
const WORDS: &[&str] = &[
    "static",
    "STATIC",
    "dynamic",
    "ondemand",
    "\"ondemand\"",
    "on demand",
    "auto",
    "debug",
    "notice",
    "Warn",
    "warning",
    "error",
    "alert",
    "emerg",
    "daemon",
    "LOG_DAEMON",
    "local0",
    "local8",
    "unlimited",
    "Unlimited",
    "epoll",
    "EPOLL",
    "poll",
    "select",
    "kqueue",
    "/dev/poll",
    "syslog",
    "SYSLOG",
    "root",
    "nobody",
    "www-data",
    "no-such-user",
    "33",
    "99999",
    "www-data,nobody",
    "127.0.0.1",
    "127.0.0.1,::1",
    "any",
    "9000",
    "127.0.0.1:9000",
    "[::1]:9000",
    ":9000",
    "/tmp",
    "/nonexistent",
    "/nonexistent/x",
    "/etc/passwd",
    "/etc/passwd/x",
    "@/new.log",
    "new.log",
    "/",
    "/status",
    "status",
    "/st atus",
    "/status?x",
    "\"/~a-b_c.d/e\"",
    "/x/",
    "/status.php",
    "0660",
    "0666",
    "0999",
    "rw",
    ".php",
    ".php .php5",
    "\".php\t.x\"",
    "$prefix",
    "$prefix/x",
    "x$prefix",
    "\"%R - %u %t \\\"%m %r%Q%q\\\" %s %f %{mili}d %{kilo}M %C%%\"",
    "\"%{mega}M %{user}C %{system}C\"",
    "\"%Z\"",
    "\"%{mega\"",
    "\"%e\"",
    "\"%{}e\"",
    "\"%{X}e\"",
    "\"%o\"",
    "\"%{bad}C\"",
    "\"%{bad}d\"",
    "\"%{bad}M\"",
    "\"%{x}R\"",
    "\"%\"",
    "\"%{user}\"",
    "\"%{a}{user}C\"",
    "\"%l %n %p %P %T\"",
    "\"%{%H}t\"",
];

pub(crate) fn add(cases: &mut Vec<Case>) {
    for directive in DIRECTIVES {
        let mut values: Vec<&str> = WRITTEN.to_vec();
        match directive.kind {
            Kind::Integer | Kind::RlimitCore => values.extend(INTEGERS),
            Kind::Time => values.extend(TIMES),
            Kind::Boolean | Kind::FlagArray => values.extend(BOOLEANS),
            _ => {}
        }
        match directive.kind {
            Kind::Integer | Kind::Time | Kind::Boolean => values.push("static"),
            Kind::FlagArray => {}
            _ => values.extend(WORDS),
        }
        // The ways of writing are the scanner's: a third of them each is
        // enough, another third for the next directive.
        let shift = directive.id as usize;
        values.retain(|value| !writes_outside(directive, value));
        for (index, value) in values.iter().enumerate() {
            if index >= WRITTEN.len() || (index + shift).is_multiple_of(3) {
                cases.push(case(directive, value));
            }
        }
        names(directive, cases);
    }
}

/// Whether php-fpm would create a file outside the case's folder: it opens
/// its logs even for a test.
fn writes_outside(directive: &Directive, value: &str) -> bool {
    const FAIL: [&str; 4] = ["/nonexistent/x", "/etc/passwd/x", "/tmp", "/"];
    let is_log = ["error_log", "access.log", "slowlog"].contains(&directive.name);
    let path = value.trim_start_matches(['"', '\'']);
    is_log && (path.starts_with('/') || path.starts_with("..")) && !FAIL.contains(&value)
}

fn case(directive: &Directive, value: &str) -> Case {
    let name = if directive.is_array() {
        format!("{}[KEY]", directive.name)
    } else {
        directive.name.to_owned()
    };
    Case::new(place(directive, &format!("{name} = {value}\n")))
}

/// `line` in the section of `directive`, behind what makes the case valid.
fn place(directive: &Directive, line: &str) -> String {
    if directive.scope == Scope::Global {
        return format!("{GLOBAL}{line}{POOL}");
    }
    format!("{GLOBAL}{POOL}{}{line}", needed(directive))
}

/// What a directive needs beside it to be looked at.
fn needed(directive: &Directive) -> &'static str {
    match directive.name {
        "pm" => "pm.min_spare_servers = 1\npm.max_spare_servers = 2\n",
        "pm.start_servers" | "pm.max_spawn_rate" => {
            "pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 2\n"
        }
        "pm.min_spare_servers" => "pm = dynamic\npm.max_spare_servers = 2\n",
        "pm.max_spare_servers" => "pm = dynamic\npm.min_spare_servers = 1\n",
        "pm.process_idle_timeout" | "listen.backlog" => "pm = ondemand\n",
        "access.format" => "access.log = @/access.log\n",
        "request_slowlog_timeout" => "slowlog = @/slow.log\nrequest_terminate_timeout = 60\n",
        "request_slowlog_trace_depth" => "slowlog = @/slow.log\n",
        "slowlog" => "request_slowlog_timeout = 1\n",
        "ping.response" => "ping.path = /ping\n",
        "pm.status_listen" => "pm.status_path = /s\n",
        "chdir" => "prefix = /\n",
        _ => "",
    }
}

/// Ways to write the name, and forms that do not fit it.
fn names(directive: &Directive, cases: &mut Vec<Case>) {
    let name = directive.name;
    let upper = name.to_ascii_uppercase();
    for line in [
        format!("{name}\n"),
        format!("{name} 5\n"),
        format!("{name}: 5\n"),
        format!("{name}[] = 5\n"),
        format!("{name}[] = /x\n"),
        format!("{name}[k] = /5\n"),
        format!("{name} = 1\n"),
        format!("{upper} = 5\n"),
        format!("{upper}[k] = 5\n"),
        format!("  {name}  =5\n"),
        format!("\t{name}\t=\t5\n"),
        format!("{name}s = 5\n"),
        format!("{name}[E_ALL] = 1\n"),
        format!("{name}[\"a b\"] = 1\n"),
        format!("{name}[k = 1\n"),
        format!("{name}=1\n{name}=2\n"),
    ] {
        cases.push(Case::new(place(directive, &line)));
    }
}
