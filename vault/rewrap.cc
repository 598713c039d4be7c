#include "vault/rewrap.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/records.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using record::v1::RewrapState;

// With everything that is sealed under a KEK, in the order of a pass.
constexpr std::array<Family, 4> kSealedFamilies = {Family::kRecords, Family::kDeks, Family::kIndex,
                                                   Family::kChanges};

std::string StateKey(const KeyringSnapshot& keys) {
  return schema::NamedRecordKey(IndexMac(keys, "setting", "rewrap"),
                                static_cast<uint8_t>(Purpose::kSetting));
}

// A payload is sealed under its DEK.
bool IsUnderKek(Family family, absl::string_view key) {
  return family != Family::kRecords || !schema::IsPayloadKey(key);
}

bool IsUnder(KekTerm term, absl::string_view sealed) {
  const absl::StatusOr<KekTerm> its = TermOf(sealed);
  return its.ok() && *its == term;
}

struct Found {
  std::string key, sealed;
  uint64_t checked;  // records of the stretch up to this one
};

// A part of a family, as far as one step goes.
struct Stretch {
  std::vector<Found> outside;  // not under the term
  std::string after;           // the last one looked at
  uint64_t checked = 0;
  bool family_done = true;

  void EndAt(const Found& last) {
    after = last.key;
    checked = last.checked;
    family_done = false;
  }
};
absl::StatusOr<Stretch> Look(const Snapshot& snapshot, Family family, const std::string& after,
                             KekTerm term) {
  Stretch out;
  out.after = after;
  const std::string begin = after.empty() ? "" : absl::StrCat(after, absl::string_view("\0", 1));
  RETURN_IF_ERROR(
      snapshot.Scan(family, begin, "", [&](absl::string_view key, absl::string_view sealed) {
        if (out.outside.size() >= limits::kRewrapRecordsPerUpdate ||
            out.checked >= limits::kRewrapScanMax) {
          out.family_done = false;
          return false;
        }
        out.after = std::string(key);
        ++out.checked;
        if (!IsUnderKek(family, key) || IsUnder(term, sealed)) return true;
        out.outside.push_back({std::string(key), std::string(sealed), out.checked});
        return true;
      }));
  return out;
}

// Puts that go together: all, if none of their keys has changed meanwhile, or none.
struct Exchange {
  struct One {
    Family family;
    std::string key, before, after;
  };
  std::vector<One> puts;
  bool reencrypted = false;

  size_t bytes() const {
    size_t sum = 0;
    for (const One& put : puts) sum += put.key.size() + put.after.size();
    return sum;
  }
};

// What is to be written for the records of one stretch.
class Renewal {
 public:
  Renewal(const KeyringSnapshot& keys, const Snapshot& snapshot)
      : keys_(keys), snapshot_(snapshot) {}

  // Errors of records: DATA_LOSS, FAILED_PRECONDITION. Others are of the machine.
  absl::StatusOr<Exchange> Renew(Family family, const Found& found) {
    if (family == Family::kDeks) return RenewVersion(found);
    ASSIGN_OR_RETURN(std::string sealed, ResealRecord(keys_, found.key, found.sealed));
    return Exchange{{{family, found.key, found.sealed, std::move(sealed)}}};
  }

 private:
  absl::StatusOr<Exchange> RenewVersion(const Found& found) {
    absl::string_view number = absl::string_view(found.key).substr(Uuid::kSize);
    ASSIGN_OR_RETURN(const Uuid secret, Uuid::FromBytes(found.key.substr(0, Uuid::kSize)));
    const SecretVersion version(ReadBigEndian64(&number).value_or(0));
    RETURN_IF_ERROR(OpenMetadataOf(secret));
    const VersionRecord* const record =
        metadata_.has_value() ? FindVersion(*metadata_, version.value()) : nullptr;
    if (record == nullptr) return absl::DataLossError("a data key belongs to no version");
    const VersionPlace place = PlaceOf(secret, *metadata_, *record);
    ASSIGN_OR_RETURN(const KekTerm term, TermOf(found.sealed));
    if (term < keys_.compromised_below()) return Reencrypt(place, found);
    ASSIGN_OR_RETURN(std::string wrapped, RewrapDek(keys_, place, found.sealed));
    return Exchange{{{Family::kDeks, found.key, found.sealed, std::move(wrapped)}}};
  }

