<?php
// The PHP half of `axum_php_login`: logs in, and says who is logged in.
session_start();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    session_regenerate_id(true);
    $_SESSION['user'] = ['name' => $_POST['name'], 'roles' => ['editor']];
    $_SESSION['visits'] = 0;
}
header('Content-Type: text/plain');
echo 'PHP knows ', $_SESSION['user']['name'] ?? 'nobody', ', ', $_SESSION['visits'] ?? 0, " visits to axum\n";
