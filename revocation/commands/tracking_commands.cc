#include "revocation/commands/tracking_commands.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

// False when it was answered what is wrong.
bool TakeRedirect(RespCall& call, size_t i, TrackingOptions* options) {
  if (options->redirect != 0) {
    call.writer.Error("ERR A client can only redirect to a single other client");
    return false;
  }
  int64_t id = 0;
  if (!call.Integer(i, &id)) return false;
  if (id <= 0 || !call.hub.Has(static_cast<uint64_t>(id))) {
    call.writer.Error("ERR The client ID you want redirect to does not exist");
    return false;
  }
  options->redirect = static_cast<uint64_t>(id);
  return true;
}

bool ParseTracking(RespCall& call, TrackingOptions* options) {
  for (size_t i = 3; i < call.size(); ++i) {
    const bool more = i + 1 < call.size();
    if (IsWord(call[i], "redirect") && more) {
      if (!TakeRedirect(call, ++i, options)) return false;
    } else if (IsWord(call[i], "bcast")) {
      options->broadcast = true;
    } else if (IsWord(call[i], "optin")) {
      options->opt_in = true;
    } else if (IsWord(call[i], "optout")) {
      options->opt_out = true;
    } else if (IsWord(call[i], "noloop")) {
      options->no_loop = true;
    } else if (IsWord(call[i], "prefix") && more) {
      options->prefixes.emplace_back(call[++i]);
    } else {
      call.writer.Error(kRespSyntaxError);
      return false;
    }
  }
  return true;
}

