//! Sections, includes, line ends, and rules between directives.

use super::{Case, GLOBAL, POOL};

pub(crate) fn add(cases: &mut Vec<Case>) {
    for text in SECTIONS {
        cases.push(Case::new(format!("{GLOBAL}{text}")));
        cases.push(Case::new(format!("{GLOBAL}{POOL}{text}")));
    }
    for text in LINES {
        cases.push(Case::new(format!("{GLOBAL}{text}{POOL}")));
        cases.push(Case::new(format!("{GLOBAL}{POOL}{text}")));
        cases.push(Case::new(
            format!("{GLOBAL}{POOL}{text}").replace('\n', "\r\n"),
        ));
    }
    for text in RULES {
        cases.push(Case::new(format!("{GLOBAL}{POOL}{text}")));
    }
    numbers(cases);
    includes(cases);
    bytes(cases);
}

const SECTIONS: &[&str] = &[
    "",
    "[www]\n",
    "[WWW]\nuser = nobody\n",
    "[ www ]\nuser = nobody\n",
    "[\"www\"]\npm.max_children = 3\n",
    "['www']\npm.max_children = 3\n",
    "[w\"w\"w]\npm.max_children = 3\n",
    "[]\nuser = nobody\n",
    "[ ]\nuser = nobody\n",
    "[yes]\nuser = nobody\n",
    "[PHP_VERSION]\nuser = nobody\nlisten = $pool\npm = static\npm.max_children = 1\n",
    "[${FPM_TEST}]\nuser = nobody\nlisten = $pool\npm = static\npm.max_children = 1\n",
    "[a b]\nuser = nobody\nlisten = $pool\npm = static\npm.max_children = 1\n",
    "[a]b]\nuser = nobody\n",
    "[a\\]b]\nuser = nobody\n",
    "[a;b]\nuser = nobody\n",
    "[a\n",
    "[a\"b]\n",
    "[a'b]\n",
    " [a]\n",
    "\t[a]\n",
    "[a] ; comment\nuser = nobody\n",
    "[a] user = nobody\n",
    "[a]user = nobody\n",
    "[a] junk\n",
    "[a][b]\n",
    "[a]=b\n",
    "[a$b]\nuser = nobody\n",
    "[a${]\n",
    "[$$]\n",
    "[GLOBAL]\nlog_limit = 2048\n",
    "[global ]\nuser = nobody\n",
    "[global]\nuser = nobody\n",
    "[global]\nlog_limit = 100\n[www]\nlisten =\n",
    "[www_status]\nuser = nobody\nlisten = 9001\npm = static\npm.max_children = 1\n",
    "[a]\nuser = nobody\nlisten = @/www.sock\npm = static\npm.max_children = 1\n",
    "[a]\nuser = nobody\nlisten = 9001\npm = static\npm.max_children = 1\n[b]\nuser = nobody\nlisten = 9001\npm = static\npm.max_children = 1\n",
    "[a]\nuser = no-such\nlisten = 9001\npm = static\npm.max_children = 1\n",
];

const LINES: &[&str] = &[
    "; comment\n",
    " ; comment\n",
    ";\n",
    "# comment\n",
    "#comment = 1\n",
    "// x\n",
    "junk\n",
    "=\n",
    "= 1\n",
    "a = = 1\n",
    "a == 1\n",
    ":\n",
    "'a' = 1\n",
    "\"a\" = 1\n",
    "yes = 1\n",
    "no\n",
    "null = 1\n",
    "on\n",
    "yess = 1\n",
    " yes = 1\n",
    "true=\n",
    "${A} = 1\n",
    "a${A} = 1\n",
    "$pool = 1\n",
    "{a} = 1\n",
    "(a) = 1\n",
    "!a = 1\n",
    "~a = 1\n",
    "a&b = 1\n",
    "a|b\n",
    "a^b = 1\n",
    "a b c = 1\n",
    "a\tb = 1\n",
    "]\n",
    "[\n",
    "a]\n",
    "a[\n",
    "a[]\n",
    "a[] =\n",
    "a[b][c] = 1\n",
    "a['b'] = 1\n",
    "a['b] = 1\n",
    "a[${FPM_TEST}] = 1\n",
    "env[${FPM_TEST}] = 1\n",
    "env[a b] = 1\n",
    "env[ a ] = 1\n",
    "env[\"a\"b] = 1\n",
    "env[null] = 1\n",
    "env[yes] = yes\n",
    "env[a]] = 1\n",
    "env[5] = 5 6\n",
    "env[1.5] = x\n",
    "env[a;b] = x\n",
    "env[a=b] = x\n",
    "env[-] = -\n",
    "env[A] = 1\nenv[A] = 2\nenv[B] = $HOME\n",
    "php_value[a] = 1\nphp_flag[b] = on\nphp_value[a] = 2\n",
    "php_admin_flag[x] = off\nphp_admin_value[y] = \"a b\"\n",
    "php_flag[x] = maybe\n",
    "php_value[error_log] = x.log\nphp_admin_value[error_log] = syslog\nphp_value[error_log] = syslog\n",
    "php_admin_value[ERROR_LOG] = \nphp_value[soap.wsdl_cache_dir] = /tmp\n",
    "access.suppress_path[] = /a\naccess.suppress_path[] = /b\n",
    "access.suppress_path[x] = /a\n",
    "access.suppress_path[] = a\n",
    "access.suppress_path = /a\n",
    "env = 1\n",
    "php_value = 1\n",
    "Env[a] = 1\n",
    "unknown[a] = 1\n",
    "unknown[] = 1\n",
    "pm.min_spare_server = 1\n",
    "listen.setfib = 1\n",
    "apparmor_hat = x\n",
    "log_level = warning\n",
    "log_level = error\nlog_limit = 1\n",
    "systemd_interval = 0\n",
    "systemd_interval = -5\n",
    "\n\n\n",
    " \n\t\n",
    "a = 1 ; 2 ; 3\n",
];

