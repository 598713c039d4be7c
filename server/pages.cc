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

HttpReply Jwks(Rooms& rooms) {
  const absl::StatusOr<PublishedJwks> published = rooms.jwt->Published();
  if (published.ok()) {
    return {200, "application/jwk-set+json", published->document + "\n",
            absl::StrCat("public, max-age=", absl::ToInt64Seconds(published->max_age))};
  }
  const bool sealed = absl::IsFailedPrecondition(published.status());
  return Json(503, {{"error", sealed ? "sealed" : "the keys could not be read"}});
}

}  // namespace

HttpListener::Routes PublicPages(Rooms& rooms) {
  return {{"/.well-known/jwks.json", [&rooms] { return Jwks(rooms); }}};
}

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
