"""Clients of other languages as they are, against keyturnd: each logs in, sets, asks, pipelines, has
a transaction, is disconnected and comes back, and uses TLS.

usage: more_clients.py [CACHE [NAME...]]

What they are made of is kept in the directory CACHE, and Node.js beside it (tests/support/languages.py);
Python and Java must be there (./dev setup).
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from servers import Keyturn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))
from languages import PYTHON, Language, Node, digest, install_wheels, run  # noqa: E402

SECONDS_TO_RUN = 60


class Python(Language):
    name, clients, must = "python", "clients.py", True
    program, least = PYTHON, (3, 10)

    def install(self, home):
        install_wheels(home / "requirements.txt", home / "packages")

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
            for language in (kind(HERE, cache) for kind in (Python, Java, Node, Go)):
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
