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
    ("auth/a.cc", "auto t = std::chrono::system_clock::now();\n", "the system clock"),
    ("auth/a.cc", "auto t = std::chrono::steady_clock::now();\n", "the system clock"),
    ("auth/a.cc", "time_t t = time(nullptr);\n", "the system clock"),
    ("auth/a.cc", "gettimeofday(&t, nullptr);\n", "the system clock"),
    ("auth/a.cc", "std::random_device device;\n", "rand: use"),
    ("auth/a.cc", "std::mt19937_64 generator(1);\n", "a seeded generator"),
    ("auth/a.cc", "absl::BitGen generator;\n", "a seeded generator"),
    ("auth/a.cc", "absl::InsecureBitGen generator;\n", "a seeded generator"),
    ("auth/a.cc", "strcpy(a, b);\n", "an unbounded C string call"),
    ("auth/a.cc", "strcat(a, b);\n", "an unbounded C string call"),
    ("tests/auth/a_test.cc", 'sprintf(a, "%d", 1);\n', "an unbounded C string call"),
    ("auth/a.cc", "vsprintf(a, b, c);\n", "an unbounded C string call"),
    ("auth/a.cc", "gets(a);\n", "an unbounded C string call"),
    ("client/cli/a.cc", 'std::system("true");\n', "a shell"),
    ("bench/a.cc", 'popen("true", "r");\n', "a shell"),
    ("vault/a.cc", "usleep(1);\n", "a sleep"),
    ("vault/a.cc", "std::this_thread::sleep_for(x);\n", "a sleep"),
    ("vault/a.cc", "printf(a);\n", "standard output"),
    ("vault/a.cc", "// TO" "DO: the rest\n", "unfinished work"),
    ("vault/a.cc", "int a;  // FIX" "ME\n", "unfinished work"),
    ("tests/vault/a_test.cc", "// XX" "X\n", "unfinished work"),
    ("vault/a.cc", "const_cast<char*>(a);\n", "const_cast"),
    ("tests/vault/a_test.cc", "const_cast<char*>(a);\n", "const_cast"),
    ("auth/a.cc", "if (bcmp(a, b, 3) == 0) {}\n", "memcmp"),
    ("vault/a.cc", "std::string plaintext = x;\n", "std::string for plaintext"),
    ("vault/a.cc", "const std::string& password = x;\n", "std::string for plaintext"),
    ("vault/a.cc", "std::string dek_bytes;\n", "std::string for plaintext"),
    ("vault/a.cc", "void F(std::string new_passphrase_text);\n", "std::string for plaintext"),
    ("vault/a.cc", "absl::Cord plaintext;\n", "std::string for plaintext"),
    ("vault/a.cc", "std::vector<uint8_t> kek_;\n", "std::string for plaintext"),
    ("vault/a.cc", "using namespace std;\n", "using namespace"),
    ("vault/a.cc", "std::cout << 1;\n", "standard output"),
    ("vault/a.cc", "int a;\n" * 401, "401 lines"),
    ("vault/a.cc", "void F() {\n" + "  a();\n" * 80 + "}\n", "a function of 81 lines"),
    ("vault/a.cc", "void F(int a,\n       int b) {\n" + "  a();\n" * 80 + "}\n", "a function of 82 lines"),
    ("vault/a.cc", "class A {\n  A(int a,\n    int b)\n      : a_(a),\n        b_(b) {\n" + "    a();\n" * 80
     + "  }\n};\n", "a function of 84 lines"),
    ("vault/a.cc", "std::string\nF(int a)\n    const {  // why\n" + "  a();\n" * 80 + "}\n", "a function of 83 lines"),
    ("vault/a.cc", "// " + "a" * 120 + "\n", "123 columns"),
    ("vault/a.h", "#pragma once\n", "starts with a comment"),
    ("vault/a.h", "// What.\n", "no #pragma once"),
    ("vault/unused.h", HEADER, "nothing includes this header"),
    ("docs/LOST.md", "# Lost\n", "no other document links to it"),
    ("README.md", "# One\n# Two\n", "2 titles"),
    ("deploy/lost.sh", "true\n", "nothing names this script"),
    ("deploy/lost.py", "pass  # lost.py\n", "nothing names this script"),
    ("lost/a.cc", "int a;\n", "no target builds this file"),
    ("vault/folder/a.cc", "int a;\n", "no target builds this file"),
    ("vault/main.cc", "int a;\n", "no target builds this file"),
    ("tests/vault/helper.cc", "int a;\n", "no target builds this file"),
    ("tests/lost/a_test.cc", "int a;\n", "no target builds this file"),
    ("bench/lost.cc", "int a;\n", "no target builds this file"),
]
# Beside a mutant: what the files of a tree are built by.
CMAKE = {
    "CMakeLists.txt": "keyturn_room(vault ROOMS base)\nkeyturn_room(auth ROOMS base\n  FOLDERS folder)\n"
                      "keyturn_program(keyturnd server/main.cc)\n",
    "tests/CMakeLists.txt": "file(GLOB s ${CMAKE_CURRENT_SOURCE_DIR}/support/*.cc)\n"
                            "keyturn_tests(vault ROOMS vault)\nkeyturn_tests(auth/folder ROOMS auth)\nforeach(suite e2e crash)\n",
    "bench/CMakeLists.txt": "add_executable(loadgen loadgen.cc found.cc)\n",
}


