#include "rotation/usage/loss_filter.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/coding.h"

namespace keyturn {
namespace {

// Stored: the same in every process. Uuids are random.
size_t SlotOf(const Uuid& secret, SecretVersion version) {
  absl::string_view bytes = secret.bytes();
  const uint64_t random = ReadBigEndian64(&bytes).value_or(0);
  return (random + version.value()) % limits::kUsageLossSlots;
}

uint32_t SecondsOf(absl::Time time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToUnixSeconds(time) + 1, 1, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void LossFilter::Raise(size_t slot, uint32_t seconds) {
  uint32_t before = seconds_[slot].load(std::memory_order_relaxed);
  while (before < seconds &&
         !seconds_[slot].compare_exchange_weak(before, seconds, std::memory_order_relaxed)) {
  }
}

void LossFilter::Mark(const Uuid& secret, SecretVersion version, absl::Time time) {
  Raise(SlotOf(secret, version), SecondsOf(time));
  marks_.fetch_add(1, std::memory_order_relaxed);
}

absl::Time LossFilter::Last(const Uuid& secret, SecretVersion version) const {
  const uint32_t seconds = seconds_[SlotOf(secret, version)].load(std::memory_order_relaxed);
  return seconds == 0 ? absl::InfinitePast() : absl::FromUnixSeconds(seconds);
}

record::v1::UsageLosses LossFilter::Save() const {
  record::v1::UsageLosses out;
  for (const std::atomic<uint32_t>& seconds : seconds_) {
    out.add_seconds(seconds.load(std::memory_order_relaxed));
  }
  return out;
}

void LossFilter::Load(const record::v1::UsageLosses& saved) {
  const bool fits = saved.seconds_size() == static_cast<int>(limits::kUsageLossSlots);
  const uint32_t latest =
      std::accumulate(saved.seconds().begin(), saved.seconds().end(), uint32_t{0},
                      [](uint32_t a, uint32_t b) { return std::max(a, b); });
  for (size_t i = 0; i < seconds_.size(); ++i) {
    Raise(i, fits ? saved.seconds(static_cast<int>(i)) : latest);
  }
}

void LossFilter::Clear() {
  for (std::atomic<uint32_t>& seconds : seconds_) seconds.store(0, std::memory_order_relaxed);
}

}  // namespace keyturn