  absl::StatusOr<Exchange> Reencrypt(const VersionPlace& place, const Found& found) const {
    std::string key = schema::PayloadKey(place.secret, place.version);
    ASSIGN_OR_RETURN(std::optional<std::string> payload, snapshot_.Get(Family::kRecords, key));
    if (!payload.has_value()) return absl::DataLossError("a version has a data key and no data");
    ASSIGN_OR_RETURN(SealedVersion sealed, ReencryptVersion(keys_, place, found.sealed, *payload));
    Exchange out;
    out.puts = {{Family::kRecords, std::move(key), *std::move(payload), std::move(sealed.payload)},
                {Family::kDeks, found.key, found.sealed, std::move(sealed.wrapped_dek)}};
    out.reencrypted = true;
    return out;
  }

  // The versions of a secret follow each other.
  absl::Status OpenMetadataOf(const Uuid& secret) {
    if (opened_ == secret) return absl::OkStatus();
    ASSIGN_OR_RETURN(metadata_, ReadMetadata(keys_, snapshot_, secret));
    opened_ = secret;
    return absl::OkStatus();
  }

  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  std::optional<Uuid> opened_;
  std::optional<SecretMetadata> metadata_;
};

bool IsOfTheRecord(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

absl::StatusOr<bool> Unchanged(const View& view, const Exchange& exchange) {
  for (const Exchange::One& put : exchange.puts) {
    ASSIGN_OR_RETURN(const std::optional<std::string> now, view.Get(put.family, put.key));
    if (now != put.before) return false;
  }
  return true;
}

absl::Status WriteState(const KeyringSnapshot& keys, const RewrapState& state, Batch& batch) {
  const std::string key = StateKey(keys);
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kSetting, key, 0}, state.SerializeAsString()));
  batch.Put(Family::kRecords, key, sealed);
  return absl::OkStatus();
}

// The index in kSealedFamilies of the family that a state names; past the end when it is none.
size_t IndexOf(uint32_t family) {
  const auto* const found =
      std::find_if(kSealedFamilies.begin(), kSealedFamilies.end(),
                   [&](Family one) { return static_cast<uint32_t>(one) == family; });
  return static_cast<size_t>(found - kSealedFamilies.begin());
}

class Pass {
 public:
  Pass(const VaultContext& context, Updater& updater) : context_(context), updater_(updater) {}

  absl::StatusOr<RewrapState> Run(ProgressFn progress) {
    RETURN_IF_ERROR(Begin());
    while (state_.finished_ms() == 0) {
      RETURN_IF_ERROR(Step());
      RETURN_IF_ERROR(progress(state_.checked(), 0));
    }
    return state_;
  }

 private:
  int64_t NowMs() const { return absl::ToUnixMillis(context_.clock.Now()); }

  absl::Status Begin() {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    ASSIGN_OR_RETURN(state_, ReadRewrapState(context_));
    const auto term = static_cast<uint32_t>(keys->active_kek().term.value());
    const bool under_way = state_.term() == term && state_.finished_ms() == 0;
    if (under_way && IndexOf(state_.family()) < kSealedFamilies.size()) return absl::OkStatus();
    state_.Clear();
    state_.set_term(term);
    state_.set_family(static_cast<uint32_t>(kSealedFamilies[0]));
    state_.set_started_ms(NowMs());
    return absl::OkStatus();
  }

  absl::Status Step() {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    if (keys->active_kek().term.value() != state_.term()) {
      return absl::AbortedError("the key-encryption key was rotated again");
    }
    const auto family = static_cast<Family>(state_.family());
    RewrapState next = state_;
    std::vector<Exchange> exchanges;
    {
      const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
      ASSIGN_OR_RETURN(Stretch stretch,
                       Look(*snapshot, family, state_.after_key(), keys->active_kek().term));
      ASSIGN_OR_RETURN(exchanges, RenewAll(*keys, *snapshot, family, &stretch, &next));
      Advance(std::move(stretch), &next);
    }
    KEYTURN_FAILPOINT("vault/rewrap-sealed");
    return Commit(*keys, exchanges, std::move(next));
  }

