// Values leave no trace in memory that is given back. The test looks at every block that this
// thread frees through operator delete, which is where protobuf keeps strings.
#include "client/wipe.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "absl/strings/match.h"
#include "client/secret_cache.h"
#include "tests/client/fake_server.h"

namespace {

constexpr char kMarker[] = "S3cr3t-marker-0f-th1s-t3st";
thread_local bool watching = false;
thread_local int leaks = 0;

void FreeBlock(void* block) noexcept {
  if (watching && block != nullptr) {
    const std::string_view bytes(static_cast<const char*>(block), malloc_usable_size(block));
    if (bytes.find(kMarker) != std::string_view::npos) ++leaks;
  }
  std::free(block);
}

}  // namespace

void* operator new(size_t size) {
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  std::abort();
}
void operator delete(void* block) noexcept { FreeBlock(block); }
void operator delete(void* block, size_t) noexcept { FreeBlock(block); }

namespace keyturn {
namespace {

// How many freed blocks held the marker while `fn` ran.
int Leaks(const std::function<void()>& fn) {
  leaks = 0;
  watching = true;
  fn();
  watching = false;
  return leaks;
}

// Repeated, so that it stays away from what the allocator writes into freed blocks.
std::string Value() { return absl::StrCat(std::string(64, '.'), kMarker, std::string(64, '.')); }

v1::GetResponse Response() {
  v1::GetResponse response;
  v1::Field* const field = response.mutable_data()->add_fields();
  field->set_name("value");
  field->set_value(Value());
  return response;
}

TEST(Leaks, AreFound) {
  auto text = std::make_unique<std::string>(Value());
  EXPECT_EQ(Leaks([&] { text.reset(); }), 1);
}

TEST(Wipe, ReachesAllOfABuffer) {
  for (const size_t size : {0, 1, 15, 16, 100, 5000}) {
    std::string text(size, 's');
    text.resize(size / 2);  // the rest is still there, beyond its end
    const char* const at = text.data();
    const size_t capacity = text.capacity();
    WipeBuffer(&text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.data(), at);
    for (size_t i = 0; i < capacity; ++i) ASSERT_EQ(at[i], '\0') << i << " of " << size;
  }
}

TEST(Wipe, ReachesTheValuesOfAMessageAndNothingElse) {
  v1::GetResponse response = Response();
  WipeValues(&response);
  EXPECT_EQ(response.data().fields(0).name(), "value");
  EXPECT_EQ(response.data().fields(0).value(), "");
  v1::GetResponse none;
  WipeValues(&none);
  EXPECT_FALSE(none.has_data());
}

TEST(Wipe, HappensBeforeTheMemoryGoes) {
  auto response = std::make_unique<v1::GetResponse>(Response());
  EXPECT_EQ(Leaks([&] { const ScopedWipe<v1::GetResponse> wipe(response.get()); }), 0);
  EXPECT_EQ(Leaks([&] { response.reset(); }), 0);

  auto batch = std::make_unique<v1::BatchGetResponse>();
  for (int i = 0; i < 3; ++i) *batch->add_items()->mutable_secret() = Response();
  batch->add_items()->set_code(5);
  EXPECT_EQ(Leaks([&] {
              { const ScopedWipe<v1::BatchGetResponse> wipe(batch.get()); }
              batch.reset();
            }),
            0);
  response = std::make_unique<v1::GetResponse>(Response());
  EXPECT_EQ(Leaks([&] { response.reset(); }), 1);  // which is what wiping is for
}

TEST(CachedSecret, IsWipedWithItsLastHolder) {
  auto secret = std::make_shared<const CachedSecret>(Response());
  auto other = secret;
  secret.reset();
  EXPECT_TRUE(absl::StrContains(*other->Find("value"), kMarker));
  EXPECT_EQ(Leaks([&] { other.reset(); }), 0);
}

class CacheWipeTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.secrets.SetValue(Value());
    SecretCache::Options options;
    options.watch = false;
    options.entries_max = 2;
    ASSERT_OK_AND_ASSIGN(cache_, SecretCache::Start(*client_, std::move(options)));
  }
  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_.address());
  std::unique_ptr<SecretCache> cache_;
};

TEST_F(CacheWipeTest, AFetchAHitAndADropLeaveNothing) {
  EXPECT_EQ(Leaks([&] {
              for (const char* path : {"a", "a", "b", "c", "d"}) EXPECT_OK(cache_->Get(path));
            }),
            0);
  EXPECT_EQ(cache_->stats().entries, 2u);
  EXPECT_EQ(Leaks([&] {
              cache_->Invalidate("d");
              cache_->Close();
              cache_.reset();
            }),
            0);
}

TEST_F(CacheWipeTest, AHolderKeepsItsValueThroughADrop) {
  ASSERT_OK_AND_ASSIGN(auto secret, cache_->Get("a"));
  cache_->Close();
  EXPECT_EQ(*secret->Find("value"), Value());
  EXPECT_EQ(Leaks([&] { secret.reset(); }), 0);
}

}  // namespace
}  // namespace keyturn
