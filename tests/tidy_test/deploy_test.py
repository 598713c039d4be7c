"""Checks what is under deploy/ as far as a machine that runs neither systemd nor Docker can."""

import functools
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = pathlib.Path(os.environ.get("KEYTURN_BIN", ROOT / "build/dev/bin"))


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def image_packages() -> list[str]:
    """What the Dockerfile's last stage installs."""
    stage = (ROOT / "deploy/container/Dockerfile").read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    words = re.search(r"apt-get install ([^&\n]*)", stage).group(1).split()
    return [word for word in words if not word.startswith("-")]


@functools.cache
def dependencies() -> dict[str, list[str]]:
    """Of each package on this machine, the first choice of each thing that it depends on."""
    said = output("dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends},${Depends}\n")
    rows = (line.split("\t") for line in said.splitlines())
    return {name: [re.split(r"[ :(|]", clause.strip())[0] for clause in clauses.split(",") if clause.strip()]
            for name, clauses in rows}


def with_dependencies(packages: list[str]) -> set[str]:
    found, left = set(), list(packages)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += dependencies().get(name, [])
    return found


def needed(program: pathlib.Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", str(program)))


def missing_libraries(libraries: list[str], packages: list[str]) -> list[str]:
    held = [package for package in sorted(with_dependencies(packages)) if package in dependencies()]
    provided = {path.rpartition("/")[2] for path in output("dpkg-query", "-L", *held).splitlines()}
    return [library for library in libraries if library not in provided]


class Deploy(unittest.TestCase):
    def test_the_unit_is_valid_and_hardened(self):
        unit = ROOT / "deploy/systemd/keyturnd.service"
        verify = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)],
                                capture_output=True, text=True, check=False)
        complaints = [line for line in verify.stderr.splitlines() if "is not executable" not in line
                      and "keyturnd.service" in line]
        self.assertEqual([], complaints)
        security = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(unit)],
                                  capture_output=True, text=True, check=False)
        exposure = re.search(r"exposure level for \S+: ([\d.]+)", security.stdout)
        self.assertIsNotNone(exposure, security.stderr)
        self.assertLess(float(exposure.group(1)), 2.0)

    def test_the_image_is_multi_stage_and_not_root(self):
        lines = (ROOT / "deploy/container/Dockerfile").read_text().splitlines()
        stages = [line for line in lines if line.startswith("FROM ")]
        self.assertEqual(2, len(stages))
        last = lines[lines.index(stages[-1]):]
        users = [line for line in last if line.startswith("USER ")]
        self.assertEqual(["USER 7400:7400"], users)
        self.assertLess(last.index(users[0]), next(i for i, line in enumerate(last) if line.startswith("ENTRYPOINT")))
        for line in last:
            for source in re.findall(r"^COPY (?!--from)(\S+)", line):
                self.assertTrue((ROOT / source).exists(), source)

    def test_the_image_has_every_library_of_the_programs(self):
        libraries = sorted({library for name in ("keyturnd", "keyturn") for library in needed(PROGRAMS / name)})
        self.assertIn("libc.so.6", libraries)
        if any(re.match(r"lib(a|t|ub)san\.so", library) for library in libraries):
            self.skipTest("a sanitizer's build is not what the image holds")
        packages = image_packages()
        self.assertEqual([], missing_libraries(libraries, packages))
        for name, library in (("libtomlplusplus3", "libtomlplusplus.so.3"), ("libjemalloc2", "libjemalloc.so.2")):
            others = [package for package in packages if package != name]
            self.assertEqual([library], missing_libraries(libraries, others))

    def test_the_image_is_the_unit_but_listens_where_its_port_is_published(self):
        dockerfile = (ROOT / "deploy/container/Dockerfile").read_text()
        self.assertIn("\nCOPY deploy/container/keyturn.toml /etc/keyturn/keyturn.toml\n", dockerfile)
        image = tomllib.loads((ROOT / "deploy/container/keyturn.toml").read_text())
        port = re.search(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE).group(1)
        self.assertIn(f"-p {port}:{port} ", dockerfile)
        self.assertEqual({"grpc": f"0.0.0.0:{port}"}, image.pop("listen"))
        self.assertEqual(tomllib.loads((ROOT / "deploy/keyturn.toml").read_text()), image)

    def test_the_unit_is_installed_before_it_is_enabled(self):
        document = (ROOT / "docs/OPERATIONS.md").read_text()
        section = re.search(r"^## Install with systemd\n(.*?)^## ", document, re.MULTILINE | re.DOTALL).group(1)
        before, enable, _ = section.partition("systemctl enable")
        self.assertTrue(enable)
        installed = [line.split() for line in before.splitlines() if line.startswith("    install ")]
        sources = {word for words in installed for word in words[3:-1] if "/" in word}
        self.assertEqual({"build/release/bin/keyturnd", "build/release/bin/keyturn", "deploy/keyturn.toml",
                          "deploy/systemd/keyturnd.service"}, sources)
        for source in sources:
            self.assertTrue(source.startswith("build/") or (ROOT / source).exists(), source)
        self.assertIn("useradd --system", before)
        # Told once: other documents lead there.
        readme = (ROOT / "deploy/README.md").read_text()
        self.assertIn("(../docs/OPERATIONS.md#install-with-systemd)", readme)
        self.assertNotIn("systemctl enable", readme)

    def test_every_package_is_one_word(self):
        for line in (ROOT / "deploy/packages.txt").read_text().splitlines():
            self.assertRegex(line, r"^(#.*|[a-z0-9.+-]+)$")


