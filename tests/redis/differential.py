"""The same stream of commands to redis-server and to keyturnd, which must give the same bytes.

usage: differential.py [COMMANDS [SEED]]

Commands are made at random from a small set of keys, so that they meet each other's state: valid and
malformed, RESP2 and RESP3, arrays and inline, pipelined, in and out of MULTI. Times to live are
either over at once or longer than the test, so that both servers agree on what is there. What may
differ, and why, is in differences.txt; nothing else may.
Messages, events and what caches are told follow in pushes.py.
"""

import pathlib
import random
import re
import sys
import tempfile

from pushes import run_pushes
from servers import Connection, Keyturn, Redis, request

HERE = pathlib.Path(__file__).parent
KEYS = [b"k%d" % i for i in range(12)] + [b"revoked:5f0c2b1e-7d3a-4c11-9e77-0123456789ab", b"", b"\r\n\x00"]
SETS = [b"s%d" % i for i in range(4)]
VALUES = [b"1", b"", b"true", b"revoked", b"a longer value\r\n", b"\x00\xff", b"x" * 300, b"0"]
LIVES = ["100", "1000", "86400", "2000000000", "9223372036854775807", "9223372036854775", "0", "-1",
         "-9223372036854775808", "abc", "", " 1", "1 ", "+5", "1.5", "0x10", "99999999999999999999",
         "007", "-0"]
LIFE_MS = ["100000", "1000500", "86400000", *LIVES[4:]]
WHEN = ["4102444800", "1", "0", "-1", "9223372036854775807", "x"]
WHEN_MS = ["4102444800123", "1", "0", "-5", "9223372036854775807", "x"]


def case(rng: random.Random, name: str) -> str:
    return rng.choice([name, name.lower(), name.capitalize()])


