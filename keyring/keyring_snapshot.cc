#include "keyring/keyring_snapshot.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace keyturn {

const Kek* KeyringSnapshot::FindKek(KekTerm term) const {
  // The newest is asked for most.
  for (auto kek = keks_.rbegin(); kek != keks_.rend(); ++kek) {
    if ((*kek)->term == term) return kek->get();
  }
  if (term < active_kek().term) return nullptr;
  const absl::MutexLock lock(&later_->mu);
  for (const std::shared_ptr<const Kek>& kek : later_->keks) {
    if (kek->term == term) return kek.get();
  }
  return nullptr;
}

void KeyringSnapshot::Announce() const {
  const absl::MutexLock lock(&later_->mu);
  later_->keks.push_back(keks_.back());
}

void KeyringSnapshot::ForgetAnnounced(KekTerm below) const {
  const absl::MutexLock lock(&later_->mu);
  std::erase_if(later_->keks, [&](const auto& kek) { return kek->term < below; });
}

absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> KeyringSnapshot::WithNextKek(
    AeadSuite suite, bool older_compromised, int64_t now_ms) const {
  if (keks_.size() >= limits::kKeksMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        keks_.size(),
        " key terms are not retired yet, the most that are kept; see `keyturn operator "
        "rewrap status`"));
  }
  auto kek = std::make_shared<Kek>();
  kek->term = KekTerm(active_kek().term.value() + 1);
  kek->suite = suite;
  kek->created_ms = now_ms;
  ASSIGN_OR_RETURN(kek->key, RandomSecret(kAeadKeySize));
  auto next = std::make_shared<KeyringSnapshot>(*this);
  if (older_compromised) next->compromised_below_ = kek->term;
  next->keks_.push_back(std::move(kek));
  return next;
}

std::shared_ptr<const KeyringSnapshot> KeyringSnapshot::WithoutKeks(KekTerm below,
                                                                    int64_t now_ms) const {
  auto next = std::make_shared<KeyringSnapshot>(*this);
  next->keks_.clear();
  for (const std::shared_ptr<const Kek>& kek : keks_) {
    if (kek->term >= below) {
      next->keks_.push_back(kek);
    } else {
      next->retired_.push_back({kek->term, kek->suite, kek->created_ms, now_ms, kek->uses.load()});
    }
  }
  if (next->retired_.size() > limits::kRetiredKeksKept) {
    const auto surplus = static_cast<int64_t>(next->retired_.size() - limits::kRetiredKeksKept);
    next->retired_.erase(next->retired_.begin(), next->retired_.begin() + surplus);
  }
  return next;
}

}  // namespace keyturn
