#include "revocation/commands/command.h"

#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"

namespace keyturn {
namespace {

const RespCommand* FindSubcommand(const RespCommand& command, absl::string_view name) {
  for (const RespCommand& sub : command.subcommands) {
    if (absl::EqualsIgnoreCase(sub.last_name(), name)) return &sub;
  }
  return nullptr;
}

}  // namespace

const RespCommandTable& RespCommandTable::Get() {
  static const RespCommandTable* const table = new RespCommandTable;
  return *table;
}

RespCommandTable::RespCommandTable() {
  for (const auto family :
       {ConnectionCommands(), ClientCommands(), CommandCommands(), ConfigCommands(),
        ServerCommands(), ClusterCommands(), StringCommands(), SetStringCommands(),
        ExpiryCommands(), KeyCommands(), ObjectCommands(), ScanCommands(), SetCommands(),
        TransactionCommands(), ChannelCommands()}) {
    for (const RespCommand& command : family) {
      if (command.name.size() > kNameBytesMax || 2 * (all_.size() + 1) > kSlots) std::abort();
      const Name name = Pack(command.name);
      size_t slot = SlotOf(name);
      while (slots_[slot].command != nullptr) slot = (slot + 1) % kSlots;
      slots_[slot] = {name, &command};
      all_.push_back(&command);
    }
  }
}

// Loads of fixed sizes, which overlap: together with its size they tell a name from any other.
// Names of commands are letters: setting the bit that tells a capital makes only the other case of
// a letter one.
RespCommandTable::Name RespCommandTable::Pack(absl::string_view name) {
  constexpr uint64_t kLower = 0x2020202020202020;
  const char* const end = name.data() + name.size();
  Name packed;
  if (name.size() >= sizeof(uint64_t)) {
    std::memcpy(&packed.low, name.data(), sizeof(uint64_t));
    std::memcpy(&packed.high, end - sizeof(uint64_t), sizeof(uint64_t));
  } else if (name.size() >= sizeof(uint32_t)) {
    uint32_t first = 0, last = 0;
    std::memcpy(&first, name.data(), sizeof(first));
    std::memcpy(&last, end - sizeof(last), sizeof(last));
    packed.low = first | uint64_t{last} << 32;
  } else {
    for (const char c : name) packed.low = packed.low << 8 | static_cast<unsigned char>(c);
  }
  packed.low |= kLower;
  packed.high |= kLower;
  return packed;
}

size_t RespCommandTable::SlotOf(const Name& name) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return static_cast<size_t>(((name.low ^ (name.high * kOdd)) * kOdd) >> 56);
}

const RespCommand* RespCommandTable::Find(absl::string_view name) const {
  if (name.empty() || name.size() > kNameBytesMax) return nullptr;
  const Name packed = Pack(name);
  for (size_t slot = SlotOf(packed); slots_[slot].command != nullptr; slot = (slot + 1) % kSlots) {
    const Slot& found = slots_[slot];
    // The size tells a name from itself with NULs or blanks behind it.
    if (found.name == packed && found.command->name.size() == name.size()) return found.command;
  }
  return nullptr;
}

const RespCommand* RespCommandTable::Find(absl::Span<const absl::string_view> arguments) const {
  const RespCommand* const command = Find(arguments[0]);
  if (command == nullptr || command->subcommands.empty() || arguments.size() == 1) return command;
  return FindSubcommand(*command, arguments[1]);
}

const RespCommand* RespCommandTable::FindFull(absl::string_view name) const {
  const size_t bar = name.find('|');
  const RespCommand* const command = Find(name.substr(0, bar));
  if (command == nullptr || bar == absl::string_view::npos) return command;
  return FindSubcommand(*command, name.substr(bar + 1));
}

}  // namespace keyturn
