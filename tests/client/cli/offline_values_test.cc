// What `run --offline` keeps: for whom it opens, and for whom not.
#include "client/cli/offline_values.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "base/reason.h"
#include "client/cli/exit_codes.h"
#include "client/cli/offline_codec.h"
#include "client/cli/token_choice.h"
#include "crypto/x509_make.h"
#include "storage/file_system.h"
#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

class OfflineValuesTest : public CliHome {
 protected:
  void SetUp() override {
    CliHome::SetUp();
    shell_->flags.address = "vault:1";
    shell_->flags.ca_cert = Write("ca.pem", "certificate");
    shell_->flags.client_key = Write("client.key", "key of the client");
  }

  static std::vector<Variable> Values() {
    std::vector<Variable> values;
    values.push_back({"API_KEY", *SecretBytes::CopyOf("hunter2"), "app/key#value", false, {}});
    values.push_back(
        {"FILE", *SecretBytes::CopyOf(std::string("a\0b hunter3\n", 11)), "app.tmpl", true, {}});
    values.back().parts.push_back(*SecretBytes::CopyOf("hunter3"));
    return values;
  }
  OfflineValues Open(const std::string& asked = "app") {
    Anew();
    absl::StatusOr<OfflineValues> values = OfflineValues::Open(*shell_, asked);
    EXPECT_OK(values);
    return *std::move(values);
  }
  // For who has the same name for the file: what it says.
  static absl::StatusCode CodeOf(const OfflineValues& values, const std::string& file) {
    std::filesystem::create_directories(std::filesystem::path(values.path()).parent_path());
    std::ofstream(values.path(), std::ios::binary | std::ios::trunc) << file;
    return values.Load(kRead, kHour).status().code();
  }

  static constexpr absl::Time kRead = absl::FromUnixMillis(1'700'000'000'123);
};

TEST_F(OfflineValuesTest, GiveBackWhatWasSaved) {
  ASSERT_OK(Open().Save(Values(), kRead));
  ASSERT_OK_AND_ASSIGN(const OfflineValues::Kept kept, Open().Load(kRead + kHour, kHour));
  EXPECT_EQ(kept.read_at, kRead);
  ASSERT_EQ(kept.variables.size(), 2u);
  EXPECT_EQ(kept.variables[0].name, "API_KEY");
  EXPECT_EQ(kept.variables[0].value.ExposeForCrypto(), "hunter2");
  EXPECT_EQ(kept.variables[0].from, "app/key#value");
  EXPECT_FALSE(kept.variables[0].is_file);
  EXPECT_EQ(kept.variables[1].value.ExposeForCrypto(), absl::string_view("a\0b hunter3\n", 11));
  EXPECT_TRUE(kept.variables[1].is_file);
  ASSERT_EQ(kept.variables[1].parts.size(), 1u);
  EXPECT_EQ(kept.variables[1].parts[0].ExposeForCrypto(), "hunter3");
}

