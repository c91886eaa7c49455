<?php

// Changes one of 1000 sessions after the other for some seconds; prints how
// many a second.
[, $seconds] = $argv;
set_error_handler(function ($level, $message) { fwrite(STDERR, $message); exit(1); });

function change(int $i): void
{
    session_id('bench' . $i % 1000);
    session_start() || exit(2);
    $_SESSION['user'] ??= ['id' => 7, 'name' => 'Ada Lovelace', 'roles' => ['editor', 'admin']];
    $_SESSION['token'] ??= str_repeat('0123456789abcdef', 4);
    $_SESSION['cart'] ??= [1 => 2, 5 => 1, 12 => 3];
    $_SESSION['n'] = $i;
    session_write_close();
}

for ($i = 0; $i < 1000; $i++) {
    change($i);
}
$start = hrtime(true);
$end = $start + (int) ($seconds * 1e9);
for ($i = 0; ($now = hrtime(true)) < $end; $i++) {
    change($i);
}
echo $i / (($now - $start) / 1e9);
