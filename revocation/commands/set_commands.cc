#include <memory>

#include "revocation/commands/call.h"
#include "revocation/commands/command.h"

namespace keyturn {
namespace {

using C = RespCommand;

// Whether there is a set, or nothing; false when it was answered that it is something else.
bool FindSet(RespCall& call, std::optional<KeyInfo>* found) {
  *found = call.changes.Find(call[1], call.time);
  if (!found->has_value() || (*found)->type == KeyType::kSet) return true;
  call.writer.Error(kRespWrongType);
  return false;
}

void AnswerCount(RespCall& call, const absl::StatusOr<size_t>& count) {
  if (call.Took(count.status())) call.writer.Integer(static_cast<int64_t>(*count));
}

void RunSadd(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!call.BeginChange() || !FindSet(call, &found)) return;
  AnswerCount(call, call.changes.AddMembers(call[1], call.arguments.subspan(2)));
}

void RunSrem(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!call.BeginChange() || !FindSet(call, &found)) return;
  if (!found.has_value()) {
    call.writer.Integer(0);
    return;
  }
  AnswerCount(call, call.changes.RemoveMembers(call[1], call.arguments.subspan(2)));
}

void RunSismember(RespCall& call) {
  bool there = false;
  const absl::Status asked = call.changes.FindMembers(call[1], call.arguments.subspan(2), call.time,
                                                      absl::MakeSpan(&there, 1));
  if (!asked.ok()) {
    call.writer.Error(kRespWrongType);
    return;
  }
  call.writer.Integer(there ? 1 : 0);
}

void RunSmismember(RespCall& call) {
  const auto members = call.arguments.subspan(2);
  const auto there = std::make_unique<bool[]>(members.size());
  if (!call.changes
           .FindMembers(call[1], members, call.time, absl::MakeSpan(there.get(), members.size()))
           .ok()) {
    call.writer.Error(kRespWrongType);
    return;
  }
  call.writer.Array(members.size());
  for (size_t i = 0; i < members.size(); ++i) call.writer.Integer(there[i] ? 1 : 0);
}

void RunScard(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!FindSet(call, &found)) return;
  call.writer.Integer(found.has_value() ? static_cast<int64_t>(found->members) : 0);
}

constexpr RespCommand kCommands[] = {
    {"sadd",
     -3,
     RunSadd,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom fast",
     "@write @set @fast",
     "1.0.0",
     "set",
     "Add one or more members to a set",
     {1, 1, 1, "RW insert"}},
    {"srem",
     -3,
     RunSrem,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write fast",
     "@write @set @fast",
     "1.0.0",
     "set",
     "Remove one or more members from a set",
     {1, 1, 1, "RW delete"}},
    {"sismember",
     3,
     RunSismember,
     C::kCheck,
     "readonly fast",
     "@read @set @fast",
     "1.0.0",
     "set",
     "Determine if a given value is a member of a set",
     {1, 1, 1, "RO"}},
    {"smismember",
     -3,
     RunSmismember,
     C::kCheck,
     "readonly fast",
     "@read @set @fast",
     "6.2.0",
     "set",
     "Returns the membership associated with the given elements for a set",
     {1, 1, 1, "RO access"}},
    {"scard",
     2,
     RunScard,
     C::kCheck,
     "readonly fast",
     "@read @set @fast",
     "1.0.0",
     "set",
     "Get the number of members in a set",
     {1, 1, 1, "RO"}},
};

}  // namespace

absl::Span<const RespCommand> SetCommands() { return kCommands; }

}  // namespace keyturn
