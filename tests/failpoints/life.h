// The life of one vault, step by step: every operation that changes its files at least once. After
// each step it is known what the vault holds, so that after a crash in the middle of a step it must
// hold what it held before or after that step, whole.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/server_event.h"
#include "keyring/envelope.h"
#include "tests/crash/machine.h"
#include "vault/eraser.h"
#include "vault/fields.h"

namespace keyturn {

// What reading a path says: its value, or the name of the error. Absent: NOT_FOUND.
using Model = std::map<std::string, std::string>;

class Life {
 public:
  using Boot = std::function<std::unique_ptr<Machine>()>;
  struct Step {
    std::string name;
    std::function<absl::Status(Life&)> run;
    std::function<void(Model&)> change = [](Model&) {};
    // Audit entries that it leaves with its name; -1: that depends.
    int entries = -1;
  };

  // `boot` makes a machine that is not started yet.
  explicit Life(Boot boot) : boot_(std::move(boot)), machine_(boot_()) {}

  Machine& machine() { return *machine_; }

  // As a server that starts again: until the work that was cut off is done.
  absl::Status Restart() {
    machine_.reset();
    machine_ = boot_();
    RETURN_IF_ERROR(machine_->Start());
    return machine_->keyring->status().initialized ? machine_->Unseal() : absl::OkStatus();
  }
  absl::Status Rekey(bool root_key_only) {
    std::vector<SealSpec> seals(root_key_only ? 0 : 1);
    Keyring& keyring = *machine_->keyring;
    RETURN_IF_ERROR(keyring.StartRekey(std::move(seals)).status());
    ASSIGN_OR_RETURN(const RekeyStep step, keyring.GiveRekeyKey({SealSpec::Type::kKeyFile, {}},
                                                                keyring.rekey_status().nonce));
    return step.finished ? absl::OkStatus() : absl::InternalError("the change is not finished");
  }

  std::string Get(const std::string& path) {
    v1::GetRequest get;
    get.set_path(path);
    const absl::StatusOr<ReadResult> read = machine_->vault->Get(get, absl::InfiniteFuture());
    if (!read.ok()) return absl::StatusCodeToString(read.status().code());
    std::string value;
    const absl::Status fields =
        ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
          value = std::string(field.value);
          return true;
        });
    return fields.ok() ? value : fields.ToString();
  }
  absl::Status Put(absl::string_view step, const std::string& path, const std::string& value) {
    PutParams params;
    params.path = *SecretPath::Parse(path);
    return Audited(step, [&](Updater& updater) {
      return machine_->vault->Put(updater, params, *EncodeFields({{"v", 1, value}})).status();
    });
  }

  absl::Status Audited(absl::string_view step,
                       absl::FunctionRef<absl::Status(Updater& updater)> change) {
    AuditEvent event = ServerEvent("secret_written", Clock::Real());
    event.correlation_id = std::string(step);
    AuditedUpdater updater(*machine_->store, *machine_->audit, event);
    return change(updater);
  }

  // How many entries of the audit log carry the name of each step.
  absl::StatusOr<std::map<std::string, int>> Entries() {
    std::map<std::string, int> out;
    RETURN_IF_ERROR(machine_->audit->Read(1, [&](const AuditRecord& record) {
      ++out[record.event.correlation_id];
      return true;
    }));
    return out;
  }

 private:
  const Boot boot_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace keyturn
