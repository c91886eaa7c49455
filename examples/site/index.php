<?php
require __DIR__ . '/inc/page.php';
page_start('It works', 'This page was made by PHP, in a worker process that serve started, feeds and watches.');
$cards = [
    ['form.php', 'Form', 'Fields by GET and POST, and what PHP makes of them.'],
    ['upload.php', 'Upload', 'Send a file; PHP tells its size and checksum.'],
    ['session.php', 'Session', 'A counter in a PHP session, kept by a cookie.'],
    ['stream.php', 'Streaming', 'Output that arrives while the script still runs.'],
    ['about.php', 'About PHP', 'Version, extensions and settings, without secrets.'],
    ['index.php/path/info', 'Path-info', 'What follows the name of a script reaches it.'],
];
?>
<section class="cards">
<?php foreach ($cards as [$link, $name, $what]): ?>
  <a class="card" href="/<?= $link ?>"><h2><?= $name ?></h2><p><?= $what ?></p></a>
<?php endforeach ?>
</section>
<?php if (isset($_SERVER['PATH_INFO'])): ?>
<p class="note">Path-info of this request: <code id="path-info"><?= text($_SERVER['PATH_INFO']) ?></code></p>
<?php endif ?>
<h2>This request</h2>
<table>
<?php
$facts = [
    'Method' => $_SERVER['REQUEST_METHOD'],
    'Address' => $_SERVER['REQUEST_URI'],
    'Protocol' => $_SERVER['SERVER_PROTOCOL'],
    'Your address' => $_SERVER['REMOTE_ADDR'],
    'Server' => $_SERVER['SERVER_SOFTWARE'],
    'Time' => date('Y-m-d H:i:s T'),
];
foreach ($facts as $name => $value): ?>
  <tr><th><?= $name ?></th><td><?= text($value) ?></td></tr>
<?php endforeach ?>
</table>
<p>To serve a site of your own: <code>serve /srv/www</code>. All options: <code>serve --help</code>.</p>
<?php page_end();
