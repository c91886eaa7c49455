use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool;

const PROGRAM: &str = r#"
#include <fcgiapp.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    static char buffer[65536];
    FCGX_Request request;
    int socket = FCGX_OpenSocket(argv[1], 16);
    if (FCGX_Init() || socket < 0 || FCGX_InitRequest(&request, socket, 0)) return 1;
    while (FCGX_Accept_r(&request) == 0) {
        unsigned long long length = 0, sum = 0;
        int got, at;
        while ((got = FCGX_GetStr(buffer, sizeof buffer, request.in)) > 0) {
            length += got;
            for (at = 0; at < got; at++) sum += (unsigned char)buffer[at];
        }
        const char *status = FCGX_GetParam("WANTED_STATUS", request.envp);
        const char *bytes = FCGX_GetParam("WANTED_BYTES", request.envp);
        long left = bytes ? atol(bytes) : 0;
        FCGX_FPrintF(request.out, "Status: %s\r\nContent-Type: text/plain\r\n",
                     status ? status : "200");
        FCGX_FPrintF(request.out, "X-Method: %s\r\n\r\nstdin %llu %llu",
                     FCGX_GetParam("REQUEST_METHOD", request.envp), length, sum);
        while (left-- > 0) FCGX_PutChar('x', request.out);
        FCGX_FPrintF(request.err, "note for the log\n");
        FCGX_Finish_r(&request);
    }
    return 0;
}
"#;

pub(super) fn command(folder: &Path, port: u16) -> Command {
    let source = folder.join("application.c");
    let program = folder.join("application");
    fs::write(&source, PROGRAM).expect("the peer's folder is writable");
    let compiled = Command::new(tool("cc", "gcc libc6-dev libfcgi-dev"))
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .arg("-lfcgi")
        .output()
        .expect("the compiler starts");
    assert!(
        compiled.status.success(),
        "cannot compile against libfcgi; run: apt-get install --no-install-recommends libfcgi-dev\n{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let mut command = Command::new(program);
    command.arg(format!("127.0.0.1:{port}"));
    command
}
