"""PyJWT (Debian's python3-jwt) as a second opinion on tokens, for tests/crypto/jose_oracle_test.cc.

Reads one JSON object: {"alg", "kid", "jwk" or "secret" (base64), "private" (PEM; not for HS256),
"token", "issuer", "audience", "claims"}. Writes one: "verified", the claims that PyJWT reads from the
token with the public key; "forged", whether it takes the token with another payload; "signed", a token
of its own over the claims.
"""

import base64
import json
import sys

import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

FAMILIES = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
WITHOUT_A_CLOCK = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


def keys(question: dict) -> tuple:
    """The one that verifies, and the one that signs."""
    if question["alg"] == "HS256":
        secret = base64.b64decode(question["secret"])
        return secret, secret
    return FAMILIES[question["alg"]].from_jwk(json.dumps(question["jwk"])), question["private"]


def decode(question: dict, token: str, key) -> dict:
    return jwt.decode(token, key, algorithms=[question["alg"]], audience=question["audience"],
                      issuer=question["issuer"], options=WITHOUT_A_CLOCK)


def accepts(question: dict, token: str, key) -> bool:
    try:
        decode(question, token, key)
        return True
    except jwt.InvalidTokenError:
        return False


def main() -> None:
    question = json.load(sys.stdin)
    public, private = keys(question)
    header, payload, signature = question["token"].split(".")
    other = payload[:-1] + ("A" if payload[-1] != "A" else "Q")
    json.dump({
        "header": jwt.get_unverified_header(question["token"]),
        "verified": decode(question, question["token"], public),
        "forged": accepts(question, f"{header}.{other}.{signature}", public),
        "signed": jwt.encode(question["claims"], private, question["alg"],
                             headers={"kid": question["kid"]}),
    }, sys.stdout)


if __name__ == "__main__":
    main()
