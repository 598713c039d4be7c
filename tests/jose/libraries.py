"""Tokens of a vault in libraries of other languages, and theirs in the vault: jsonwebtoken and jose of
Node.js, each algorithm, with 30 seconds of tolerance (29 s after the end pass, 31 s do not).

usage: libraries.py CACHE

What they are made of is kept in the directory CACHE, and Node.js beside it (tests/support/languages.py).
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
for room in ("support", "redis"):
    sys.path.insert(0, str(HERE.parent / room))
from languages import Node, run  # noqa: E402
from servers import Keyturn  # noqa: E402

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
TOLERANCE = 30
INVALID = 8  # exit code of keyturn: a token that is not valid


class Command:
    """keyturn, against one server, with nothing of the user's."""

    def __init__(self, directory: pathlib.Path, info: pathlib.Path):
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory),
                            "KEYTURN_INFO_FILE": str(info)}

    def __call__(self, *words: str, given: str = "", code: int = 0) -> str:
        done = subprocess.run([pathlib.Path(os.environ["KEYTURN_BIN"]) / "keyturn", *words], input=given,
                              env=self.environment, text=True, capture_output=True, check=False, timeout=60)
        expect(done.returncode == code, f"keyturn {' '.join(words)} ended with {done.returncode}: "
                                        f"{done.stdout}{done.stderr}")
        return done.stdout


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def header(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


def make(keyturn: Command, algorithm: str) -> dict:
    path = f"jwt/{algorithm}"
    keyturn("jwt", "create", path, "--algorithm", algorithm, "--readable", "--issuer", "alcs-auth",
            "--audience", "alcs-api")
    token = keyturn("jwt", "sign", path, "--subject", "u1", "--permission", "read", "--ttl", "60s").strip()
    made = {"algorithm": algorithm, "token": token, "key": keyturn("secret", "read", path)}
    if algorithm != "HS256":
        keys = json.loads(keyturn("jwt", "jwks", path))["keys"]
        made["jwk"] = next(key for key in keys if key["kid"] == header(token)["kid"])  # not the next one
    return made


def compare(keyturn: Command, answer: dict) -> None:
    def verify(token: str, code: int = 0) -> None:
        keyturn("jwt", "verify", f"jwt/{answer['algorithm']}", "--value-file", "-", given=token, code=code)

    if "library" not in answer:
        for name in ("none", "confused"):
            verify(answer[name], INVALID)
        return
    who = f"{answer['library']}, {answer['algorithm']}"
    read = answer["within"]
    expect(isinstance(read, dict) and read["sub"] == "u1" and read["permissions"] == ["read"],
           f"{who}: a token 29 seconds after its end was read as {read}")
    for name in ("after", "forged"):
        expect(isinstance(answer[name], str), f"{who}: {name} was taken as {answer[name]}")
    verify(answer["signed"])
    print(f"{who}: takes Keyturn's ({answer['after']}, {answer['forged']}), and Keyturn takes its own")


def main() -> int:
    node = Node(HERE, pathlib.Path(sys.argv[1]).absolute())
    if why := node.missing():
        raise SystemExit(f"jsonwebtoken and jose cannot be asked: {why}")
    node.prepare()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        server = Keyturn(directory)
        try:
            keyturn = Command(directory, directory / "info.json")
            tokens = [make(keyturn, algorithm) for algorithm in ALGORITHMS]
            now = int(time.time())
            claims = {"iss": "alcs-auth", "aud": "alcs-api", "sub": "u2", "permissions": ["read"], "jti": "of-a-library",
                      "iat": now, "exp": now + 600}
            question = {"tokens": tokens, "claims": claims, "tolerance": TOLERANCE}
            answers = json.loads(run(*node.command(), seconds=60, cwd=node.home, input=json.dumps(question)))
            expect(len(answers) == 11, f"{len(answers)} answers")
            for answer in answers:
                compare(keyturn, answer)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
