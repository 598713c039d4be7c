#include "client/cli/next_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "base/reason.h"
#include "client/cli/exit_codes.h"
#include "client/error_detail.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "storage/file_system.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

using Code = absl::StatusCode;

const Asked kRead = {.command = "secret read", .path = "a/b#pw"};

// An error that a server gave.
absl::Status FromServer(Code code, const std::string& reason = "",
                        const std::string& message = "x") {
  const absl::Status status = MakeCallStatus(static_cast<int>(code), message, "", "request-1");
  return reason.empty() ? status : WithReason(status, reason);
}

struct Row {
  Code code;
  std::string reason, step;  // of a read of a/b#pw
};

const std::vector<Row>& Reasons() {
  static const auto* const rows = new std::vector<Row>{
      {Code::kFailedPrecondition, "SEALED", "unseal the vault: keyturn operator unseal"},
      {Code::kFailedPrecondition, "ALREADY_INITIALIZED", "keyturn operator status"},
      {Code::kFailedPrecondition, "INIT_INCOMPLETE", "keyturn operator status"},
      {Code::kPermissionDenied, "OPERATOR_SOCKET",
       "on the server's machine, as the server's user: keyturn secret read --socket "
       "DATA_DIRECTORY/operator.sock"},
      {Code::kPermissionDenied, "OPERATOR_SOCKET_ONLY",
       "on the server's machine, as the server's user: keyturn secret read --socket "
       "DATA_DIRECTORY/operator.sock"},
      {Code::kPermissionDenied, "DELEGATION",
       "keyturn whoami says which policies you have; nobody gives or takes more than they let"},
      {Code::kFailedPrecondition, "NO_CERTIFICATE",
       "give --client-cert FILE and --client-key FILE"},
      {Code::kUnauthenticated, "NO_ROLE",
       "an operator binds the certificate to a role: keyturn role put NAME --policy POLICY "
       "--spiffe-id SPIFFE_ID; keyturn role list shows what there is"},
      {Code::kInvalidArgument, "UNKNOWN_POLICY", "keyturn policy list shows what there is"},
      {Code::kNotFound, "NO_PASSWORD_POLICY", "keyturn password-policy list shows what there is"},
      {Code::kFailedPrecondition, "NO_TOKEN", "keyturn whoami says who you are without one"},
      {Code::kInvalidArgument, "DEADLINE_REQUIRED", "give --timeout 15s"},
      {Code::kInvalidArgument, "WRONG_KEY",
       "keyturn operator rekey status says which keys are asked for"},
      {Code::kFailedPrecondition, "OLD_STATE_READ", "keyturn operator purge"},
      {Code::kFailedPrecondition, "WEBHOOKS_OFF",
       "set webhooks.enabled = true in the server's configuration, and restart it"},
      {Code::kFailedPrecondition, "WEBHOOK_DISABLED",
       "keyturn webhook enable ID, once its endpoint is mended"},
      {Code::kInvalidArgument, "MALFORMED_REQUEST",
       "keyturn doctor compares the versions of both sides"},
      {Code::kUnavailable, "STOPPING", "keyturn doctor finds out why"},
      {Code::kUnavailable, "AUDIT_UNAVAILABLE", "keyturn doctor finds out why"},
      {Code::kResourceExhausted, "RATE_LIMITED", "type it again in a moment"},
      {Code::kResourceExhausted, "BUSY", "type it again in a moment"},
      {Code::kResourceExhausted, "TOO_MANY_WATCHES", "type it again in a moment"},
      {Code::kResourceExhausted, "REPLIES_WAITING", "type it again in a moment"},
      {Code::kResourceExhausted, "REPLY_FULL", "ask for fewer secrets at once"},
      {Code::kOutOfRange, "REVISION_AHEAD", "keyturn operator status says the newest revision"},
      {Code::kAborted, "CONTENTION", "type it again in a moment"},
      {Code::kAborted, "MOVED", "type it again in a moment"},
      {Code::kAborted, "VERSION_MISMATCH", "keyturn secret show a/b says which is newest"},
      {Code::kFailedPrecondition, "IF_VERSION_REQUIRED",
       "add --if-version N; keyturn secret show a/b says which is newest"},
      {Code::kFailedPrecondition, "KIND_MISMATCH",
       "leave out --kind; keyturn secret show a/b says which it is"},
      {Code::kFailedPrecondition, "VERSION_DELETED",
       "keyturn secret undelete a/b brings it back; keyturn secret history a/b shows the versions"},
      {Code::kFailedPrecondition, "VERSION_COMPROMISED",
       "keyturn secret history a/b shows the versions"},
      {Code::kFailedPrecondition, "VERSION_PENDING",
       "keyturn secret history a/b shows the versions"},
      {Code::kFailedPrecondition, "VERSION_ABANDONED",
       "keyturn secret history a/b shows the versions"},
      {Code::kFailedPrecondition, "VERSION_RETIRED",
       "keyturn secret history a/b shows the versions"},
      {Code::kFailedPrecondition, "GRACE_ACTIVE",
       "keyturn rotation status a/b shows which versions work"},
      {Code::kFailedPrecondition, "NO_GRACE",
       "keyturn rotation status a/b shows which versions work"},
      {Code::kFailedPrecondition, "NO_CURRENT_VERSION", "keyturn secret put a/b gives it a value"},
      {Code::kFailedPrecondition, "NO_RUN",
       "keyturn rotation status a/b shows which versions work"},
      {Code::kFailedPrecondition, "ROTATION_IN_PROGRESS",
       "keyturn rotation status a/b shows which versions work"},
      {Code::kFailedPrecondition, "STILL_AT_TARGET",
       "keyturn rotation status a/b shows which versions work"},
      {Code::kFailedPrecondition, "NO_POLICY", "keyturn rotation policy set a/b gives it one"},
      {Code::kFailedPrecondition, "TOO_MANY_VERSIONS", "keyturn secret show a/b shows how it is"},
      {Code::kFailedPrecondition, "NOT_A_SIGNING_KEY", "keyturn secret show a/b says what it is"},
      {Code::kFailedPrecondition, "NOT_READABLE",
       "keyturn jwt update a/b --readable, if a service must sign by itself"},
      {Code::kFailedPrecondition, "MANAGED_KEY",
       "keyturn rotation run a/b makes the next key sign"},
      {Code::kFailedPrecondition, "NO_SIGNING_KEY", "keyturn jwt show a/b shows its keys"},
      {Code::kFailedPrecondition, "NO_PUBLIC_KEY", "keyturn jwt show a/b shows its keys"},
      {Code::kFailedPrecondition, "ALREADY_SIGNS", "keyturn jwt show a/b shows its keys"},
      {Code::kAlreadyExists, "SECRET_EXISTS", "keyturn secret show a/b shows what is there"},
      {Code::kUnauthenticated, "REFRESH_INVALID",
       "keyturn jwt sign a/b --refresh-token begins anew"},
      {Code::kUnauthenticated, "REFRESH_EXPIRED",
       "keyturn jwt sign a/b --refresh-token begins anew"},
      {Code::kUnauthenticated, "REFRESH_REVOKED",
       "keyturn jwt sign a/b --refresh-token begins anew"},
      {Code::kUnauthenticated, "REFRESH_REUSED",
       "keyturn jwt sign a/b --refresh-token begins anew"},
      {Code::kFailedPrecondition, "KEY_REVOKED", "keyturn apikey create PATH makes another one"},
      {Code::kResourceExhausted, "TOO_MANY_KEYS", "keyturn apikey list shows what there is"},
      {Code::kResourceExhausted, "TOO_MANY_LISTED_KEYS",
       "keyturn jwt update PATH --unlisted takes one out of the published set"},
      {Code::kFailedPrecondition, "DIRECTORY_UNKNOWN", "keyturn secret show a/b shows how it is"},
      {Code::kNotFound, "CONSUMER_NOT_FOUND", "keyturn consumer list a/b shows who there is"},
      {Code::kNotFound, "VERSION_NOT_FOUND", "keyturn secret history a/b shows the versions"},
      {Code::kNotFound, "VERSION_DESTROYED", "keyturn secret history a/b shows the versions"},
      {Code::kNotFound, "VERSION_EXPIRED", "keyturn secret history a/b shows the versions"},
  };
  return *rows;
}

