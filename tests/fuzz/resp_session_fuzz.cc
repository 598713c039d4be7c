// Whole conversations of two Redis clients over one revocation list. However what a client says is
// cut into pieces, it is answered the same; what it is answered parses as replies of the protocol
// that it speaks then, one for each request; what waits and what is held has its bounds; and a list
// that was spoken to still answers, and can be emptied. The input is a byte for whether names are
// kept and who the clients are, a byte for the size of pieces, and turns with kTurn between them: a
// byte for whose it is and what happens before (BeginTurn), and what that client sends.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "revocation/commands/command.h"
#include "revocation/list.h"
#include "revocation/resp_hub.h"
#include "revocation/resp_reader.h"
#include "tests/fuzz/forgetful_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn::fuzz {
namespace {

constexpr char kTurn = '\xff';
constexpr std::array<absl::string_view, 8> kRights = {"-", "cwa", "cw", "c", "w", "a", "cw", "cwa"};
constexpr size_t kIndexBytesMax = 64 * limits::kMiB;
// What a log keeps of each hour that something ends in would grow for ever.
constexpr int kPlaysPerLoad = 512;

// A list that outlives inputs, since a new one takes longer than most of them.
class World {
 public:
  explicit World(bool keep_names)
      : list(Must(
            RevocationList::Create({.index_bytes_max = kIndexBytesMax, .keep_names = keep_names},
                                   store_, store_, clock),
            "a list is made")) {
    list->SetPutListener([this](absl::string_view key) { put_.emplace(key); });
    Load();
  }

  void Load() {
    const std::shared_ptr<const KeyringSnapshot> keys(std::shared_ptr<void>(), &FixedKeys());
    Require(list->Load(keys).ok(), "an empty list is loaded");
  }
  void Seal() { Require(list->Load(nullptr).ok(), "a list is sealed"); }

  // All that was changed is durable then, as a client sees it a moment later.
  void Settle() {
    if (!list->loaded()) return;
    Require(list->WaitFor(Begin()->Commit()).ok(), "changes become durable");
  }

  void Empty() {
    clock.SetTime(start_);  // nothing that was put has ended then
    {
      const auto transaction = Begin();
      for (const std::string& key : put_) transaction->Erase(key);
    }
    put_.clear();
    Settle();
    Require(list->stats().keys == 0, "all that was put can be erased");
    if (++plays_ % kPlaysPerLoad != 0) return;
    Seal();
    Load();
  }

  SimulatedClock clock;

 private:
  std::unique_ptr<RevocationList::Transaction> Begin() {
    return Must(list->Begin(writer_, list->Now()), "changes are taken");
  }

  ForgetfulStore store_;
  const absl::Time start_ = clock.Now();
  const std::shared_ptr<const RevocationWriter> writer_ = std::make_shared<RevocationWriter>();
  std::set<std::string> put_;
  int plays_ = 0;

 public:
  const std::unique_ptr<RevocationList> list;
};

struct Reply {
  char type = 0;
  bool null = false;
  std::string text;  // of a line or a bulk
  std::vector<Reply> parts;

