// The small languages of the command line: references, durations, times, names, formats.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "client/cli/duration.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/metadata_flag.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "client/cli/progress.h"
#include "client/cli/reference.h"
#include "client/cli/secret_json.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string Shown(absl::string_view text) {
  const absl::StatusOr<Reference> r = ParseReference(text);
  if (!r.ok()) return std::string(r.status().message());
  return absl::StrCat(r->path, "|", r->field, "|", r->version.number(), "|",
                      static_cast<int>(r->version.alias()));
}

TEST(ParseReference, SplitsPathFieldAndVersion) {
  EXPECT_EQ(Shown("app/db"), "app/db||0|0");
  EXPECT_EQ(Shown("keyturn://app/db#password"), "app/db|password|0|0");
  EXPECT_EQ(Shown("app/db#password@3"), "app/db|password|3|0");
  EXPECT_EQ(Shown("app/db#password@previous"), "app/db|password|0|1");
  EXPECT_EQ(Shown("app/user@example.com"), "app/user@example.com||0|0");
}

TEST(ParseReference, SaysWhatIsWrong) {
  EXPECT_EQ(Shown(""), "'' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("#f"), "'#f' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("a#"), "'a#' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b c"), "'a#b c' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b@0"), "version '0' must be a number from 1, 'current' or 'previous'");
  EXPECT_EQ(Shown("a#b@-1"), "version '-1' must be a number from 1, 'current' or 'previous'");
}

TEST(ParseDuration, TakesWhatPeopleWrite) {
  EXPECT_EQ(*ParseDuration("x", "90d"), absl::Hours(90 * 24));
  EXPECT_EQ(*ParseDuration("x", "2w"), absl::Hours(14 * 24));
  EXPECT_EQ(*ParseDuration("x", "1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("x", "3600"), absl::Hours(1));
  EXPECT_EQ(*ParseDuration("x", "1d12h"), absl::Hours(36));
  EXPECT_EQ(*ParseDuration("x", "500ms"), absl::Milliseconds(500));
  for (const char* const bad : {"", "x", "-1h", "0", "inf", "1y", "d", "1 h", "9999999d"}) {
    EXPECT_EQ(
        ParseDuration("--ttl", bad).status().message(),
        absl::StrCat("--ttl '", bad,
                     "' is not a length of time; write for example 45s, 30m, 12h, 90d or 2w"));
  }
  EXPECT_EQ(ParseSeconds("--ttl", "10ms").status().message(), "--ttl must be at least one second");
}

TEST(ParseMoment, TakesTimesDaysAndAges) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(*ParseMoment("x", "2h", now), now - absl::Hours(2));
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31", now)), "2026-12-31T00:00:00Z");
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31T08:30:00+01:00", now)), "2026-12-31T07:30:00Z");
  EXPECT_EQ(ParseMoment("--after", "soon", now).status().message(),
            "--after 'soon' is not a time; write for example 2026-12-31, 2026-12-31T08:30:00Z, or "
            "2h for two hours ago");
}

TEST(EnvNames, GoBothWays) {
  EXPECT_EQ(SecretNameFor("DATABASE_URL"), "database-url");
  EXPECT_EQ(VariableFor("db/api-key.v2"), "DB_API_KEY_V2");
  EXPECT_EQ(VariableFor("2fa"), "_2FA");
  v1::GetResponse secret;
  secret.set_path("app/prod/db/main");
  secret.mutable_data()->add_fields()->set_name("value");
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "DB_MAIN");
  secret.mutable_data()->add_fields()->set_name("user");
  EXPECT_EQ(VariableOf(secret, "app/prod", "user"), "DB_MAIN_USER");
  (*secret.mutable_custom_metadata())["env"] = "MAIN_DB";
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "MAIN_DB");
  (*secret.mutable_custom_metadata())["env"] = "not a name";
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "DB_MAIN");
}

TEST(ParseMetadata, RefusesWhatIsNotAPair) {
  google::protobuf::Map<std::string, std::string> map;
  EXPECT_OK(ParseMetadata({"a=b", "c=", "d=e=f"}, &map));
  EXPECT_EQ(map["d"], "e=f");
  EXPECT_EQ(ParseMetadata({"x"}, &map).message(), "--metadata 'x' must be KEY=VALUE");
  EXPECT_EQ(ParseMetadata({"=x"}, &map).message(), "--metadata '=x' must be KEY=VALUE");
  EXPECT_EQ(ParseMetadata({"a=1"}, &map).message(), "--metadata a is given twice");
}

TEST(DataFromJson, MakesFieldsOfMembers) {
  const absl::StatusOr<v1::SecretData> data =
      DataFromJson(R"({"user":"app","port":5432,"tags":["a","b"],"on":true})");
  ASSERT_OK(data);
  ASSERT_EQ(data->fields_size(), 4);
  EXPECT_EQ(data->fields(0).encoding(), v1::ENCODING_TEXT);
  EXPECT_EQ(data->fields(0).value(), "app");
  EXPECT_EQ(data->fields(1).encoding(), v1::ENCODING_JSON);
  EXPECT_EQ(data->fields(1).value(), "5432");
  EXPECT_EQ(data->fields(2).value(), R"(["a","b"])");
  for (const char* const bad : {"", "[]", "{}", "\"hunter2\"", "{\"a\":", "{\"a\":1}x"}) {
    EXPECT_EQ(DataFromJson(bad).status().message(),
              R"(the data must be a JSON object of fields, such as {"value": "..."})");
  }
}

TEST(SecretToJson, SaysHowBinaryIsWritten) {
  v1::GetResponse secret;
  v1::Field& field = *secret.mutable_data()->add_fields();
  field.set_name("key");
  field.set_encoding(v1::ENCODING_BINARY);
  field.set_value(std::string("\0\xff", 2));
  const Json json = SecretToJson(secret);
  EXPECT_EQ(json["data"]["key"], "AP8=");
  EXPECT_EQ(json["encodings"]["key"], "base64");
}

TEST(ExitCodes, AreThoseOfTheirStatus) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("x")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("x")), 2);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("x")), 3);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("x")), 4);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("x")), 5);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("x")), 6);
  EXPECT_EQ(ExitCodeOf(absl::AbortedError("x")), 6);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("x")), 7);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("x")), 7);
  EXPECT_EQ(ExitCodeOf(WithExitCode(absl::NotFoundError("x"), 125)), 125);
}

TEST(CheckProfileName, AllowsFileNamesOnly) {
  EXPECT_OK(CheckProfileName("prod-eu_1"));
  for (const std::string bad : {"", "..", "a/b", "a b", "a.b"}) {
    EXPECT_EQ(CheckProfileName(bad).message(),
              absl::StrCat("profile name '", bad, "' must be 1 to 64 of A-Z a-z 0-9 _ -"));
  }
  EXPECT_FALSE(CheckProfileName(std::string(65, 'a')).ok());
}

TEST(Progress, ShowsABarOrACount) {
  EXPECT_EQ(Progress::Bar(50, 100, "records checked", 79),
            "[##########..........] 50 of 100 records checked");
  EXPECT_EQ(Progress::Bar(7, 0, "records checked", 79), "7 records checked");
  EXPECT_EQ(Progress::Bar(200, 100, "x", 25), "[####################] 20");
}

}  // namespace
}  // namespace keyturn::cli
