<?php
// Writes sessions as PHP does, and reads sessions back, in bulk.
//
//   golden.php write SEED COUNT [AVOID]   one base64 line of session_encode()
//                                 each; AVOID lists kinds of values not to use
//   golden.php read               base64 lines of session data in; for each,
//                                 base64 of serialize($_SESSION) out, or `!`
//
// The handler comes from `-d session.serialize_handler=...`.

error_reporting(E_ALL & ~E_DEPRECATED & ~E_WARNING & ~E_NOTICE);ini_set("display_errors","stderr");
ini_set('session.use_cookies', '0');
ini_set('session.use_strict_mode', '0');
ini_set('session.cache_limiter', '');

enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }
enum Unit { case A; case B; }
class Plain { public $pub = 1; protected $prot = 'p'; private $priv = null; public $more; public function fill($a, $b, $c) { $this->pub = $a; $this->prot = $b; $this->priv = $c; return $this; } }
class Child extends Plain { private $priv = 'child'; public $extra = []; }
final class Typed { public int $number = 7; public ?string $unset; public readonly array $list; public function __construct(array $list) { $this->list = $list; } }
class Sleepy { public $kept = 1; protected $keptToo = 2; private $dropped = 3; public function __sleep() { return ['kept', 'keptToo']; } }
class Magic { public $inner; public function __serialize(): array { return [5, 'x' => $this->inner, 'list' => [1, 2]]; } public function __unserialize(array $data): void { $this->inner = $data['x']; } }
class MagicNames { public $inner; public function __serialize(): array { return ['only' => $this->inner]; } public function __unserialize(array $data): void { $this->inner = $data['only']; } }
class Old implements Serializable { public $inner; public function serialize() { return serialize($this->inner); } public function unserialize($data) { $this->inner = unserialize($data); } }
class OldText implements Serializable { public $text = 'free; text'; public function serialize() { return $this->text; } public function unserialize($data) { $this->text = $data; } }

final class Sessions
{
    private array $boxes = [];
    private array $objects = [];
    private array $arrays = [];

    public function __construct(private array $avoid) {}

    private function avoids(string $kind): bool { return in_array($kind, $this->avoid, true); }

    public function session(): array
    {
        $this->boxes = $this->objects = $this->arrays = [];
        $session = [];
        for ($left = mt_rand(0, 6); $left > 0; $left--) {
            $this->put($session, $this->name(), 0);
        }
        if (mt_rand(0, 1)) {
            $this->boxes = [];
        }
        return $session;
    }

    private function put(array &$into, int|string $key, int $depth): void
    {
        $references = !$this->avoids('references');
        if ($references && mt_rand(0, 7) === 0 && $this->boxes) {
            $into[$key] = &$this->boxes[array_rand($this->boxes)];
            return;
        }
        $value = $this->value($depth);
        if ($references && mt_rand(0, 9) === 0) {
            $index = count($this->boxes);
            $this->boxes[$index] = $value;
            $into[$key] = &$this->boxes[$index];
            if (is_array($value) && mt_rand(0, 3) === 0) {
                $this->boxes[$index]['self'] = &$this->boxes[$index];
            }
            return;
        }
        $into[$key] = $value;
    }

    private function name(): string
    {
        static $names = ['user', 'cart', '_csrf', 'a', 'b', 'c', '', "\0x", 'ünï', '!a', 'login_web_59ba36', '_sf2_attributes', 'x y'];
        return mt_rand(0, 2) ? $names[mt_rand(0, count($names) - 1)] : 'v' . mt_rand(0, 99);
    }

    private function value(int $depth): mixed
    {
        switch (mt_rand(0, $depth < 5 ? 15 : 7)) {
            case 0: return null;
            case 1: return (bool) mt_rand(0, 1);
            case 2: return $this->int();
            case 3: return $this->float();
            case 4: case 5: case 6: return $this->text();
            case 7: return $this->enum();
            case 8: case 9: case 10: return $this->array($depth);
            case 11: return $this->arrays && mt_rand(0, 1) ? $this->arrays[array_rand($this->arrays)] : [];
            default: return $this->object($depth);
        }
    }

    private function int(): int
    {
        static $edges = [0, 1, -1, 31, 32, -32, -33, 127, 128, -128, -129, 255, 256, -255, -256, 32767, 32768, -32768, -32769, 65535, 65536, -65535, -65536, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296, -4294967295, -4294967296, PHP_INT_MAX, PHP_INT_MIN, -PHP_INT_MAX];
        return mt_rand(0, 1) ? $edges[mt_rand(0, count($edges) - 1)] : mt_rand(-100000, 100000);
    }