TEST(NextStep, ApiKeysHaveTheirOwn) {
  const Asked roll = {.command = "apikey roll", .path = ""};
  EXPECT_EQ(NextStep(FromServer(Code::kFailedPrecondition, "GRACE_ACTIVE"), roll),
            "keyturn apikey show ID shows which secrets work");
  EXPECT_EQ(NextStep(FromServer(Code::kFailedPrecondition, "NO_GRACE"), roll),
            "keyturn apikey show ID shows which secrets work");
  EXPECT_EQ(NextStep(FromServer(Code::kNotFound), roll), "keyturn apikey list shows what there is");
  EXPECT_EQ(NextStep(FromServer(Code::kPermissionDenied, "",
                                "no policy of the caller grants apikey:write here"),
                     roll),
            "keyturn can-i apikey:write PATH says which grant is missing");
}

TEST(NextStep, IsKnownForEveryReason) {
  for (const Row& row : Reasons()) {
    EXPECT_EQ(NextStep(FromServer(row.code, row.reason), kRead), row.step) << row.reason;
  }
}

// Reasons are words in the calls of WithReason; a new one needs its row.
TEST(NextStep, NoReasonIsLeftOut) {
  std::set<std::string> known, used;
  for (const Row& row : Reasons()) known.insert(row.reason);
  const char* const source = std::getenv("KEYTURN_SOURCE");
  ASSERT_NE(source, nullptr);
  const std::regex reason("\"([A-Z]+(_[A-Z]+)*)\"\\s*\\)");
  for (const std::string room : {"auth", "keyring", "rotation", "server", "storage", "vault"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(absl::StrCat(source, "/", room))) {
      if (entry.path().extension() != ".cc") continue;
      ASSERT_OK_AND_ASSIGN(const std::string text, FileSystem::Posix().Read(entry.path().string()));
      for (size_t at = text.find("WithReason("); at != std::string::npos;
           at = text.find("WithReason(", at + 1)) {
        const std::string call = text.substr(at, 500);
        std::smatch found;
        if (std::regex_search(call, found, reason)) used.insert(found[1]);
      }
    }
  }
  // Given with a reason that is an argument.
  used.insert({"VERSION_NOT_FOUND", "VERSION_DESTROYED", "VERSION_EXPIRED", "VERSION_DELETED",
               "VERSION_PENDING", "VERSION_ABANDONED", "VERSION_RETIRED"});
  used.erase("TOKEN_KEY");  // of an answer, which is no error
  EXPECT_GT(used.size(), 20u);
  EXPECT_THAT(used, testing::IsSubsetOf(known));
}

