use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool;

const PROGRAM: &str = r#"
use strict;
use FCGI;
my %env;
my $socket = FCGI::OpenSocket($ARGV[0], 16) or die "socket: $!";
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, $socket);
while ($request->Accept() >= 0) {
    my ($length, $sum) = (0, 0);
    while (read(STDIN, my $piece, 65536)) {
        $length += length $piece;
        $sum += unpack("%64C*", $piece);
    }
    my $status = $env{WANTED_STATUS} || 200;
    print "Status: $status\r\nContent-Type: text/plain\r\n";
    print "X-Method: $env{REQUEST_METHOD}\r\n\r\nstdin $length $sum";
    my $left = $env{WANTED_BYTES} || 0;
    for (; $left >= 1000; $left -= 1000) { print "x" x 1000; }
    print "x" x $left;
    print STDERR "note for the log\n";
}
"#;

pub(super) fn command(folder: &Path, port: u16) -> Command {
    let perl = tool("perl", "perl libfcgi-perl");
    let found = Command::new(&perl).args(["-MFCGI", "-e1"]).status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "Perl's FCGI module is not installed; run: apt-get install --no-install-recommends libfcgi-perl"
    );
    let program = folder.join("application.pl");
    fs::write(&program, PROGRAM).expect("the peer's folder is writable");
    let mut command = Command::new(perl);
    command.arg(program).arg(format!("127.0.0.1:{port}"));
    command
}