// What is wrong with the options, beside those that there are; "" for nothing.
absl::string_view WrongWith(const TrackingOptions& wanted, const TrackingOptions* now) {
  if (!wanted.broadcast && !wanted.prefixes.empty()) {
    return "ERR PREFIX option requires BCAST mode to be enabled";
  }
  if (now != nullptr && now->broadcast != wanted.broadcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  if (wanted.broadcast && (wanted.opt_in || wanted.opt_out)) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if (wanted.opt_in && wanted.opt_out) {
    return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  }
  if (now != nullptr && ((wanted.opt_in && now->opt_out) || (wanted.opt_out && now->opt_in))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  return "";
}

bool Overlap(absl::string_view a, absl::string_view b) {
  return absl::StartsWith(a, b) || absl::StartsWith(b, a);
}

// Of the prefixes wanted, with those that there are and with each other.
bool PrefixesOverlap(RespCall& call, const TrackingOptions& wanted, const TrackingOptions* now) {
  for (size_t i = 0; i < wanted.prefixes.size(); ++i) {
    const std::string& prefix = wanted.prefixes[i];
    const auto refuse = [&](absl::string_view kind, const std::string& other) {
      call.writer.Error(absl::StrCat("ERR Prefix '", CutAtNul(prefix), "' overlaps with ", kind,
                                     " prefix '", CutAtNul(other),
                                     "'. Prefixes for a single client must not overlap."));
      return true;
    };
    for (size_t j = 0; now != nullptr && j < now->prefixes.size(); ++j) {
      if (Overlap(prefix, now->prefixes[j])) return refuse("an existing", now->prefixes[j]);
    }
    for (size_t j = i + 1; j < wanted.prefixes.size(); ++j) {
      if (Overlap(prefix, wanted.prefixes[j])) {
        return refuse("another provided", wanted.prefixes[j]);
      }
    }
  }
  return false;
}

void NoteTracking(RespConnection& connection) {
  const bool on = connection.tracking.has_value();
  connection.client.tracking = on;
  connection.client.broadcast = on && connection.tracking->broadcast;
  connection.client.redirect = on ? connection.tracking->redirect : 0;
}

// Transactions that began before are not told of: with one's turn they have ended.
void AwaitOthers(RespCall& call) {
  if (call.changes.open()) return;
  call.changes.Begin(call.connection.access.writer, call.time).IgnoreError();
  call.changes.Commit();
}

void Enable(RespCall& call, TrackingOptions wanted) {
  RespConnection& connection = call.connection;
  const TrackingOptions* const now =
      connection.tracking.has_value() ? &*connection.tracking : nullptr;
  if (const absl::string_view wrong = WrongWith(wanted, now); !wrong.empty()) {
    call.writer.Error(wrong);
    return;
  }
  if (wanted.prefixes.size() + (now == nullptr ? 0 : now->prefixes.size()) >
      limits::kRespTrackedPrefixesMax) {
    call.writer.Error(absl::StrCat("ERR a connection has at most ", limits::kRespTrackedPrefixesMax,
                                   " prefixes"));
    return;
  }
  if (wanted.broadcast && PrefixesOverlap(call, wanted, now)) return;
  if (wanted.broadcast && wanted.prefixes.empty()) wanted.prefixes.emplace_back();
  if (now != nullptr) {
    wanted.prefixes.insert(wanted.prefixes.end(), now->prefixes.begin(), now->prefixes.end());
  }
  std::sort(wanted.prefixes.begin(), wanted.prefixes.end());
  wanted.prefixes.erase(std::unique(wanted.prefixes.begin(), wanted.prefixes.end()),
                        wanted.prefixes.end());
  if (const absl::Status enabled = call.hub.EnableTracking(connection.client.id, wanted);
      !enabled.ok()) {
    call.writer.Error(absl::StrCat("ERR ", enabled.message()));
    return;
  }
  connection.tracking = std::move(wanted);
  NoteTracking(connection);
  AwaitOthers(call);
  call.writer.Simple("OK");
}

}  // namespace

void StopTracking(RespConnection& connection, RespHub& hub) {
  if (!connection.tracking.has_value()) return;
  hub.DisableTracking(connection.client.id);
  connection.tracking.reset();
  connection.caching = false;
  NoteTracking(connection);
}

void RunTracking(RespCall& call) {
  TrackingOptions wanted;
  if (!ParseTracking(call, &wanted)) return;
  if (IsWord(call[2], "on")) {
    Enable(call, std::move(wanted));
  } else if (IsWord(call[2], "off")) {
    StopTracking(call.connection, call.hub);
    call.writer.Simple("OK");
  } else {
    call.writer.Error(kRespSyntaxError);
  }
}

void RunCaching(RespCall& call) {
  RespConnection& connection = call.connection;
  const bool yes = IsWord(call[2], "yes"), no = IsWord(call[2], "no");
  if (!connection.tracking.has_value()) {
    call.writer.Error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  } else if (yes && !connection.tracking->opt_in) {
    call.writer.Error(
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  } else if (no && !connection.tracking->opt_out) {
    call.writer.Error(
        "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  } else if (yes || no) {
    connection.caching = true;
    call.writer.Simple("OK");
  } else {
    call.writer.Error(kRespSyntaxError);
  }
}

void RunTrackinginfo(RespCall& call) {
  const RespConnection& connection = call.connection;
  const bool on = connection.tracking.has_value();
  const TrackingOptions options = connection.tracking.value_or(TrackingOptions());
  std::vector<absl::string_view> flags = {on ? "on" : "off"};
  if (options.broadcast) flags.emplace_back("bcast");
  if (options.opt_in) flags.emplace_back("optin");
  if (options.opt_in && connection.caching) flags.emplace_back("caching-yes");
  if (options.opt_out) flags.emplace_back("optout");
  if (options.opt_out && connection.caching) flags.emplace_back("caching-no");
  if (options.no_loop) flags.emplace_back("noloop");
  if (on && call.hub.tracking().IsBroken(connection.client.id)) {
    flags.emplace_back("broken_redirect");
  }
  call.writer.Map(3);
  call.writer.Bulk("flags");
  call.writer.Set(flags.size());
  for (const absl::string_view flag : flags) call.writer.Bulk(flag);
  call.writer.Bulk("redirect");
  RunGetredir(call);
  call.writer.Bulk("prefixes");
  call.writer.Array(options.prefixes.size());
  for (const std::string& prefix : options.prefixes) call.writer.Bulk(prefix);
}

void RunGetredir(RespCall& call) {
  const RespConnection& connection = call.connection;
  call.writer.Integer(
      connection.tracking.has_value() ? static_cast<int64_t>(connection.tracking->redirect) : -1);
}

// When each ends is looked up behind that: should it be changed in between, it is not remembered
// any more.
void RememberKeys(RespCall& call) {
  const RespConnection& connection = call.connection;
  if (!connection.tracking.has_value() || connection.tracking->broadcast) return;
  const TrackingOptions& options = *connection.tracking;
  if ((options.opt_in && !connection.caching) || (options.opt_out && connection.caching)) return;
  const RespCommand& command = *call.command;
  if (command.keys.step == 0 || !absl::StartsWith(command.words, "readonly")) return;
  const int last =
      command.keys.last < 0 ? static_cast<int>(call.size()) + command.keys.last : command.keys.last;
  std::vector<absl::string_view> keys;
  for (int i = command.keys.first; i <= last; i += command.keys.step) {
    keys.push_back(call[static_cast<size_t>(i)]);
  }
  call.hub.Remember(connection.client.id, keys);
  for (const absl::string_view key : keys) {
    const std::optional<KeyInfo> found = call.changes.Find(key, call.time);
    if (found.has_value() && found->expires_ms != kNoExpiry) {
      call.hub.SetEnd(key, found->expires_ms);
    }
  }
}

}  // namespace keyturn
