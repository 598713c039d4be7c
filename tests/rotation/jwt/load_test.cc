// Services that sign and services that verify, all the while, on threads of their own, through a
// rotation, a manual one behind it, and the end of a grace. Time goes on by five minutes, when each
// thread has done its part since.
#include <atomic>
#include <random>
#include <thread>

#include "base/coding.h"
#include "crypto/jws.h"
#include "tests/rotation/jwt/jwt_fixture.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

constexpr absl::Duration kStep = absl::Minutes(5);

// The public keys of a set, as somebody else reads them: RFC 8037 section 2, RFC 8410 section 4.
class CachedKeys {
 public:
  explicit CachedKeys(const std::string& document) {
    const std::string_view kid_mark = "\"kid\":\"", x_mark = "\"x\":\"";
    for (size_t at = document.find(kid_mark); at != std::string::npos;
         at = document.find(kid_mark, at + 1)) {
      const std::string kid = Text(document, at + kid_mark.size());
      const std::string x = Text(document, document.find(x_mark, at) + x_mark.size());
      constexpr absl::string_view kPrefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
      auto verifier = JwsVerifier::FromPublic(
          JoseAlgorithm::kEdDsa, kid, absl::StrCat(kPrefix, Base64UrlDecode(x).value_or("")));
      EXPECT_OK(verifier);
      if (verifier.ok()) keys_[kid] = *std::move(verifier);
    }
  }

  bool Verifies(const std::string& token) const {
    const absl::StatusOr<ParsedJws> jws = ParseJws(token);
    if (!jws.ok()) return false;
    const auto key = keys_.find(jws->kid);
    return key != keys_.end() && key->second->Verify(*jws).ok();
  }

 private:
  static std::string Text(const std::string& document, size_t from) {
    return document.substr(from, document.find('"', from) - from);
  }
  std::map<std::string, std::unique_ptr<const JwsVerifier>> keys_;
};

class JwtLoadTest : public JwtFixture {
 protected:
  struct Issued {
    std::string token, kid;
    absl::Time expires;
  };

  ~JwtLoadTest() override { Stop(); }

  void Start(size_t signers, size_t verifiers) {
    done_.resize(signers + verifiers);
    const uint64_t seed = TestSeed();
    for (size_t i = 0; i < signers + verifiers; ++i) {
      threads_.emplace_back([this, i, signers, seed] {
        std::mt19937_64 random(seed + i);
        i < signers ? SignOn(random, i) : VerifyOn(random, i);
      });
    }
  }
  void Stop() {
    {
      const absl::MutexLock lock(&mu_);
      stopping_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  // Until each thread has done so much more.
  void AwaitWork(uint64_t each) {
    const absl::MutexLock lock(&mu_);
    std::vector<uint64_t> until = done_;
    for (uint64_t& count : until) count += each;
    const auto reached = [&] {
      for (size_t i = 0; i < until.size(); ++i) {
        if (done_[i] < until[i]) return false;
      }
      return true;
    };
    mu_.Await(absl::Condition(&reached));
  }

  void SignOn(std::mt19937_64& random, size_t self) {
    do {
      v1::SignJwtRequest request = ToSign("k");
      request.set_ttl_seconds(random() % 3 == 0 ? 86'400 : 7'200);
      const absl::Time asked = clock_.Now();
      const auto made = Sign(request);
      EXPECT_OK(made);
      if (!made.ok()) continue;
      const absl::MutexLock lock(&mu_);
      signers_.insert(made->kid());
      Issued issued{made->token(), made->kid(), asked + absl::Seconds(request.ttl_seconds())};
      if (alive_.size() < 500) {
        alive_.push_back(std::move(issued));
      } else {
        alive_[random() % alive_.size()] = std::move(issued);
      }
    } while (Done(self));
  }

  // With keys that are as old as they may be, and by asking.
  void VerifyOn(std::mt19937_64& random, size_t self) {
    std::optional<CachedKeys> keys;
    absl::Time fetched;
    do {
      const absl::StatusOr<PublishedJwks> published = jwt_->Published();
      EXPECT_OK(published);
      if (!published.ok()) continue;
      if (!keys.has_value() || clock_.Now() - fetched > published->max_age) {
        fetched = clock_.Now();
        keys.emplace(published->document);
      }
      std::string token;
      {
        const absl::MutexLock lock(&mu_);
        if (alive_.empty()) continue;
        const Issued& one = alive_[random() % alive_.size()];
        if (one.expires < clock_.Now() + absl::Hours(1)) continue;
        token = one.token;
      }
      checks_.fetch_add(1);
      if (!keys->Verifies(token)) refused_by_cached_.fetch_add(1);
      if (Judge("k", token) != "valid") refused_.fetch_add(1);
    } while (Done(self));
  }

  // Whether to go on.
  bool Done(size_t self) {
    const absl::MutexLock lock(&mu_);
    ++done_[self];
    return !stopping_;
  }

  absl::Mutex mu_;
  std::vector<uint64_t> done_ ABSL_GUARDED_BY(mu_);
  std::vector<Issued> alive_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> signers_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<int> checks_{0}, refused_{0}, refused_by_cached_{0};
  std::vector<std::thread> threads_;
};

TEST_F(JwtLoadTest, NobodyIsRefusedFromADayBeforeToTheEndOfTheGrace) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  Pass(Days(89));
  const std::string first = Sign(ToSign("k"))->kid();
  Start(2, 3);
  const absl::Time begin = clock_.Now();
  bool by_hand = false;
  while (clock_.Now() < begin + Days(10)) {
    clock_.AdvanceTime(kStep);
    ASSERT_OK(RunDue());
    if (!by_hand && clock_.Now() > begin + Days(4)) {
      ASSERT_OK(Rotate("k"));
      by_hand = true;
    }
    AwaitWork(1);
  }
  Stop();
  EXPECT_EQ(refused_.load(), 0);
  EXPECT_EQ(refused_by_cached_.load(), 0);
  EXPECT_GT(checks_.load(), 5'000);
  {
    const absl::MutexLock lock(&mu_);
    EXPECT_EQ(signers_.size(), 3u);
  }
  // The grace of the first key is over, and it is gone from the set.
  EXPECT_EQ(PublishedKids().count(first), 0u);
}

TEST_F(JwtLoadTest, TheReadingOfCachedKeysCanFail) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK(Create("other", Settings("EdDSA")));
  const std::string document = jwt_->Published()->document;
  const CachedKeys keys(document);
  const std::string token = Token("k");
  EXPECT_TRUE(keys.Verifies(token));
  EXPECT_FALSE(CachedKeys("{\"keys\":[]}").Verifies(token));
  std::string forged = token;
  forged[forged.size() / 2] = forged[forged.size() / 2] == 'a' ? 'b' : 'a';
  EXPECT_FALSE(keys.Verifies(forged));
}

}  // namespace
}  // namespace keyturn
