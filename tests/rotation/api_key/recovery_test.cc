// A server that dies at a change, before it is made or once it is durable: after it comes back the
// key is as it was, or as it was to be, and nothing between. And 7 days in the life of clients.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "rotation/api_key/codec.h"
#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class ApiKeyRecovery : public ApiKeyFixture {
 protected:
  // All that can be seen of the keys.
  std::string Seen(const std::vector<std::string>& texts) {
    std::string out;
    v1::ListApiKeysRequest request;
    const absl::StatusOr<v1::ListApiKeysResponse> list =
        keys_->List(request, [](absl::string_view) { return true; });
    EXPECT_OK(list);
    for (v1::ApiKeyInfo key : list->keys()) {
      // How often it was used is asked for by itself.
      key.clear_uses();
      key.clear_last_use_time();
      for (v1::ApiKeySecretInfo& secret : *key.mutable_secrets()) {
        secret.clear_uses();
        secret.clear_last_use_time();
      }
      absl::StrAppend(&out, key.ShortDebugString(), "\n");
    }
    for (const std::string& text : texts) absl::StrAppend(&out, Verify(text), " ");
    return out;
  }

  // Dies in the midst of `change`, twice: before and after its one update.
  void ExpectAllOrNothing(const std::string& what, const std::vector<std::string>& texts,
                          const std::function<absl::Status()>& change) {
    const std::string before = Seen(texts);
    updater_->die_at = 1;
    EXPECT_CODE(change(), kUnavailable);
    Open();
    EXPECT_EQ(Seen(texts), before) << what << " that was not made";
    updater_->die_at = 1;
    updater_->die_after = true;
    EXPECT_CODE(change(), kUnavailable);
    const std::string after = Seen(texts);
    EXPECT_NE(after, before) << what << " that was made";
    Open();
    EXPECT_EQ(Seen(texts), after) << what;
    ASSERT_OK_AND_ASSIGN(const std::vector<StoreProblem> problems, store_->Verify(NoProgress));
    EXPECT_TRUE(problems.empty());
  }
};

TEST_F(ApiKeyRecovery, EachChangeIsMadeOrNot) {
  const Key key = Make("a", {"read"});
  std::vector<std::string> texts = {key.text, "of elsewhere"};
  ExpectAllOrNothing("a key", texts, [this] {
    v1::CreateApiKeyRequest request;
    request.set_path("b");
    return keys_->Make(*updater_, request, "alice").status();
  });
  ExpectAllOrNothing("an update", texts, [&] {
    v1::UpdateApiKeyRequest request;
    request.set_id(key.id);
    request.set_replace_scopes(true);
    request.set_description("other");
    return keys_->Update(*updater_, request).status();
  });
  ExpectAllOrNothing("a roll", texts, [&] {
    v1::RollApiKeyRequest request;
    request.set_id(key.id);
    return keys_->Roll(*updater_, request).status();
  });
  ExpectAllOrNothing("a moved grace", texts,
                     [&] { return SetGrace(key.id, clock_.Now()).status(); });
  ExpectAllOrNothing("an import", texts, [this] {
    v1::ImportApiKeysRequest request;
    for (const char* text : {"of elsewhere", "another"}) {
      request.add_entries()->set_sha256(Sha256(text));
      request.mutable_entries(request.entries_size() - 1)->set_path("c");
    }
    return keys_->Import(*updater_, request, "alice").status();
  });
  ExpectAllOrNothing("a revocation", texts, [&] { return Revoke(key.id).status(); });
  clock_.AdvanceTime(Days(400));
  const std::vector<std::string> none;
  updater_->die_at = 1;
  EXPECT_CODE(keys_->RemoveEnded(), kUnavailable);
  Open();
  EXPECT_EQ(keys_->stats().keys, 4u);
  updater_->die_at = 1;
  updater_->die_after = true;
  EXPECT_CODE(keys_->RemoveEnded(), kUnavailable);
  Open();
  EXPECT_EQ(keys_->stats().keys, 0u);
  ASSERT_OK(keys_->RemoveEnded());
}

// What was used before a kill and written is there once, whenever the kill came.
TEST_F(ApiKeyRecovery, UsesAreWrittenOnceOrLostOnce) {
  const Key key = Make("a");
  for (const bool after : {false, true}) {
    const uint64_t before = Info(key.id).uses();
    for (int i = 0; i < 10; ++i) Verify(key.text);
    updater_->die_at = 1;
    updater_->die_after = after;
    EXPECT_CODE(keys_->WriteUses(), kUnavailable);
    Open();
    EXPECT_EQ(Info(key.id).uses(), before + (after ? 10 : 0));
  }
}

