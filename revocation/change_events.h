// Keyspace events of the Redis protocol: which classes of them are told (the letters of Redis's
// notify-keyspace-events), and what each change is called. Pure functions.
// Source: redis-server 7.0.15, notify.c.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "revocation/change_listener.h"

namespace keyturn {

// Letters as bits, 0 for none. INVALID_ARGUMENT for others, and for m: who asks for a key that is
// not there is not told of.
absl::StatusOr<uint32_t> ParseEventClasses(absl::string_view letters);
// As CONFIG GET shows them: in their order, A for all that it stands for.
std::string EventClassesText(uint32_t classes);
// Whether such classes have anything told: one of what happens, and one of the two channels.
bool TellsEvents(uint32_t classes);

// The messages of a change, one after the other.
void TellEvents(const SeenChange& change, uint32_t classes,
                absl::FunctionRef<void(absl::string_view channel, absl::string_view message)> fn);

}  // namespace keyturn
