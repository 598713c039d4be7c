"""The newest redis-py as it is, against keyturnd: what more_clients.py says in the environment."""

import os

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PORT, TLS_PORT = int(os.environ["RESP_PORT"]), int(os.environ["RESP_TLS_PORT"])
USER, PASSWORD = os.environ["RESP_USER"], os.environ["RESP_PASSWORD"]


def check(what: str, got, want) -> None:
    if got != want:
        raise SystemExit(f"redis-py: {what}: got {got!r}, not {want!r}")


def client(**more) -> redis.Redis:
    return redis.Redis(**{"port": PORT, "username": USER, "password": PASSWORD,
                          "client_name": "py", "decode_responses": True, **more})


def refused(what: str, error: type, words: str, **more) -> None:
    try:
        client(retry=Retry(NoBackoff(), 0), **more).ping()
    except error as said:
        check(f"{what}: {said}", words in str(said), True)
        return
    raise SystemExit(f"redis-py: {what} is taken")


def commands(protocol) -> None:
    one = client(**({"protocol": protocol} if protocol else {}))
    info = one.client_info()
    check("CLIENT INFO", (info["name"], info["resp"], info["lib-name"]), ("py", str(protocol or 3), "redis-py"))
    check("SET EX", one.set("py:1", "a", ex=3600), True)
    check("SET PX GET", one.set("py:1", "b", px=100500, get=True), "a")
    check("EXISTS", one.exists("py:1", "py:none"), 1)
    check("GET", one.get("py:1"), "b")
    check("GET of none", one.get("py:none"), None)
    for transaction in (False, True):
        with one.pipeline(transaction=transaction) as pipe:
            for i in range(100):
                pipe.set(f"py:p:{i}", "1", ex=100)
            pipe.exists("py:p:0", "py:p:99", "py:p:100")
            check("pipeline", pipe.execute(), [True] * 100 + [2])
    check("members", (one.sadd("py:s", "a", "b"), one.smismember("py:s", ["a", "z"])), (2, [1, 0]))
    one.delete("py:s")
    check("SCAN", len(set(one.scan_iter("py:p:9*"))), 11)
    other = client()
    number = one.client_id()
    check("CLIENT KILL", other.client_kill_filter(_id=number), 1)
    check("connected again", one.set("py:again", "1", ex=60), True)
    check("another connection", one.client_id() != number, True)
    one.close()
    other.close()


for version in (2, 3, None):
    commands(version)
with client(port=TLS_PORT, host="127.0.0.1", ssl=True, ssl_ca_certs=os.environ["RESP_CA"]) as secure:
    check("TLS", secure.set("py:tls", "1", ex=60), True)
refused("another CA", redis.ConnectionError, "certificate", port=TLS_PORT, ssl=True)
refused("a wrong password", redis.AuthenticationError, "invalid", password="wrong")
print(f"redis-py {redis.__version__}")
