// The real keyturnd when it may open no more descriptors: calls end soon, either way; nothing that
// was acknowledged is lost; with descriptors again, or after a restart, it works as before.
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>

#include "tests/crash/crash_world.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(2);

class ExhaustionTest : public testing::Test {
 protected:
  ExhaustionTest() : world_(dir_.path(), 1) {}

  void SetUp() override {
    // UBSan looks whether memory can be read by writing it to a new pipe: without a descriptor it
    // says "invalid vptr" of any object and ends the process.
    if (kSanitized) GTEST_SKIP() << "UBSan needs descriptors of its own";
    ASSERT_TRUE(world_.process().available()) << "KEYTURN_BIN must name keyturnd's directory";
    ASSERT_OK(world_.Begin());
  }

  size_t OpenDescriptors() {
    const std::string folder = absl::StrCat("/proc/", world_.process().pid(), "/fd");
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }
  void Limit(rlim_t descriptors) {
    rlimit limit{};
    ASSERT_EQ(prlimit(world_.process().pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = std::min(descriptors, limit.rlim_max);
    ASSERT_EQ(prlimit(world_.process().pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  }

  absl::Status Put(const std::string& path) {
    v1::PutRequest put;
    put.set_path(path);
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("v");
    field->set_value(path);
    return Soon([&] { return world_.operator_client().Put(put).status(); });
  }
  // Writes new tables, which takes descriptors.
  absl::Status Purge() {
    return Soon([&] {
      return world_.operator_client().Purge({}, [](v1::PurgeResponse&) { return true; });
    });
  }
  absl::Status Get(const std::string& path) {
    v1::GetRequest get;
    get.set_path(path);
    return Soon([&] { return world_.operator_client().Get(get).status(); });
  }
  static absl::Status Soon(absl::FunctionRef<absl::Status()> call) {
    const absl::Time begun = Clock::Real().Now();
    const absl::Status status = call();
    EXPECT_LT(Clock::Real().Now() - begun, kSoon) << status;
    return status;
  }

  TempDir dir_;
  CrashWorld world_;
};

TEST_F(ExhaustionTest, WithoutDescriptorsNothingHangsAndNothingIsLost) {
  ASSERT_OK(Put("crash/before"));
  Limit(OpenDescriptors());
  std::vector<std::string> acknowledged = {"crash/before"};
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string path = absl::StrCat("crash/during", i);
    if (Put(path).ok()) acknowledged.push_back(path);
    refused += Purge().ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0) << "a purge needs descriptors";
  EXPECT_OK(Get("crash/before"));  // what is open reads on
  Limit(RLIM_INFINITY);
  // A store that stopped says so until it is started again; one that did not goes on.
  if (!Put("crash/after").ok()) {
    world_.process().Kill();
    ASSERT_OK(world_.Restart());
    EXPECT_OK(Put("crash/after"));
  }
  EXPECT_OK(Purge());
  world_.process().Kill();
  ASSERT_OK(world_.Restart());
  for (const std::string& path : acknowledged) EXPECT_OK(Get(path));
  for (const std::string& problem : world_.Check(false)) ADD_FAILURE() << problem;
}

// A connection that finds no descriptor is closed at once, and the next one is served when there
// are some again.
TEST_F(ExhaustionTest, ConnectionsAreTakenAgainOnceThereAreDescriptors) {
  Limit(OpenDescriptors());
  ClientOptions options;
  options.address = "unix:" + world_.process().operator_socket();
  options.timeout = absl::Seconds(1);
  {
    const auto client = Client::Connect(options);
    ASSERT_OK(client);
    EXPECT_CODE(Soon([&] { return (*client)->Status({}).status(); }), kUnavailable);
  }
  EXPECT_OK(Put("crash/meanwhile"));
  Limit(RLIM_INFINITY);
  options.timeout = absl::Seconds(10);
  const auto client = Client::Connect(options);
  ASSERT_OK(client);
  EXPECT_OK((*client)->Status({}));
}

}  // namespace
}  // namespace keyturn
