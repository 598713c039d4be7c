"""`keyturn revocation import`: what a running redis-server has is taken over, with its ends."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import redis

from servers import Keyturn, Redis, free_port

PASSWORD = "of-the-old-redis"


def setUpModule():
    global folder, keyturn, source, old
    folder = tempfile.TemporaryDirectory()
    root = pathlib.Path(folder.name)
    keyturn = Keyturn(root)
    source = Redis(root, PASSWORD, port=free_port())
    old = redis.Redis(unix_socket_path=source.path, password=PASSWORD)
    (root / "password").write_text(PASSWORD + "\n")


def tearDownModule():
    source.stop()
    code = keyturn.stop()
    folder.cleanup()
    if code != 0:
        raise RuntimeError(f"keyturnd ended with {code}")


def new() -> redis.Redis:
    return redis.Redis(unix_socket_path=keyturn.path, password=keyturn.password)


def take_over(*arguments: str, url: str = "", password: str = "password"):
    root = pathlib.Path(folder.name)
    (root / "token").write_text(keyturn.password)
    # With the options of the thread sanitizer, if it is that build's.
    environment = {"PATH": os.environ["PATH"], "HOME": folder.name,
                   "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", ""),
                   "KEYTURN_ADDR": keyturn.info["grpc"], "KEYTURN_CACERT": keyturn.info["ca_file"],
                   "KEYTURN_TOKEN_FILE": str(root / "token")}
    return subprocess.run(
        [os.environ["KEYTURN_BIN"] + "/keyturn", "revocation", "import", "--from",
         url or f"redis://127.0.0.1:{source.port}", "--password-file", str(root / password),
         "-o", "json", *arguments], env=environment, capture_output=True, text=True, check=False,
        timeout=300)


class Import(unittest.TestCase):
    def setUp(self):
        old.flushall()
        new().flushall()

    def test_keys_keep_their_values_and_ends(self):
        with old.pipeline(transaction=False) as pipe:
            for i in range(3000):
                pipe.set(f"revoked:{i}", "1", ex=5000 + i)
            pipe.set("revoked:of-ms", "logout", px=4_000_500)
            pipe.set("revoked:for-ever", b"\x00\xff")
            pipe.sadd("blocked", *(f"user {i}" for i in range(100)))
            pipe.expire("blocked", 7000)
            pipe.set("session:1", "x")
            pipe.execute()
        done = take_over("--match", "revoked:*")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["imported"], 3002)
        there = new()
        self.assertEqual(there.dbsize(), 3002)
        self.assertEqual(there.get("revoked:of-ms"), b"logout")
        self.assertEqual(there.get("revoked:for-ever"), b"\x00\xff")
        self.assertEqual(there.ttl("revoked:for-ever"), -1)
        for key in ["revoked:0", "revoked:2999", "revoked:of-ms"]:
            longer = there.pttl(key) - old.pttl(key)
            self.assertTrue(-100 <= longer <= 1100, f"{key}: {longer} ms longer")
        self.assertEqual(there.exists("session:1", "blocked"), 0)
        done = take_over("--match", "blocked")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(there.scard("blocked"), 100)
        self.assertTrue(there.sismember("blocked", "user 99"))
        self.assertTrue(6990 < there.ttl("blocked") <= 7001)

    def test_other_types_are_named(self):
        old.set("revoked:a", "1")
        old.hset("a-hash", "field", "1")
        old.rpush("a-list", "1")
        done = take_over()
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertEqual(json.loads(done.stdout)["left"], {"hash": 1, "list": 1})
        self.assertEqual(new().exists("revoked:a"), 1)

    def test_goes_on_where_it_was(self):
        for i in range(2000):
            old.set(f"revoked:{i}", "1", ex=5000)
        state = pathlib.Path(folder.name) / "state"
        where = ("--match", "revoked:*", "--resume-file", str(state))
        # What an import that was ended after some pages leaves behind: keys and the next cursor.
        cursor, names = old.scan(0, match="revoked:*", count=500)
        state.write_text(f"127.0.0.1 {source.port} 0 revoked:*\n{cursor}\n")
        done = take_over(*where)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(names), 0)
        self.assertEqual(json.loads(done.stdout)["imported"], 2000 - len(names))
        self.assertEqual(new().exists(names[0]), 0)
        self.assertEqual(state.read_text().splitlines()[1], "0")
        done = take_over(*where)  # which is over, so that it begins anew
        self.assertEqual(json.loads(done.stdout)["imported"], 2000)
        self.assertEqual(new().dbsize(), 2000)
        done = take_over("--match", "other:*", "--resume-file", str(state))
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not of an import from there with this --match", done.stderr)

    def test_what_is_wrong_is_said(self):
        done = take_over(url="redis://user:secret@127.0.0.1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--password-file", done.stderr)
        self.assertNotIn("secret", done.stderr)
        done = take_over(url="http://127.0.0.1")
        self.assertIn("--from must be redis://[USER@]HOST[:PORT][/DATABASE]", done.stderr)
        (pathlib.Path(folder.name) / "wrong").write_text("wrong-password")
        done = take_over(password="wrong")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("WRONGPASS", done.stderr)
        self.assertNotIn("wrong-password", done.stderr)
        done = take_over(url=f"redis://127.0.0.1:{free_port()}")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("no connection to Redis at 127.0.0.1:", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