  bool Is(absl::string_view word) const { return type == '$' && !null && text == word; }
};

// Takes one off the front. std::nullopt when it is not whole.
std::optional<Reply> TakeReply(absl::string_view* bytes) {
  const size_t end = bytes->find("\r\n");
  if (end == absl::string_view::npos || end == 0) return std::nullopt;
  const absl::string_view line = bytes->substr(1, end - 1);
  Reply reply = {.type = (*bytes)[0]};
  bytes->remove_prefix(end + 2);
  constexpr absl::string_view kLines = "+-:_", kBulks = "$=", kAggregates = "*%~>";
  if (absl::StrContains(kLines, reply.type)) {
    reply.text = std::string(line);
    reply.null = reply.type == '_';
    return reply;
  }
  int64_t size = 0;
  Require(absl::StrContains(absl::StrCat(kBulks, kAggregates), reply.type), "replies have a type");
  Require(absl::SimpleAtoi(line, &size) && size >= -1 && absl::StrCat(size) == line, "and a size");
  reply.null = size == -1;
  if (reply.null) return reply;
  if (absl::StrContains(kBulks, reply.type)) {
    if (bytes->size() < static_cast<size_t>(size) + 2) return std::nullopt;
    reply.text = std::string(bytes->substr(0, static_cast<size_t>(size)));
    Require(bytes->substr(reply.text.size(), 2) == "\r\n", "a bulk has an end");
    bytes->remove_prefix(reply.text.size() + 2);
    return reply;
  }
  const int64_t parts = reply.type == '%' ? 2 * size : size;
  for (int64_t i = 0; i < parts; ++i) {
    std::optional<Reply> part = TakeReply(bytes);
    if (!part.has_value()) return std::nullopt;
    reply.parts.push_back(*std::move(part));
  }
  return reply;
}

// Both protocols have the first types, only RESP3 the others, and only RESP2 a null of theirs.
void CheckTypes(const Reply& reply, int version) {
  const bool both = absl::StrContains("+-:$*", reply.type);
  Require(both ? !reply.null || version == 2 : version == 3, "replies are of the protocol");
  for (const Reply& part : reply.parts) CheckTypes(part, version);
}

// What HELLO answers has the version that holds from there on; 0 for another reply.
int VersionOf(const Reply& reply) {
  constexpr size_t kParts = 14;
  if (reply.parts.size() != kParts || !reply.parts[0].Is("server")) return 0;
  return reply.parts[4].Is("proto") && reply.parts[5].type == ':' ? reply.parts[5].text[0] - '0'
                                                                  : 0;
}

// The keys of an invalidation; nullptr for another reply.
const Reply* InvalidatedBy(const Reply& reply) {
  const std::vector<Reply>& parts = reply.parts;
  if (reply.type == '>' && parts.size() == 2 && parts[0].Is("invalidate")) return &parts[1];
  const bool redirected = reply.type == '*' && parts.size() == 3 && parts[0].Is("message") &&
                          parts[1].Is("__redis__:invalidate");
  return redirected && parts[2].type == '*' ? &parts[2] : nullptr;
}

// What may depend on more than what was said.
struct Unsure {
  bool order = false;     // PUBSUB CHANNELS
  bool numbers = false;   // DBSIZE of a list that is swept, regions at a time
  bool messages = false;  // their order, of keys that ended at once and were swept
};

bool IsMessage(const Reply& reply) {
  return !reply.parts.empty() && (reply.parts[0].Is("message") || reply.parts[0].Is("pmessage"));
}

// Appends a reply as text, without what differs from one time to the next: INFO, and what CLIENT
// LIST says of a request that it is no command.
void AppendText(const Reply& reply, const Unsure& unsure, std::string* out) {
  out->push_back(reply.type);
  if (unsure.order && !reply.parts.empty()) {
    std::vector<std::string> parts(reply.parts.size());
    for (size_t i = 0; i < parts.size(); ++i) AppendText(reply.parts[i], {}, &parts[i]);
    std::sort(parts.begin(), parts.end());
    for (const std::string& part : parts) *out += part;
  } else if (absl::StartsWith(reply.text, "# ") || absl::StartsWith(reply.text, "txt:# ") ||
             (unsure.numbers && reply.type == ':')) {
    *out += "...";
  } else {
    absl::string_view rest = reply.text;
    for (size_t at = 0; (at = rest.find(" events=r cmd=")) != rest.npos;) {
      absl::StrAppend(out, rest.substr(0, at));
      rest.remove_prefix(std::min(rest.find(" user=", at), rest.size()));
    }
    absl::StrAppend(out, rest, reply.null ? "null" : "", "(");
    for (const Reply& part : reply.parts) AppendText(part, unsure, out);
    out->push_back(')');
  }
  out->push_back(';');
}

// What clients were told, as text that is the same however it came about.
struct Told {
  std::vector<std::string> connections;
  bool overflown =
      false;  // one was closed for what it had not read, which depends on when it reads
};

class Connection {
 public:
  Connection(World& world, RespHub& hub, FakeRespHost& host, absl::string_view rights, uint64_t id)
      : world_(world),
        peer_({*world.list, host, hub, world.clock}, host, rights, id),
        stranger_bounds_(rights == "-") {
    requests_.set_authenticated(true);
  }

