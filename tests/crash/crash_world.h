// One vault in a keyturnd that is killed again and again, its writers, and the check of what is
// left. Everything goes through the client library. Not thread-safe; the writers are its own.
#pragma once

#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "client/client.h"
#include "crypto/x509_make.h"
#include "tests/crash/credentials_worker.h"
#include "tests/crash/keyturnd_process.h"
#include "tests/crash/ledger.h"
#include "tests/crash/life_worker.h"
#include "tests/crash/rotation_worker.h"

namespace keyturn {

class CrashWorld {
 public:
  static constexpr int kWriters = 8;
  static constexpr uint64_t kVersionsPerSecret = 24;  // then a writer goes on to its next secret
  static constexpr uint64_t kVersionsKept = 10;       // the server's default
  using Problems = std::vector<std::string>;

  CrashWorld(std::string directory, uint64_t seed)
      : process_(std::move(directory)), random_(seed), writers_(kWriters) {}

  KeyturndProcess& process() { return process_; }
  Ledger& ledger() { return ledger_; }
  const LifeWorker& life() const { return life_; }
  RotationWorker& rotations() { return rotations_; }
  CredentialsWorker& credentials() { return credentials_; }
  // REQUIRES: Begin or Restart was OK.
  Client& operator_client() { return *operator_; }

  // A new vault: init through the operator socket, then a certificate and a role for the writers.
  absl::Status Begin() {
    RETURN_IF_ERROR(process_.Configure());
    RETURN_IF_ERROR(process_.Start());
    ASSIGN_OR_RETURN(const CertificateRequest request, MakeCertificateRequest());
    v1::InitRequest init;
    init.add_seals()->mutable_key_file();
    init.set_operator_csr(request.csr_der);
    ClientOptions options;
    options.address = "unix:" + process_.operator_socket();
    ASSIGN_OR_RETURN(const std::unique_ptr<Client> local, Client::Connect(options));
    ASSIGN_OR_RETURN(const v1::InitResponse made, local->Init(init));
    Save("operator", made.operator_certificate_pem(), request.key_pem);
    ASSIGN_OR_RETURN(operator_, ConnectAs("operator"));
    RETURN_IF_ERROR(MakeWriter());
    RETURN_IF_ERROR(credentials_.Begin(*operator_));
    return rotations_.Begin(*operator_);
  }

  absl::Status Restart(const std::vector<std::string>& flags = {}) {
    RETURN_IF_ERROR(process_.Start(flags));
    ASSIGN_OR_RETURN(operator_, ConnectAs("operator"));
    return absl::OkStatus();
  }

  // One change of the life worker's kind that every older store lacks.
  absl::Status ChangeForGood() { return life_.ChangeForGood(*operator_); }

  enum class Workers { kAll, kWritersOnly };
  // Runs the writers and the life worker, and kills the server when `count` more writes were
  // acknowledged and a moment more has passed. Returns what went wrong other than that.
  Problems WriteAndKill(uint64_t count, absl::Duration moment, Workers workers = Workers::kAll) {
    Problems problems;
    const uint64_t target = ledger_.acknowledged() + count;
    const auto first = ConnectAs("writer");
    const auto second = ConnectAs("writer");
    if (!first.ok() || !second.ok()) return {first.status().ToString()};
    std::vector<std::thread> threads;
    const bool all = workers == Workers::kAll;
    std::vector<absl::Status> ends(kWriters + (all ? 3 : 0));
    ledger_.AddWriters(kWriters);
    for (int w = 0; w < kWriters; ++w) {
      threads.emplace_back([&, w] {
        ends[w] = Write(w, w % 2 == 0 ? **first : **second, random_seeds_[w]);
        ledger_.AddWriters(-1);
      });
    }
    if (all) {
      const uint64_t seed = random_seeds_.back();
      threads.emplace_back([&] { ends.back() = life_.Work(*operator_, seed); });
      threads.emplace_back([&] { ends[kWriters] = rotations_.Work(*operator_, ~seed); });
      threads.emplace_back([&] { ends[kWriters + 1] = credentials_.Work(*operator_, seed + 1); });
    }
    const absl::Time patience = Clock::Real().Now() + absl::Seconds(60);
    if (!ledger_.AwaitAcknowledged(target, patience))
      problems.push_back("the writers ended or are stuck");
    ledger_.AwaitAcknowledged(target + 1000, Clock::Real().Now() + moment);
    process_.Kill();
    for (std::thread& thread : threads) thread.join();
    for (const absl::Status& end : ends) {
      if (!absl::IsUnavailable(end)) problems.push_back(end.ToString());
    }
    return problems;
  }

