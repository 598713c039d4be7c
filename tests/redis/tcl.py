"""Redis's own test suite against keyturnd, one unit a process; or against redis-server.

usage: tcl.py SUITE [UNIT ...] [--redis] [--show] [--arguments="--force-resp3"]

SUITE is a directory with Redis's `runtest` and `tests/`, which are not part of this repository;
without them nothing is run, which is no failure. UNITS says how many tests of a unit must pass,
tcl_skipped.txt which cannot, and why. With --redis the same tests run against redis-server, which
tells what they say of a Redis. The suite cannot log in, so it gets a relay on loopback that does.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

from servers import Keyturn, Redis, free_port, request

HERE = pathlib.Path(__file__).parent
PASSWORD = "suite"
SECONDS_FOR_A_UNIT = 300
# Of the suite of redis 7.0.15.
UNITS = {"protocol": 14, "quit": 3, "expire": 58, "type/string": 45, "type/set": 4, "keyspace": 17,
         "scan": 5, "introspection": 12, "introspection-2": 20, "multi": 21, "pubsub": 23}
DENIED = "-needs:repl -needs:save -needs:config-maxmemory -needs:config-resetstat"
SETTINGS = "[limits]\nsource_calls_per_second = 0\nidentity_calls_per_second = 0\n"
RESULT = re.compile(r"^\[(ok|err|exception|ignore|skip|timeout)\]: (.*)$", re.MULTILINE)
# Keys that are over are swept once in a while, and not seen before: there is nothing to turn off.
STOP_SWEEP = re.compile(rb"\*3\r\n\$5\r\ndebug\r\n\$17\r\nset-active-expire\r\n\$1\r\n[01]\r\n", re.I)
SAYS_OK = request("FUNCTION", "FLUSH")


class Relay:
    """A port whose connections are logged in, each with one of the server's."""

    def __init__(self, port: int, password: str):
        self.server_port, self.password = port, password
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        start(self.accept)

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                start(self.serve, self.listener.accept()[0])

    def serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            server.sendall(request("AUTH", self.password))
            said = server.recv(5, socket.MSG_WAITALL)
            if said != b"+OK\r\n":
                raise RuntimeError(f"the relay may not log in: {said!r}")
            up = start(pump, client, server)
            pump(server, client)
            up.join()

    def close(self) -> None:
        self.listener.close()


def start(run, *arguments) -> threading.Thread:
    thread = threading.Thread(target=run, args=arguments, daemon=True)
    thread.start()
    return thread


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while got := source.recv(1 << 16):
            sink.sendall(STOP_SWEEP.sub(SAYS_OK, got))
    for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


def run(suite: pathlib.Path, port: int, unit: str, more: list) -> str:
    """What it printed. It is a group of processes, since it starts some of its own."""
    command = ["./runtest", "--host", "127.0.0.1", "--port", str(port), "--singledb", "--durable",
               "--ignore-encoding", "--ignore-digest", "--no-latency", "--tags", DENIED, "--skipfile",
               str(HERE / "tcl_skipped.txt"), *more, "--single", f"unit/{unit}"]
    with subprocess.Popen(command, cwd=suite, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as process:
        timer = threading.Timer(SECONDS_FOR_A_UNIT, os.killpg, (process.pid, 9))
        timer.start()
        said = re.sub(r"\x1b\[[0-9;]*m", "", process.stdout.read().decode(errors="replace"))
        timer.cancel()
        return said + ("[timeout]: it hung\n" if process.wait() == -9 else "")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("units", nargs="*")
    parser.add_argument("--redis", action="store_true")
    parser.add_argument("--show", action="store_true", help="what the suite prints")
    parser.add_argument("--arguments", default="", help="more of them for the suite")
    given = parser.parse_args()
    if not (given.suite / "runtest").exists():
        print(f"{given.suite} has no suite of Redis: nothing is run")
        return 0
    short = []
    with tempfile.TemporaryDirectory() as name:
        server = (Redis(pathlib.Path(name), PASSWORD, free_port()) if given.redis
                  else Keyturn(pathlib.Path(name), SETTINGS))
        relay = Relay(server.port, PASSWORD if given.redis else server.password)
        try:
            for unit in given.units or UNITS:
                said = run(given.suite, relay.port, unit, given.arguments.split())
                if given.show:
                    print(said)
                counts = collections.Counter(kind for kind, _ in RESULT.findall(said))
                print(f"{unit}:", *(f"{counts[kind]} {kind}" for kind in sorted(counts)), flush=True)
                if not given.redis and counts["ok"] < UNITS.get(unit, 1):
                    short.append(unit)
        finally:
            relay.close()
            server.stop()
    if short:
        print("too few tests pass in", *short)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
