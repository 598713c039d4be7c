"""Many connections to keyturnd, slow ones, and those that nobody has logged in to.

usage: connections.py [COUNT]

With a COUNT (10,000 is the most that is taken) that many connections are there at once, one more is
refused, and those that never finish a request are waited for until they are ended: two minutes.
Without, a few hundred, and nothing is waited for. Auth has what Redis's own tests of AUTH ask
(tests/unit/auth.tcl), which do not run against a server that is there already.
"""

import contextlib
import os
import pathlib
import resource
import socket
import statistics
import sys
import tempfile
import time
import unittest

from servers import Connection, Keyturn, request

MOST = 10_000  # base/limits.h, kRespConnectionsMax
SMOKE = 300
SECONDS_FOR_A_STRANGER, SECONDS_FOR_A_HANDSHAKE = 60, 10
SECONDS_UNTIL_QUIET = 10  # then buffers are given back
SETTINGS = "[limits]\nsource_calls_per_second = 0\nidentity_calls_per_second = 0\n"
full, count = False, SMOKE


def setUpModule():
    global keyturn, directory
    wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    directory = tempfile.TemporaryDirectory()
    keyturn = Keyturn(pathlib.Path(directory.name), SETTINGS, tls=True)


def tearDownModule():
    code = keyturn.stop()
    directory.cleanup()
    if code != 0:
        raise RuntimeError(f"keyturnd ended with {code}")


def stranger() -> Connection:
    return Connection(keyturn.port)


def member() -> Connection:
    connection = stranger()
    connection.send(request("AUTH", keyturn.password))
    if connection.reply() != b"+OK\r\n":
        raise RuntimeError("the root token is not taken")
    return connection