const RULES: &[&str] = &[
    "pm = dynamic\n",
    "pm = dynamic\npm.min_spare_servers = 1\n",
    "pm = dynamic\npm.min_spare_servers = 3\npm.max_spare_servers = 3\n",
    "pm = dynamic\npm.min_spare_servers = 2\npm.max_spare_servers = 1\n",
    "pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 2\npm.start_servers = 3\n",
    "pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 2\npm.max_spawn_rate = 0\n",
    "pm = ondemand\npm.process_idle_timeout = 0\n",
    "pm = ondemand\npm.start_servers = 5\npm.min_spare_servers = 5\n",
    "pm = ondemand\nlisten.backlog = -2\n",
    "pm = ondemand\n[global]\nevents.mechanism = poll\n",
    "pm.status_listen = 9002\n",
    "pm.status_listen =\n",
    "pm.status_listen = rel.sock\nprefix = /tmp\n",
    "pm.status_listen = @/www.sock\n",
    "pm.status_listen = 9002\npm.status_path = /\n",
    "pm.status_listen = 9002\npm.status_path = x\n",
    "pm.status_listen = 9002\npm.status_path =\n",
    "pm.status_path = /\n",
    "ping.path =\n",
    "ping.path = /\n",
    "ping.path = /p\nping.response =\n",
    "ping.response = x\n",
    "ping.path = /p\nping.response = x\n",
    "access.log =\n",
    "access.log = rel.log\n",
    "access.log = /nonexistent/a.log\n",
    "access.log = @/a.log\naccess.format =\n",
    "request_slowlog_timeout = 5\n",
    "request_slowlog_timeout = 5\nslowlog =\n",
    "request_slowlog_timeout = 5\nslowlog = @/s.log\nrequest_terminate_timeout = 4\n",
    "request_slowlog_timeout = 5\nslowlog = /nonexistent/s.log\n",
    "request_slowlog_trace_depth = 5\n",
    "request_slowlog_trace_depth = -5\nslowlog = @/s.log\n",
    "request_slowlog_trace_depth = 0\n",
    "chroot = /tmp\nchdir = /\n",
    "chroot = /tmp\nchdir = /nonexistent\n",
    "chroot = /tmp\nphp_value[error_log] = x\n",
    "chroot =\nchdir = /tmp\nphp_value[error_log] = x\n",
    "chroot = tmp\nprefix = /\n",
    "chroot = $prefix\nprefix = /tmp\n",
    "chroot = $prefix/x\nprefix = /tmp\n",
    "chroot = x$prefix\nprefix = /tmp\n",
    "chdir = tmp\nprefix = /\n",
    "prefix = tmp\n",
    "prefix =\nlisten = a.sock\n",
    "prefix = .\nlisten = a.sock\nslowlog = x\naccess.log = x.log\n",
    "listen.owner = nobody\nlisten.group = nogroup\nlisten.mode = 0600\n",
    "listen.acl_users = no-such\nlisten.owner = no-such-either\n",
    "group = no-such\nuser = no-such-either\n",
    "listen.group = no-such\nlisten.owner = 5\n",
    "user = 12345\ngroup = 54321\n",
    "process.priority = 64\n",
    "process.priority = 30\npm = junk\n",
];

/// Spare servers around their limits.
fn numbers(cases: &mut Vec<Case>) {
    for min in [-1, 0, 1, 2, 3, 9] {
        for max in [0, 1, 2, 3, 9] {
            for start in ["", "0", "1", "2", "4"] {
                let start = match start {
                    "" => String::new(),
                    number => format!("pm.start_servers = {number}\n"),
                };
                cases.push(Case::new(format!(
                    "{GLOBAL}{POOL}pm = dynamic\npm.max_children = 3\n\
                     pm.min_spare_servers = {min}\npm.max_spare_servers = {max}\n{start}"
                )));
            }
        }
    }
}