  uint64_t id() { return peer_.session().client().id; }
  const RespClient& client() { return peer_.session().client(); }
  bool ended() { return peer_.session().closing() || peer_.session().broken(); }

  // What will be sent, also what comes too late: by the reader itself, which has its own target.
  void Note(absl::string_view bytes) {
    std::vector<absl::string_view> arguments;
    requests_.Append(bytes);
    while (requests_.Next(&arguments) == RespReader::Result::kCommand) {
      ++requested_;
      const RespCommand* const command = RespCommandTable::Get().Find(arguments);
      if (command == nullptr) continue;
      if (command->Has(RespCommand::kPushes)) ++subscribes_;
      silent_ |= command->name == "client|reply";
      watches_ |= command->name == "watch";
      lists_channels_ |= absl::EndsWith(command->name, "channels");
      may_know_ |= command->name == "auth" || command->name == "hello";
    }
  }

  void Send(absl::string_view bytes) {
    came_ += bytes.size();
    peer_.Send(bytes);
    Receive();
  }

  void Receive() {
    const size_t before = out_.size();
    RespSession& session = peer_.session();
    do {
      world_.Settle();
      out_ += peer_.Receive();
    } while (session.waits_for_disk() && !session.broken());
    Require(!session.wants_run(), "all that was read is answered");
    const size_t got = out_.size() - before;
    largest_ = std::max(largest_, got);
    overflown_ |= session.broken() && got > limits::kRespStrangerOutputBytesMax;
    Require(session.memory() <= 16 * limits::kRespBufferBytesMin + 32 * came_ + 4 * largest_ +
                                    (watches_ ? limits::kRespQueuedBytesMax : 0),
            "memory has its bounds");
    if (ended()) return;
    Require(!session.has_mail(), "mail is taken out");
    if (stranger_bounds_ && !session.authenticated() && !may_know_) {
      Require(got <= limits::kRespStrangerOutputBytesMax, "so has what a stranger is told");
    }
  }

  void End(Unsure unsure, Told* told) {
    Receive();
    unsure.order = lists_channels_;
    const std::vector<Reply> replies = Parse();
    CheckCount(replies);
    CheckVersions(replies);
    told->overflown |= overflown_;
    std::string text;
    std::set<std::string> forgotten;
    std::multiset<std::string> messages;
    const auto flush = [&] {
      for (const std::string& key : forgotten) absl::StrAppend(&text, "forget ", key, ";");
      for (const std::string& message : messages) text += message;
      forgotten.clear();
      messages.clear();
    };
    // Keys with a prefix are told of together when they were changed together, and what stands in
    // one piece is; who cannot be told of them is reported as often.
    for (const Reply& reply : replies) {
      if (reply.type == '>' && reply.parts[0].Is("tracking-redir-broken")) {
        forgotten.insert(absl::StrCat("broken redirect ", reply.parts[1].text));
        continue;
      }
      if (const Reply* const keys = InvalidatedBy(reply); keys != nullptr && !keys->null) {
        for (const Reply& key : keys->parts) forgotten.insert(key.text);
        continue;
      }
      if (unsure.messages && IsMessage(reply)) {
        std::string message;
        AppendText(reply, unsure, &message);
        messages.insert(message);
        continue;
      }
      flush();
      AppendText(reply, unsure, &text);
    }
    flush();
    told->connections.push_back(absl::StrCat(id(), ":", text));
  }

