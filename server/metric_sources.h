// Metrics that are read from the rooms when a scrape comes.
#pragma once

#include "server/integrity_pass.h"
#include "server/key_turner.h"
#include "server/lifecycle.h"
#include "server/metrics.h"
#include "server/resp_listener.h"
#include "server/rooms.h"
#include "server/streams.h"

namespace keyturn {

// All outlive the metrics.
struct MetricSources {
  Rooms& rooms;
  const Lifecycle& lifecycle;
  const StreamRegistry& watchers;
  const StreamRegistry& followers;
  const IntegrityPass& integrity;
  const KeyTurner& key_turner;
};
void AddMetricSources(const MetricSources& sources, Metrics& metrics);
// Of calls of targets, before the first of them; none is made after the seal.
void AddTargetMetrics(Targets& targets, const Clock& clock, Metrics& metrics);
// Of the revocation list and its door, which outlive the metrics as well.
void AddRespMetrics(const RevocationList& list, const RespListener& listener, Metrics& metrics);

}  // namespace keyturn
