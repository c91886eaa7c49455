<?php
// The frame of every page.

function text(mixed $value): string
{
    return htmlspecialchars((string) $value, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function page_start(string $title, string $lead = ''): void
{
    $pages = [
        'index.php' => 'Start',
        'form.php' => 'Form',
        'upload.php' => 'Upload',
        'session.php' => 'Session',
        'stream.php' => 'Streaming',
        'about.php' => 'About PHP',
    ];
    $here = basename($_SERVER['SCRIPT_NAME']);
    ?>
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><?= text($title) ?></title>
<link rel="icon" href="/assets/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<header class="top">
  <a class="brand" href="/"><img src="/assets/logo.svg" alt="" width="28" height="28">serve</a>
  <nav>
    <?php foreach ($pages as $file => $name): ?>
      <a href="/<?= $file === 'index.php' ? '' : $file ?>"<?= $file === $here ? ' class="here"' : '' ?>><?= $name ?></a>
    <?php endforeach ?>
  </nav>
</header>
<main>
<h1><?= text($title) ?></h1>
<?php if ($lead !== ''): ?><p class="lead"><?= text($lead) ?></p><?php endif ?>
<?php
}

function page_end(): void
{
    ?>
</main>
<footer>Answered by PHP <?= text(PHP_VERSION) ?> in process <?= getmypid() ?>
 after <?= number_format((microtime(true) - $_SERVER['REQUEST_TIME_FLOAT']) * 1000, 2) ?> ms.</footer>
</body>
</html>
<?php
}
