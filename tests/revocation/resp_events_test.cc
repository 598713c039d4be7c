// Keyspace events, as those who have subscribed to them see them.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "revocation/change_events.h"
#include "tests/revocation/resp_list_fixture.h"

namespace keyturn {
namespace {

TEST(ChangeEvents, ClassesAreReadAndWrittenAsInRedis) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"", ""},       {"KEA", "AKE"}, {"AKEn", "AKE"}, {"g$lshzxetdKE", "AKE"},
      {"Kg$", "g$K"}, {"EEx", "xE"},  {"KEn", "nKE"},  {"zhslE", "lshzE"}};
  for (const auto& [letters, text] : pairs) {
    const absl::StatusOr<uint32_t> classes = ParseEventClasses(letters);
    ASSERT_OK(classes);
    EXPECT_EQ(EventClassesText(*classes), text) << letters;
  }
  EXPECT_CODE(ParseEventClasses("KEm").status(), kInvalidArgument);
  EXPECT_CODE(ParseEventClasses("K E").status(), kInvalidArgument);
  EXPECT_FALSE(TellsEvents(*ParseEventClasses("KE")));
  EXPECT_FALSE(TellsEvents(*ParseEventClasses("A")));
  EXPECT_TRUE(TellsEvents(*ParseEventClasses("Ex")));
}

class RespEventsTest : public RespListFixture {
 protected:
  RespEventsTest() {
    hub_.SetEventClasses(*ParseEventClasses("KEAn"));
    listener_.emplace(NewPeer(1, "c"));
    listener_->Ask("PSUBSCRIBE __key*__:*");
  }

  // "set k" for each, of both kinds: they must tell the same.
  std::string Events() {
    std::string text = Settled(*listener_), by_key, by_event;
    while (!text.empty()) {
      std::vector<std::string> words;
      text.erase(0, text.find("\r\n") + 2);
      for (int i = 0; i < 4; ++i) {
        const size_t line = text.find("\r\n");
        const size_t size = std::stoul(text.substr(1, line));
        words.push_back(text.substr(line + 2, size));
        text.erase(0, line + 2 + size + 2);
      }
      const std::string name = words[2].substr(words[2].find(':') + 1);
      const bool keyspace = absl::StartsWith(words[2], "__keyspace@0__:");
      absl::StrAppend(keyspace ? &by_key : &by_event, keyspace ? words[3] : name, " ",
                      keyspace ? name : words[3], ",");
    }
    EXPECT_EQ(by_key, by_event);
    return by_key;
  }
  std::string EventsOf(absl::string_view words) {
    Answer(writer_peer_, words);
    return Events();
  }

  std::optional<RespPeer> listener_;
  RespPeer writer_peer_ = NewPeer(2);
};

TEST_F(RespEventsTest, EachCommandTellsWhatItDid) {
  const std::vector<std::pair<std::string, std::string>> commands = {
      {"SET k v", "new k,set k,"},
      {"SET k v EX 100", "set k,expire k,"},
      {"SET k w KEEPTTL", "set k,"},
      {"SET k w NX", ""},
      {"SETEX k 100 v", "set k,expire k,"},
      {"GET k", ""},
      {"EXPIRE k 200", "expire k,"},
      {"EXPIRE k 10 GT", ""},
      {"PERSIST k", "persist k,"},
      {"PERSIST k", ""},
      {"GETEX k", ""},
      {"GETEX k EX 100", "expire k,"},
      {"GETEX k PERSIST", "persist k,"},
      {"GETEX k PERSIST", ""},
      {"GETSET k x", "set k,"},
      {"SETNX k x", ""},
      {"SETNX n x", "new n,set n,"},
      {"MSET k 1 m 2", "set k,new m,set m,"},
      {"MSETNX k 1 q 2", ""},
      {"DEL k no m", "del k,del m,"},
      {"UNLINK k", ""},
      {"GETDEL n", "del n,"},
      {"SADD s a b", "new s,sadd s,"},
      {"SADD s a", ""},
      {"EXPIRE s 100", "expire s,"},
      {"PERSIST s", "persist s,"},
      {"SREM s a zzz", "srem s,"},
      {"SREM s zzz", ""},
      {"SREM s b", "srem s,del s,"},
      {"SET k v", "new k,set k,"},
      {"EXPIRE k -1", "del k,"},
      {"SET k v EXAT 1", "set k,expire k,expired k,"},
      {"SET k v", "new k,set k,"},
      {"GETEX k EXAT 1", "del k,"},
      {"FLUSHALL", ""}};
  for (const auto& [words, events] : commands) EXPECT_EQ(EventsOf(words), events) << words;
}

// "AKE" is how both are shown, and only the first tells of new keys.
TEST_F(RespEventsTest, NewKeysAreNoLongerToldOfThoughTheSettingLooksTheSame) {
  EXPECT_EQ(writer_peer_.Ask("CONFIG SET notify-keyspace-events KEAn"), "+OK\r\n");
  EXPECT_EQ(EventsOf("SET a v"), "new a,set a,");
  EXPECT_EQ(writer_peer_.Ask("CONFIG SET notify-keyspace-events AKE"), "+OK\r\n");
  EXPECT_EQ(EventsOf("SET b v"), "set b,");
}