TEST_F(OfflineValuesTest, LieSealedInAFileOfTheProfile) {
  const OfflineValues values = Open();
  EXPECT_FALSE(std::filesystem::exists(dir_.File("state")));
  ASSERT_OK(values.Save(Values(), kRead));
  EXPECT_EQ(std::filesystem::path(values.path()).parent_path(),
            dir_.File("state/keyturn/offline/default"));
  struct stat info;
  ASSERT_EQ(stat(values.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(dir_.File("state/keyturn/offline/default").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_OK_AND_ASSIGN(const std::string first, FileSystem::Posix().Read(values.path()));
  for (const char* const word : {"hunter", "API_KEY", "app"}) {
    EXPECT_FALSE(absl::StrContains(first, word)) << word;
  }
  // Another key each time: nothing but the magic is the same.
  ASSERT_OK(values.Save(Values(), kRead));
  ASSERT_OK_AND_ASSIGN(const std::string second, FileSystem::Posix().Read(values.path()));
  EXPECT_EQ(first.substr(0, 8), second.substr(0, 8));
  EXPECT_NE(first.substr(8, 32), second.substr(8, 32));
  EXPECT_NE(first.substr(40), second.substr(40));
}

TEST_F(OfflineValuesTest, DoNotOpenWithOneBitFlippedOrAByteLess) {
  const OfflineValues values = Open();
  ASSERT_OK(values.Save(Values(), kRead));
  ASSERT_OK_AND_ASSIGN(const std::string whole, FileSystem::Posix().Read(values.path()));
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string file = whole;
    file[i] = static_cast<char>(file[i] ^ (1 << (i % 8)));
    EXPECT_EQ(CodeOf(values, file), absl::StatusCode::kDataLoss) << "byte " << i;
    EXPECT_EQ(CodeOf(values, whole.substr(0, i)), absl::StatusCode::kDataLoss) << i << " bytes";
  }
  EXPECT_EQ(CodeOf(values, whole + "x"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(values, whole), absl::StatusCode::kOk);
}

TEST_F(OfflineValuesTest, AreForOneCallerServerAndQuestion) {
  ASSERT_OK(Open().Save(Values(), kRead));
  ASSERT_OK_AND_ASSIGN(const std::string file, FileSystem::Posix().Read(Open().path()));
  // Under another name, and under theirs.
  const auto refuses = [&](const std::string& what, const std::string& asked = "app") {
    const OfflineValues others = Open(asked);
    EXPECT_EQ(others.Load(kRead, kHour).status().code(), absl::StatusCode::kNotFound) << what;
    EXPECT_EQ(CodeOf(others, file), absl::StatusCode::kDataLoss) << what;
  };
  refuses("another question", "app2");
  refuses("no question", "");
  shell_->flags.address = "vault:2";
  refuses("another server");
  shell_->flags.address = "vault:1";
  Write("ca.pem", "another certificate");
  refuses("another CA");
  Write("ca.pem", "certificate");
  Write("client.key", "key of another client");
  refuses("another client key");
  Write("client.key", "key of the client");
  shell_->flags.token_file = Write("token", "token");
  refuses("a token");
  shell_->flags.token_file.clear();
  Profiles profiles = *Profiles::Load();
  profiles.Set("other", {"vault:1", dir_.File("ca.pem"), "", dir_.File("client.key")});
  ASSERT_OK(profiles.Save());
  shell_->flags.profile = "other";
  refuses("another profile");
  shell_->flags.profile.clear();
  Set("KEYTURN_PROFILE", "default");
  profiles.Set("default", {});
  ASSERT_OK(profiles.Save());
  EXPECT_OK(Open().Load(kRead, kHour));
}

TEST_F(OfflineValuesTest, ATokenIsPartOfTheCallerUnlessTheKeyGivesIt) {
  const std::string by_key = Open().path();
  StoredToken token;
  token.address = "vault:1";
  ASSERT_OK_AND_ASSIGN(token.ca_sha256, HashOfFile(dir_.File("ca.pem")));
  token.token = "from-elsewhere";
  ASSERT_OK(SaveToken("default", token));
  EXPECT_NE(Open().path(), by_key);
  // From the certificate of the settings: another token each hour, the same caller.
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey ca,
                       MakeCa("client", {kRead - kHour, Clock::Real().Now() + absl::Hours(24)}));
  shell_->flags.client_cert = Write("client.pem", ca.certificate_pem);
  ASSERT_OK_AND_ASSIGN(token.client_cert_sha256, HashOfFile(dir_.File("client.pem")));
  for (const char* const text : {"one", "two"}) {
    token.token = text;
    ASSERT_OK(SaveToken("default", token));
    EXPECT_EQ(Open().path(), by_key) << text;
  }
}

TEST_F(OfflineValuesTest, NeedAKeyOrATokenToBeSealedUnder) {
  shell_->flags.client_key.clear();
  Anew();
  const absl::Status none = OfflineValues::Open(*shell_, "app").status();
  EXPECT_EQ(none.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(HelpOf(none),
            "give --client-key FILE or --token-file FILE, or a --profile that has them");
  Set("KEYTURN_TOKEN", "token");
  ASSERT_OK(Open().Save(Values(), kRead));
  EXPECT_OK(Open().Load(kRead, kHour));
  Set("KEYTURN_TOKEN", "token2");
  EXPECT_FALSE(Open().Load(kRead, kHour).ok());
}

TEST_F(OfflineValuesTest, AreAsOldAsAllowedAndNotOfTheFuture) {
  const OfflineValues values = Open();
  ASSERT_OK(values.Save(Values(), kRead));
  const absl::Duration tick = absl::Milliseconds(1);
  EXPECT_OK(values.Load(kRead, tick));
  EXPECT_OK(values.Load(kRead + kHour, kHour));
  EXPECT_EQ(values.Load(kRead + kHour + tick, kHour).status().message(),
            "the kept values were read at 2023-11-14T22:13:20Z and are older than allowed");
  EXPECT_EQ(values.Load(kRead - tick, kHour).status().message(),
            "the kept values were read at 2023-11-14T22:13:20Z, which is still to come: the clock "
            "of this machine is, or was, wrong");
}

TEST_F(OfflineValuesTest, EndWithTheClientCertificate) {
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey ca,
                       MakeCa("client", {kRead - kHour, kRead + kHour}));
  shell_->flags.client_cert = Write("client.pem", ca.certificate_pem);
  const OfflineValues values = Open();
  ASSERT_OK(values.Save(Values(), kRead));
  EXPECT_OK(values.Load(kRead, 3 * kHour));
  const absl::Status ended = values.Load(kRead + 2 * kHour, 3 * kHour).status();
  EXPECT_TRUE(absl::StrContains(ended.message(), "certificate has expired")) << ended;
}

TEST_F(OfflineValuesTest, AreForgotten) {
  const OfflineValues values = Open();
  ASSERT_OK(values.Save(Values(), kRead));
  values.Forget();
  EXPECT_EQ(values.Load(kRead, kHour).status().code(), absl::StatusCode::kNotFound);
  // With the login too, and without a login.
  ASSERT_OK(values.Save(Values(), kRead));
  ASSERT_OK(RemoveToken("default"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("state/keyturn/offline/default")));
  ASSERT_OK(RemoveToken("default"));
}

TEST_F(OfflineValuesTest, OfLongAgoAreRemoved) {
  const OfflineValues first = Open("first");
  const OfflineValues second = Open("second");
  const absl::Time now = Clock::Real().Now();
  const auto age = [&](absl::Duration ago) {
    const timespec then = absl::ToTimespec(now - ago);
    const timespec times[] = {then, then};
    EXPECT_EQ(utimensat(AT_FDCWD, first.path().c_str(), times, 0), 0);
  };
  ASSERT_OK(first.Save(Values(), now));
  age(absl::Hours(7 * 24 - 1));
  ASSERT_OK(second.Save(Values(), now));
  EXPECT_TRUE(std::filesystem::exists(first.path()));
  age(absl::Hours(7 * 24 + 1));
  ASSERT_OK(second.Save(Values(), now));
  EXPECT_FALSE(std::filesystem::exists(first.path()));
}

TEST_F(OfflineValuesTest, AreNotKeptWhenTheyAreTooLarge) {
  std::vector<Variable> values;
  values.push_back({"A", *SecretBytes::CopyOf(std::string(1024 * 1024, 'x')), "a", false, {}});
  const absl::Status saved = Open().Save(values, kRead);
  EXPECT_EQ(saved.message(), "they are too large: at most 1048575 bytes in all");
  EXPECT_FALSE(std::filesystem::exists(dir_.File("state")));
}

TEST(OfflineCodec, ReadsNothingButWhatItWrote) {
  std::vector<Variable> values;
  values.push_back({"A", *SecretBytes::CopyOf("value"), "from", true, {}});
  values.back().parts.push_back(*SecretBytes::CopyOf("part"));
  const SecretBytes encoded = *EncodeValues(values, absl::UnixEpoch());
  const std::string whole(encoded.ExposeForCrypto());
  absl::Time read_at;
  EXPECT_OK(DecodeValues(whole, &read_at));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeValues(absl::string_view(whole).substr(0, size), &read_at).ok()) << size;
  }
  EXPECT_FALSE(DecodeValues(whole + "x", &read_at).ok());
}

