use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::tool;

const SCRIPT: &str = r#"#!/usr/bin/perl
my ($length, $sum) = (0, 0);
while (read(STDIN, my $piece, 65536)) {
    $length += length $piece;
    $sum += unpack("%64C*", $piece);
}
my $status = $ENV{WANTED_STATUS} || 200;
print STDERR "note for the log\n";
print "Status: $status\r\nContent-Type: text/plain\r\n";
print "X-Method: $ENV{REQUEST_METHOD}\r\n\r\nstdin $length $sum";
print "x" x ($ENV{WANTED_BYTES} || 0);
"#;

pub(super) fn command(folder: &Path, port: u16) -> Command {
    let script = folder.join("script.cgi");
    fs::write(&script, SCRIPT)
        .and_then(|()| fs::set_permissions(&script, Permissions::from_mode(0o755)))
        .expect("the peer's folder is writable");
    let mut command = Command::new(tool("fcgiwrap", "fcgiwrap"));
    command
        .args(["-f", "-c", "4", "-s"])
        .arg(format!("tcp:127.0.0.1:{port}"));
    command
}