TEST(NextStep, IsKnownForEveryCode) {
  const std::vector<std::pair<Code, std::string>> steps = {
      {Code::kOk, ""},
      {Code::kCancelled, ""},  // the person stopped it
      {Code::kUnknown, "keyturn doctor; the server's log has more under the request id"},
      {Code::kInvalidArgument, "keyturn secret read --help"},
      {Code::kDeadlineExceeded, "keyturn doctor finds out why"},
      {Code::kNotFound, "keyturn secret list a/"},
      {Code::kAlreadyExists, "keyturn doctor"},
      {Code::kPermissionDenied, "keyturn can-i PERMISSION a/b says which grant is missing"},
      {Code::kResourceExhausted, "type it again in a moment"},
      {Code::kFailedPrecondition, "keyturn secret show a/b shows how it is"},
      {Code::kAborted, "type it again in a moment"},
      {Code::kOutOfRange, "keyturn secret read --help"},
      {Code::kUnimplemented, "keyturn doctor compares the versions of both sides"},
      {Code::kInternal, "keyturn doctor; the server's log has more under the request id"},
      {Code::kUnavailable, "keyturn doctor finds out why"},
      {Code::kDataLoss, "keyturn operator verify lists what does not open"},
      {Code::kUnauthenticated, "log in again: keyturn login; keyturn whoami shows who you are"},
  };
  for (int code = 0; code <= 16; ++code) {
    const auto& [listed, step] = steps[static_cast<size_t>(code)];
    ASSERT_EQ(static_cast<int>(listed), code);
    EXPECT_EQ(NextStep(FromServer(listed), kRead), step) << code;
  }
}

