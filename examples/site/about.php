<?php
require __DIR__ . '/inc/page.php';
page_start('About PHP', 'What this PHP is and can do. Environment, paths and passwords are left out.');
$settings = [
    'memory_limit', 'max_execution_time', 'post_max_size', 'upload_max_filesize', 'max_file_uploads',
    'default_charset', 'date.timezone', 'display_errors', 'log_errors', 'session.save_handler',
    'opcache.enable',
];
$extensions = get_loaded_extensions();
natcasesort($extensions);
?>
<table>
  <tr><th>Version</th><td><?= text(PHP_VERSION) ?></td></tr>
  <tr><th>Interface</th><td><?= text(PHP_SAPI) ?></td></tr>
  <tr><th>System</th><td><?= text(PHP_OS_FAMILY) ?>, <?= 8 * PHP_INT_SIZE ?> bits</td></tr>
  <tr><th>Thread safe</th><td><?= PHP_ZTS ? 'yes' : 'no' ?></td></tr>
  <tr><th>Memory in use</th><td><?= number_format(memory_get_usage() / 1024) ?> KiB</td></tr>
</table>
<h2>Extensions</h2>
<p class="chips"><?php foreach ($extensions as $extension): ?><span><?= text($extension) ?></span><?php endforeach ?></p>
<h2>Settings</h2>
<table>
<?php foreach ($settings as $setting): $value = ini_get($setting); ?>
  <tr><th><code><?= $setting ?></code></th><td><?= $value === false ? '<i>not there</i>' : ($value === '' ? '<i>empty</i>' : text($value)) ?></td></tr>
<?php endforeach ?>
</table>
<?php page_end();
