#include "revocation/change_events.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

// In the order in which Redis writes them; a letter is the bit of its place.
constexpr absl::string_view kLetters = "g$lshzxetdnKE";
constexpr absl::string_view kAll = "g$lshzxetd";

constexpr uint32_t Bit(char letter) {
  for (size_t place = 0; place < kLetters.size(); ++place) {
    if (kLetters[place] == letter) return uint32_t{1} << place;
  }
  return 0;
}

constexpr uint32_t Bits(absl::string_view letters) {
  uint32_t bits = 0;
  for (const char letter : letters) bits |= Bit(letter);
  return bits;
}

struct Event {
  uint32_t what;
  uint32_t event_class;
  absl::string_view name;
};

constexpr std::array<Event, 8> kEvents = {{{SeenChange::kNew, Bit('n'), "new"},
                                           {SeenChange::kSet, Bit('$'), "set"},
                                           {SeenChange::kExpire, Bit('g'), "expire"},
                                           {SeenChange::kPersist, Bit('g'), "persist"},
                                           {SeenChange::kAdd, Bit('s'), "sadd"},
                                           {SeenChange::kRemove, Bit('s'), "srem"},
                                           {SeenChange::kDel, Bit('g'), "del"},
                                           {SeenChange::kExpired, Bit('x'), "expired"}}};

}  // namespace

absl::StatusOr<uint32_t> ParseEventClasses(absl::string_view letters) {
  uint32_t classes = 0;
  for (const char letter : letters) {
    const uint32_t bits = letter == 'A' ? Bits(kAll) : Bit(letter);
    if (bits == 0) {
      return absl::InvalidArgumentError(
          "classes of keyspace events are letters of \"KEg$lshzxetdnA\"");
    }
    classes |= bits;
  }
  return classes;
}

std::string EventClassesText(uint32_t classes) {
  const bool all = (classes & Bits(kAll)) == Bits(kAll);
  std::string text = all ? "A" : "";
  for (const char letter : kLetters) {
    // As in Redis, where the letter of new keys is not shown behind A.
    const bool covered = all && Bit(letter) <= Bit('n');
    if ((classes & Bit(letter)) != 0 && !covered) text.push_back(letter);
  }
  return text;
}

bool TellsEvents(uint32_t classes) {
  const uint32_t channels = Bits("KE");
  return (classes & channels) != 0 && (classes & ~channels) != 0;
}

void TellEvents(const SeenChange& change, uint32_t classes,
                absl::FunctionRef<void(absl::string_view channel, absl::string_view message)> fn) {
  for (const Event& event : kEvents) {
    if ((change.what & event.what) == 0 || (classes & event.event_class) == 0) continue;
    if ((classes & Bit('K')) != 0) fn(absl::StrCat("__keyspace@0__:", change.key), event.name);
    if ((classes & Bit('E')) != 0) fn(absl::StrCat("__keyevent@0__:", event.name), change.key);
  }
}

}  // namespace keyturn
