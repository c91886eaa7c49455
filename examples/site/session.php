<?php
require __DIR__ . '/inc/page.php';
session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Lax', 'use_strict_mode' => true]);
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $_SESSION = [];
    session_regenerate_id(true);
    header('Location: ' . $_SERVER['SCRIPT_NAME'], true, 303);
    exit;
}
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$_SESSION['first'] ??= time();
page_start('Session', 'A counter that belongs to your browser.');
?>
<p class="counter"><b id="visits"><?= $_SESSION['visits'] ?></b> visits since <?= date('H:i:s', $_SESSION['first']) ?></p>
<div class="row">
  <a class="button" href="session.php">Visit again</a>
  <form method="post"><button class="quiet">Start over</button></form>
</div>
<?php page_end();
