#include "server/pages.h"

#include <nlohmann/json.hpp>

namespace keyturn {
namespace {

HttpReply Json(int status, const nlohmann::ordered_json& json) {
  return {status, "application/json", json.dump() + "\n"};
}

HttpReply Health(Rooms& rooms, const Lifecycle& lifecycle) {
  return Json(200, {{"status", "ok"},
                    {"initialized", rooms.keyring->status().initialized},
                    {"sealed", !lifecycle.unsealed().load()}});
}

HttpReply Ready(Rooms& rooms, const Lifecycle& lifecycle) {
  const bool initialized = rooms.keyring->status().initialized;
  const char* reason = nullptr;
  if (!initialized) {
    reason = "not initialized";
  } else if (!lifecycle.unsealed().load()) {
    reason = "sealed";
  } else if (rooms.store->Stats().stopped) {
    reason = "the store has stopped";
  } else if (rooms.audit->failing()) {
    reason = "the audit log cannot be written";
  }
  if (reason == nullptr) return Json(200, {{"ready", true}});
  return Json(503, {{"ready", false}, {"reason", reason}});
}

}  // namespace

HttpListener::Routes Pages(Rooms& rooms, const Lifecycle& lifecycle, Metrics& metrics) {
  return {
      {"/metrics",
       [&metrics] {
         return HttpReply{200, "text/plain; version=0.0.4; charset=utf-8", metrics.Render()};
       }},
      {"/health", [&] { return Health(rooms, lifecycle); }},
      {"/ready", [&] { return Ready(rooms, lifecycle); }},
  };
}

}  // namespace keyturn