fn includes(cases: &mut Vec<Case>) {
    for pattern in [
        "@/*.inc",
        "@/a.inc",
        "@/b.inc",
        "@/[ab].inc",
        "@/?.inc",
        "@/none*",
        "@/none",
        "/nonexistent/*",
        "/nonexistent/x",
        "",
        "@",
        "@/",
        "\"@/a.inc\"",
        "'@/a.inc'",
        "@/*",
        "*.inc",
        "/etc/passwd/*",
        "@/{a,b}.inc",
        "@/a.inc ; c",
        "@/[!a].inc",
        "@/[b-z].inc",
        "@/\\a.inc",
        "@//a.inc",
        "@/./a.inc",
        "@/*/x",
        "${FPM_TEST}",
        "$pool",
        "@/bad.*",
        "@/.h*",
    ] {
        for line in ["include = ", "INCLUDE = ", "include[x] = "] {
            if line != "include = " && pattern != "@/a.inc" {
                continue;
            }
            cases.push(with_files(format!(
                "{GLOBAL}{POOL}{line}{pattern}\nlog_level = x\n"
            )));
            cases.push(with_files(format!(
                "{GLOBAL}{line}{pattern}\n{POOL}foo = 1\n"
            )));
            cases.push(with_files(format!("{GLOBAL}{POOL}{line}{pattern}\n")));
        }
    }
    for inner in ["junk\n", "foo = 1\n", "[x\n", "", "\n", "a = ="] {
        let main = format!("{GLOBAL}{POOL}include = @/i.inc\npm = static\nbar = 1\n");
        cases.push(Case::new(main).with("i.inc", inner));
    }
    let main = format!("{GLOBAL}{POOL}include = @/case.conf\n");
    cases.push(Case::new(main));
    let mut deep = Case::new(format!("{GLOBAL}{POOL}include = @/1.inc\n"));
    for level in 1..=6 {
        let next = level + 1;
        deep = deep.with(&format!("{level}.inc"), format!("include = @/{next}.inc\n"));
        cases.push(deep.clone().with(&format!("{next}.inc"), "env[a] = 1\n"));
    }
}

fn with_files(main: String) -> Case {
    Case::new(main)
        .without_prefix()
        .with("a.inc", "; a comment\nenv[from_a] = 1\n[other]\nuser = nobody\nlisten = 9003\npm = static\npm.max_children = 1\n")
        .with("b.inc", "env[from_b] = 1")
        .with(".h.inc", "env[hidden] = 1\n")
        .with("bad.x", "\n\nenv[] = 1\n")
}

/// What is no text: NUL, carriage returns, marks, long lines.
fn bytes(cases: &mut Vec<Case>) {
    let lines: [&[u8]; 16] = [
        b"env[a] = b  \0c\n",
        b"\0env[a] = b\n",
        b"env[a] \0= b\n",
        b"env[a\0] = b\n",
        b"env[a] = \"b\0c\"\n",
        b"env[a] = 'b\0c'\n",
        b"; c\0omment\n",
        b"env[a] = 1 ; c\0d\n",
        b"[x\0]\n",
        b"env[a] = 1\rjunk\n",
        b"; c\renv[a] = 2\n",
        b"include = /nonexistent/a\rinclude = /nonexistent/b\n",
        b"\xef\xbb\xbfenv[a] = 1\n",
        b"\xef\xbb\xbf\n",
        b"env[a] = \xff\xfe\x80\n",
        b"\xff\xff\xff\n",
    ];
    for line in lines {
        cases.push(Case::new(
            [GLOBAL.as_bytes(), POOL.as_bytes(), line].concat(),
        ));
    }
    for length in [900, 1000, 1100, 1900, 2000, 2010, 2020, 2100, 5000] {
        let long = "x".repeat(length);
        cases.push(Case::new(format!("{GLOBAL}{POOL}{long} = 1\n")));
        cases.push(Case::new(format!("{GLOBAL}{POOL}env[a] = {long}\n")));
    }
    for depth in [10, 9990, 9991, 9992, 9993, 9994, 9995, 9996] {
        let deep = "(".repeat(depth);
        let close = ")".repeat(depth);
        cases.push(Case::new(format!("{GLOBAL}{POOL}user = {deep}1\n")));
        cases.push(Case::new(format!(
            "{GLOBAL}{POOL}env[a] = {deep}1{close}\n"
        )));
        cases.push(Case::new(format!(
            "{GLOBAL}{POOL}env[a] = {}1\n",
            "~".repeat(depth)
        )));
    }
    cases.push(Case::new(GLOBAL));
    cases.push(Case::new(""));
    cases.push(Case::new(format!("{GLOBAL}{POOL}").trim_end().to_owned()));
}