 private:
  std::vector<Reply> Parse() {
    std::vector<Reply> replies;
    for (absl::string_view rest = out_; !rest.empty();) {
      std::optional<Reply> reply = TakeReply(&rest);
      if (!reply.has_value()) {
        Require(overflown_ && out_.size() > limits::kRespOutputBytesMax, "replies are whole");
        break;
      }
      replies.push_back(*std::move(reply));
    }
    return replies;
  }

  // Pushes of RESP3 are nobody's reply. In RESP2, and of who subscribes, they cannot be told from
  // one: then there are no fewer than requests.
  void CheckCount(const std::vector<Reply>& replies) {
    RespSession& session = peer_.session();
    const uint64_t answered = session.commands();
    Require(answered <= requested_, "nothing is answered that was not asked");
    if (!ended()) Require(answered == requested_, "all that was asked is answered");
    size_t count = 0;
    for (size_t i = 0; i < replies.size(); ++i) {
      if (replies[i].type == '>') continue;
      ++count;
      const bool last =
          replies[i].type == '-' && absl::StartsWith(replies[i].text, "ERR Protocol error: ");
      if (!last) continue;
      Require(session.closing() && i + 1 == replies.size(), "a protocol error is the end");
      --count;
    }
    if (session.broken() || silent_) {
      Require(count <= answered || subscribes_ > 0, "at most one reply is for each request");
    } else if (subscribes_ > 0) {
      Require(count + subscribes_ >= answered, "each request has a reply, or a push");
    } else {
      Require(count == answered, "each request has one reply");
    }
  }

  void CheckVersions(const std::vector<Reply>& replies) {
    if (silent_) return;  // HELLO may have been answered with nothing
    int version = 2;
    for (const Reply& reply : replies) {
      if (const int told = VersionOf(reply); told != 0) version = told;
      CheckTypes(reply, version);
      if (reply.type == '+' && reply.text == "RESET") version = 2;
    }
    if (!overflown_) Require(version == client().resp, "the session knows its protocol");
  }

  World& world_;
  RespPeer peer_;
  RespReader requests_;
  std::string out_;
  size_t came_ = 0, largest_ = 0;
  uint64_t requested_ = 0, subscribes_ = 0;
  const bool stranger_bounds_;
  bool lists_channels_ = false;
  bool silent_ = false, watches_ = false, may_know_ = false, overflown_ = false;
};

class Conversation {
 public:
  Conversation(World& world, uint8_t who) : world_(world), who_(who) {
    world_.list->SetChangeListener(&hub_);  // nothing is under way that could ask the former one
    for (const absl::string_view rights : kRights) host_.passwords[std::string(rights)] = "pw";
    host_.passwords["default"] = "pw";
  }

  // `piece`: 0 for turns as a whole, else the most that comes at once.
  Told Play(absl::string_view input, size_t piece) {
    for (absl::string_view turn : absl::StrSplit(input, kTurn)) {
      const uint8_t what = TakeByte(&turn);
      BeginTurn(what);
      TakeTurn(what % 2, turn, piece);
      EndTurn();
    }
    for (size_t i = 0; i < connections_.size(); ++i) End(i);
    CheckAnswers();
    world_.list->SetChangeListener(nullptr);
    world_.Empty();
    return told_;
  }

 private:
  void BeginTurn(uint8_t what) {
    switch (what / 2 % 8) {
      case 1:
      case 2:
        world_.clock.AdvanceTime(what / 2 % 8 == 1 ? absl::Seconds(1) : absl::Hours(1));
        Require(world_.list->Sweep().ok(), "a list is swept");
        unsure_.numbers |= !world_.list->keeps_names();
        unsure_.messages = true;
        break;
      case 3:
        SetRights("c", absl::OkStatus());
        break;
      case 4:
        SetRights("", absl::UnauthenticatedError("gone"));
        break;
      case 5:
        SetRights("cwa", absl::OkStatus());
        break;
      case 6:
        if (world_.list->loaded()) {
          world_.Seal();
        } else {
          world_.Load();
        }
        break;
      case 7:
        End(what % 2);
        break;
      default:
        break;
    }
    ReceiveAll();
  }

