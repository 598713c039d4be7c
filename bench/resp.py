"""redis-benchmark against redis-server and keyturnd by turns, on one machine, in one run.

usage: resp.py [REPEATS [REQUESTS]]   (bench/run.sh resp)

Both keep each change on the disk before they answer: redis-server with `appendfsync always`. Prints
for each question and depth of pipeline the median operations a second and the median CPU time of the
server for one operation, by /proc/PID/task/*/schedstat. The client takes its part of the same cores.
"""

import csv
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "redis"))
from kill import Server  # noqa: E402
from servers import Connection, Redis, free_port, request  # noqa: E402

CLIENTS = "50"
TOKENS = 200_000
# What is asked, with `__rand_int__` below 1,000,000: a fifth of these tokens are revoked.
QUESTIONS = {
    "EXISTS, absent": ["EXISTS", "absent:5f0c2b1e-7d3a-4c11-9e77-__rand_int__"],
    "EXISTS, a fifth revoked": ["EXISTS", "revoked:5f0c2b1e-7d3a-4c11-9e77-__rand_int__"],
    "SET EX, durable": ["SET", "put:5f0c2b1e-7d3a-4c11-9e77-__rand_int__", "1", "EX", "86400"],
}


class RedisPeer(Redis):
    def __init__(self, directory: pathlib.Path):
        self.port, self.password = free_port(), "bench"
        super().__init__(directory, self.password, port=self.port,
                         more="appendonly yes\nappendfsync always\n")

    @property
    def pid(self) -> int:
        return self.process.pid


class KeyturnPeer(Server):
    def __init__(self, directory: pathlib.Path):
        super().__init__(directory, 'resp = "127.0.0.1:0"\n',
                         "source_calls_per_second = 0\nidentity_calls_per_second = 0\n")
        self.start()
        self.init()
        self.port = int(json.loads(self.info.read_text())["resp"].rsplit(":", 1)[1])
        self.password = self.token

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def cpu_seconds(pid: int) -> float:
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def fill(peer) -> None:
    connection = Connection(peer.path)
    connection.send(request("AUTH", peer.password))
    connection.reply()
    for begin in range(0, TOKENS, 1000):
        connection.send(b"".join(
            request("SET", f"revoked:5f0c2b1e-7d3a-4c11-9e77-{i:012d}", "1", "EX", "86400")
            for i in range(begin, begin + 1000)))
        for _ in range(1000):
            connection.reply()
    connection.close()


def measure(peer, words: list, depth: int, requests: int) -> tuple:
    before = cpu_seconds(peer.pid)
    said = subprocess.run(
        ["redis-benchmark", "-p", str(peer.port), "-a", peer.password, "--csv", "-c", CLIENTS, "-n",
         str(requests), "-r", "1000000", "-P", str(depth), *words],
        capture_output=True, check=True, text=True, env=os.environ).stdout
    row = list(csv.DictReader(io.StringIO(said)))[0]
    return float(row["rps"]), (cpu_seconds(peer.pid) - before) / requests * 1e6


def main() -> int:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 400_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("WORK")) as name:
        homes = [pathlib.Path(name) / "keyturn", pathlib.Path(name) / "redis"]
        for home in homes:
            home.mkdir()
        peers = [KeyturnPeer(homes[0]), RedisPeer(homes[1])]
        try:
            for peer in peers:
                fill(peer)
            print("| | depth | Keyturn /s | Redis /s | Keyturn CPU µs | Redis CPU µs | Redis : Keyturn |")
            print("|---|---|---|---|---|---|---|")
            for question, words in QUESTIONS.items():
                for depth, requests in ((1, most // 4), (16, most), (64, most)):
                    rows = [[measure(peer, words, depth, requests) for peer in peers]
                            for _ in range(repeats)]
                    rate = [statistics.median(row[i][0] for row in rows) for i in (0, 1)]
                    cpu = [statistics.median(row[i][1] for row in rows) for i in (0, 1)]
                    print(f"| {question} | {depth} | {rate[0]:,.0f} | {rate[1]:,.0f} | {cpu[0]:.2f} | "
                          f"{cpu[1]:.2f} | {cpu[1] / cpu[0]:.2f} |", flush=True)
        finally:
            for peer in peers:
                peer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
