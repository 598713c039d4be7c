"""Programs of tests in other languages, with libraries from the registries of those languages.

What they are made of comes in the versions and with the checksums that stand beside them, once, into a
directory that is kept. A language that is not on this machine, or is too old, is named and left out,
unless it is one that `./dev setup` installs.
"""

import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile

SECONDS_TO_INSTALL = 300


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
    """A directory with a program, and the lists of what that needs. These are installed once into
    one of the cache."""

    name = program = clients = ""
    version, least = ("--version",), (0,)
    must = False

    def __init__(self, beside: pathlib.Path, cache: pathlib.Path):
        self.source = beside / self.name
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


class Node(Language):
    name, clients = "node", "clients.mjs"
    program, least = "node", (20, 0)

    def missing(self):
        return super().missing() or ("" if shutil.which("npm") else "there is no npm")

    def install(self, home):
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=home)

    def command(self):
        return ["node", self.clients]
