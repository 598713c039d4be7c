"""Redis clients as they are, against keyturnd: redis-cli, redis-benchmark and redis-py."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import redis

from servers import Keyturn


def setUpModule():
    global keyturn, directory
    directory = tempfile.TemporaryDirectory()
    keyturn = Keyturn(pathlib.Path(directory.name), more="", tls=True)


def tearDownModule():
    code = keyturn.stop()
    directory.cleanup()
    if code != 0:
        raise RuntimeError(f"keyturnd ended with {code}")


def run(program: str, *arguments: str, stdin: bytes = b"", tls: bool = False) -> str:
    """What it prints; the token goes through the environment, as redis-cli has it."""
    where = (["-p", str(keyturn.tls_port), "--tls", "--cacert", keyturn.info["ca_file"]] if tls
             else ["-p", str(keyturn.port)])
    done = subprocess.run([program, *where, *arguments], input=stdin, timeout=120, check=False,
                          capture_output=True, env={**os.environ, "REDISCLI_AUTH": keyturn.password})
    return (done.stdout + done.stderr).decode().strip()


class Cli(unittest.TestCase):
    def test_sets_and_asks(self):
        self.assertEqual(run("redis-cli", "SET", "revoked:cli", "1", "EX", "86400"), "OK")
        self.assertEqual(run("redis-cli", "EXISTS", "revoked:cli", "revoked:none"), "1")
        self.assertEqual(run("redis-cli", "-3", "GET", "revoked:none"), "")
        self.assertEqual(run("redis-cli", "-3", "TTL", "revoked:cli"), "86400")
        self.assertEqual(run("redis-cli", "DEL", "revoked:cli"), "1")

    def test_over_tls(self):
        self.assertEqual(run("redis-cli", "PING", tls=True), "PONG")
        self.assertEqual(run("redis-cli", "-3", "SET", "tls", "1", "PX", "100000", tls=True), "OK")
        self.assertEqual(run("redis-cli", "EXISTS", "tls", tls=True), "1")

    def test_as_a_user_of_its_own(self):
        self.assertEqual(run("redis-cli", "--user", "root", "PING"), "PONG")
        self.assertIn("WRONGPASS", run("redis-cli", "--user", "nobody", "PING"))

    def test_reads_commands_from_a_pipe(self):
        lines = b"".join(b"SET piped:%d 1 EX 1000\r\n" % i for i in range(5000))
        said = run("redis-cli", "--pipe", stdin=lines)
        self.assertIn("errors: 0, replies: 5000", said)
        self.assertEqual(run("redis-cli", "EXISTS", "piped:0", "piped:4999", "piped:5000"), "2")
        names = run("redis-cli", "--scan", "--pattern", "piped:49*").split()
        self.assertEqual(len(set(names)), 111)

    def test_shows_the_server(self):
        info = run("redis-cli", "INFO")
        self.assertIn("redis_version:7.0.15", info)
        self.assertIn("keyturn_version:", info)
        self.assertIn("redis_mode:standalone", info)
        self.assertIn("loading:0", info)
        self.assertIn("maxclients", run("redis-cli", "CONFIG", "GET", "maxclients"))

    def test_hears_what_is_published(self):
        listener = subprocess.Popen(["redis-cli", "-p", str(keyturn.port), "--csv", "SUBSCRIBE", "news"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                    env={**os.environ, "REDISCLI_AUTH": keyturn.password})
        self.addCleanup(listener.stdout.close)
        self.addCleanup(listener.wait)
        self.addCleanup(listener.terminate)
        self.assertIn(b"Reading messages", listener.stdout.readline())
        self.assertEqual(listener.stdout.readline(), b'"subscribe","news",1\n')
        self.assertEqual(run("redis-cli", "PUBLISH", "news", "hello"), "1")
        self.assertEqual(listener.stdout.readline(), b'"message","news","hello"\n')

    def test_interactive_help_needs_command_docs(self):
        said = run("redis-cli", "COMMAND", "DOCS", "set")
        self.assertNotIn("ERR", said)


class Benchmark(unittest.TestCase):
    def check(self, *arguments, tls=False):
        # It has no other way to be told; this token dies with the test.
        said = run("redis-benchmark", "-a", keyturn.password, "--csv", "-n", "5000", "-r", "1000", *arguments, tls=tls)
        self.assertNotIn("ERR", said)
        self.assertNotIn("Error", said)
        rows = [line for line in said.splitlines() if line.startswith('"') and '"test"' not in line]
        self.assertTrue(rows, said)
        for row in rows:
            self.assertGreater(float(row.split('","')[1]), 0, row)

    def test_its_own_tests(self):
        self.check("-t", "ping,set,get,mset", "-c", "20", "-P", "16")

    def test_the_question_of_a_gateway(self):
        self.check("-c", "20", "-P", "16", "EXISTS", "revoked:__rand_int__")

    def test_resp3_and_one_at_a_time(self):
        self.check("-3", "-c", "20", "SET", "bench:__rand_int__", "1", "EX", "1000")

    def test_over_tls(self):
        self.check("-c", "10", "-P", "16", "EXISTS", "revoked:__rand_int__", tls=True)


class RedisPy(unittest.TestCase):
    def client(self, **options) -> redis.Redis:
        client = redis.Redis(port=keyturn.port, password=keyturn.password, **options)
        self.addCleanup(client.close)
        return client

    def test_revokes_and_asks(self):
        client = self.client()
        self.assertTrue(client.set("revoked:py", "1", ex=3600))
        self.assertEqual(client.exists("revoked:py"), 1)
        self.assertEqual(client.get("revoked:py"), b"1")
        self.assertEqual(client.ttl("revoked:py"), 3600)
        self.assertTrue(client.setex("revoked:py", 100, "revoked"))
        self.assertTrue(client.expire("revoked:py", 200))
        self.assertEqual(client.getdel("revoked:py"), b"revoked")
        self.assertIsNone(client.get("revoked:py"))
        self.assertIsNone(client.set("revoked:py", "1", xx=True))

    def test_pipelines_in_a_transaction_and_without(self):
        client = self.client()
        for transaction in (True, False):
            with client.pipeline(transaction=transaction) as pipe:
                for i in range(100):
                    pipe.set(f"pipe:{i}", "1", ex=100)
                pipe.exists("pipe:5")
                self.assertEqual(pipe.execute(), [True] * 100 + [1])
        with client.pipeline() as pipe:
            pipe.watch("pipe:5")
            client.set("pipe:5", "changed")
            pipe.multi()
            pipe.set("pipe:5", "lost")
            self.assertRaises(redis.WatchError, pipe.execute)
        self.assertEqual(client.get("pipe:5"), b"changed")

    def test_sets_and_scans(self):
        client = self.client()
        self.assertEqual(client.sadd("revoked", "a", "b"), 2)
        self.assertTrue(client.sismember("revoked", "a"))
        self.assertFalse(client.sismember("revoked", "z"))
        self.assertIn(b"revoked", set(client.scan_iter("revo*", count=7)))

    def test_connects_again(self):
        # Another thread closes the connection, which may be seen only when a command has been sent.
        client = self.client(client_name="lost", retry_on_error=[redis.ConnectionError])
        self.assertTrue(client.ping())
        other = self.client()
        ids = [c["id"] for c in other.client_list() if c["name"] == "lost"]
        self.assertEqual(other.client_kill_filter(_id=ids[0]), 1)
        self.assertTrue(client.set("again", "1", ex=100))

    def test_hears_messages_and_events(self):
        client = self.client()
        client.config_set("notify-keyspace-events", "KEA")
        listener = client.pubsub()
        self.addCleanup(listener.close)
        listener.subscribe("token-revocations")
        listener.psubscribe("__keyspace@0__:py:*")
        for _ in range(2):  # confirmations
            self.assertIn("subscribe", listener.get_message(timeout=20)["type"])
        self.assertEqual(client.publish("token-revocations", "jti"), 1)
        message = listener.get_message(timeout=20)
        self.assertEqual((message["type"], message["data"]), ("message", b"jti"))
        client.set("py:heard", "1", ex=100)
        told = [listener.get_message(timeout=20)["data"] for _ in range(2)]
        self.assertEqual(told, [b"set", b"expire"])
        self.assertEqual(client.pubsub_numsub("token-revocations"), [(b"token-revocations", 1)])
        self.assertEqual(client.pubsub_numpat(), 1)
        client.config_set("notify-keyspace-events", "")

    def test_over_tls(self):
        client = redis.Redis(host="localhost", port=keyturn.tls_port, password=keyturn.password,
                             ssl=True, ssl_ca_certs=keyturn.info["ca_file"])
        self.addCleanup(client.close)
        self.assertTrue(client.set("tls:py", "1", ex=100))
        self.assertEqual(client.exists("tls:py"), 1)

    def test_wrong_token(self):
        client = redis.Redis(port=keyturn.port, password="wrong")
        self.assertRaisesRegex(redis.ResponseError, "WRONGPASS", client.ping)
        client = redis.Redis(port=keyturn.port)
        self.assertRaises(redis.AuthenticationError, client.ping)

    def test_denylist_of_flask_jwt_extended(self):
        """As in its documentation: the token's id with an empty value."""
        blocklist = self.client(db=0, decode_responses=True)
        blocklist.set("5f0c2b1e-7d3a-4c11-9e77-8a4c9f0e6b21", "", ex=3600)
        self.assertIsNotNone(blocklist.get("5f0c2b1e-7d3a-4c11-9e77-8a4c9f0e6b21"))
        self.assertIsNone(blocklist.get("00000000-7d3a-4c11-9e77-8a4c9f0e6b21"))


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1)
