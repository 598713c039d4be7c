"""Checks what is under deploy/ as far as a machine without systemd or Docker running can."""

import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).parents[2]


class Deploy(unittest.TestCase):
    def test_the_unit_is_valid_and_hardened(self):
        unit = ROOT / "deploy/systemd/keyturnd.service"
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
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

    def test_every_package_is_one_word(self):
        for line in (ROOT / "deploy/packages.txt").read_text().splitlines():
            self.assertRegex(line, r"^(#.*|[a-z0-9.+-]+)$")


if __name__ == "__main__":
    unittest.main()
