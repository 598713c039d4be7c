// Random operations against a reference that is a map: what the vault answers must be what the map
// holds, also after reopening. The seed is printed; KEYTURN_SEED runs one again,
// KEYTURN_MODEL_STEPS runs longer.
#include <cstdlib>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

struct ModelSecret {
  struct Version {
    std::string data;
    bool deleted = false;
    bool destroyed = false;
    absl::Time expires = absl::InfiniteFuture();
  };
  std::map<uint64_t, Version> versions;
  uint64_t newest = 0;
};

class ModelTest : public VaultFixture {
 protected:
  static unsigned Seed() {
    const char* const given = std::getenv("KEYTURN_SEED");
    return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  }

  std::string RandomPath() {
    static const char* const names[] = {"a", "b", "c"};
    std::string path = names[random_() % 3];
    for (unsigned depth = random_() % 3; depth > 0; --depth) {
      absl::StrAppend(&path, "/", names[random_() % 3]);
    }
    return path;
  }

  void Step() {
    const std::string path = RandomPath();
    const auto found = model_.find(path);
    const bool exists = found != model_.end();
    switch (random_() % 10) {
      case 0:
      case 1:
      case 2: {
        const std::string value = std::to_string(random_());
        ttl_ = random_() % 4 == 0 ? absl::Hours(1) : absl::ZeroDuration();
        ASSERT_OK(Put(path, {{"v", value}}));
        ModelSecret& secret = model_[path];
        ModelSecret::Version& version = secret.versions[++secret.newest];
        version.data = "v=" + value;
        if (ttl_ > absl::ZeroDuration()) version.expires = clock_.Now() + ttl_;
        if (secret.versions.size() > limits::kVersionsKeptDefault) {
          secret.versions.erase(secret.versions.begin());
        }
        break;
      }
      case 3: {
        const absl::Status status = Delete(path);
        const bool can = exists && !found->second.versions[found->second.newest].destroyed;
        ASSERT_EQ(status.ok(), can) << path << status;
        if (can) found->second.versions[found->second.newest].deleted = true;
        break;
      }
      case 4:
        ASSERT_EQ(Undelete(path).ok(), exists) << path;
        if (exists) {
          for (auto& [number, version] : found->second.versions) version.deleted = false;
        }
        break;
      case 5: {
        if (!exists) break;
        const uint64_t number = found->second.newest - random_() % 3;
        const auto version = found->second.versions.find(number);
        const bool can = version != found->second.versions.end() && !version->second.destroyed;
        ASSERT_EQ(Destroy(path, {number}).ok(), can) << path << number;
        if (can) version->second.destroyed = true;
        break;
      }
      case 6:
        if (random_() % 4 != 0) break;
        ASSERT_EQ(Destroy(path).ok(), exists) << path;
        if (exists) model_.erase(found);
        break;
      case 7:
        RenameSecret(path, RandomPath());
        break;
      case 8:
        RenameDirectory(path, RandomPath());
        break;
      case 9:
        if (random_() % 50 == 0) Open();
        if (random_() % 5 == 0) PassTime();
        break;
    }
  }

  // The steps are such that nothing expires within a second of one, which is the grain of hints.
  void PassTime() {
    clock_.AdvanceTime(absl::Minutes(20) + absl::Seconds(2));
    if (random_() % 3 == 0) return;  // what has expired does not read, but is still there
    while (RunDue() > 0) {
    }
    for (auto& [path, secret] : model_) {
      for (auto& [number, version] : secret.versions) {
        if (version.expires <= clock_.Now()) version.destroyed = true;
      }
    }
  }

  void RenameSecret(const std::string& from, const std::string& to) {
    const bool can = model_.count(from) != 0 && model_.count(to) == 0 && from != to;
    ASSERT_EQ(Rename(from, to).ok(), can) << from << " " << to;
    if (!can) return;
    model_[to] = model_[from];
    model_.erase(from);
  }

  // The model has no empty directories, so it only predicts moves of directories with content to
  // places whose name the vault has never used.
  void RenameDirectory(const std::string& from, const std::string& to) {
    const std::string fresh = absl::StrCat("moved", moves_++);
    std::map<std::string, ModelSecret> moved;
    for (auto& [path, secret] : model_) {
      if (absl::StartsWith(path, from + "/")) moved[fresh + path.substr(from.size())] = secret;
    }
    const absl::Status status = Rename(from, fresh, true);
    if (moved.empty()) return;
    ASSERT_OK(status);
    std::erase_if(model_,
                  [&](const auto& item) { return absl::StartsWith(item.first, from + "/"); });
    // And back under a name of the usual set, if that is free.
    if (Rename(fresh, to, true).ok()) {
      for (auto& [path, secret] : moved) model_[to + path.substr(fresh.size())] = secret;
    } else {
      model_.merge(moved);
    }
  }

  void CheckAll() {
    std::string expected;
    std::vector<std::string> paths;
    for (const auto& [path, secret] : model_) {
      paths.push_back(path);
      for (const auto& [number, version] : secret.versions) {
        const bool gone = version.destroyed || version.expires <= clock_.Now();
        const std::string want = gone              ? "NOT_FOUND"
                                 : version.deleted ? "FAILED_PRECONDITION"
                                                   : version.data;
        ASSERT_EQ(Get(path, number), want) << path << " " << number;
      }
    }
    std::vector<std::string> listed = absl::StrSplit(List("", true, 3), ' ', absl::SkipEmpty());
    std::sort(listed.begin(), listed.end());
    ASSERT_EQ(listed, paths);
    ExpectClean();
  }

  std::mt19937 random_;
  std::map<std::string, ModelSecret> model_;
  int moves_ = 0;
};

TEST_F(ModelTest, RandomOperationsAgreeWithTheReference) {
  const unsigned seed = Seed();
  SCOPED_TRACE(absl::StrCat("KEYTURN_SEED=", seed));
  random_.seed(seed);
  const char* const steps = std::getenv("KEYTURN_MODEL_STEPS");
  for (int i = 0; i < (steps != nullptr ? std::stoi(steps) : 4000); ++i) {
    Step();
    if (HasFatalFailure()) return;
    if (i % 500 == 499) CheckAll();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace keyturn
