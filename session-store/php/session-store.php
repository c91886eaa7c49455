<?php

/**
 * Keeps PHP's sessions at the host that serves this worker.
 *
 * Load it with `auto_prepend_file`. Every session takes two round trips: one
 * locks and reads it, one writes and unlocks it. Applications that set a save
 * handler of their own keep it. `session.auto_start` must be off, because PHP
 * starts such a session before it loads this file.
 */

declare(strict_types=1);

namespace SessionStore;

final class Handler implements \SessionHandlerInterface, \SessionUpdateTimestampHandlerInterface
{
    private const ADDRESS = '%ADDRESS%';
    private const CONNECT_SECONDS = 5;
    /** Longer than the host lets a request wait for a lock. */
    private const ANSWER_SECONDS = 65;

    private const OPEN = 1;
    private const WRITE = 2;
    private const TOUCH = 3;
    private const DESTROY = 4;
    private const CLOSE = 5;
    private const MOVE = 6;
    private const SUCCEED = 7;

    private const FOUND = 0;
    private const NEW = 1;
    private const DONE = 2;
    private const GONE = 3;
    private const CONFLICT = 4;
    private const FAILED = 5;

    /** @var resource|null */
    private $stream = null;

    /** Tells the answer to a request from one that nobody waited for. */
    private int $number;

    /** The session that is locked for this request. */
    private ?string $id = null;

    private ?string $data = null;

    /** Whether the session that was destroyed goes on under a new id. */
    private bool $moves = false;

    public function __construct()
    {
        $this->number = mt_rand(0, 0x7fffffff);
    }

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function validateId(string $id): bool
    {
        return $this->lock($id) && $this->data !== null;
    }

    public function read(string $id): string|false
    {
        return $this->lock($id) ? $this->data ?? '' : false;
    }

    public function write(string $id, string $data): bool
    {
        return $this->lock($id) && $this->finish(self::WRITE, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->lock($id) && $this->finish(self::TOUCH);
    }

    public function destroy(string $id): bool
    {
        $trace = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 2);
        $moves = ($trace[1]['function'] ?? '') === 'session_regenerate_id';
        if (!$this->lock($id) || !$this->finish($moves ? self::MOVE : self::DESTROY)) {
            return false;
        }
        $this->moves = $moves;
        return true;
    }

    public function close(): bool
    {
        if ($this->id !== null) {
            $this->id = null;
            $this->send(self::CLOSE);
        }
        return true;
    }

    public function gc(int $max_lifetime): int|false
    {
        // The host does it.
        return 0;
    }

    private function lock(string $id): bool
    {
        if ($this->id === $id) {
            return true;
        }
        $this->id = null;
        $body = pack('N', max(0, (int) ini_get('session.gc_maxlifetime'))) . $id;
        $request = $this->moves ? self::SUCCEED : self::OPEN;
        // A kept connection may have ended unnoticed.
        [$code, $answer] = $this->exchange($request, $body) ?? $this->exchange($request, $body)
            ?? [self::FAILED, 'the host does not answer at ' . self::ADDRESS];
        $this->moves = false;
        if ($code !== self::FOUND && $code !== self::NEW) {
            return $this->fail($answer);
        }
        $this->id = $id;
        $this->data = $code === self::FOUND ? $answer : null;
        return true;
    }

    private function finish(int $request, string $body = ''): bool
    {
        $this->id = null;
        [$code, $answer] = $this->exchange($request, $body)
            ?? [self::FAILED, 'the connection to the host broke; the session may not be stored'];
        return match ($code) {
            self::DONE => true,
            self::GONE => $this->fail('it was destroyed in the meantime; nothing was written'),
            self::CONFLICT => $this->fail('another request wrote it; nothing was written'),
            default => $this->fail($answer),
        };
    }

    private function fail(string $why): bool
    {
        trigger_error("Session: $why", E_USER_WARNING);
        return false;
    }

    /** @return array{int, string}|null */
    private function exchange(int $request, string $body): ?array
    {
        if (!$this->send($request, $body)) {
            return null;
        }
        do {
            $head = $this->receive(9);
            if ($head === null) {
                return null;
            }
            ['length' => $length, 'code' => $code, 'number' => $number] =
                unpack('Nlength/Ccode/Nnumber', $head);
            $answer = $length > 5 ? $this->receive($length - 5) : '';
            if ($answer === null) {
                return null;
            }
        } while ($number !== $this->number);
        return [$code, $answer];
    }

    private function send(int $request, string $body = ''): bool
    {
        $this->stream ??= $this->connect();
        if ($this->stream === null) {
            return false;
        }
        $this->number = ($this->number + 1) & 0x7fffffff;
        $frame = pack('NCN', 5 + strlen($body), $request, $this->number) . $body;
        if (@fwrite($this->stream, $frame) !== strlen($frame)) {
            $this->disconnect();
            return false;
        }
        return true;
    }

    private function receive(int $length): ?string
    {
        $bytes = '';
        while (($missing = $length - strlen($bytes)) > 0) {
            $part = @fread($this->stream, $missing);
            if ($part === false || $part === '') {
                $this->disconnect();
                return null;
            }
            $bytes .= $part;
        }
        return $bytes;
    }

    /** @return resource|null */
    private function connect()
    {
        $flags = STREAM_CLIENT_CONNECT | STREAM_CLIENT_PERSISTENT;
        $stream = @stream_socket_client(self::ADDRESS, $errno, $error, self::CONNECT_SECONDS, $flags);
        if ($stream === false) {
            return null;
        }
        stream_set_timeout($stream, self::ANSWER_SECONDS);
        return $stream;
    }

    private function disconnect(): void
    {
        fclose($this->stream);
        $this->stream = null;
    }
}

if (session_status() === PHP_SESSION_NONE) {
    session_set_save_handler(new Handler(), true);
}