TEST(NextStep, NamesWhatTheCommandIsAbout) {
  const absl::Status none = FromServer(Code::kNotFound);
  EXPECT_EQ(NextStep(none, {.command = "secret read", .path = "top"}), "keyturn secret list");
  EXPECT_EQ(NextStep(none, {.command = "secret read", .path = "a b/c"}),
            "keyturn secret list 'a b/'");
  EXPECT_EQ(NextStep(FromServer(Code::kNotFound, "", "the secret has no field pw"), kRead),
            "keyturn secret get a/b shows its fields, values hidden");
  EXPECT_EQ(NextStep(FromServer(Code::kAlreadyExists),
                     {.command = "secret rename", .path = "a/b", .new_path = "a/c"}),
            "choose another name; keyturn secret show a/c shows what is there");
  for (const std::string group : {"policy", "role", "token", "password-policy", "profile"}) {
    EXPECT_EQ(NextStep(none, {.command = group + " get"}),
              absl::StrCat("keyturn ", group, " list shows what there is"));
  }
  EXPECT_EQ(NextStep(none, {.command = "secret rename", .path = "a", .new_path = "b"}),
            "keyturn secret list shows what there is; to rename a directory: --directory");
  EXPECT_EQ(NextStep(none, {.command = "can-i"}), "keyturn policy list shows what there is");
  EXPECT_EQ(NextStep(FromServer(Code::kFailedPrecondition), {.command = "operator init"}),
            "keyturn operator status");
}

TEST(NextStep, OfARefusalAsksWhatTheServerNamed) {
  const auto denied = [](const std::string& permission) {
    return FromServer(Code::kPermissionDenied, "",
                      absl::StrCat("no policy of the caller grants ", permission,
                                   " here; `keyturn can-i` explains why"));
  };
  EXPECT_EQ(NextStep(denied("secret:read"), kRead),
            "keyturn can-i secret:read a/b says which grant is missing");
  EXPECT_EQ(NextStep(denied("secret:write"),
                     {.command = "secret rename", .path = "a/b", .new_path = "a/c"}),
            "keyturn can-i secret:write PATH says which grant is missing");
  EXPECT_EQ(NextStep(denied("admin:policy"), {.command = "policy list"}),
            "keyturn can-i admin:policy says which grant is missing");
  EXPECT_EQ(SecretStep(denied("secret:read"), "x/y z", ""),
            "keyturn can-i secret:read 'x/y z' says which grant is missing");
}

// No server was asked.
TEST(NextStep, OfWhatIsWrongOnThisMachineIsTheHelp) {
  for (const absl::Status& status :
       {absl::NotFoundError("x"), absl::AlreadyExistsError("x"), absl::FailedPreconditionError("x"),
        absl::InvalidArgumentError("x")}) {
    EXPECT_EQ(NextStep(status, kRead), "keyturn secret read --help");
    EXPECT_EQ(NextStep(status, {}), "keyturn --help");
    EXPECT_EQ(NextStep(status, {.command = "policy list"}), "keyturn policy list --help");
  }
  // Profiles are here.
  EXPECT_EQ(NextStep(absl::NotFoundError("x"), {.command = "profile use"}),
            "keyturn profile list shows what there is");
}

TEST(NextStep, SaysHowLongToWait) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(25 * 60);
  google::rpc::Status details;
  details.add_details()->PackFrom(retry);
  const absl::Status status = MakeCallStatus(static_cast<int>(Code::kResourceExhausted), "x",
                                             details.SerializeAsString(), "request-1");
  EXPECT_EQ(NextStep(status, kRead), "type it again in 25m");
}

TEST(NextStep, IsTheAttachedOneBeforeTheUsualOne) {
  const absl::Status denied = absl::PermissionDeniedError("x");
  EXPECT_EQ(NextStep(WithHelp(denied, "do this"), kRead), "do this");
  EXPECT_EQ(NextStep(absl::InternalError("x"), kRead), "keyturn doctor");
  EXPECT_EQ(NextStep(WithHelp(absl::CancelledError("x"), "do this"), kRead), "do this");
}

TEST(WithProfile, NamesItInEachCommand) {
  EXPECT_EQ(WithProfile("log in again: keyturn login; keyturn whoami shows who you are", "p-2"),
            "log in again: keyturn --profile p-2 login; keyturn --profile p-2 whoami shows who you "
            "are");
  EXPECT_EQ(WithProfile("keyturn secret list", ""), "keyturn secret list");
  EXPECT_EQ(WithProfile("keyturn operator init --profile a-2", "a"),
            "keyturn operator init --profile a-2");
  EXPECT_EQ(WithProfile("keyturn secret put --help", "p"), "keyturn secret put --help");
  EXPECT_EQ(WithProfile("is keyturnd running there?", "p"), "is keyturnd running there?");
}

TEST(ShellWord, IsQuotedWhenAShellWouldReadMoreIntoIt) {
  EXPECT_EQ(ShellWord("a/b-c_1.pem"), "a/b-c_1.pem");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("it's $x"), "'it'\\''s $x'");
}

}  // namespace
}  // namespace keyturn::cli