  // Holds the server against the ledger: the secrets written to since the last check or, with
  // `everything`, all; the audit log; the store's own verification.
  Problems Check(bool everything) {
    Problems problems;
    const std::vector<std::string> touched = ledger_.TakeTouched();
    ReadAudit(&problems);
    for (const std::string& path : everything ? ledger_.paths() : touched) {
      CheckSecret(path, &problems);
    }
    life_.Check(*operator_, &problems);
    rotations_.Check(*operator_, &problems);
    credentials_.Check(*operator_, &problems);
    bool done = false;
    const absl::Status audit = operator_->VerifyAudit({}, [&](v1::VerifyAuditResponse& response) {
      for (const std::string& problem : response.problems()) problems.push_back(problem);
      done = response.done();
      return true;
    });
    if (!audit.ok() || !done) problems.push_back("audit verify: " + audit.ToString());
    done = false;
    const absl::Status verified = operator_->VerifyRecords({}, [&](v1::VerifyResponse& response) {
      for (const std::string& problem : response.problems()) problems.push_back(problem);
      done = response.done();
      return true;
    });
    if (!verified.ok() || !done) problems.push_back("verify: " + verified.ToString());
    return problems;
  }

  void Shuffle() {
    for (uint64_t& seed : random_seeds_) seed = random_();
  }
  uint64_t Below(uint64_t bound) { return random_() % bound; }

 private:
  struct Writer {
    int secret = 0;
    uint64_t newest = 0;
  };

  static std::string PathOf(int writer, int secret) {
    return absl::StrCat("crash/w", writer, "/s", secret);
  }

  void Save(const std::string& name, const std::string& certificate, const SecretBytes& key) {
    std::ofstream(process_.File(name + ".pem")) << certificate;
    std::ofstream(process_.File(name + ".key")) << key.ExposeForCrypto();
  }

  absl::StatusOr<std::unique_ptr<Client>> ConnectAs(const std::string& name) {
    ClientOptions options;
    options.address = process_.grpc();
    options.ca_file = process_.ca_file();
    options.client_cert_file = process_.File(name + ".pem");
    options.client_key_file = process_.File(name + ".key");
    options.reload_interval = absl::ZeroDuration();
    return Client::Connect(std::move(options));
  }

  absl::Status MakeWriter() {
    ASSIGN_OR_RETURN(const CertificateRequest request, MakeCertificateRequest());
    v1::IssueCertificateRequest issue;
    issue.set_csr(request.csr_der);
    issue.set_spiffe_id("spiffe://crash/writer");
    ASSIGN_OR_RETURN(const v1::IssueCertificateResponse issued, operator_->IssueCertificate(issue));
    Save("writer", issued.certificate_pem(), request.key_pem);
    v1::PutPolicyRequest policy;
    policy.mutable_policy()->set_name("writer");
    v1::Grant* const grant = policy.mutable_policy()->add_grants();
    grant->add_permissions("secret:*");
    grant->set_path("crash/*");
    RETURN_IF_ERROR(operator_->PutPolicy(policy).status());
    v1::PutRoleRequest role;
    role.mutable_role()->set_name("writer");
    role.mutable_role()->add_policies("writer");
    role.mutable_role()->add_bound_spiffe_ids("spiffe://crash/writer");
    return operator_->PutRole(role).status();
  }