def write(root: str, path: str, text: str):
    target = pathlib.Path(root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def messages(root: str) -> list[str]:
    return [message for _, _, message in tidy.problems(pathlib.Path(root))]


class Mutants(unittest.TestCase):
    def test_each_is_reported(self):
        for path, text, expected in MUTANTS:
            with self.subTest(path=path, expected=expected), tempfile.TemporaryDirectory() as root:
                for name, content in CMAKE.items():
                    write(root, name, content)
                write(root, path, text)
                found = messages(root)
                self.assertTrue(any(expected in message for message in found), found)

    def test_each_ban_has_a_mutant(self):
        expected = [words for _, _, words in MUTANTS]
        for what, _, _ in tidy.rules.BANNED:
            self.assertTrue(any(words in what for words in expected), what)

    def test_each_way_out_of_a_secret_is_recorded(self):
        use = "auto a = secret.ExposeForCrypto();\n"
        for recorded, count, reported in (("", 1, True), ("vault/a.cc Crypto 1\n", 1, False),
                                          ("vault/a.cc Wire 1\n", 1, True), ("vault/a.cc Crypto 1\n", 2, True),
                                          ("vault/a.cc Crypto 1\n", 0, True)):
            with self.subTest(recorded=recorded, count=count), tempfile.TemporaryDirectory() as root:
                write(root, "vault/a.cc", use * count)
                write(root, "tests/vault/a_test.cc", use)
                write(root, "tests/tidy_test/exposures.txt", recorded)
                found = [message for message in messages(root) if "callers of ExposeForCrypto" in message]
                self.assertEqual(reported, bool(found))

    def test_product_files_are_mirrored_by_tests(self):
        record = "tests/tidy_test/covered_elsewhere.txt"
        line = "vault/a.cc tests/vault/b_test.cc\n"
        for lines, files, expected in (
                ("", ["vault/a.cc"], ["no test mirrors this file: write tests/vault/a_test.cc"]),
                ("", ["vault/a.cc", "tests/vault/a_test.cc"], []),
                ("# Why.\n" + line, ["vault/a.cc", "tests/vault/b_test.cc"], []),
                (line, ["tests/vault/b_test.cc"], ["vault/a.cc is gone: take it off the list"]),
                (line, ["vault/a.cc", "tests/vault/a_test.cc", "tests/vault/b_test.cc"],
                 ["vault/a.cc has a test of its own: take it off the list"]),
                (line, ["vault/a.cc"], ["'tests/vault/b_test.cc' is no test that covers vault/a.cc"]),
                ("vault/a.cc\n", ["vault/a.cc"], ["'' is no test that covers vault/a.cc"])):
            with self.subTest(lines=lines, files=files), tempfile.TemporaryDirectory() as root:
                for name in files:
                    write(root, name, "int a;\n")
                write(root, record, lines)
                self.assertEqual(expected, messages(root))

    def test_tests_that_are_named_exist(self):
        for name, expected in (("ATest.Works", []), ("ATest.…", []), ("ATest.Wo…", []),
                               ("ATest.Gone", ["there is no test ATest.Gone"]),
                               ("BTest.…", ["there is no test BTest.…"])):
            with self.subTest(name=name), tempfile.TemporaryDirectory() as root:
                write(root, "tests/vault/a_test.cc", "TEST_F(ATest, Works) {}\n")
                write(root, "README.md", "# A\n\nRELIABILITY.md\n")
                write(root, "docs/RELIABILITY.md", f"# R\n\n| a | `{name}` |\n")
                self.assertEqual(expected, messages(root))

    def test_files_that_are_built_or_named_are_not_dead(self):
        with tempfile.TemporaryDirectory() as root:
            for name, content in CMAKE.items():
                write(root, name, content)
            for name in ("vault/a.cc", "auth/folder/a.cc", "tests/auth/folder/a_test.cc", "server/main.cc", "tests/vault/a_test.cc", "tests/e2e/a_test.cc",
                         "tests/support/a.cc", "bench/found.cc", "deploy/found.sh"):
                write(root, name, "int a;\n")
            write(root, "dev", "deploy/found.sh\n")
            self.assertEqual([], messages(root))

    def test_allowed_things_are_not_reported(self):
        allowed = [
            ("vault/a.cc", '#include "crypto/aead.h"\n#include "vault/vault.h"\n'),
            ("client/cli/offline_audit.cc", '#include "audit/audit_log.h"\n'),
            ("vault/a.cc", "// absl::Now() is not called here\n"),
            ("vault/a.cc", "void F() {\n" + "  a();\n" * 60 + "}\n"),
            ("vault/a.cc", "void F(int a,\n       int b) {\n" + "  a();\n" * 60 + "}\n"),
            ("vault/a.cc", "void F() {\n  if (a) {\n" + "    a();\n" * 60 + "  }\n}\n"),
            # Data is no function.
            ("vault/a.cc", "struct A {\n" + "  int a;\n" * 80 + "};\n\nconst A kAll[] = {\n" + "  {1},\n" * 80
             + "};\n"),
            ("vault/a.cc", "std::string password_file, private_key_path;\nstd::string wrapped_dek;\nconst std::string& kekule = x;\n"),
        ]
        for path, text in allowed:
            self.assertEqual([], list(tidy.check_file(path, text)), path)


if __name__ == "__main__":
    unittest.main()
