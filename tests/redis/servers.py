"""A redis-server and a keyturnd for one test, on unix sockets in a temporary directory."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time


class Connection:
    """A socket, and the replies that came on it, each as the bytes it is made of."""

    def __init__(self, where):
        """A path, or a port of loopback."""
        self.socket = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        self.socket.settimeout(30)
        self.socket.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def fill(self) -> bool:
        got = self.socket.recv(1 << 16)
        self.buffer += got
        return bool(got)

    def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self.fill():
                raise EOFError(self.buffer)
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out

    def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if not self.fill():
                raise EOFError(self.buffer)
        return self.take(end + 2)

    def reply(self) -> bytes:
        line = self.line()
        kind, count = line[:1], line[1:-2]
        if kind in b"$=" and count != b"-1":
            return line + self.take(int(count) + 2)
        if kind in b"*~>%" and count != b"-1":
            elements = int(count) * (2 if kind == b"%" else 1)
            return line + b"".join(self.reply() for _ in range(elements))
        return line

    def rest(self) -> bytes:
        """What comes until the peer closes."""
        try:
            while self.fill():
                pass
        except ConnectionResetError:
            pass
        out, self.buffer = self.buffer, b""
        return out

    def end(self) -> None:
        """Nothing more is sent; replies may still come."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()


def request(*words) -> bytes:
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


def free_port() -> int:
    """For redis-server, which cannot choose one itself."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(what: str, process: subprocess.Popen, ready) -> None:
    end = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} did not start (exit {process.poll()})")
        select_pause()


def select_pause() -> None:
    time.sleep(0.02)  # there is nothing of another process's start to wait on


class Redis:
    """redis-server, or another with its settings; by the binary that redis-tools has: what that is
    goes by the name it is run as."""

    def __init__(self, directory: pathlib.Path, password: str, port: int = 0, more: str = "",
                 program: str = ""):
        self.program = directory / "redis-server"
        self.program.symlink_to(program or shutil.which("redis-server")
                                or shutil.which("redis-check-rdb"))
        self.path, self.port = str(directory / "redis.sock"), port
        self.settings = directory / "redis.conf"
        self.settings.write_text(f'port {port}\nunixsocket {self.path}\nsave ""\n'
                                 f'requirepass {password}\ndir {directory}\n{more}')
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([str(self.program), str(self.settings)],
                                        stdout=subprocess.DEVNULL)
        wait_until("redis-server", self.process, lambda: os.path.exists(self.path))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Keyturn:
    """keyturnd --dev, with names kept, so that it can list keys and knows times exactly."""

    def __init__(self, directory: pathlib.Path, more: str = "", tls: bool = False):
        binary = pathlib.Path(os.environ["KEYTURN_BIN"]) / "keyturnd"
        self.path = str(directory / "keyturn.sock")
        info = directory / "info.json"
        settings = directory / "keyturn.toml"
        settings.write_text('[listen]\ngrpc = "127.0.0.1:0"\nhttps = "127.0.0.1:0"\nmetrics = "127.0.0.1:0"\n'
                            f'resp = "127.0.0.1:0"\nresp_socket = "{self.path}"\n'
                            + ('resp_tls = "127.0.0.1:0"\n' if tls else "") +
                            f'[revocation]\nscan = true\n{more}')
        self.log = open(directory / "keyturnd.log", "wb")
        self.process = subprocess.Popen(
            [binary, "--dev", "--config", settings, "--info-file", info], stdout=subprocess.DEVNULL,
            stderr=self.log)
        wait_until("keyturnd", self.process, info.exists)
        self.info = json.loads(info.read_text())
        self.password = pathlib.Path(self.info["root_token_file"]).read_text().strip()
        self.port = int(self.info["resp"].rsplit(":", 1)[1])
        self.tls_port = int(self.info["resp_tls"].rsplit(":", 1)[1]) if tls else 0

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait()
        self.log.close()
        return code