  // Writes version after version until an error. Both fields hold the same, so that halves of two
  // writes would show.
  absl::Status Write(int number, Client& client, uint64_t seed) {
    std::mt19937_64 random(seed);
    Writer& writer = writers_[number];
    while (true) {
      if (writer.newest >= kVersionsPerSecret) writer = {writer.secret + 1, 0};
      const std::string path = PathOf(number, writer.secret);
      const uint64_t version = writer.newest + 1;
      const size_t filler = random() % 16 == 0 ? random() % 8192 : random() % 400;
      const std::string value =
          absl::StrCat(path, "#", version, "#", random(), std::string(filler, '.'));
      v1::PutRequest put;
      put.set_path(path);
      put.set_replace(true);
      put.set_has_if_version(true);
      put.set_if_version(writer.newest);
      for (const char* name : {"a", "b"}) {
        v1::Field* const field = put.mutable_data()->add_fields();
        field->set_name(name);
        field->set_value(value);
      }
      ledger_.Attempt(path, version, value);
      ASSIGN_OR_RETURN(const v1::PutResponse written, client.Put(put));
      if (written.version() != version) {
        return absl::InternalError(absl::StrCat(path, ": wrote version ", version,
                                                ", the server says ", written.version()));
      }
      ledger_.Acknowledge(path, version, value, written.revision());
      writer.newest = version;
    }
  }

  // The audit log only grows, and what was read of it before is still there.
  void ReadAudit(Problems* problems) {
    v1::TailRequest tail;
    tail.set_from_sequence(std::max<uint64_t>(last_sequence_, 1));
    bool first = true;
    const absl::Status status = operator_->TailAudit(tail, [&](v1::AuditEntry& entry) {
      if (first && last_sequence_ != 0 &&
          (entry.sequence() != last_sequence_ || entry.hash() != last_hash_)) {
        problems->push_back(absl::StrCat("audit entry ", last_sequence_, " is another one now"));
      }
      const bool seen = first && last_sequence_ != 0;
      first = false;
      last_sequence_ = entry.sequence();
      last_hash_ = entry.hash();
      if (!seen && entry.event() == "rotation_promoted" && entry.outcome() == "ok") {
        rotations_.Promoted(entry.resource(), entry.version(), problems);
      }
      if (seen || entry.event() != "secret_written" || entry.outcome() != "ok" ||
          !absl::StartsWith(entry.resource(), "crash/")) {
        return true;
      }
      if (!audited_[entry.resource()].emplace(entry.version(), entry.revision()).second) {
        problems->push_back(
            absl::StrCat("audit: ", entry.resource(), " version ", entry.version(), " twice"));
      }
      return true;
    });
    if (!status.ok() || first) problems->push_back("audit: " + status.ToString());
  }

  void CheckSecret(const std::string& path, Problems* problems) {
    const Ledger::Secret secret = ledger_.secret(path);
    const auto problem = [&](auto... what) {
      problems->push_back(absl::StrCat(path, ": ", what...));
    };
    v1::DescribeRequest describe;
    describe.set_path(path);
    const auto info = operator_->Describe(describe);
    if (!info.ok() && !absl::IsNotFound(info.status())) {
      problem(info.status().ToString());
      return;
    }
    const uint64_t newest = info.ok() ? info->newest_version() : 0;
    uint64_t acknowledged = 0;
    for (const auto& [version, known] : secret) {
      if (!known.acknowledged.empty()) acknowledged = version;
    }
    if (newest < acknowledged) {
      problem("version ", acknowledged, " was acknowledged, ", newest, " is the newest");
      return;
    }
    if (newest > secret.rbegin()->first) problem("a version that nobody wrote: ", newest);
    CheckAudited(path, newest, secret, problems);
    if (newest > 0) CheckVersions(path, *info, secret, problems);
    ledger_.Settle(path, newest);
    for (int w = 0; w < kWriters; ++w) {
      if (PathOf(w, writers_[w].secret) == path) writers_[w].newest = newest;
    }
  }

