"""Clients of other languages as they are, against keyturnd: each logs in, sets, asks, pipelines, has
a transaction, is disconnected and comes back, and uses TLS.

usage: more_clients.py [CACHE [NAME...]]

What they are made of comes from the registries of their languages, in the versions and with the
checksums that stand beside them, once, into the directory CACHE. A language that is not on this
machine, or is too old, is named and left out; Python and Java must be there (./dev setup).
"""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from servers import Keyturn

HERE = pathlib.Path(__file__).parent
SECONDS_TO_INSTALL, SECONDS_TO_RUN = 300, 60


def run(*command, seconds: int = SECONDS_TO_INSTALL, **more) -> str:
    done = subprocess.run([str(word) for word in command], timeout=seconds, check=False, text=True,
                          capture_output=True, **more)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{said}")
    return done.stdout


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Language:
    """A directory beside this file. What it needs is installed once into one of the cache."""

    name = program = clients = ""
    version, least = ("--version",), (0,)
    must = False

    def __init__(self, cache: pathlib.Path):
        self.source = HERE / self.name
        self.listed = [file for file in sorted(self.source.iterdir()) if file.name != self.clients]
        key = hashlib.sha256("".join(digest(file) for file in self.listed).encode()).hexdigest()
        self.home = cache / f"{self.name}-{key[:16]}"

    def missing(self) -> str:
        """Why it cannot run here, or nothing."""
        if not shutil.which(self.program):
            return f"there is no {self.program}"
        numbers = re.search(r"(\d+)\.(\d+)", run(self.program, *self.version))
        found = tuple(int(number) for number in numbers.groups())
        return f"{self.program} is {found}, older than {self.least}" if found < self.least else ""

    def prepare(self) -> None:
        """All or nothing: the directory appears under its name when it is whole."""
        if not self.home.exists():
            self.home.parent.mkdir(parents=True, exist_ok=True)
            for old in self.home.parent.glob(f"{self.name}-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=self.home.parent) as name:
                making = pathlib.Path(name) / "made"
                making.mkdir()
                for file in self.listed:
                    shutil.copy(file, making)
                self.install(making)
                making.rename(self.home)
        program, compiled = self.home / self.clients, self.home / "compiled"
        if compiled.exists() and digest(program) == digest(self.source / self.clients):
            return
        compiled.unlink(missing_ok=True)
        shutil.copy(self.source / self.clients, program)
        self.compile()
        compiled.touch()

    def install(self, home: pathlib.Path) -> None:
        raise NotImplementedError

    def compile(self) -> None:
        pass

    def command(self) -> list:
        raise NotImplementedError


class Python(Language):
    name, clients, must = "python", "clients.py", True
    program, least = "/usr/bin/python3", (3, 10)

    def install(self, home):
        run(self.program, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:",
            "--require-hashes", "--disable-pip-version-check", "--root-user-action", "ignore",
            "--target", home / "packages", "-r", home / "requirements.txt")

    def command(self):
        return ["env", f"PYTHONPATH={self.home / 'packages'}", self.program, self.clients]


class Java(Language):
    name, clients, must = "java", "Clients.java", True
    program, least = "javac", (17, 0)

    def install(self, home):
        run("mvn", "-q", "-B", "-f", home / "pom.xml",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
            f"-DoutputDirectory={home / 'jars'}", "-DincludeScope=runtime")
        found = "".join(f"{digest(jar)}  {jar.name}\n" for jar in sorted((home / "jars").iterdir()))
        if found != (home / "jars.sha256").read_text():
            raise RuntimeError(f"these are not the libraries of jars.sha256:\n{found}")

    def compile(self):
        run("javac", "-cp", "jars/*", "-d", "classes", self.clients, cwd=self.home)

    def command(self):
        # What starts soon is enough.
        return ["java", "-XX:TieredStopAtLevel=1", "-cp", "classes:jars/*", "Clients"]


class Node(Language):
    name, clients = "node", "clients.mjs"
    program, least = "node", (20, 0)

    def install(self, home):
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=home)

    def command(self):
        return ["node", self.clients]


class Go(Language):
    name, clients = "go", "main.go"
    program, version, least = "go", ("version",), (1, 24)
    environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "0"}

    def install(self, home):
        run("go", "mod", "download", "github.com/redis/go-redis/v9", cwd=home, env=self.environment)

    def compile(self):
        run("go", "build", "-mod=readonly", "-o", "clients", ".", cwd=self.home, env=self.environment)

    def command(self):
        return ["./clients"]


def main() -> int:
    cache = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/redis_clients").absolute()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        keyturn = Keyturn(pathlib.Path(name), tls=True)
        environment = {**os.environ, "RESP_PORT": str(keyturn.port), "RESP_USER": "root",
                       "RESP_TLS_PORT": str(keyturn.tls_port), "RESP_PASSWORD": keyturn.password,
                       "RESP_CA": keyturn.info["ca_file"]}
        with contextlib.ExitStack() as stack:
            stack.callback(keyturn.stop)
            for language in (kind(cache) for kind in (Python, Java, Node, Go)):
                if len(sys.argv) > 2 and language.name not in sys.argv[2:]:
                    continue
                if why := language.missing():
                    print(f"{language.name} is left out: {why}")
                    failed = failed or language.must
                    continue
                begin = ready = time.monotonic()
                try:
                    language.prepare()
                    ready = time.monotonic()
                    print(run(*language.command(), seconds=SECONDS_TO_RUN, cwd=language.home,
                              env=environment), end="")
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    failed = True
                    print(f"{language.name}: {error}")
                print(f"  {ready - begin:.1f} s to install, {time.monotonic() - ready:.1f} s to run",
                      flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