def memory() -> int:
    """Bytes of keyturnd that are in memory; with a sanitizer they are mostly that one's."""
    if os.environ.get("KEYTURN_SANITIZE"):
        return 0
    for line in pathlib.Path(f"/proc/{keyturn.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


@contextlib.contextmanager
def many(number: int, make):
    connections = []
    try:
        for _ in range(number):
            connections.append(make())
        yield connections
    finally:
        for connection in connections:
            connection.close()


def all_answer(test: unittest.TestCase, connections: list) -> None:
    """All have asked before one is read."""
    for connection in connections:
        connection.send(request("PING"))
    for connection in connections:
        test.assertEqual(connection.reply(), b"+PONG\r\n")


def delays(connection: Connection, times: int) -> list:
    out = []
    for _ in range(times):
        begin = time.monotonic()
        connection.send(request("EXISTS", "revoked:none"))
        if connection.reply() != b":0\r\n":
            raise RuntimeError("a key is there")
        out.append(time.monotonic() - begin)
    return out


class Auth(unittest.TestCase):
    def says(self, connection: Connection, *words) -> bytes:
        connection.send(request(*words))
        return connection.reply()

    def test_arity(self):
        self.assertEqual(self.says(stranger(), "AUTH", "a", "b", "c"), b"-ERR syntax error\r\n")

    def test_wrong_password_then_right(self):
        one = stranger()
        self.assertTrue(self.says(one, "AUTH", "wrong!").startswith(b"-WRONGPASS "))
        self.assertEqual(self.says(one, "SET", "foo", "bar"), b"-NOAUTH Authentication required.\r\n")
        self.assertEqual(self.says(one, "AUTH", keyturn.password), b"+OK\r\n")
        self.assertEqual(self.says(one, "SET", "foo", "100", "EX", "100"), b"+OK\r\n")
        self.assertEqual(self.says(one, "GET", "foo"), b"$3\r\n100\r\n")
        self.assertTrue(self.says(one, "AUTH", "wrong!").startswith(b"-WRONGPASS "))
        self.assertEqual(self.says(one, "GET", "foo"), b"$3\r\n100\r\n")  # it still is who it was

    def test_binary_password(self):
        for wrong in (keyturn.password + "\0def", keyturn.password[:-1] + "\0", "\0", ""):
            self.assertTrue(self.says(stranger(), "AUTH", wrong).startswith(b"-WRONGPASS "), wrong)

    def test_lengths_are_limited_before_it(self):
        for sent, words in ((b"*100\r\n", b"unauthenticated multibulk length"),
                            (b"*11\r\n", b"unauthenticated multibulk length"),
                            (b"*1\r\n$500000\r\n", b"unauthenticated bulk length"),
                            (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", b"unauthenticated bulk length")):
            one = stranger()
            one.send(sent)
            self.assertEqual(one.rest(), b"-ERR Protocol error: " + words + b"\r\n")

    def test_who_does_not_read_is_ended(self):
        before = memory()
        with many(20, stranger) as connections:
            for one in connections:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    for _ in range(200):
                        one.send(request("GET", "x") * 2000)  # 40 bytes of reply each
                    self.fail("16 MB of replies were kept for a stranger")
        self.assertLess(memory() - before, 50 << 20)


class Lengths(unittest.TestCase):
    def test_huge_ones_are_refused_at_once(self):
        for sent, words in ((b"*1000000000\r\n", b"invalid multibulk length"),
                            (b"*99999999999999999999\r\n", b"invalid multibulk length"),
                            (b"*1\r\n$999999999999\r\n", b"invalid bulk length"),
                            (b"*1\r\n$99999999999999999999\r\n", b"invalid bulk length"),
                            (b"*1\r\n$524289\r\n", b"invalid bulk length")):
            one = member()
            before = memory()
            one.send(sent)
            self.assertEqual(one.rest(), b"-ERR Protocol error: " + words + b"\r\n")
            self.assertLess(memory() - before, 4 << 20, sent)

    def test_what_is_announced_is_not_allocated(self):
        with many(300, member) as connections:
            before = memory()
            for one in connections:
                one.send(b"*1048576\r\n$3\r\nSET\r\n$524288\r\nx")
            prompt = member()
            delays(prompt, 100)  # all of it has been read by then
            prompt.close()
            self.assertLess(memory() - before, 30 << 20)  # 300 times 512 KiB are 150 MiB


class Many(unittest.TestCase):
    def test_all_answer(self):
        before = memory()
        with many(count, member) as connections:
            begin = time.monotonic()
            all_answer(self, connections)
            took = time.monotonic() - begin
            used = memory() - before
            print(f"\n{count} connections: all answered in {took:.2f} s; {used / count:,.0f} bytes of "
                  "keyturnd's memory each, its part of the list of clients too", flush=True)
            self.assertLess(used / count, 48 << 10)
            if count == MOST:
                self.refuses_one_more(connections)
            if full:
                end = time.monotonic() + 2 * SECONDS_UNTIL_QUIET
                while time.monotonic() < end:
                    delays(connections[0], 100)
                kept = (memory() - before) / count
                print(f"{kept:,.0f} bytes each once they are quiet", flush=True)
                self.assertLess(kept, 32 << 10)
        all_answer(self, [member()])

    def refuses_one_more(self, connections: list) -> None:
        for _ in range(3):
            self.assertEqual(stranger().rest(), b"-ERR max number of clients reached\r\n")
        all_answer(self, connections)
        connections.pop().close()
        self.wait_for(lambda: not self.refused())

    def refused(self) -> bool:
        one = stranger()
        one.send(request("PING"))
        with contextlib.closing(one):
            try:
                return one.reply() == b"-ERR max number of clients reached\r\n"
            except (EOFError, ConnectionResetError):
                return True

    def wait_for(self, ready) -> None:
        end = time.monotonic() + 30
        while not ready():
            self.assertLess(time.monotonic(), end)


class Slow(unittest.TestCase):
    """A byte at a time, never whole; or nothing at all; or a TLS handshake that stops."""

    def handshake(self) -> Connection:
        one = Connection(keyturn.tls_port)
        one.send(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        return one

    def test_others_do_not_wait(self):
        each = min(count, 3000) // 3
        prompt = member()
        alone = delays(prompt, 300)
        with many(each, stranger) as slow, many(each, stranger) as idle, \
                many(each, self.handshake) as shaking:
            begin = time.monotonic()
            beside = []
            whole = request("SET", "slow", "x" * 1000, "EX", "100")
            rounds = 40 if not full else len(whole) - 1
            for at in range(rounds):
                for one in slow:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        one.send(whole[at:at + 1])
                beside += delays(prompt, 3)
            medians = [statistics.median(all_of) * 1e6 for all_of in (alone, beside)]
            print(f"\nEXISTS alone {medians[0]:.0f} µs, beside {each} slow, {each} idle and {each} in a "
                  f"handshake {medians[1]:.0f} µs; the longest {max(beside) * 1e3:.1f} ms", flush=True)
            self.assertLess(statistics.median(beside), 0.05)
            if full:
                self.ended(shaking, begin, SECONDS_FOR_A_HANDSHAKE)
                self.ended(slow + idle, begin, SECONDS_FOR_A_STRANGER)
            self.assertEqual(len(delays(prompt, 10)), 10)

    def ended(self, connections: list, begin: float, seconds: int) -> None:
        for one in connections:
            one.socket.settimeout(max(1.0, begin + seconds + 30 - time.monotonic()))
            one.rest()  # a timeout is an error
        print(f"{len(connections)} are ended {time.monotonic() - begin:.0f} s after the first came, "
              f"{seconds} are theirs", flush=True)


def main() -> int:
    global full, count
    if len(sys.argv) > 1:
        full, count = True, int(sys.argv[1])
        if not 0 < count <= MOST:
            raise SystemExit(f"COUNT is 1 to {MOST}")
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case)
                               for case in (Many, Slow, Auth, Lengths))  # memory is measured first
    done = unittest.TextTestRunner(verbosity=2, warnings="ignore").run(suite)
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
