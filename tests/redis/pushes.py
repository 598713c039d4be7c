"""Messages, keyspace events and client tracking: the same steps to redis-server and to keyturnd.

Four connections to each: two that subscribe, in RESP2 and RESP3, one that has answers of its own, told
in RESP3 or by a redirect to the first, and one that changes and publishes. One command is a step;
behind each step every connection asks PING, so that all that came before is compared, in its order.
"""

import random
import re

from servers import Connection, request

CHANNELS = ["a", "b", "news", "__keyspace@0__:k1", "__keyevent@0__:del", "__keyevent@0__:set"]
PATTERNS = ["*", "__key*__:*", "n[aeiou]ws", "__keyspace@0__:k?", "a"]
KEYS = ["k1", "k2", "user:1", "user:2", "s1"]
EVENTS = ["KEA", "KEAn", "KA", "Eg$", "KEs", "", "AKE", "Kx$"]


class Steps:
    """(which connection, words); {0} is the id of the first."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def one(self) -> list:
        pick = self.rng.random()
        if pick < 0.25:
            return [self.rng.choice([0, 1]), self.listening()]
        if pick < 0.33:
            return [1, self.rng.choice([["PUBLISH", self.channel(), "self"], self.change(), ["GET", "k1"],
                                        ["PING"], ["CLIENT", "REPLY", "ON"]])]
        if pick < 0.36:
            return [0, self.rng.choice([["GET", "k1"], ["PING"], ["PING", "hi"], ["PUBLISH", "a", "x"],
                                        ["ECHO", "x"], ["PING", "a", "b"]])]
        if pick < 0.55:
            return [2, self.caching()]
        if pick < 0.75:
            return [3, [self.rng.choice(["PUBLISH", "PUBLISH", "SPUBLISH"]), self.channel(),
                        self.rng.choice(["m", "", "\r\n", "x" * 100])]]
        if pick < 0.80:
            return [3, self.rng.choice([["PUBSUB", "NUMSUB", "a", "b", "none"], ["PUBSUB", "NUMPAT"],
                                        ["PUBSUB", "CHANNELS"], ["PUBSUB", "CHANNELS", "__*"],
                                        ["PUBSUB", "SHARDCHANNELS"], ["PUBSUB", "SHARDNUMSUB", "a"],
                                        ["PUBSUB", "NONSENSE"], ["PUBSUB"], ["PUBSUB", "NUMPAT", "x"],
                                        ["PUBSUB", "CHANNELS", "a", "b"], ["PUBSUB", "HELP"],
                                        ["CONFIG", "GET", "notify-keyspace-events"],
                                        ["CONFIG", "SET", "notify-keyspace-events",
                                         self.rng.choice(EVENTS)]])]
        return [3, self.change()]

    def channel(self):
        return self.rng.choice(CHANNELS)

    def listening(self) -> list:
        name = self.rng.choice(["SUBSCRIBE", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE",
                                "PUNSUBSCRIBE", "SUNSUBSCRIBE"])
        names = PATTERNS if name[0] == "P" else CHANNELS
        some = self.rng.sample(names, self.rng.choice([0, 1, 1, 1, 2]))
        return [name.lower() if self.rng.random() < 0.1 else name, *some]

    def change(self) -> list:
        key = self.rng.choice(KEYS)
        return self.rng.choice([
            ["SET", key, "v"], ["SET", key, "v", "EX", "100"], ["SET", key, "v", "KEEPTTL"],
            ["SET", key, "v", "GET"], ["SET", key, "v", "NX"], ["SETEX", key, "100", "v"], ["DEL", key],
            ["DEL", *KEYS[:3]], ["UNLINK", key], ["MSET", "k1", "v", "user:1", "v", "k1", "w"],
            ["GETDEL", key], ["GETSET", key, "x"], ["GETEX", key, "EX", "50"], ["GETEX", key, "PERSIST"],
            ["EXPIRE", key, "100"], ["EXPIRE", key, "-1"], ["EXPIRE", key, "9", "GT"], ["PERSIST", key],
            ["SADD", "s1", "m", "n"], ["SADD", "s1", "m"], ["SREM", "s1", "m"], ["SREM", "s1", "m", "n"],
            ["SETNX", key, "v"], ["GETEX", key, "PXAT", "1"], ["FLUSHALL"]])

    def caching(self) -> list:
        key = self.rng.choice(KEYS)
        if self.rng.random() < 0.6:
            return self.rng.choice([["GET", key], ["EXISTS", *self.rng.sample(KEYS, 2)], ["TTL", key],
                                    ["MGET", *KEYS], ["SISMEMBER", "s1", "m"], ["TYPE", key], ["SCARD", "s1"],
                                    self.change()])
        options = [["REDIRECT", "{0}"], ["BCAST"], ["PREFIX", "user:"], ["PREFIX", "k"], ["OPTIN"], ["OPTOUT"],
                   ["NOLOOP"], ["REDIRECT", "99999999"], ["NONSENSE"], ["PREFIX", "us"]]
        words = sum(self.rng.sample(options, self.rng.choice([0, 0, 1, 1, 2])), [])
        return self.rng.choice([["CLIENT", "TRACKING", "ON", *words], ["CLIENT", "TRACKING", "ON", *words],
                                ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:"],
                                ["CLIENT", "TRACKING", "OFF"], ["CLIENT", "CACHING", "YES"],
                                ["CLIENT", "CACHING", "NO"], ["CLIENT", "TRACKINGINFO"],
                                ["CLIENT", "GETREDIR"], ["HELLO", self.rng.choice(["2", "3"])],
                                ["CLIENT", "TRACKING", "MAYBE"], ["CLIENT", "CACHING", "x"]])


class End:
    """The four connections to one server."""

    def __init__(self, path: str, password: str):
        self.connections = [Connection(path) for _ in range(4)]
        self.ids = []
        for i, connection in enumerate(self.connections):
            connection.send(request("HELLO", 3 if i in (1, 2) else 2, "AUTH", "default", password))
            connection.reply()
            connection.send(request("CLIENT", "ID"))
            self.ids.append(connection.reply()[1:-2].decode())
        self.marks = 0

    def step(self, who: int, words: list) -> list:
        """What comes to each, up to the answer to a PING behind it."""
        words = [word.format(*self.ids) if "{" in word else word for word in words]
        self.connections[who].send(request(*words))
        order = [who, *(i for i in range(4) if i != who)]
        got: list = [[], [], [], []]
        # Redis sends what BCAST tells with the replies, behind all requests that it has read by then.
        got[who].append(self.without_ids(words, self.connections[who].reply()))
        for i in order:
            self.marks += 1
            mark = b"mark-%d" % self.marks
            self.connections[i].send(request("PING", mark))
            while not (reply := self.connections[i].reply()).endswith(mark + b"\r\n"):
                got[i].append(self.without_ids(words, reply))
        return got

    def without_ids(self, words: list, reply: bytes) -> bytes:
        if words[1:] == ["GETREDIR"] and reply[1:-2].decode() in self.ids:
            return b":ID"
        return re.sub(rb"(redirect\r\n|[$]2\r\nid\r\n|redir-broken\r\n):[1-9]\d*", rb"\1:ID", reply)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def normal(who: int, words: list, got: list) -> list:
    """What Redis gives in the order of its hash tables, in an order of its own; and keys to forget
    before messages, as Keyturn tells them (docs/REDIS.md), but for whoever did the step."""
    out = []
    for i, replies in enumerate(got):
        # Redis writes the null of the one that has asked, which RESP2 does not know.
        replies = [reply.replace(b"__redis__:invalidate\r\n_", b"__redis__:invalidate\r\n$-1")
                   for reply in replies]
        if i != who:
            replies = sorted(replies, key=lambda reply: b"invalidate\r\n" not in reply)
        sorted_replies: list = []
        run: list = []  # patterns that one message matches
        for reply in [*replies, b""]:
            if reply[3:].startswith(b"\n$8\r\npmessage") or reply[2:].startswith(b"\r\n$8\r\npmessage"):
                run.append(reply)
                continue
            sorted_replies += sorted(run) + ([reply] if reply else [])
            run = []
        out.append(sorted_replies)
    if words[0].upper().endswith("UNSUBSCRIBE") and len(words) == 1:
        out = [sorted(part for reply in replies for part in reply.split(b"\r\n")) for replies in out]
    if words[:2] in (["PUBSUB", "CHANNELS"], ["PUBSUB", "SHARDCHANNELS"]):
        out = [sorted(part for reply in replies for part in reply.split(b"\r\n")) for replies in out]
    return out


def run_pushes(keyturn, redis, steps: int, seed: int) -> list:
    rng = random.Random(seed)
    maker = Steps(rng)
    ends = [End(server.path, keyturn.password) for server in (keyturn, redis)]
    found = []
    pushed = 0
    for end in ends:
        end.step(3, ["FLUSHALL"])
        end.step(3, ["CONFIG", "SET", "notify-keyspace-events", "KEA"])
    for _ in range(steps):
        who, words = maker.one()
        ours, theirs = (end.step(who, words) for end in ends)
        if words == ["CLIENT", "TRACKING", "OFF"]:  # Redis still knows what was asked for, for when it is on
            for end in ends:
                end.step(3, ["FLUSHALL"])
        pushed += sum(len(replies) for replies in theirs) - 1
        if normal(who, words, ours) != normal(who, words, theirs):
            found.append(([who, *words], ours, theirs))
            if len(found) > 10:
                break
    for end in ends:
        end.step(3, ["CONFIG", "SET", "notify-keyspace-events", ""])
        end.close()
    print(f"{steps} steps with {pushed} pushes")
    return found