  // Ends the stretch early when it is enough for one update.
  static absl::StatusOr<std::vector<Exchange>> RenewAll(const KeyringSnapshot& keys,
                                                        const Snapshot& snapshot, Family family,
                                                        Stretch* stretch, RewrapState* next) {
    std::vector<Exchange> out;
    Renewal renewal(keys, snapshot);
    size_t bytes = 0;
    for (size_t i = 0; i < stretch->outside.size(); ++i) {
      absl::StatusOr<Exchange> exchange = renewal.Renew(family, stretch->outside[i]);
      if (!exchange.ok() && !IsOfTheRecord(exchange.status())) return exchange.status();
      if (!exchange.ok()) {
        next->set_failed(next->failed() + 1);
        continue;
      }
      bytes += exchange->bytes();
      if (bytes > limits::kRewrapBytesPerUpdate && !out.empty()) {
        stretch->EndAt(stretch->outside[i - 1]);
        break;
      }
      out.push_back(*std::move(exchange));
    }
    return out;
  }

  void Advance(Stretch stretch, RewrapState* next) const {
    next->set_checked(next->checked() + stretch.checked);
    next->set_after_key(std::move(stretch.after));
    if (!stretch.family_done) return;
    next->clear_after_key();
    const size_t index = IndexOf(next->family()) + 1;
    if (index < kSealedFamilies.size()) {
      next->set_family(static_cast<uint32_t>(kSealedFamilies[index]));
    } else {
      next->set_finished_ms(NowMs());
    }
  }

  // A stretch without work costs no write: a restart looks at it again.
  absl::Status Commit(const KeyringSnapshot& keys, const std::vector<Exchange>& exchanges,
                      RewrapState next) {
    if (exchanges.empty() && next.finished_ms() == 0) {
      state_ = std::move(next);
      return absl::OkStatus();
    }
    RewrapState written;
    RETURN_IF_ERROR(updater_
                        .Update([&](const View& view, Batch& batch) -> absl::Status {
                          written = next;
                          for (const Exchange& exchange : exchanges) {
                            ASSIGN_OR_RETURN(const bool unchanged, Unchanged(view, exchange));
                            if (unchanged) Put(exchange, &written, batch);
                          }
                          batch.Note("term", absl::StrCat(written.term()));
                          batch.Note("records",
                                     absl::StrCat(written.rewrapped() - state_.rewrapped()));
                          return WriteState(keys, written, batch);
                        })
                        .status());
    KEYTURN_FAILPOINT("vault/rewrap-committed");
    state_ = std::move(written);
    return absl::OkStatus();
  }

  static void Put(const Exchange& exchange, RewrapState* state, Batch& batch) {
    for (const Exchange::One& put : exchange.puts) batch.Put(put.family, put.key, put.after);
    state->set_rewrapped(state->rewrapped() + 1);
    if (exchange.reencrypted) state->set_reencrypted(state->reencrypted() + 1);
  }

  const VaultContext& context_;
  Updater& updater_;
  RewrapState state_;
};

}  // namespace

absl::StatusOr<RewrapState> ReadRewrapState(const VaultContext& context) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::string key = StateKey(*keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   context.store.Newest().Get(Family::kRecords, key));
  RewrapState state;
  if (!sealed.has_value()) return state;
  const absl::StatusOr<OpenedRecord> opened = OpenRecord(*keys, Purpose::kSetting, key, *sealed);
  // It only saves work: without it a pass begins at the start.
  if (!opened.ok() && IsOfTheRecord(opened.status())) return state;
  RETURN_IF_ERROR(opened.status());
  const absl::string_view bytes = opened->plaintext.ExposeForCrypto();
  if (!state.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) state.Clear();
  return state;
}

absl::StatusOr<RewrapState> Rewrap(const VaultContext& context, Updater& updater,
                                   ProgressFn progress) {
  return Pass(context, updater).Run(progress);
}

absl::StatusOr<uint64_t> CountOutside(const VaultContext& context, KekTerm term,
                                      ProgressFn progress) {
  uint64_t outside = 0, checked = 0;
  for (const Family family : kSealedFamilies) {
    Stretch stretch;
    do {
      ASSIGN_OR_RETURN(stretch, Look(*context.store.GetSnapshot(), family, stretch.after, term));
      outside += stretch.outside.size();
      checked += stretch.checked;
      RETURN_IF_ERROR(progress(checked, 0));
    } while (!stretch.family_done);
  }
  return outside;
}

}  // namespace keyturn
