#include "storage/accumulators.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {

absl::Status Accumulators::Load(const View& view) {
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                     view.Get(Family::kMeta, schema::AccumulatorKey(static_cast<uint8_t>(bucket))));
    if (!stored.has_value()) continue;
    absl::string_view rest = *stored;
    for (uint64_t& lane : sums_[bucket]) {
      const std::optional<uint64_t> value = ReadBigEndian64(&rest);
      if (!value.has_value()) return absl::DataLossError("storage: an accumulator is cut short");
      lane = *value;
    }
    if (!rest.empty()) return absl::DataLossError("storage: an accumulator is too long");
  }
  return absl::OkStatus();
}

void Accumulators::Add(absl::string_view key, const Sum& hash) {
  const int bucket = BucketOf(key);
  for (size_t lane = 0; lane < hash.size(); ++lane) sums_[bucket][lane] += hash[lane];
  dirty_.set(bucket);
}

void Accumulators::Subtract(absl::string_view key, const Sum& hash) {
  const int bucket = BucketOf(key);
  for (size_t lane = 0; lane < hash.size(); ++lane) sums_[bucket][lane] -= hash[lane];
  dirty_.set(bucket);
}

void Accumulators::TakeDirty(
    absl::FunctionRef<void(absl::string_view key, absl::string_view value)> put) {
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    if (!dirty_.test(bucket)) continue;
    std::string value;
    for (const uint64_t lane : sums_[bucket]) AppendBigEndian64(lane, &value);
    put(schema::AccumulatorKey(static_cast<uint8_t>(bucket)), value);
  }
  dirty_.reset();
}

}  // namespace keyturn