TEST(IsUnreachable, IsAServerThatDoesNotAnswerAndNoOther) {
  EXPECT_TRUE(IsUnreachable(absl::UnavailableError("Connection refused")));
  EXPECT_TRUE(IsUnreachable(absl::DeadlineExceededError("Deadline Exceeded")));
  EXPECT_TRUE(IsUnreachable(WithReason(absl::UnavailableError("stopping"), "STOPPING")));
  for (const absl::Status& answered :
       {absl::OkStatus(), absl::PermissionDeniedError("no grant"), absl::NotFoundError("no secret"),
        absl::UnauthenticatedError("expired"), absl::ResourceExhaustedError("rate"),
        absl::InternalError("?"), absl::FailedPreconditionError("deleted"),
        WithReason(absl::FailedPreconditionError("sealed"), "SEALED"),
        WithReason(absl::UnavailableError("sealed"), "SEALED"),
        WithReason(absl::UnavailableError("the audit log cannot be written"), "AUDIT_UNAVAILABLE"),
        absl::UnavailableError("Ssl handshake failed: certificate verify failed"),
        absl::UnavailableError("Hostname Verification Check failed"),
        absl::UnavailableError("Failed to create security handshaker")}) {
    EXPECT_FALSE(IsUnreachable(answered)) << answered;
  }
}

}  // namespace
}  // namespace keyturn::cli
