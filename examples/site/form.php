<?php
require __DIR__ . '/inc/page.php';
page_start('Form', 'What you send comes back, escaped.');
$name = trim((string) ($_POST['name'] ?? ''));
$colour = (string) ($_POST['colour'] ?? 'blue');
$colours = ['blue', 'green', 'red'];
?>
<?php if ($_SERVER['REQUEST_METHOD'] === 'POST'): ?>
<p class="note" id="greeting">Hello, <b><?= text($name === '' ? 'stranger' : $name) ?></b>!
You like <?= text(in_array($colour, $colours, true) ? $colour : 'no colour of these') ?>.</p>
<?php endif ?>
<form method="post" class="box">
  <label>Name <input name="name" value="<?= text($name) ?>" autocomplete="off"></label>
  <label>Colour
    <select name="colour">
      <?php foreach ($colours as $choice): ?>
        <option<?= $choice === $colour ? ' selected' : '' ?>><?= $choice ?></option>
      <?php endforeach ?>
    </select>
  </label>
  <button>Send</button>
</form>
<?php page_end();
