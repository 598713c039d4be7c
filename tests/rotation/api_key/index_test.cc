#include "rotation/api_key/index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "rotation/api_key/codec.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

ApiKeyRecord Record(const std::string& id, const std::string& path, int secrets) {
  ApiKeyRecord record;
  record.set_id(id);
  record.set_path(path);
  for (int i = 0; i < secrets; ++i) record.add_secrets()->set_mac(RandomBytes(32));
  return record;
}

TEST(ApiKeyIndex, OneThatIsEmptyKnowsNothing) {
  const ApiKeyIndex index;
  EXPECT_FALSE(index.Match(api_key::NewId(), RandomBytes(32)));
  EXPECT_FALSE(index.Match(std::string(16, 'z'), std::string(32, '\0')));
  EXPECT_EQ(index.FindLegacy(RandomBytes(32)), "");
}

TEST(ApiKeyIndex, EachSecretMatchesItsIdAlone) {
  ApiKeyIndex index;
  const ApiKeyRecord a = Record(api_key::NewId(), "a", 3), b = Record(api_key::NewId(), "a", 1);
  index.Put(a);
  index.Put(b);
  for (const ApiKeySecret& secret : a.secrets()) {
    EXPECT_TRUE(index.Match(a.id(), secret.mac()));
    EXPECT_FALSE(index.Match(b.id(), secret.mac()));
  }
  EXPECT_FALSE(index.Match(b.id(), std::string(32, '\0')));
}

// The MAC of a key that was made elsewhere is found by itself, and is no secret of the id.
TEST(ApiKeyIndex, LegacyMacsAreApart) {
  ApiKeyIndex index;
  ApiKeyRecord record = Record(api_key::NewId(), "a", 1);
  record.mutable_secrets(0)->set_legacy(true);
  index.Put(record);
  const std::string mac = record.secrets(0).mac();
  EXPECT_EQ(index.FindLegacy(mac), record.id());
  EXPECT_FALSE(index.Match(record.id(), mac));
  record.mutable_secrets()->Clear();
  index.Put(record);
  EXPECT_EQ(index.FindLegacy(mac), "");
}

// Against a map, by random changes: as they come, and as they are read at a start.
TEST(ApiKeyIndex, IsAsAMapIs) {
  std::mt19937_64 random(TestSeed());
  ApiKeyIndex index;
  std::map<std::string, ApiKeyRecord> model;
  std::vector<std::string> ids;
  for (int i = 0; i < 3000; ++i) ids.push_back(api_key::NewId());
  for (int step = 0; step < 10'000; ++step) {
    const std::string& id = ids[random() % ids.size()];
    if (random() % 4 == 0) {
      index.Erase(id);
      model.erase(id);
    } else {
      model[id] = Record(id, absl::StrCat("p", random() % 50), 1 + static_cast<int>(random() % 3));
      index.Put(model[id]);
    }
  }
  ApiKeyIndex read;
  for (const auto& [id, record] : model) read.Append(record);
  read.Sort();
  for (const ApiKeyIndex* one : {&index, &read}) {
    EXPECT_EQ(one->places().size(), model.size());
    EXPECT_EQ(one->summaries().size(), model.size());
    for (const std::string& id : ids) {
      const auto known = model.find(id);
      EXPECT_FALSE(one->Match(id, RandomBytes(32)));
      EXPECT_EQ(one->Find(id) != nullptr, known != model.end());
      if (known == model.end()) continue;
      EXPECT_EQ(one->Find(id)->path, known->second.path());
      EXPECT_TRUE(one->places().count({known->second.path(), id}) == 1);
      for (const ApiKeySecret& secret : known->second.secrets()) {
        EXPECT_TRUE(one->Match(id, secret.mac()));
      }
    }
  }
}

}  // namespace
}  // namespace keyturn
