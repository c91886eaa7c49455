<?php
// The second party of tests/sql_php.rs: what Symfony's PdoSessionHandler
// sends to a database, in its two kinds of lock.
// Usage: php pdo.php DSN LOCK ID COMMAND [ARGUMENT]; LOCK: row | named
[, $dsn, $lock, $id, $command] = $argv;
$argument = $argv[5] ?? '';
$db = new PDO($dsn, 'test', '', [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$driver = $db->getAttribute(PDO::ATTR_DRIVER_NAME);

function key_of(string $id): int
{
    return unpack('P', str_pad(substr($id, 0, 8), 8, "\0"))[1];
}

function bytes($column): string
{
    return is_resource($column) ? stream_get_contents($column) : (string) $column;
}

function open(): string
{
    global $db, $driver, $lock, $id;
    if ($lock === 'named') {
        if ($driver === 'mysql') {
            $db->prepare('SELECT GET_LOCK(?, 50)')->execute([substr($id, 0, 64)]);
        } else {
            $db->prepare('SELECT pg_advisory_lock(?)')->execute([key_of($id)]);
        }
    } elseif ($driver === 'mysql') {
        $db->exec('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
        $db->beginTransaction();
    } else {
        $driver === 'sqlite' ? $db->exec('BEGIN IMMEDIATE') : $db->beginTransaction();
    }
    $update = $lock === 'row' && $driver !== 'sqlite' ? ' FOR UPDATE' : '';
    while (true) {
        $select = $db->prepare("SELECT sess_data FROM sessions WHERE sess_id = ?$update");
        $select->execute([$id]);
        $row = $select->fetch(PDO::FETCH_NUM);
        if ($row !== false) {
            return bytes($row[0]);
        }
        if ($update === '') {
            return '';
        }
        $ignore = $driver === 'mysql' ? ['INSERT IGNORE', ''] : ['INSERT', ' ON CONFLICT DO NOTHING'];
        $insert = $db->prepare("$ignore[0] INTO sessions VALUES (?, '', ?, ?)$ignore[1]");
        $insert->execute([$id, time() + 1440, time()]);
        if ($insert->rowCount() > 0) {
            return '';
        }
    }
}

function write(string $data): void
{
    global $db, $id;
    $update = $db->prepare('UPDATE sessions SET sess_data = ?, sess_lifetime = ?, sess_time = ? WHERE sess_id = ?');
    $update->bindValue(1, $data, PDO::PARAM_LOB);
    $update->bindValue(2, time() + 1440, PDO::PARAM_INT);
    $update->bindValue(3, time(), PDO::PARAM_INT);
    $update->bindValue(4, $id);
    $update->execute();
    if ($update->rowCount() === 0) {
        $insert = $db->prepare('INSERT INTO sessions VALUES (?, ?, ?, ?)');
        $insert->bindValue(1, $id);
        $insert->bindValue(2, $data, PDO::PARAM_LOB);
        $insert->bindValue(3, time() + 1440, PDO::PARAM_INT);
        $insert->bindValue(4, time(), PDO::PARAM_INT);
        $insert->execute();
    }
}

function close(): void
{
    global $db, $driver, $lock, $id;
    if ($lock !== 'named') {
        $driver === 'sqlite' ? $db->exec('COMMIT') : $db->commit();
    } elseif ($driver === 'mysql') {
        $db->prepare('DO RELEASE_LOCK(?)')->execute([substr($id, 0, 64)]);
    } else {
        $db->prepare('SELECT pg_advisory_unlock(?)')->execute([key_of($id)]);
    }
}

switch ($command) {
    case 'incr':
        for ($i = 0; $i < (int) $argument; $i++) {
            try {
                $data = open();
            } catch (PDOException $error) {
                if ($error->getCode() !== '40001') {
                    throw $error;
                }
                $db->inTransaction() && $db->rollBack();
                $i--;
                continue;
            }
            preg_match('/^n\|i:(\d+);$/', $data, $match);
            usleep(1000);
            write('n|i:' . (($match[1] ?? 0) + 1) . ';');
            close();
        }
        break;
    case 'get':
        $select = $db->prepare('SELECT sess_data FROM sessions WHERE sess_id = ?');
        $select->execute([$id]);
        echo bytes($select->fetchColumn());
        break;
    case 'set':
        open();
        write($argument);
        close();
        break;
    case 'hold':
        open();
        echo "held\n";
        fgets(STDIN);
        write('held|i:1;');
        close();
        break;
}