TEST_F(RespEventsTest, OnlyClassesThatAreAskedForAreTold) {
  EXPECT_EQ(writer_peer_.Ask("CONFIG SET notify-keyspace-events KEg$"), "+OK\r\n");
  EXPECT_TRUE(
      absl::StrContains(writer_peer_.Ask("CONFIG GET notify-keyspace-events"), RespBulk("g$KE")));
  EXPECT_EQ(EventsOf("SADD s a"), "");
  EXPECT_EQ(EventsOf("SREM s a"), "del s,");
  EXPECT_EQ(EventsOf("SET k v"), "set k,");
  EXPECT_EQ(writer_peer_.Ask("CONFIG SET notify-keyspace-events \"\"").substr(0, 4), "-ERR");
  EXPECT_EQ(writer_peer_.AskRaw(RespArray({"CONFIG", "SET", "notify-keyspace-events", ""})),
            "+OK\r\n");
  EXPECT_EQ(EventsOf("SET k v"), "");
  EXPECT_TRUE(absl::StrContains(writer_peer_.Ask("CONFIG SET notify-keyspace-events KEm"),
                                "classes of keyspace events are letters of"));
}

TEST_F(RespEventsTest, WhatIsUnsubscribedFromMeanwhileIsNotTold) {
  RespPeer peer = NewPeer(3);
  peer.Ask("SUBSCRIBE __keyspace@0__:k");
  peer.Ask("PSUBSCRIBE *:k");
  committer_->Hold();
  writer_peer_.Send(RespRequest("SET k v"));
  peer.Ask("UNSUBSCRIBE");
  peer.Ask("PUNSUBSCRIBE");
  committer_->LetGo();
  EXPECT_EQ(Settled(peer), "");
}

// A change that fails to become durable has not happened.
TEST_F(RespEventsTest, EventsWaitForTheDisk) {
  committer_->Hold();
  writer_peer_.Send(RespRequest("SET k v"));
  EXPECT_EQ(listener_->Receive(), "");
  EXPECT_TRUE(listener_->session().waits_for_disk());
  // What is published behind it is told behind it.
  EXPECT_EQ(hub_.Publish(ChannelKind::kChannel, "__keyspace@0__:x", "published"), 1u);
  EXPECT_EQ(listener_->Receive(), "");
  committer_->LetGo();
  const std::string told = Settled(*listener_);
  EXPECT_LT(told.find(RespBulk("set")), told.find(RespBulk("published")));
  EXPECT_FALSE(listener_->session().waits_for_disk());
}

TEST_F(RespEventsTest, NothingIsToldOfWhatFailed) {
  committer_->Hold();
  writer_peer_.Send(RespRequest("SET k v"));
  committer_->FailFrom(absl::UnavailableError("broken"));
  committer_->LetGo();
  EXPECT_CODE(list_->WaitFor(1), kUnavailable);
  EXPECT_EQ(listener_->Receive(), "");
  EXPECT_FALSE(listener_->session().waits_for_disk());
  EXPECT_FALSE(listener_->session().has_mail());
}

// Pushes of what it did itself stand where Redis has them, and wait with the reply.
TEST_F(RespEventsTest, OwnEventsStandBesideTheReply) {
  RespPeer peer = NewPeer(3);
  peer.Ask("HELLO 3");
  peer.Ask("SUBSCRIBE __keyspace@0__:k");
  const auto event = [](absl::string_view name) {
    return absl::StrCat(">3\r\n", RespBulk("message"), RespBulk("__keyspace@0__:k"),
                        RespBulk(name));
  };
  committer_->Hold();
  peer.Send(RespRequest("SET k v"));
  EXPECT_EQ(peer.Receive(), "");
  committer_->LetGo();
  EXPECT_EQ(Settled(peer), event("new") + event("set") + "+OK\r\n");
  EXPECT_EQ(Answer(peer, "SET k w GET"), "$1\r\nv\r\n" + event("set"));
  EXPECT_EQ(Answer(peer, "EXPIRE k 100"), ":1\r\n" + event("expire"));
  EXPECT_EQ(Answer(peer, "GETDEL k"), "$1\r\nw\r\n" + event("del"));
  EXPECT_EQ(Answer(peer, "SETNX k v"), event("new") + event("set") + ":1\r\n");
  EXPECT_EQ(Answer(peer, "EXPIRE k -1"), event("del") + ":1\r\n");
  peer.Send(RespRequest("MULTI") + RespRequest("SET k v") + RespRequest("DEL k") +
            RespRequest("EXEC"));
  EXPECT_EQ(Settled(peer), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n" + event("new") +
                               event("set") + event("del"));
}

TEST_F(RespEventsTest, AKeyWithANameIsToldOfWhenItEnds) {
  Answer(writer_peer_, "SET short value EX 2");  // too short for a fingerprint
  Answer(writer_peer_, "SET long 1 EX 20");      // by fingerprint: nobody knows its name
  Events();
  clock_.AdvanceTime(absl::Seconds(3));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Events(), "expired short,");
  clock_.AdvanceTime(absl::Seconds(30));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Events(), "");
}

TEST_F(RespEventsTest, WithNamesKeptEachIsToldOf) {
  listener_.reset();
  writer_peer_ = NewPeer(9);
  Open({.keep_names = true});
  listener_.emplace(NewPeer(1, "c"));
  listener_->Ask("PSUBSCRIBE __key*__:*");
  RespPeer peer = NewPeer(2);
  Answer(peer, "SET long 1 EX 20");
  EXPECT_EQ(Events(), "new long,set long,expire long,");
  clock_.AdvanceTime(absl::Seconds(21));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Events(), "expired long,");
}

}  // namespace
}  // namespace keyturn