# In the place of keyturnd: says that it listens, and stays until its standard input ends.
SERVER = """#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = --info-file ] && echo "$$" >"$2"; shift; done
echo listening
read -r line
"""


class Start(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.bin = pathlib.Path(temporary.name) / "bin"
        self.run_directory = pathlib.Path(temporary.name) / "run"
        self.bin.mkdir()
        (self.bin / "keyturnd").write_text(SERVER)
        (self.bin / "keyturnd").chmod(0o755)

    def start(self) -> subprocess.Popen:
        command = [str(ROOT / "deploy/start.sh"), str(self.bin), str(self.run_directory)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def started(self) -> subprocess.Popen:
        server = self.start()
        self.assertEqual("listening\n", server.stdout.readline())
        self.assertEqual(f"{server.pid}\n", (self.run_directory / "keyturnd.pid").read_text())
        return server

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.run_directory.iterdir()}

    def test_a_second_start_says_so_and_changes_nothing(self):
        server = self.started()
        before = self.files()
        self.assertIn("info.json", before)
        second = self.start()
        _, said = second.communicate("")
        self.assertEqual(1, second.returncode)
        self.assertIn(f"runs on {self.run_directory} already, as process {server.pid}", said)
        self.assertIn(f"kill {server.pid}\n", said)
        self.assertEqual(before, self.files())
        server.communicate("")
        self.started().communicate("")

    def test_a_killed_server_is_in_nobodys_way(self):
        server = self.started()
        server.kill()
        server.communicate()
        self.assertIn("info.json", self.files())
        self.started().communicate("")


class IssueCertificates(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.root = pathlib.Path(self.temporary.name)

    def issue(self, directory: str, *arguments: str):
        command = [str(ROOT / "deploy/issue-certificates.sh"), "--dir", str(self.root / directory), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def openssl(self, *arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def names(self, directory: str) -> list[str]:
        path = self.root / directory
        return sorted(entry.name for entry in path.iterdir()) if path.exists() else []

    def test_a_new_ca_signs_a_server_and_a_client(self):
        done = self.issue("a", "--server", "vault.example.org,10.0.0.5,::1", "--client", "spiffe://example.org/api",
                          "--days", "7")
        self.assertEqual(0, done.returncode, done.stderr)
        files = ["ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem"]
        self.assertEqual(files, self.names("a"))
        for name in files:
            mode = stat.S_IMODE((self.root / "a" / name).stat().st_mode)
            self.assertEqual(0o600 if name.endswith(".key") else 0o644, mode, name)
        for name, purpose, wrong in (("server", "sslserver", "sslclient"), ("client", "sslclient", "sslserver")):
            self.openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", "a/ca.pem", f"a/{name}.pem")
            refused = subprocess.run(["openssl", "verify", "-purpose", wrong, "-CAfile", "a/ca.pem", f"a/{name}.pem"],
                                     cwd=self.root, capture_output=True, check=False)
            self.assertNotEqual(0, refused.returncode, name)
            self.assertEqual(self.openssl("x509", "-in", f"a/{name}.pem", "-noout", "-pubkey"),
                             self.openssl("pkey", "-in", f"a/{name}.key", "-pubout"))
            self.assertIn("prime256v1", self.openssl("x509", "-in", f"a/{name}.pem", "-noout", "-text"))
            # Valid for the days asked for: in six days, not in eight.
            self.openssl("x509", "-in", f"a/{name}.pem", "-noout", "-checkend", str(6 * 86400))
            late = subprocess.run(["openssl", "x509", "-in", f"a/{name}.pem", "-noout", "-checkend", str(8 * 86400)],
                                  cwd=self.root, capture_output=True, check=False)
            self.assertNotEqual(0, late.returncode)
        san = self.openssl("x509", "-in", "a/server.pem", "-noout", "-ext", "subjectAltName")
        self.assertIn("DNS:vault.example.org, IP Address:10.0.0.5, IP Address:0:0:0:0:0:0:0:1", san)
        san = self.openssl("x509", "-in", "a/client.pem", "-noout", "-ext", "subjectAltName")
        self.assertEqual("URI:spiffe://example.org/api", san.strip().splitlines()[-1].strip())

    def test_a_given_ca_signs_and_stays_as_it_is(self):
        self.assertEqual(0, self.issue("a", "--client", "spiffe://example.org/a").returncode)
        ca = ["--ca-cert", str(self.root / "a/ca.pem"), "--ca-key", str(self.root / "a/ca.key")]
        before = [(self.root / "a" / name).read_bytes() for name in self.names("a")]
        done = self.issue("b", "--client", "spiffe://example.org/b", *ca)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["client.key", "client.pem"], self.names("b"))
        self.openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "a/ca.pem", "b/client.pem")
        self.assertEqual(before, [(self.root / "a" / name).read_bytes() for name in self.names("a")])
        wrong = self.issue("c", "--client", "spiffe://example.org/c", "--ca-cert", ca[1], "--ca-key",
                           str(self.root / "b/client.key"))
        self.assertEqual(1, wrong.returncode)
        self.assertIn("is not the key of", wrong.stderr)
        self.assertEqual([], self.names("c"))

    def test_nothing_is_overwritten(self):
        self.assertEqual(0, self.issue("a", "--server", "a.example.org").returncode)
        before = {name: (self.root / "a" / name).read_bytes() for name in self.names("a")}
        ca = ["--ca-cert", str(self.root / "a/ca.pem"), "--ca-key", str(self.root / "a/ca.key")]
        for arguments in (["--server", "b.example.org"], ["--client", "spiffe://example.org/b"],
                          ["--server", "b.example.org", *ca]):
            done = self.issue("a", *arguments)
            self.assertEqual(1, done.returncode, arguments)
            self.assertIn("exists", done.stderr)
        self.assertEqual(before, {name: (self.root / "a" / name).read_bytes() for name in self.names("a")})

    def test_bad_names_are_refused_and_leave_nothing(self):
        for arguments in (["--client", "spiffe://Example.org/a"], ["--client", "spiffe://example.org/../a"],
                          ["--client", "spiffe://example.org/a,DNS:evil"], ["--client", "https://example.org/a"],
                          ["--server", "a b"], ["--server", "a,,b"], ["--server", "300.0.0.1"],
                          ["--server", "a\nextendedKeyUsage=clientAuth"], ["--server", "a", "--days", "398"],
                          ["--server", "a", "--days", "0"], ["--server", "a", "--ca-cert", "/dev/null"], []):
            done = self.issue("x", *arguments)
            self.assertEqual(1, done.returncode, arguments)
            self.assertIn("issue-certificates.sh: ", done.stderr)
            self.assertFalse((self.root / "x").exists(), arguments)


class Dev(unittest.TestCase):
    def test_counts_that_would_show_nothing_are_refused(self):
        for arguments in (["crash", "0"], ["faults", "0"], ["timing", "0"], ["fuzz", "path", "0"], ["crash", "-1"],
                          ["faults", "x"]):
            done = subprocess.run([str(ROOT / "dev"), *arguments], capture_output=True, text=True, check=False,
                                  timeout=20)
            self.assertEqual(1, done.returncode, arguments)
            self.assertEqual(f"dev: {arguments[0]}: '{arguments[-1]}' must be a whole number from 1 on\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
