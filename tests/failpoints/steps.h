// The steps of a Life, in order.
#pragma once

#include "base/wait.h"
#include "tests/failpoints/life.h"

namespace keyturn::life_steps {

using Step = Life::Step;

inline std::string ValueOf(absl::string_view step) {
  return absl::StrCat(step, " ", std::string(300, 'v'));
}

inline Step PutStep(const std::string& name, const std::string& path) {
  return {name, [=](Life& life) { return life.Put(name, path, ValueOf(name)); },
          [=](Model& model) { model[path] = ValueOf(name); }, 1};
}

// `change`: of the vault, with the step's entry in the same batch.
inline Step VaultStep(const std::string& name,
                      const std::function<absl::Status(Vault&, Updater&)>& change,
                      std::function<void(Model&)> expected) {
  const auto run = [=](Life& life) {
    return life.Audited(name,
                        [&](Updater& updater) { return change(*life.machine().vault, updater); });
  };
  return {name, run, std::move(expected), 1};
}

inline v1::DestroyRequest AllOf(const std::string& path) {
  v1::DestroyRequest request;
  request.set_path(path);
  request.set_all(true);
  return request;
}

inline Step DeleteStep(const std::string& path) {
  return VaultStep(
      "delete " + path,
      [=](Vault& vault, Updater& updater) {
        v1::DeleteRequest request;
        request.set_path(path);
        return vault.Delete(updater, request).status();
      },
      [=](Model& model) { model[path] = "FAILED_PRECONDITION"; });
}

inline Step DestroyStep(const std::string& path) {
  return VaultStep(
      "destroy " + path,
      [=](Vault& vault, Updater& updater) { return vault.Destroy(updater, AllOf(path)).status(); },
      [=](Model& model) { model.erase(path); });
}

inline Step RenameStep(const std::string& from, const std::string& to) {
  return VaultStep(
      "rename " + from,
      [=](Vault& vault, Updater& updater) {
        v1::RenameRequest request;
        request.set_path(from);
        request.set_new_path(to);
        request.set_directory(true);
        return vault.Rename(updater, request).status();
      },
      [=](Model& model) {
        Model moved;
        for (const auto& [path, value] : model) {
          const bool below = path.rfind(from + "/", 0) == 0;
          moved[below ? to + path.substr(from.size()) : path] = value;
        }
        model = std::move(moved);
      });
}

// Nobody reads an older state here, but RocksDB may not have removed yet what it has replaced.
class Patience {
 public:
  absl::Status operator()() {
    if (++rounds_ > 100) return absl::DeadlineExceededError("somebody reads an older state");
    WaitFor(Clock::Real(), absl::Milliseconds(10));
    return absl::OkStatus();
  }

 private:
  int rounds_ = 0;
};

inline absl::Status Erase(Life& life, const std::string& name, const std::string& path) {
  return life.Audited(name, [&](Updater& updater) {
    Patience patience;
    return EraseVersions(*life.machine().vault, *life.machine().store, updater, AllOf(path),
                         NoProgress, [&] { return patience(); })
        .status();
  });
}

inline absl::Status Purge(Life& life) {
  for (size_t family = 0; family < kFamilies; ++family) {
    Patience patience;
    absl::Status purged = life.machine().store->Purge(static_cast<Family>(family));
    while (absl::IsFailedPrecondition(purged) && patience().ok()) {
      purged = life.machine().store->Purge(static_cast<Family>(family));
    }
    RETURN_IF_ERROR(purged);
  }
  return absl::OkStatus();
}

// Who used it is written, and was not forgotten of the times before.
inline absl::Status Use(Life& life, const std::string& path) {
  Machine& machine = life.machine();
  v1::GetRequest get;
  get.set_path(path);
  ASSIGN_OR_RETURN(const ReadResult read, machine.vault->Get(get, absl::InfiniteFuture()));
  machine.usage->Note(
      {read.secret, SecretVersion(read.info.version().version()), "someone", Clock::Real().Now()});
  RETURN_IF_ERROR(machine.usage->WriteAll());
  v1::ListConsumersRequest list;
  list.set_path(path);
  ASSIGN_OR_RETURN(const v1::ListConsumersResponse listed,
                   machine.usage->List(list, [](absl::string_view, bool) { return true; }));
  const bool known = listed.consumers_size() == 1 && listed.consumers(0).name() == "someone";
  return known ? absl::OkStatus() : absl::InternalError("who used it was forgotten");
}

inline Step RotateStep(const std::string& name, AeadSuite suite, bool compromised) {
  return {name, [=](Life& life) -> absl::Status {
            RETURN_IF_ERROR(life.machine().lifecycle->RotateKek(suite, compromised).status());
            return life.machine().Turn();
          }};
}

inline std::vector<Step> MakeSteps() {
  std::vector<Step> steps;
  steps.push_back({"init", [](Life& life) { return life.machine().Init(""); }});
  for (const char* const name : {"a", "b", "c", "d", "e", "f"}) {
    steps.push_back(PutStep(absl::StrCat("put ", name), absl::StrCat("app/", name)));
  }
  steps.push_back(PutStep("put a again", "app/a"));
  steps.push_back(DeleteStep("app/b"));
  steps.push_back(DestroyStep("app/c"));
  steps.push_back(RenameStep("app", "moved"));
  steps.push_back({"read",
                   [](Life& life) {
                     AuditEvent event = ServerEvent("secret_read", Clock::Real());
                     event.correlation_id = "read";
                     return life.machine().audit->Append(event);
                   },
                   [](Model&) {}, 1});
  steps.push_back({"use", [](Life& life) { return Use(life, "moved/a"); }});
  steps.push_back({"use again", [](Life& life) { return Use(life, "moved/a"); }});
  steps.push_back({"seal", [](Life& life) -> absl::Status {
                     life.machine().lifecycle->Seal();
                     return life.machine().Unseal();
                   }});
  steps.push_back(RotateStep("rotate-kek", AeadSuite::kXChaCha20Poly1305, false));
  steps.push_back({"anchor", [](Life& life) {
                     Machine& machine = life.machine();
                     return machine.keyring->WriteAnchor(machine.store->LastRevision());
                   }});
  steps.push_back(RotateStep("rotate-kek compromised", AeadSuite::kAes256Gcm, true));
  steps.push_back({"rekey", [](Life& life) { return life.Rekey(false); }});
  steps.push_back({"rotate-root-key", [](Life& life) { return life.Rekey(true); }});
  steps.push_back({"erase moved/d",
                   [](Life& life) { return Erase(life, "erase moved/d", "moved/d"); },
                   [](Model& model) { model.erase("moved/d"); }, 1});
  steps.push_back({"purge", Purge});
  steps.push_back({"restart", [](Life& life) { return life.Restart(); }});
  steps.push_back(PutStep("put after all", "moved/z"));
  return steps;
}

}  // namespace keyturn::life_steps
