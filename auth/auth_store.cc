#include "auth/auth_store.h"

#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "auth/sealed_table.h"
#include "auth/validate.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr char kRoot[] = "root";
constexpr size_t kGrantSetsMax = 1024;

absl::Status NoSuch(absl::string_view what, absl::string_view name) {
  return absl::NotFoundError(absl::StrCat("there is no ", what, " named \"", name, "\""));
}

void Stamp(Clock& clock, google::protobuf::Timestamp* time) {
  const int64_t ms = absl::ToUnixMillis(clock.Now());
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

// The objects of one kind: sealed records and their mirror.
template <typename Object>
struct Table {
  Table(const char* what_is, Purpose purpose) : what(what_is), records(purpose) {}

  const char* const what;
  const SealedTable records;
  std::map<std::string, Object> mirror;
};

class AuthStoreImpl : public AuthStore {
 public:
  AuthStoreImpl(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) override {
    absl::MutexLock write_lock(&write_mu_);
    absl::MutexLock lock(&mu_);
    keys_ = std::move(keys);
    ++epoch_;
    grant_sets_.clear();
    RETURN_IF_ERROR(Fill(&policies_));
    RETURN_IF_ERROR(Fill(&roles_));
    return Fill(&password_policies_);
  }

  void UseKeys(std::shared_ptr<const KeyringSnapshot> keys) override {
    const absl::MutexLock lock(&mu_);
    keys_.swap(keys);
  }

  absl::StatusOr<v1::Policy> PutPolicy(Updater& updater, const v1::Policy& policy) override {
    RETURN_IF_ERROR(ValidatePolicy(policy));
    absl::MutexLock write_lock(&write_mu_);
    v1::Policy stored = policy;
    Stamp(clock_, stored.mutable_update_time());
    return Write(updater, &policies_, std::move(stored));
  }

  absl::StatusOr<v1::Policy> GetPolicy(absl::string_view name) const override {
    if (name == kRoot) {
      v1::Policy root;
      root.set_name(kRoot);
      root.set_description("allows everything; cannot be written or deleted");
      return root;
    }
    return Find(policies_, name);
  }

  std::vector<v1::Policy> ListPolicies() const override { return All(policies_); }

  absl::Status DeletePolicy(Updater& updater, absl::string_view name) override {
    if (name == kRoot) return absl::FailedPreconditionError("the policy \"root\" is reserved");
    absl::MutexLock write_lock(&write_mu_);
    for (const v1::Role& role : All(roles_)) {
      for (const std::string& used : role.policies()) {
        if (used != name) continue;
        return absl::FailedPreconditionError(absl::StrCat(
            "the policy is used by the role \"", role.name(), "\"; change that role first"));
      }
    }
    return Delete(updater, &policies_, name);
  }

  absl::StatusOr<v1::Role> PutRole(Updater& updater, const v1::Role& role) override {
    RETURN_IF_ERROR(ValidateRole(role));
    absl::MutexLock write_lock(&write_mu_);
    for (const std::string& policy : role.policies()) {
      if (GetPolicy(policy).ok()) continue;
      return WithReason(
          absl::InvalidArgumentError(absl::StrCat("there is no policy named \"", policy, "\"")),
          "UNKNOWN_POLICY");
    }
    v1::Role stored = role;
    Stamp(clock_, stored.mutable_update_time());
    return Write(updater, &roles_, std::move(stored));
  }

  absl::StatusOr<v1::Role> GetRole(absl::string_view name) const override {
    return Find(roles_, name);
  }
  std::vector<v1::Role> ListRoles() const override { return All(roles_); }
  absl::Status DeleteRole(Updater& updater, absl::string_view name) override {
    absl::MutexLock write_lock(&write_mu_);
    return Delete(updater, &roles_, name);
  }

  absl::StatusOr<v1::PasswordPolicy> PutPasswordPolicy(Updater& updater,
                                                       const v1::PasswordPolicy& policy) override {
    RETURN_IF_ERROR(ValidatePasswordPolicy(policy));
    absl::MutexLock write_lock(&write_mu_);
    return Write(updater, &password_policies_, policy);
  }
  absl::StatusOr<v1::PasswordPolicy> GetPasswordPolicy(absl::string_view name) const override {
    return Find(password_policies_, name);
  }
  std::vector<v1::PasswordPolicy> ListPasswordPolicies() const override {
    return All(password_policies_);
  }
  absl::Status DeletePasswordPolicy(Updater& updater, absl::string_view name) override {
    absl::MutexLock write_lock(&write_mu_);
    return Delete(updater, &password_policies_, name);
  }

  std::shared_ptr<const GrantSet> GrantsOf(absl::Span<const std::string> policies) override {
    const std::string key = absl::StrJoin(policies, "\n");
    {
      absl::ReaderMutexLock lock(&mu_);
      const auto found = grant_sets_.find(key);
      if (found != grant_sets_.end()) return found->second;
    }
    absl::MutexLock lock(&mu_);
    std::vector<GrantRule> rules;
    bool everything = false;
    for (const std::string& name : policies) {
      everything = everything || (name == kRoot && keys_ != nullptr);
      const auto policy = policies_.mirror.find(name);
      if (policy != policies_.mirror.end()) AppendRules(policy->second, &rules);
    }
    auto grants = std::make_shared<const GrantSet>(std::move(rules), everything);
    if (grant_sets_.size() >= kGrantSetsMax) grant_sets_.clear();
    grant_sets_[key] = grants;
    return grants;
  }

  uint64_t epoch() const override {
    absl::ReaderMutexLock lock(&mu_);
    return epoch_;
  }

 private:
  template <typename Object>
  absl::Status Fill(Table<Object>* table) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    table->mirror.clear();
    if (keys_ == nullptr) return absl::OkStatus();
    return table->records.ForEach(
        *keys_, *store_.GetSnapshot(), [table](absl::string_view plaintext) -> absl::Status {
          Object object;
          if (!object.ParseFromArray(plaintext.data(), static_cast<int>(plaintext.size()))) {
            return absl::DataLossError(
                absl::StrCat("the record of a ", table->what, " is malformed"));
          }
          table->mirror[object.name()] = std::move(object);
          return absl::OkStatus();
        });
  }

  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Keys() const {
    absl::ReaderMutexLock lock(&mu_);
    if (keys_ == nullptr) return absl::FailedPreconditionError("the vault is sealed");
    return keys_;
  }

  // With write_mu_ held, so that mirror and records change in the same order.
  template <typename Object>
  absl::StatusOr<Object> Write(Updater& updater, Table<Object>* table, Object object)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    const std::string bytes = object.SerializeAsString();
    RETURN_IF_ERROR(updater
                        .Update([&](const View& view, Batch& batch) {
                          return table->records.Put(*keys, view, object.name(), bytes, batch);
                        })
                        .status());
    absl::MutexLock lock(&mu_);
    table->mirror[object.name()] = object;
    Changed();
    return object;
  }

  template <typename Object>
  absl::Status Delete(Updater& updater, Table<Object>* table, absl::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    RETURN_IF_ERROR(Find(*table, name).status());
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    RETURN_IF_ERROR(updater
                        .Update([&](const View&, Batch& batch) {
                          table->records.Delete(*keys, name, batch);
                          return absl::OkStatus();
                        })
                        .status());
    absl::MutexLock lock(&mu_);
    table->mirror.erase(std::string(name));
    Changed();
    return absl::OkStatus();
  }

  void Changed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    grant_sets_.clear();
    ++epoch_;
  }

  template <typename Object>
  absl::StatusOr<Object> Find(const Table<Object>& table, absl::string_view name) const {
    absl::ReaderMutexLock lock(&mu_);
    const auto found = table.mirror.find(std::string(name));
    if (found == table.mirror.end()) return NoSuch(table.what, name);
    return found->second;
  }

  template <typename Object>
  std::vector<Object> All(const Table<Object>& table) const {
    absl::ReaderMutexLock lock(&mu_);
    std::vector<Object> objects;
    objects.reserve(table.mirror.size());
    for (const auto& [name, object] : table.mirror) objects.push_back(object);
    return objects;
  }

  Store& store_;
  Clock& clock_;
  absl::Mutex write_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  mutable absl::Mutex mu_;
  // Guarded by mu_; named in the functions' annotations, since the templates take them as
  // arguments.
  Table<v1::Policy> policies_{"policy", Purpose::kPolicy};
  Table<v1::Role> roles_{"role", Purpose::kRole};
  Table<v1::PasswordPolicy> password_policies_{"password policy", Purpose::kPasswordPolicy};
  std::shared_ptr<const KeyringSnapshot> keys_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::shared_ptr<const GrantSet>> grant_sets_
      ABSL_GUARDED_BY(mu_);
  uint64_t epoch_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace

std::unique_ptr<AuthStore> AuthStore::Create(Store& store, Clock& clock) {
  return std::make_unique<AuthStoreImpl>(store, clock);
}

}  // namespace keyturn
