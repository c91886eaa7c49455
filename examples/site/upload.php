<?php
require __DIR__ . '/inc/page.php';
page_start('Upload', 'The file is measured, then forgotten: nothing is kept on the server.');
$file = $_FILES['file'] ?? null;
$faults = [
    UPLOAD_ERR_INI_SIZE => 'The file is larger than upload_max_filesize (' . ini_get('upload_max_filesize') . ').',
    UPLOAD_ERR_PARTIAL => 'Only a part of the file arrived.',
    UPLOAD_ERR_NO_FILE => 'No file was chosen.',
];
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $file === null) {
    $file = ['error' => UPLOAD_ERR_INI_SIZE];
}
?>
<?php if ($file !== null && $file['error'] === UPLOAD_ERR_OK): ?>
<table id="result">
  <tr><th>Name</th><td><?= text($file['name']) ?></td></tr>
  <tr><th>Size</th><td><?= number_format($file['size']) ?> bytes</td></tr>
  <tr><th>Type, as the browser says</th><td><?= text($file['type']) ?></td></tr>
  <tr><th>SHA-256</th><td><code><?= hash_file('sha256', $file['tmp_name']) ?></code></td></tr>
</table>
<?php elseif ($file !== null): ?>
<p class="note bad"><?= text($faults[$file['error']] ?? 'The upload failed.') ?></p>
<?php endif ?>
<form method="post" enctype="multipart/form-data" class="box">
  <label>File, up to <?= text(ini_get('upload_max_filesize')) ?> <input type="file" name="file" required></label>
  <button>Send</button>
</form>
<?php page_end();
