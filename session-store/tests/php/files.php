<?php
// The second party of tests/files_php.rs: PHP's own `files` handler.
// Usage: php files.php FOLDER ID COMMAND [ARGUMENT]
[, $folder, $id, $command] = $argv;
$argument = $argv[4] ?? '';
ini_set('session.save_path', $folder);
ini_set('session.gc_probability', '0');
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');

function start(string $id): void
{
    session_id($id);
    if (!session_start()) {
        fwrite(STDERR, "session_start failed\n");
        exit(1);
    }
}

switch ($command) {
    case 'incr': // adds one N times, holding the lock a millisecond each time
        for ($i = 0; $i < (int) $argument; $i++) {
            start($id);
            $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
            usleep(1000);
            session_write_close();
        }
        break;
    case 'set': // stores the string as `v`
        start($id);
        $_SESSION['v'] = $argument;
        break;
    case 'get': // prints the session as JSON
        start($id);
        echo json_encode($_SESSION);
        session_abort();
        break;
    case 'hold': // says that it holds the lock, until stdin closes
        start($id);
        $_SESSION['held'] = 1;
        echo "held\n";
        fgets(STDIN);
        break;
    case 'destroy-later': // as `hold`, then destroys
        start($id);
        echo "held\n";
        fgets(STDIN);
        session_destroy();
        break;
    case 'gc':
        ini_set('session.gc_maxlifetime', $argument);
        session_id('collector');
        session_start();
        session_gc();
        session_destroy();
        break;
}