class Maker:
    """Commands as lists of words."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.lives = 1000
        self.failures_left = 50  # at 100 within a minute Keyturn locks the source out
        self.kinds = [getattr(self, name) for name in dir(self) if name.startswith("make_")]

    def one(self) -> list:
        words = self.rng.choice(self.kinds)()
        change = self.rng.random()
        if change < 0.01:
            words = words[:-1] or words
        elif change < 0.02:
            words = words + [self.rng.choice(["extra", "NX", "1", ""])]
        return [case(self.rng, words[0]), *words[1:]]

    def key(self):
        return self.rng.choice(SETS if self.rng.random() < 0.08 else KEYS)

    def keys(self):
        return [self.key() for _ in range(self.rng.randint(1, 4))]

    def value(self):
        return self.rng.choice(VALUES)

    def make_set(self):
        words = ["SET", self.key(), self.value()]
        options = [["EX", self.rng.choice(LIVES)], ["PX", self.rng.choice(LIFE_MS)],
                   ["EXAT", self.rng.choice(WHEN)], ["PXAT", self.rng.choice(WHEN_MS)], ["NX"], ["XX"],
                   ["KEEPTTL"], ["GET"], ["ex"], ["nonsense"]]
        for option in self.rng.sample(options, self.rng.choice([0, 0, 1, 1, 1, 2, 3])):
            words += option
        return words

    def make_set_plain(self):
        return ["SET", self.key(), self.value(), "EX", "86400"]

    def make_setex(self):
        return ["SETEX", self.key(), self.rng.choice(LIVES), self.value()]

    def make_psetex(self):
        return ["PSETEX", self.key(), self.rng.choice(LIFE_MS), self.value()]

    def make_setnx(self):
        return [self.rng.choice(["SETNX", "GETSET"]), self.key(), self.value()]

    def make_get(self):
        return [self.rng.choice(["GET", "GETDEL", "STRLEN", "TYPE", "PERSIST", "GET", "GET"]), self.key()]

    def make_getex(self):
        option = self.rng.choice([[], ["EX", self.rng.choice(LIVES)], ["PX", self.rng.choice(LIFE_MS)],
                                  ["EXAT", self.rng.choice(WHEN)], ["PERSIST"], ["PERSIST", "EX", "1"],
                                  ["KEEPTTL"], ["PXAT", self.rng.choice(WHEN_MS)]])
        return ["GETEX", self.key(), *option]

    def make_many(self):
        return [self.rng.choice(["EXISTS", "DEL", "UNLINK", "MGET", "TOUCH", "EXISTS"]), *self.keys()]

    def make_mset(self):
        words = [self.rng.choice(["MSET", "MSETNX"])]
        for key in self.keys():
            words += [key, self.value()]
        return words

    def make_ttl(self):
        return [self.rng.choice(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), self.key()]

    def make_expire(self):
        name, lives = self.rng.choice([("EXPIRE", LIVES), ("PEXPIRE", LIFE_MS), ("EXPIREAT", WHEN),
                                       ("PEXPIREAT", WHEN_MS)])
        option = self.rng.choice([[], [], ["NX"], ["XX"], ["GT"], ["LT"], ["NX", "XX"], ["GT", "LT"],
                                  ["bad"], ["gt", "xx"]])
        if {"GT", "LT"} & {word.upper() for word in option} and lives in (LIVES, LIFE_MS):
            # Of no other key: who is later is no matter of luck.
            self.lives += 7
            lives = [f"{self.lives}{'000' if name == 'PEXPIRE' else ''}", "-1", "x"]
        return [name, self.key(), self.rng.choice(lives), *option]

    def make_sets(self):
        name = self.rng.choice(["SADD", "SREM", "SISMEMBER", "SMISMEMBER", "SCARD", "SADD", "SREM"])
        key = self.rng.choice(KEYS if self.rng.random() < 0.1 else SETS)
        if name == "SCARD":
            return [name, key]
        members = [b"m%d" % self.rng.randint(0, 5) for _ in range(self.rng.randint(1, 3))]
        return [name, key, *(members[:1] if name == "SISMEMBER" else members)]

    def make_dbsize(self):
        return ["DBSIZE"]

    def make_connection(self):
        return self.rng.choice([["PING"], ["PING", "hi"], ["ECHO", self.value()], ["SELECT", "0"],
                                ["SELECT", "16"], ["SELECT", "a"], ["CLIENT", "GETNAME"],
                                ["CLIENT", "SETNAME", self.rng.choice(["me", "a b", ""])],
                                ["CLIENT", "NO-EVICT", self.rng.choice(["on", "off", "x"])],
                                ["CLIENT", "NONSENSE", "a"], ["CLIENT"], ["WAIT", "0", "0"],
                                ["ROLE"], ["CLIENT", "TRACKINGINFO"],
                                ["CLIENT", "GETREDIR"], ["CLIENT", "UNPAUSE"]])

    def outside(self) -> list:
        """What Keyturn refuses in a transaction (docs/REDIS.md), so that both would go on apart."""
        if self.failures_left > 0 and self.rng.random() < 0.02:
            self.failures_left -= 1
            return self.rng.choice([["AUTH", "wrong"], ["AUTH", "u", "p"], ["HELLO", "3", "AUTH", "u", "p"]])
        if self.rng.random() < 0.6:
            return self.rng.choice([["SCAN", "0", "COUNT", "1000"], ["SCAN", "x"], ["KEYS", "*"],
                                    ["SCAN", "0", "MATCH", "k*", "COUNT", "1000"],
                                    ["SCAN", "0", "COUNT", "1000", "TYPE", "set"], ["KEYS", "k?"],
                                    ["SCAN", "0", "COUNT", "0"], ["SCAN", "0", "MATCH"],
                                    ["KEYS", "k[1-3]"], ["SCAN", "0", "bad", "1"]])
        return self.rng.choice([["AUTH", "a", "b", "c"], ["AUTH"], ["HELLO", "4"], ["HELLO", "x"], ["HELLO", "2", "FOO"], ["HELLO"],
                                ["HELLO", "2"], ["hello", "3"],
                                ["HELLO", "3", "SETNAME", "a b"], ["CLIENT", "REPLY", "bad"],
                                ["HELLO", "3", "SETNAME", "me"]])

    def make_refused(self):
        return self.rng.choice([["CLUSTER", "INFO"], ["CLUSTER", "SLOTS"], ["READONLY"], ["FOO"],
                                ["FOO", "bar", b"x" * 200, "z"], ["SENTINEL", "MASTERS"],
                                ["foo\x00bar", "a"], ["CONFIG", "GET", "nosuch"], ["CONFIG", "NONSENSE"],
                                ["OBJECT", "NONSENSE"],
                                ["MEMORY", "NONSENSE"], ["COMMAND", "NONSENSE"], ["CLUSTER", "HELP"],
                                ["COMMAND", "GETKEYSANDFLAGS", "SET", "k", "v", "EX", "1"],
                                ["COMMAND", "GETKEYSANDFLAGS", "SET", "k", "v", "get"]])

    def make_block(self):
        return self.rng.choice([["MULTI"], ["EXEC"], ["DISCARD"], ["EXEC"], ["EXEC"], ["UNWATCH"],
                                ["WATCH"]])


TIMES = {b"TTL": 2, b"PTTL": 3000, b"EXPIRETIME": 2, b"PEXPIRETIME": 3000}


def parse(reply: bytes):
    """(kind, value) of a reply: bytes of a line or bulk, a list of an aggregate; and what follows."""
    line, rest = reply.split(b"\r\n", 1)
    kind, text = line[:1], line[1:]
    if kind in b"$=" and text != b"-1":
        return (kind, rest[:int(text)]), rest[int(text) + 2:]
    if kind in b"*~>%" and text != b"-1":
        elements = []
        for _ in range(int(text) * (2 if kind == b"%" else 1)):
            element, rest = parse(rest)
            elements.append(element)
        return (kind, elements), rest
    return (kind, text), rest


def alike(ours, theirs, allowed: int) -> bool:
    """But for integers that are no further from each other, and the order of a list of names."""
    if ours[0] != theirs[0]:
        return False
    mine, his = ours[1], theirs[1]
    if ours[0] == b":":
        return mine == his or (abs(int(mine) - int(his)) <= allowed and min(int(mine), int(his)) > 50)
    if not isinstance(mine, list):
        return mine == his
    if all(kind == b"$" and text != b"-1" for kind, text in mine):
        mine, his = sorted(mine), sorted(his)
    return len(mine) == len(his) and all(alike(a, b, allowed) for a, b in zip(mine, his))


def parts(reply: bytes) -> list:
    """The bytes of each element of an array; none of what is not an array."""
    if reply[:1] != b"*" or reply[:2] == b"*-":
        return []
    found, rest = [], reply.split(b"\r\n", 1)[1]
    while rest:
        after = parse(rest)[1]
        found.append(rest[:len(rest) - len(after)])
        rest = after
    return found


def close_enough(words: list, ours: bytes, theirs: bytes) -> bool:
    """Of what no EXEC holds: they differ by no more than two servers at one moment may."""
    name = str(words[0]).encode().upper()
    mine, his = parse(ours)[0], parse(theirs)[0]
    if name == b"HELLO" and isinstance(mine[1], list) and isinstance(his[1], list):
        place = mine[1].index((b"$", b"id")) + 1
        return mine[1][:place] == his[1][:place] and mine[1][place + 1:] == his[1][place + 1:]
    if name == b"DBSIZE":  # Redis counts keys that are past their end until it comes upon them
        return mine[0] == his[0] == b":" and 0 < int(his[1]) - int(mine[1]) <= 4
    return (name in (b"SCAN", b"KEYS") or name in TIMES) and alike(mine, his, TIMES.get(name, 0))


class Differences:
    """Rows of: commands, what Redis says, what Keyturn says (regular expressions), why."""

    def __init__(self, path: pathlib.Path):
        lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
        if len(lines) > 15:
            raise RuntimeError("differences.txt is to have at most 15 lines")
        self.rows = [[re.compile(part.strip().encode(), re.S) for part in line.split("|||")[:3]]
                     for line in lines]
        self.used = [0] * len(lines)

    def allow(self, words: list, ours: bytes, theirs: bytes) -> bool:
        command = b" ".join(w if isinstance(w, bytes) else str(w).encode() for w in words).upper()
        for i, (name, redis, keyturn) in enumerate(self.rows):
            if name.match(command) and redis.match(theirs) and keyturn.match(ours):
                self.used[i] += 1
                return True
        return False

    def found(self, words: list, ours: bytes, theirs: bytes, block: list) -> list:
        """What of a reply differs and may not; of EXEC, which ran `block`, the parts that do."""
        if ours == theirs or self.allow(words, ours, theirs):
            return []
        if str(words[0]).upper() == "EXEC" and len(block) == len(parts(ours)) == len(parts(theirs)) > 0:
            return [one for each in zip(block, parts(ours), parts(theirs))
                    for one in self.found(*each, [])]
        return [] if close_enough(words, ours, theirs) else [(words, ours, theirs)]


class Pair:
    """One connection to each, authenticated alike, and in the same protocol."""

    def __init__(self, keyturn: Keyturn, redis: Redis, resp: int):
        self.ends = [Connection(keyturn.path), Connection(redis.path)]
        self.in_block = False
        self.block: list = []
        for end in self.ends:
            end.send(request("HELLO", resp, "AUTH", "default", keyturn.password))
            end.reply()

    def replies(self, data: bytes, count: int) -> list:
        for end in self.ends:
            end.send(data)
        return [[end.reply() for _ in range(count)] for end in self.ends]

    def follow(self, words: list, theirs: bytes) -> None:
        """Whether the next command is in a transaction."""
        name = str(words[0]).upper()
        if name == "MULTI" and theirs == b"+OK\r\n":
            self.in_block, self.block = True, []
        elif name in ("EXEC", "DISCARD") and theirs[:4] != b"-ERR":
            self.in_block = False
        elif theirs == b"+QUEUED\r\n":
            self.block.append(words)

    def close(self) -> None:
        for end in self.ends:
            end.close()


def encode(rng: random.Random, words: list) -> bytes:
    plain = all(re.fullmatch(rb"[\x21-\x7e]+", w if isinstance(w, bytes) else str(w).encode())
                and not re.search(rb"[\"']", w if isinstance(w, bytes) else str(w).encode()) for w in words)
    if plain and rng.random() < 0.05:
        return b" ".join(w if isinstance(w, bytes) else str(w).encode() for w in words) + b"\r\n"
    return request(*words)


def run_stream(keyturn, redis, commands: int, seed: int, differences: Differences) -> list:
    rng = random.Random(seed)
    maker = Maker(rng)
    pairs = [Pair(keyturn, redis, resp) for resp in (2, 3, 2, 3)]
    found, done = [], 0
    while done < commands:
        pair = rng.choice(pairs)
        batch = [maker.one() for _ in range(rng.choice([1, 3, 16, 64]))]
        if rng.random() < 0.02:
            batch.append(["FLUSHALL"])
        if rng.random() < 0.2 and not pair.in_block:
            batch.insert(0, maker.outside())
        ours, theirs = pair.replies(b"".join(encode(rng, words) for words in batch), len(batch))
        for words, mine, his in zip(batch, ours, theirs):
            pair.follow(words, his)
            found += differences.found(words, mine, his, pair.block)
        done += len(batch)
        if len(found) > 20:
            break
    for pair in pairs:
        pair.close()
    print(f"{done} commands")
    return found


MALFORMED = [b"*x\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-5\r\n", b"*1\r\nPING\r\n", b"*2147483648\r\n",
             b"*1048577\r\n", b"*1\r\n$600000000\r\n", b"*1\r\n$99999999999999999999\r\n", b"*\r\n",
             b"*-10\r\n*1\r\n$4\r\nPING\r\n*q\r\n", b"PING\r\n*x\r\n", b"\"unbalanced\r\n",
             b"'a'b\r\n", b"*1\r\n:4\r\nPING\r\n", b"*2\r\n$4\r\nPING\r\n*x\r\n", b"*+1\r\n"]


def run_malformed(keyturn, redis, differences: Differences) -> list:
    """Each to a stranger and to a caller; the rest of what both say until they close."""
    found = []
    for data in MALFORMED:
        for known in (False, True):
            answers = []
            for server in (keyturn, redis):
                connection = Connection(server.path)
                if known:
                    connection.send(request("AUTH", keyturn.password))
                    connection.reply()
                connection.send(data)
                connection.end()  # what is not whole would be waited for
                answers.append(connection.rest())
                connection.close()
            words = ["malformed", data, known]
            if answers[0] != answers[1] and not differences.allow(words, *answers):
                found.append((words, *answers))
    print(f"{2 * len(MALFORMED)} malformed requests")
    return found


def main() -> int:
    commands = int(sys.argv[1]) if len(sys.argv) > 1 else 120_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}")
    differences = Differences(HERE / "differences.txt")
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        keyturn = Keyturn(directory)
        redis = Redis(directory, keyturn.password)
        try:
            found = run_stream(keyturn, redis, commands, seed, differences)
            found += run_malformed(keyturn, redis, differences)
            found += run_pushes(keyturn, redis, commands // 40, seed)
        finally:
            redis.stop()
            code = keyturn.stop()
    for words, ours, theirs in found[:20]:
        print(f"{words}\n  redis   {theirs!r}\n  keyturn {ours!r}")
    print(f"{len(found)} differences, keyturnd ended with {code}; listed ones seen: {differences.used}")
    return 1 if found or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
