// The commands of the Redis protocol: what COMMAND tells of each, who may call it, and what runs
// it. Immutable, so thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

struct RespCall;

struct RespCommand {
  enum Flag : uint32_t {
    kCheck = 1 << 0,        // for those with revocation:check: reads the list
    kWrite = 1 << 1,        // for those with revocation:write: changes it
    kAdmin = 1 << 2,        // for those with admin:revocation
    kStranger = 1 << 3,     // before AUTH
    kSealed = 1 << 4,       // while nothing is loaded
    kChanges = 1 << 5,      // asks and changes the list through RespCall::changes only
    kNotQueued = 1 << 6,    // runs at once also between MULTI and EXEC
    kNotInMulti = 1 << 7,   // is refused there
    kSecret = 1 << 8,       // its arguments may hold a password: they are wiped, and never kept
    kAlone = 1 << 9,        // changes how what follows is to be read, or run
    kListening = 1 << 10,   // also by who has subscribed to something and speaks RESP2
    kPushes = 1 << 11,      // answers with pushes, which CLIENT REPLY does not take away
    kTellsFirst = 1 << 12,  // what it tells others, and itself, stands before its reply
  };
  // Positions of keys among the arguments, as COMMAND has them: 0, 0, 0 for none.
  struct Keys {
    int first = 0, last = 0, step = 0;
    absl::string_view words = {};  // "RO access"
    absl::string_view notes = {};
  };

  absl::string_view name;  // "get"; of a sub-command "client|id"
  int arity;               // with the name; negative: at least
  void (*run)(RespCall& call);
  uint32_t flags;
  absl::string_view words;       // flags as COMMAND names them: "readonly fast"
  absl::string_view categories;  // "@read @string @fast"
  absl::string_view since, group, summary;
  Keys keys = {};
  absl::string_view tips = {};
  absl::Span<const RespCommand> subcommands = {};

  bool Has(uint32_t flag) const { return (flags & flag) != 0; }
  // Whether it may have so many arguments, its name among them.
  bool Takes(int arguments) const { return arity > 0 ? arguments == arity : arguments >= -arity; }
  // "id" of "client|id".
  absl::string_view last_name() const { return name.substr(name.find('|') + 1); }
};

// Finds commands by name, in any case, without allocating.
class RespCommandTable {
 public:
  static const RespCommandTable& Get();

  // nullptr when there is none.
  const RespCommand* Find(absl::string_view name) const;
  // What a request means: the sub-command of one that has some. nullptr when there is none.
  const RespCommand* Find(absl::Span<const absl::string_view> arguments) const;
  // "client|id"; without a sub-command, "client".
  const RespCommand* FindFull(absl::string_view name) const;

  const std::vector<const RespCommand*>& all() const { return all_; }

 private:
  static constexpr size_t kNameBytesMax = 16;
  static constexpr size_t kSlots = 256;
  struct Name {
    uint64_t low = 0, high = 0;  // the first and the last bytes, as lower case
    friend bool operator==(const Name&, const Name&) = default;
  };
  struct Slot {
    Name name;
    const RespCommand* command = nullptr;
  };

  RespCommandTable();
  static Name Pack(absl::string_view name);
  static size_t SlotOf(const Name& name);

  std::array<Slot, kSlots> slots_;
  std::vector<const RespCommand*> all_;
};

// The families, for the table.
absl::Span<const RespCommand> ConnectionCommands();
absl::Span<const RespCommand> ClientCommands();
absl::Span<const RespCommand> CommandCommands();
absl::Span<const RespCommand> ConfigCommands();
absl::Span<const RespCommand> ServerCommands();
absl::Span<const RespCommand> ClusterCommands();
absl::Span<const RespCommand> StringCommands();
absl::Span<const RespCommand> SetStringCommands();
absl::Span<const RespCommand> ExpiryCommands();
absl::Span<const RespCommand> KeyCommands();
absl::Span<const RespCommand> ObjectCommands();
absl::Span<const RespCommand> ScanCommands();
absl::Span<const RespCommand> SetCommands();
absl::Span<const RespCommand> TransactionCommands();
absl::Span<const RespCommand> ChannelCommands();

}  // namespace keyturn
