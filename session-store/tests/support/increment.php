<?php

// Increments $_SESSION['n'] and prints the longest wait in microseconds.
[, $id, $times] = $argv;
set_error_handler(function ($level, $message) { fwrite(STDERR, $message); exit(1); });
$longest = 0;
for ($i = 0; $i < $times; $i++) {
    session_id($id);
    $asked = hrtime(true);
    session_start() || exit(2);
    $longest = max($longest, hrtime(true) - $asked);
    $n = $_SESSION['n'] ?? 0;
    usleep(1000);
    $_SESSION['n'] = $n + 1;
    session_write_close();
}
echo intdiv($longest, 1000);