// The two secrets of a roll are never both refused, and never both the current one, though the
// server dies before or after it again and again.
TEST_F(ApiKeyRecovery, ARollThatWasNotAnsweredIsRolledAgain) {
  const Key key = Make("a");
  for (int i = 0; i < 4; ++i) {
    updater_->die_at = 1;
    updater_->die_after = i % 2 == 1;
    EXPECT_EQ(Roll(key.id), "UNAVAILABLE");
    Open();
    EXPECT_EQ(Verify(key.text), "VALID");
    clock_.AdvanceTime(absl::Hours(1));
  }
  EXPECT_EQ(States(key.id), "3 CURRENT, 2 GRACE, 1 GRACE");
}

// Clients that use keys and take over new ones within their grace, a gateway that verifies, and two
// rolls in a row, over 7 simulated days in steps of a minute: nobody who keeps the rules is
// refused, and each former secret ends exactly when it was to.
TEST_F(ApiKeyRecovery, TwoRollsInSevenDaysRefuseNobody) {
  constexpr int kClients = 20;
  struct Client {
    std::string text;
    std::string next;  // taken over at `takes`
    absl::Time takes = absl::InfiniteFuture();
    uint64_t used = 0;
  };
  struct Former {
    std::string text;
    absl::Time end;
  };
  std::vector<Key> keys;
  std::vector<std::vector<Client>> clients;  // two of each key
  std::vector<Former> formers;
  std::map<std::string, std::string> current;
  for (int i = 0; i < kClients / 2; ++i) {
    keys.push_back(Make(absl::StrCat("partners/p", i)));
    clients.push_back({{keys.back().text, "", absl::InfiniteFuture(), 0},
                       {keys.back().text, "", absl::InfiniteFuture(), 0}});
    current[keys.back().id] = keys.back().text;
  }
  const absl::Time start = clock_.Now();
  uint64_t verified = 0, ended_exactly = 0, rolls = 0;
  for (int minute = 0; minute < 7 * 24 * 60; ++minute) {
    clock_.AdvanceTime(absl::Minutes(1));
    const absl::Time now = clock_.Now();
    for (size_t i = 0; i < keys.size(); ++i) {
      // The first roll within day 1, the second within day 3: the first former is in grace still.
      for (const int day : {1, 3}) {
        if (minute != day * 24 * 60 + static_cast<int>(i) * 37) continue;
        formers.push_back({current[keys[i].id], now + Days(3)});
        const std::string text = Roll(keys[i].id, Days(3));
        ++rolls;
        current[keys[i].id] = text;
        for (size_t c = 0; c < clients[i].size(); ++c) {
          clients[i][c].next = text;
          // One at once, the other in the last minute.
          clients[i][c].takes = c == 0 ? now : now + Days(3) - absl::Minutes(1);
          if (day == 1 && c == 1) clients[i][c].takes = now + Days(2) - absl::Minutes(1);
        }
      }
      for (Client& client : clients[i]) {
        if (client.takes <= now && !client.next.empty()) {
          client.text = std::exchange(client.next, "");
          client.takes = absl::InfiniteFuture();
        }
        if ((minute + static_cast<int>(i)) % 5 != 0) continue;
        ASSERT_EQ(Verify(client.text), "VALID") << "minute " << minute << ", key " << i;
        ++client.used;
        ++verified;
      }
    }
    for (const Former& former : formers) {
      if (now != former.end) continue;
      EXPECT_EQ(Verify(former.text), "EXPIRED");
      ++ended_exactly;
    }
    for (const Former& former : formers) {
      if (now + absl::Minutes(1) != former.end) continue;
      clock_.AdvanceTime(absl::Minutes(1) - absl::Milliseconds(1));
      EXPECT_EQ(Verify(former.text), "VALID");
      clock_.SetTime(now);
    }
    if (minute % 60 == 0) ASSERT_OK(keys_->WriteUses());
    if (minute % (24 * 60) == 0) {
      keys_->OnSealed();
      Open();
    }
  }
  EXPECT_EQ(clock_.Now(), start + Days(7));
  EXPECT_EQ(rolls, 20u);
  EXPECT_EQ(ended_exactly, 20u);
  uint64_t counted = 0;
  for (const Key& key : keys) counted += Info(key.id).uses();
  EXPECT_EQ(counted, verified + 20);  // and the 20 a millisecond before the ends
  std::printf("%llu verifications, 0 refused\n", static_cast<unsigned long long>(verified));
}

}  // namespace
}  // namespace keyturn