  // A change and its audit entry are there together.
  void CheckAudited(const std::string& path, uint64_t newest, const Ledger::Secret& secret,
                    Problems* problems) {
    const std::map<uint64_t, uint64_t>& entries = audited_[path];
    for (uint64_t version = 1; version <= newest; ++version) {
      const auto entry = entries.find(version);
      const auto known = secret.find(version);
      if (entry == entries.end()) {
        problems->push_back(absl::StrCat(path, ": no audit entry of version ", version));
      } else if (known != secret.end() && known->second.revision != 0 &&
                 known->second.revision != entry->second) {
        problems->push_back(absl::StrCat(path, ": another revision in the audit log"));
      }
    }
    if (!entries.empty() && entries.rbegin()->first > newest) {
      problems->push_back(absl::StrCat(path, ": an audit entry without a change"));
    }
  }

  void CheckVersions(const std::string& path, const v1::SecretInfo& info,
                     const Ledger::Secret& secret, Problems* problems) {
    const uint64_t newest = info.newest_version();
    const uint64_t oldest = newest > kVersionsKept ? newest - kVersionsKept + 1 : 1;
    if (info.current_version() != newest ||
        info.versions_size() != static_cast<int>(newest - oldest + 1)) {
      problems->push_back(absl::StrCat(path, ": its versions are not a row that ends in ", newest));
    }
    v1::BatchGetRequest batch;
    for (uint64_t version = oldest; version <= newest; ++version) {
      v1::GetRequest* const get = batch.add_requests();
      get->set_path(path);
      get->mutable_version()->set_number(version);
    }
    const auto found = operator_->BatchGet(batch);
    if (!found.ok()) {
      problems->push_back(absl::StrCat(path, ": ", found.status().ToString()));
      return;
    }
    for (int i = 0; i < found->items_size(); ++i) {
      const uint64_t version = oldest + i;
      CheckValue(path, version, found->items(i), secret.find(version), secret.end(), problems);
    }
  }

  void CheckValue(const std::string& path, uint64_t version, const v1::BatchGetResponse::Item& item,
                  Ledger::Secret::const_iterator known, Ledger::Secret::const_iterator end,
                  Problems* problems) {
    const auto problem = [&](absl::string_view what) {
      problems->push_back(absl::StrCat(path, ": version ", version, " ", what));
    };
    if (known == end) return problem("was written by nobody");
    if (item.code() != 0) return problem("is listed and does not read: " + item.message());
    const v1::SecretData& data = item.secret().data();
    if (item.secret().version().version() != version) return problem("reads as another");
    if (data.fields_size() != 2 || data.fields(0).value() != data.fields(1).value()) {
      return problem("is half of one write and half of another");
    }
    const std::string& value = data.fields(0).value();
    const std::string& acknowledged = known->second.acknowledged;
    if (acknowledged.empty() ? known->second.attempted.count(value) == 0 : acknowledged != value) {
      return problem("has a wrong value");
    }
    ledger_.SettleValue(path, version, value);
  }

  KeyturndProcess process_;
  std::mt19937_64 random_;
  std::array<uint64_t, kWriters + 1> random_seeds_{};
  Ledger ledger_;
  LifeWorker life_;
  RotationWorker rotations_;
  CredentialsWorker credentials_;
  std::vector<Writer> writers_;
  std::unique_ptr<Client> operator_;
  // path → version → revision, as the audit log has them.
  std::map<std::string, std::map<uint64_t, uint64_t>> audited_;
  uint64_t last_sequence_ = 0;
  std::string last_hash_;
};

}  // namespace keyturn
