// The small languages of the command line: references, durations, times, names, formats.
#include <gtest/gtest.h>

#include "base/reason.h"
#include "client/cli/duration.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/metadata_flag.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "client/cli/progress.h"
#include "client/cli/reference.h"
#include "client/cli/report.h"
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
  EXPECT_EQ(Shown("app/db#password@current"), "app/db|password|0|0");
  EXPECT_EQ(Shown("app/user@example.com"), "app/user@example.com||0|0");
  EXPECT_TRUE(IsReference("keyturn://app/db"));
  EXPECT_FALSE(IsReference("app/db#password"));
  EXPECT_FALSE(IsReference("https://keyturn://"));
}

TEST(ParseReference, SaysWhatIsWrong) {
  EXPECT_EQ(Shown(""), "'' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("#f"), "'#f' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("a#"), "'a#' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b c"), "'a#b c' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b@0"), "version '0' must be a number from 1, 'current' or 'previous'");
  EXPECT_EQ(Shown("keyturn://#f"), "'keyturn://#f' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("a#" + std::string(128, 'f')), "a|" + std::string(128, 'f') + "|0|0");
  EXPECT_CODE(ParseReference("a#" + std::string(129, 'f')), kInvalidArgument);
  EXPECT_EQ(Shown("a#b@18446744073709551616"),
            "version '18446744073709551616' must be a number from 1, 'current' or 'previous'");
  EXPECT_EQ(Shown("a#b@-1"), "version '-1' must be a number from 1, 'current' or 'previous'");
}

TEST(ParseDuration, TakesWhatPeopleWrite) {
  EXPECT_EQ(*ParseDuration("x", "90d"), absl::Hours(90 * 24));
  EXPECT_EQ(*ParseDuration("x", "2w"), absl::Hours(14 * 24));
  EXPECT_EQ(*ParseDuration("x", "1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("x", "3600"), absl::Hours(1));
  EXPECT_EQ(*ParseDuration("x", "1d12h"), absl::Hours(36));
  EXPECT_EQ(*ParseDuration("x", "500ms"), absl::Milliseconds(500));
  for (const char* const bad :
       {"", "x", "-1h", "0", "inf", "1y", "d", "1 h", "9999999d", "1.5d", "0.5w", "1h1.5d"}) {
    EXPECT_EQ(
        ParseDuration("--ttl", bad).status().message(),
        absl::StrCat("--ttl '", bad,
                     "' is not a length of time; write for example 45s, 30m, 12h, 90d or 2w"));
  }
  EXPECT_EQ(*ParseDuration("x", "1w2d3h4m5s"), absl::Hours(9 * 24 + 3) + absl::Seconds(245));
  EXPECT_EQ(*ParseSeconds("x", "1500ms"), 1);
  EXPECT_EQ(ExitCodeOf(ParseDuration("x", "").status()), kExitUsage);
  EXPECT_EQ(ParseSeconds("--ttl", "10ms").status().message(), "--ttl must be at least one second");
}

TEST(ParseMoment, TakesTimesDaysAndAges) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(*ParseMoment("x", "2h", now), now - absl::Hours(2));
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31", now)), "2026-12-31T00:00:00Z");
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31T08:30:00+01:00", now)), "2026-12-31T07:30:00Z");
  for (const char* const bad :
       {"2026-02-30", "2026-12-31T25:00:00Z", "2026-12-31x", "infinite-future", "infinite-past"}) {
    EXPECT_CODE(ParseMoment("x", bad, now), kInvalidArgument);
    EXPECT_CODE(ParseEnd("x", bad, now), kInvalidArgument);
  }
  EXPECT_EQ(ParseMoment("--after", "soon", now).status().message(),
            "--after 'soon' is not a time; write for example 2026-12-31, 2026-12-31T08:30:00Z, or "
            "2h for two hours ago");
}

TEST(ParseEnd, IsAheadOfNow) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15
  EXPECT_EQ(*ParseEnd("x", "2h", now), now + absl::Hours(2));
  EXPECT_EQ(TimeText(*ParseEnd("x", "2027-12-31", now)), "2027-12-31T00:00:00Z");
  EXPECT_EQ(ParseEnd("--not-after", "2026-12-31", now).status().message(),
            "--not-after '2026-12-31' is in the past");
  EXPECT_EQ(ParseEnd("--not-after", "soon", now).status().message(),
            "--not-after 'soon' is not a time; write for example 2026-12-31, "
            "2026-12-31T08:30:00Z, or 90d for ninety days from now");
}

TEST(EnvNames, GoBothWays) {
  EXPECT_EQ(SecretNameFor("DATABASE_URL"), "database-url");
  EXPECT_EQ(VariableFor("db/api-key.v2"), "DB_API_KEY_V2");
  EXPECT_EQ(VariableFor("2fa"), "_2FA");
  EXPECT_EQ(VariableFor(""), "_");
  for (const char* variable : {"DATABASE_URL", "X", "API_KEY_2"}) {
    EXPECT_EQ(VariableFor(SecretNameFor(variable)), variable);
  }
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

TEST(SecretToJson, GivesBackWhatDataFromJsonTook) {
  const std::string text = R"({"user":"app","port":5432,"tags":["a",null],"empty":""})";
  v1::GetResponse secret;
  *secret.mutable_data() = *DataFromJson(text);
  secret.set_path("app/db");
  secret.set_kind(v1::KIND_DB_CREDENTIAL);
  secret.set_revision(9);
  secret.mutable_version()->set_version(3);
  secret.mutable_version()->set_state(v1::VERSION_STATE_GRACE);
  secret.mutable_version()->mutable_create_time()->set_seconds(1'800'000'000);
  (*secret.mutable_custom_metadata())["env"] = "DB";
  EXPECT_EQ(SecretToJson(secret).dump(),
            R"({"path":"app/db","kind":"db_credential","version":3,"state":"grace",)"
            R"("createTime":"2027-01-15T08:00:00Z","revision":9,"customMetadata":{"env":"DB"},)"
            R"("data":)" +
                text + "}");
}

TEST(WipeJson, LeavesNoTextAnywhere) {
  Json json = Json::parse(R"({"a":"secret","b":["secret",{"c":"secret"}],"d":7})");
  WipeJson(&json);
  EXPECT_EQ(json.dump(), R"({"a":"","b":["",{"c":""}],"d":7})");
}

TEST(Kinds, AreTypedAsTheyAreShown) {
  for (const v1::Kind kind :
       {v1::KIND_GENERIC, v1::KIND_API_KEY, v1::KIND_JWT_KEY, v1::KIND_DB_CREDENTIAL}) {
    EXPECT_EQ(*ParseKind(KindName(kind)), kind);
  }
  EXPECT_EQ(*ParseKind(""), v1::KIND_UNSPECIFIED);
  for (const std::string bad : {"unspecified", "GENERIC", "kind_generic"}) {
    EXPECT_EQ(ParseKind(bad).status().message(),
              absl::StrCat("unknown kind '", bad,
                           "'; allowed are generic, api_key, jwt_key and db_credential"));
  }
}

TEST(StateName, DeletedComesFirst) {
  v1::VersionInfo version;
  version.set_state(v1::VERSION_STATE_CURRENT);
  EXPECT_EQ(StateName(version), "current");
  version.mutable_delete_time();
  EXPECT_EQ(StateName(version), "deleted");
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
  const std::pair<absl::StatusCode, int> kCodes[] = {
      {absl::StatusCode::kOk, 0},
      {absl::StatusCode::kInternal, 1},
      {absl::StatusCode::kDataLoss, 1},
      {absl::StatusCode::kCancelled, 1},
      {absl::StatusCode::kInvalidArgument, 2},
      {absl::StatusCode::kOutOfRange, 2},
      {absl::StatusCode::kNotFound, 3},
      {absl::StatusCode::kUnauthenticated, 4},
      {absl::StatusCode::kPermissionDenied, 5},
      {absl::StatusCode::kFailedPrecondition, 6},
      {absl::StatusCode::kAlreadyExists, 6},
      {absl::StatusCode::kAborted, 6},
      {absl::StatusCode::kUnavailable, 7},
      {absl::StatusCode::kDeadlineExceeded, 7},
      {absl::StatusCode::kResourceExhausted, 7},
  };
  for (const auto& [code, exit] : kCodes) EXPECT_EQ(ExitCodeOf(absl::Status(code, "x")), exit);
  EXPECT_EQ(ExitCodeOf(WithExitCode(absl::NotFoundError("x"), 125)), 125);
  // A sealed vault is one to wait for, whatever the code says.
  for (const char* const reason : {"SEALED", "STOPPING"}) {
    EXPECT_EQ(ExitCodeOf(WithReason(absl::FailedPreconditionError("x"), reason)), 7);
  }
}

TEST(NextStep, IsTheAttachedOneBeforeTheUsualOne) {
  const absl::Status denied = absl::PermissionDeniedError("x");
  EXPECT_EQ(NextStep(denied), "keyturn can-i PERMISSION PATH says which grant is missing");
  EXPECT_EQ(HelpOf(denied), std::nullopt);
  EXPECT_EQ(NextStep(WithHelp(denied, "do this")), "do this");
  EXPECT_EQ(NextStep(WithReason(absl::FailedPreconditionError("x"), "SEALED")),
            "unseal the vault: keyturn operator unseal");
  EXPECT_EQ(NextStep(absl::NotFoundError("x")), "");
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
