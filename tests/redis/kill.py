"""keyturnd killed with SIGKILL under Redis clients that write: what it acknowledged is there.

usage: kill.py [CYCLES [SEED]]

Each connection has keys of its own, so that it knows what they must be: as after its last change
that was acknowledged, or after one that it sent and got no answer to. A fifth of the cycles start
with a mutant of the check: a change is noted as acknowledged that was not sent, and must be missed.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading

from servers import Connection, request, wait_until

BIN = pathlib.Path(os.environ["KEYTURN_BIN"])
WRITERS = 4
PIPELINE = 16
NEVER = "never written"


class Server:
    """keyturnd on a directory, sealed with a key file that it opens by itself."""

    def __init__(self, directory: pathlib.Path, listen: str = 'resp = ""\n', limits: str = ""):
        self.directory = directory
        self.path = str(directory / "resp.sock")
        self.info = directory / "info.json"
        (directory / "keyturnd.toml").write_text(
            f'data_directory = "{directory}/data"\nkey_file = "{directory}/unseal.key"\n'
            'auto_unseal = true\n[listen]\ngrpc = "127.0.0.1:0"\nhttps = "127.0.0.1:0"\nmetrics = "127.0.0.1:0"\n'
            f'{listen}resp_socket = "{self.path}"\n'
            f'[limits]\nrequire_memory_lock = false\n{limits}[log]\nlevel = "warning"\n')
        (directory / "data").mkdir(mode=0o700)

    def start(self) -> None:
        self.info.unlink(missing_ok=True)
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "keyturnd", "--config", self.directory / "keyturnd.toml", "--info-file",
                 self.info], stdout=subprocess.DEVNULL, stderr=log)
        wait_until("keyturnd", self.process, self.info.exists)

    def init(self) -> None:
        socket = json.loads(self.info.read_text())["operator_socket"]
        home = {**os.environ, "HOME": str(self.directory), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
        token = self.directory / "root-token"
        subprocess.run([BIN / "keyturn", "operator", "init", "--seal", "key-file", "--socket", socket,
                        "--root-token-file", token], capture_output=True, check=True,
                       env={**home, "KEYTURN_INFO_FILE": str(self.info)})
        self.token = token.read_text().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def connect(self) -> Connection:
        connection = Connection(self.path)
        connection.send(request("AUTH", self.token))
        if connection.reply() != b"+OK\r\n":
            raise RuntimeError("the root token is not taken")
        return connection


class Writer:
    """Its keys, with what each may be: a set of values, None for absent."""

    def __init__(self, number: int, seed: int):
        self.rng = random.Random(seed)
        self.prefix = f"w{number}:"
        self.count = 0
        self.may_be: dict[str, set] = {}
        self.acknowledged = 0
        self.refused = b""

    def change(self) -> tuple:
        """A key, the value it gets, and the request."""
        known = list(self.may_be)
        if known and self.rng.random() < 0.2:
            key = self.rng.choice(known[-200:])
            if self.rng.random() < 0.5:
                return key, None, request("DEL", key)
            return key, b"again", request("SET", key, "again", "PX", 86_400_500)
        key = f"{self.prefix}{self.count}"
        self.count += 1
        value = self.rng.choice([b"1", b"", b"revoked", b"a value of its own"])
        life = self.rng.choice([["EX", 86400], ["EX", 7200], ["PX", 90_000_001], []])
        return key, value, request("SET", key, value, *life)

    def run(self, connection: Connection) -> None:
        try:
            while True:
                batch = [self.change() for _ in range(PIPELINE)]
                for key, value, _ in batch:
                    self.may_be.setdefault(key, {None}).add(value)
                connection.send(b"".join(data for _, _, data in batch))
                for at, (key, value, _) in enumerate(batch):
                    reply = connection.reply()
                    if reply[:1] not in b"+:":
                        self.refused = reply
                        return
                    self.acknowledged += 1
                    self.may_be[key] = {value} | {v for k, v, _ in batch[at + 1:] if k == key}
        except (EOFError, OSError):
            pass

    def problems(self, connection: Connection) -> list:
        keys = list(self.may_be)
        out = []
        for at in range(0, len(keys), 500):
            part = keys[at:at + 500]
            connection.send(request("MGET", *part))
            values = parse_bulks(connection.reply())
            for key, value in zip(part, values):
                if value not in self.may_be[key]:
                    out.append(f"{key} is {value!r}, not one of {self.may_be[key]}")
                self.may_be[key] = {value}
        return out


def parse_bulks(reply: bytes) -> list:
    out, rest = [], reply.split(b"\r\n", 1)[1]
    while rest:
        head, rest = rest.split(b"\r\n", 1)
        if head == b"$-1":
            out.append(None)
        else:
            size = int(head[1:])
            out.append(rest[:size])
            rest = rest[size + 2:]
    return out


def cycle(server: Server, writers: list, rng: random.Random, mutant: bool) -> list:
    enough = threading.Event()
    goal = sum(w.acknowledged for w in writers) + rng.randint(1, 3000)
    threads = []
    for writer in writers:
        connection = server.connect()
        threads.append(threading.Thread(target=writer.run, args=(connection,)))
    for thread in threads:
        thread.start()
    while sum(w.acknowledged for w in writers) < goal and any(t.is_alive() for t in threads):
        enough.wait(0.0005 * rng.random())
    server.kill()
    for thread in threads:
        thread.join()
    found = [f"a change was refused: {writer.refused!r}" for writer in writers if writer.refused]
    if sum(w.acknowledged for w in writers) < goal:
        found.append(f"fewer than {goal} changes were acknowledged")
    if mutant:
        writers[0].may_be[NEVER] = {b"1"}
    server.start()
    connection = server.connect()
    found += [problem for writer in writers for problem in writer.problems(connection)]
    connection.close()
    return found


def run(server: Server, cycles: int, rng: random.Random) -> int:
    server.init()
    writers = [Writer(i, rng.randrange(1 << 32)) for i in range(WRITERS)]
    missed = 0
    for number in range(cycles):
        mutant = number % 5 == 4
        found = cycle(server, writers, rng, mutant)
        if mutant:
            if not any(problem.startswith(NEVER) for problem in found):
                print("what was never written was not missed")
                return 1
            missed += 1
            del writers[0].may_be[NEVER]
            found = [problem for problem in found if not problem.startswith(NEVER)]
        if found:
            print(f"cycle {number}: {len(found)} problems", *found[:5], sep="\n  ")
            print((server.directory / "log").read_text()[-3000:])
            return 1
    print(f"{cycles} kills, {sum(w.acknowledged for w in writers)} acknowledged changes, none lost; "
          f"{missed} that were never made were missed")
    return 0


def main() -> int:
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        server = Server(pathlib.Path(name))
        server.start()
        try:
            return run(server, cycles, rng)
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main())
