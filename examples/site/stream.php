<?php
require __DIR__ . '/inc/page.php';
$steps = 8;
header('Cache-Control: no-store');
page_start('Streaming', 'Each step is sent the moment it is done; the page grows while you watch.');
while (ob_get_level() > 0) {
    ob_end_flush();
}
echo '<ol class="steps">';
for ($step = 1; $step <= $steps; $step++) {
    echo '<li>Step ', $step, ' of ', $steps, ' after ',
        number_format(microtime(true) - $_SERVER['REQUEST_TIME_FLOAT'], 2), " s</li>\n";
    flush();
    if (connection_aborted()) {
        exit;
    }
    usleep(250_000);
}
echo '</ol><p class="note" id="done">Done.</p>';
page_end();