  void SetRights(const std::string& rights, absl::Status status) {
    ++host_.now_epoch;
    host_.refreshed_to = rights;
    host_.refresh_status = std::move(status);
  }

  void TakeTurn(size_t who, absl::string_view bytes, size_t piece) {
    if (connections_[who] == nullptr) {
      const absl::string_view rights = kRights[(who_ >> (1 + 3 * who)) % kRights.size()];
      connections_[who] = std::make_unique<Connection>(world_, hub_, host_, rights, next_id_++);
    }
    host_.clients.clear();
    for (const auto& connection : connections_) {
      if (connection != nullptr) host_.clients.push_back(connection->client());
    }
    connections_[who]->Note(bytes);
    for (size_t at = 0; at < bytes.size() && !connections_[who]->ended();) {
      const size_t wanted = piece == 0 ? bytes.size() : 1 + (31 * at + piece) % piece;
      connections_[who]->Send(bytes.substr(at, wanted));
      at += std::min(wanted, bytes.size() - at);
    }
  }

  void EndTurn() {
    ReceiveAll();
    for (size_t i = 0; i < connections_.size(); ++i) {
      if (connections_[i] == nullptr) continue;
      const bool killed =
          std::count(host_.killed.begin(), host_.killed.end(), connections_[i]->id()) > 0;
      if (killed || connections_[i]->ended()) End(i);
    }
  }

  void ReceiveAll() {
    for (const auto& connection : connections_) {
      if (connection != nullptr) connection->Receive();
    }
  }

  void End(size_t who) {
    if (connections_[who] == nullptr) return;
    connections_[who]->End(unsure_, &told_);
    connections_[who] = nullptr;
    ReceiveAll();
  }

  void CheckAnswers() {
    world_.Load();
    Require(hub_.channels().channels() + hub_.channels().patterns() == 0, "nobody listens");
    Require(hub_.tracking().stats().clients == 0, "and nobody is told of keys");
    RespPeer peer({*world_.list, host_, hub_, world_.clock}, host_, "cwa", next_id_);
    SetRights("cwa", absl::OkStatus());
    peer.Send("SET ? 1 EX 60\r\nEXISTS ?\r\nDEL ?\r\nPING\r\n");
    world_.Settle();
    Require(peer.Receive() == "+OK\r\n:1\r\n:1\r\n+PONG\r\n", "the list still answers");
  }

  World& world_;
  const uint8_t who_;
  RespHub hub_;
  FakeRespHost host_;
  std::array<std::unique_ptr<Connection>, 2> connections_;
  uint64_t next_id_ = 3;
  Unsure unsure_;
  Told told_;
};

Told Play(World& world, uint8_t who, absl::string_view input, size_t piece) {
  ResetRandom();
  return Conversation(world, who).Play(input, piece);
}

}  // namespace

void FuzzRespSession(absl::string_view input) {
  static World* const worlds[] = {new World(false), new World(true)};
  const uint8_t who = TakeByte(&input);
  const size_t piece = 1 + TakeByte(&input) % 64;
  World& world = *worlds[who % 2];
  const Told whole = Play(world, who, input, 0);
  const Told pieces = Play(world, who, input, piece);
  if (whole.overflown || pieces.overflown) return;
  if (whole.connections == pieces.connections) return;
  for (const Told* const told : {&whole, &pieces}) {
    for (const std::string& text : told->connections) {
      std::fprintf(stderr, "fuzz: %s\n", absl::CHexEscape(text).c_str());
    }
  }
  Require(false, "pieces are answered as the whole is");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRespSession)
