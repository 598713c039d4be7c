"""The rules of docs/STYLE.md and docs/ARCHITECTURE.md that a machine can hold."""

import re

# Room -> rank. A file includes its own room and rooms of lower rank.
RANKS = {
    "base": 0, "proto": 0, "crypto": 1, "storage": 1, "net": 1, "keyring": 2,
    "vault": 3, "auth": 3, "audit": 3, "revocation": 3, "rotation": 4, "server": 5,
}
# Rooms outside the order, with what they may include beside themselves.
OUTSIDE = {
    "client": {"base", "proto"},
    "client/cli": {"base", "proto", "client", "crypto", "net"},
    "tests": set(RANKS) | {"client", "client/cli"},
    "bench": set(RANKS) | {"client"},
}
# client/cli/offline_* may read the files of a stopped server.
OFFLINE = {"base", "proto", "client", "client/cli", "crypto", "storage", "keyring", "vault", "auth",
           "audit"}

# Third-party header prefix -> rooms that may include it (tests and bench may include all).
LIBRARIES = {
    "re2/": {"base"},
    "openssl/": {"crypto", "net"},
    "sodium": {"crypto"},
    "rocksdb/": {"storage"},
    "curl/": {"net"},
    "utf8proc": {"vault"},
    "grpcpp/": {"server", "client", "client/cli"},
    "grpc/": {"server", "client", "client/cli"},
    "boost/": {"server"},
    "prometheus/": {"server"},
    "toml++/": {"server"},
    "CLI/": {"client/cli", "server"},
    "libsmartcols": {"client/cli"},
    "hiredis/": {"client/cli"},
}

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

# (what, pattern, files in which it is allowed)
BANNED = [
    ("absl::Now: take a Clock&", r"\babsl::Now\(", r"^base/clock\.cc$"),
    ("the system clock: take a Clock&", r"std::chrono::(system|steady)_clock|\btime\(nullptr\)|\bgettimeofday\(",
     r"^(bench|tests)/"),
    ("rand: use crypto/random.h", r"\b(std::)?s?rand\(|std::random_device", r"^tests/"),
    ("a seeded generator: use crypto/random.h", r"std::mt19937|absl::BitGen|absl::InsecureBitGen",
     r"^(tests|bench)/"),
    ("memcmp: use ConstantTimeEquals or ==", r"\b(memcmp|bcmp)\(", r"^(tests|bench)/"),
    ("a sleep: wait for a condition or a Clock", r"sleep_for|absl::SleepFor|\busleep\(|\bnanosleep\(|[^_\w]sleep\(",
     r"^$"),
    ("an unbounded C string call", r"\b(strcpy|strcat|sprintf|vsprintf|gets)\(", r"^$"),
    ("a shell: use execve", r"\b(std::)?system\(|\bpopen\(", r"^tests/"),
    ("using namespace", r"^\s*using namespace", r"^$"),
    ("standard output: rooms do not print", r"std::cout|\bprintf\(", r"^(client/cli|tests|bench)/"),
    ("std::string for plaintext: use SecretBytes",
     r"\b(std::string|absl::Cord|std::vector<(unsigned )?char>|std::vector<uint8_t>)\s*&?\s*(?!wrapped_|sealed_)(\w+_)?"
     r"(plaintext|passphrase|password|dek|private_key|secret_value|root_key|kek)(_bytes|_text|_pem)?_?\b",
     r"^(tests|bench)/"),
    ("unfinished work", r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", r"^tests/tidy_test/"),
    ("const_cast", r"\bconst_cast<", r"^crypto/"),
]
BANNED = [(what, re.compile(pattern), re.compile(allowed)) for what, pattern, allowed in BANNED]

# The two ways to see a SecretBytes. Every caller outside crypto/ is listed in exposures.txt, so that
# a new one is a visible change.
EXPOSURE = re.compile(r"\bExposeFor(Crypto|Wire)\(\)")
