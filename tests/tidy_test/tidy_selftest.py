"""Mutants for tidy.py: each breaks one rule, and must be reported as exactly that."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402

HEADER = "// What this is.\n#pragma once\n"
# (path, text, words that the report must contain)
MUTANTS = [
    ("base/a.h", HEADER + '#include "crypto/aead.h"\n', "base may not include crypto/aead.h"),
    ("vault/a.h", HEADER + '#include "auth/grants.h"\n', "vault may not include auth/grants.h"),
    ("keyring/a.h", HEADER + '#include "vault/vault.h"\n', "keyring may not include vault/vault.h"),
    ("client/a.h", HEADER + '#include "server/call.h"\n', "client may not include server/call.h"),
    ("client/cli/a.cc", '#include "audit/audit_log.h"\n', "client/cli may not include audit/audit_log.h"),
    ("vault/a.cc", "#include <rocksdb/db.h>\n", "that library belongs to storage"),
    ("auth/a.cc", "#include <openssl/evp.h>\n", "that library belongs to crypto, net"),
    ("auth/a.cc", "absl::Time t = absl::Now();\n", "absl::Now"),
    ("auth/a.cc", "int x = rand();\n", "rand: use"),
    ("auth/a.cc", "if (memcmp(a, b, 3) == 0) {}\n", "memcmp"),
    ("tests/auth/a_test.cc", "absl::SleepFor(absl::Seconds(1));\n", "a sleep"),
    ("vault/a.cc", "std::string plaintext = x;\n", "std::string for plaintext"),
    ("vault/a.cc", "using namespace std;\n", "using namespace"),
    ("vault/a.cc", "std::cout << 1;\n", "standard output"),
    ("vault/a.cc", "int a;\n" * 401, "401 lines"),
    ("vault/a.cc", "void F() {\n" + "  a();\n" * 80 + "}\n", "a function of 81 lines"),
    ("vault/a.cc", "// " + "a" * 120 + "\n", "123 columns"),
    ("vault/a.h", "#pragma once\n", "starts with a comment"),
    ("vault/a.h", "// What.\n", "no #pragma once"),
    ("vault/unused.h", HEADER, "nothing includes this header"),
    ("docs/LOST.md", "# Lost\n", "no other document links to it"),
    ("README.md", "# One\n# Two\n", "2 titles"),
]


class Mutants(unittest.TestCase):
    def test_each_is_reported(self):
        for path, text, expected in MUTANTS:
            with self.subTest(path=path, expected=expected), tempfile.TemporaryDirectory() as root:
                target = pathlib.Path(root) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                found = [message for _, _, message in tidy.problems(pathlib.Path(root))]
                self.assertTrue(any(expected in message for message in found), found)

    def test_allowed_things_are_not_reported(self):
        allowed = [
            ("vault/a.cc", '#include "crypto/aead.h"\n#include "vault/vault.h"\n'),
            ("client/cli/offline_audit.cc", '#include "audit/audit_log.h"\n'),
            ("vault/a.cc", "// absl::Now() is not called here\n"),
            ("vault/a.cc", "void F() {\n" + "  a();\n" * 60 + "}\n"),
        ]
        for path, text in allowed:
            self.assertEqual([], list(tidy.check_file(path, text)), path)


if __name__ == "__main__":
    unittest.main()
