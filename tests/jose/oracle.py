"""PyJWT and jwcrypto (Debian's) as second opinions on tokens, for tests/crypto/jose_oracle_test.cc.

Reads one JSON object: {"alg", "kid", "jwk" or "secret" (base64), "private" (PEM; not for HS256),
"token", "issuer", "audience", "claims"}. Writes one with a member for each library: "header";
"verified", the claims that it reads from the token with the public key; "forged", whether it takes the
token with another payload; "signed", a token of its own over the claims.
"""

import base64
import json
import sys

import jwt
from jwcrypto import common, jwk, jws
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

FAMILIES = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
WITHOUT_A_CLOCK = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


class PyJwt:
    refusals = jwt.InvalidTokenError

    def __init__(self, question: dict):
        self.question = question
        if question["alg"] == "HS256":
            self.public = self.private = base64.b64decode(question["secret"])
        else:
            self.public = FAMILIES[question["alg"]].from_jwk(json.dumps(question["jwk"]))
            self.private = question["private"]

    def header(self, token: str) -> dict:
        return jwt.get_unverified_header(token)

    def read(self, token: str) -> dict:
        return jwt.decode(token, self.public, algorithms=[self.question["alg"]], options=WITHOUT_A_CLOCK,
                          audience=self.question["audience"], issuer=self.question["issuer"])

    def sign(self) -> str:
        return jwt.encode(self.question["claims"], self.private, self.question["alg"],
                          headers={"kid": self.question["kid"]})


class JwCrypto:
    refusals = jws.InvalidJWSSignature

    def __init__(self, question: dict):
        self.question = question
        if question["alg"] == "HS256":
            secret = common.base64url_encode(base64.b64decode(question["secret"]))
            self.public = self.private = jwk.JWK(kty="oct", k=secret)
        else:
            self.public = jwk.JWK(**question["jwk"])
            self.private = jwk.JWK.from_pem(question["private"].encode())

    def header(self, token: str) -> dict:
        read = jws.JWS()
        read.deserialize(token)
        return read.jose_header

    def read(self, token: str) -> dict:
        read = jws.JWS()
        read.allowed_algs = [self.question["alg"]]
        read.deserialize(token, self.public)
        return json.loads(read.payload)

    def sign(self) -> str:
        made = jws.JWS(json.dumps(self.question["claims"]))
        made.allowed_algs = [self.question["alg"]]
        made.add_signature(self.private, alg=self.question["alg"],
                           protected=json.dumps({"alg": self.question["alg"], "typ": "JWT",
                                                 "kid": self.question["kid"]}))
        return made.serialize(compact=True)


def accepts(library, token: str) -> bool:
    try:
        library.read(token)
        return True
    except library.refusals:
        return False


def main() -> None:
    question = json.load(sys.stdin)
    token = question["token"]
    header, payload, signature = token.split(".")
    other = payload[:-1] + ("A" if payload[-1] != "A" else "Q")
    answer = {}
    for name, library in (("PyJWT", PyJwt(question)), ("jwcrypto", JwCrypto(question))):
        answer[name] = {
            "header": library.header(token),
            "verified": library.read(token),
            "forged": accepts(library, f"{header}.{other}.{signature}"),
            "signed": library.sign(),
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