    private function float(): float
    {
        static $edges = [0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 1e15, 1e16, 1e17, 1e-4, 1e-5, 1.5e300, 5e-324, INF, -INF, NAN, 123456789012345678.0, 2.2250738585072014E-308, PHP_FLOAT_MAX, PHP_FLOAT_EPSILON];
        if (mt_rand(0, 1)) {
            return $edges[mt_rand(0, count($edges) - 1)];
        }
        return mt_rand() / mt_rand(1, 1000) * (10 ** mt_rand(-30, 30));
    }

    private function text(): string
    {
        static $edges = ['', 'a', '5', '-3', '05', 'a|i:1;', "\0", "quo\"te;", "Grüße", '}', 's:1:"x";'];
        if (mt_rand(0, 1)) {
            return $edges[mt_rand(0, count($edges) - 1)];
        }
        $text = '';
        for ($left = mt_rand(0, mt_rand(0, 9) ? 40 : 400); $left > 0; $left--) {
            $text .= chr(mt_rand(0, 255));
        }
        return mt_rand(0, 200) ? $text : str_repeat($text . '#', 400);
    }

    private function enum(): mixed
    {
        if ($this->avoids('enums')) {
            return 'no enum';
        }
        $cases = [Suit::Hearts, Suit::Spades, Unit::A, Unit::B];
        return $cases[mt_rand(0, 3)];
    }

    private function array(int $depth): array
    {
        $array = [];
        $kind = mt_rand(0, 3);
        $left = mt_rand(0, 200) ? mt_rand(0, 5) : 300;
        for ($index = 0; $index < $left; $index++) {
            $key = match ($kind) { 0, 1 => $index, 2 => $this->int(), 3 => $this->text() };
            $this->put($array, $key, $left > 5 ? 9 : $depth + 1);
        }
        return $this->arrays[] = $array;
    }

    private function object(int $depth): object
    {
        if ($this->objects && mt_rand(0, 3) === 0) {
            return $this->objects[array_rand($this->objects)];
        }
        $kind = mt_rand(0, 13);
        if (in_array($kind, [8, 9]) && $this->avoids('serializable') || in_array($kind, [6, 7, 10, 11]) && $this->avoids('magic')) {
            $kind = 2;
        }
        $object = match ($kind) {
            0, 1 => $this->avoids('names') ? new stdClass() : (object) $this->array($depth + 1),
            2 => (new Plain())->fill($this->value($depth + 1), $this->value($depth + 1), $this->value($depth + 1)),
            3 => (new Child())->fill($this->value($depth + 1), $this->value($depth + 1), $this->value($depth + 1)),
            4 => new Typed($this->array($depth + 1)),
            5 => new Sleepy(),
            6 => new Magic(),
            7 => new MagicNames(),
            8 => new Old(),
            9 => new OldText(),
            10 => new DateTimeImmutable('@' . mt_rand(0, 2000000000)),
            11 => new ArrayObject($this->array($depth + 1)),
            12 => $this->incomplete($depth),
            13 => new stdClass(),
        };
        $this->objects[] = $object;
        if ($object instanceof Magic || $object instanceof MagicNames || $object instanceof Old) {
            $object->inner = $this->value($depth + 1);
        }
        if ($object instanceof Plain || get_class($object) === 'stdClass') {
            $object->more = mt_rand(0, 3) ? $this->value($depth + 1) : $object;
        }
        return $object;
    }

    private function incomplete(int $depth): object
    {
        return unserialize("O:11:\"App\\Missing\":2:{s:1:\"a\";i:1;s:14:\"\0App\\Missing\0b\";s:1:\"x\";}");
    }
}

session_start();
if ($argv[1] === 'write') {
    mt_srand((int) $argv[2]);
    $sessions = new Sessions(explode(',', $argv[4]));
    for ($left = (int) $argv[3]; $left > 0; $left--) {
        $_SESSION = $sessions->session();
        echo base64_encode(session_encode()), "\n";
    }
} else {
    while (($line = fgets(STDIN)) !== false) {
        $_SESSION = [];
        $ok = session_decode(base64_decode(trim($line)));
        echo $ok ? base64_encode(serialize($_SESSION)) : '!', "\n";
        if (session_status() !== PHP_SESSION_ACTIVE) {
            session_start();
        }
    }
}
session_abort();
