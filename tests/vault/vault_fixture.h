// A vault over a store in memory, wired as the server wires it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/reason.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"
#include "vault/fields.h"
#include "vault/vault.h"

namespace keyturn {

// "OK", "NOT_FOUND: message", or with a reason of its own "NOT_FOUND VERSION_EXPIRED: message".
inline std::string Said(const absl::Status& status) {
  const std::string code = absl::StatusCodeToString(status.code());
  if (status.ok()) return code;
  const std::string reason = ReasonOf(status);
  return absl::StrCat(code, reason == code ? "" : " " + reason, ": ", status.message());
}

class VaultFixture : public testing::Test {
 protected:
  VaultFixture() : files_(NewMemoryFileSystem()), keyring_(TestKeyring(*files_, clock_)) { Open(); }

  // Also reopens: what is not on disk is gone.
  void Open() {
    vault_.reset();
    store_.reset();
    auto store = OpenRocksStore({.directory = dir_.File("db")}, clock_);
    ASSERT_OK(store);
    store_ = *std::move(store);
    vault_ = Vault::Create(*store_, *keyring_, clock_);
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { vault_->OnCommitted(group); });
    store_->SetRecordHasher(NewRecordHasher(**keyring_->Snapshot()));
    ASSERT_OK(vault_->OnUnsealed());
  }

  static SecretBytes Data(const std::map<std::string, std::string>& fields) {
    std::vector<FieldView> views;
    for (const auto& [name, value] : fields) views.push_back({name, 1, value});
    return *EncodeFields(views);
  }

  absl::StatusOr<PutResult> Put(const std::string& path,
                                const std::map<std::string, std::string>& fields,
                                std::optional<uint64_t> if_version = std::nullopt,
                                bool replace = false) {
    PutParams params;
    absl::StatusOr<SecretPath> parsed = SecretPath::Parse(path);
    if (!parsed.ok()) return parsed.status();
    params.path = *parsed;
    params.replace = replace;
    params.principal = "test";
    params.ttl = ttl_;
    if (if_version.has_value()) params.if_version = SecretVersion(*if_version);
    return vault_->Put(*store_, params, Data(fields));
  }

  // "a=1,b=2", or the status.
  std::string Get(const std::string& path, uint64_t version = 0,
                  v1::VersionSelector::Alias alias = v1::VersionSelector::CURRENT) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(version);
    request.mutable_version()->set_alias(alias);
    const auto result = vault_->Get(request, absl::InfiniteFuture());
    if (!result.ok()) return absl::StatusCodeToString(result.status().code());
    std::string out;
    EXPECT_OK(ForEachField(result->data.ExposeForCrypto(), [&](const FieldView& field) {
      absl::StrAppend(&out, out.empty() ? "" : ",", field.name, "=", field.value);
      return true;
    }));
    return out;
  }

  // "a b/ c", page by page.
  std::string List(const std::string& path, bool recursive = false, int page_size = 0) {
    v1::ListRequest request;
    request.set_path(path);
    request.set_recursive(recursive);
    request.set_page_size(page_size);
    std::string out;
    while (true) {
      const auto page = vault_->List(request, [](absl::string_view, bool) { return true; });
      if (!page.ok()) return page.status().ToString();
      for (const auto& entry : page->entries()) {
        absl::StrAppend(&out, out.empty() ? "" : " ", entry.name());
      }
      if (page->next_page_token().empty()) return out;
      request.set_page_token(page->next_page_token());
    }
  }

  absl::Status Delete(const std::string& path, std::vector<uint64_t> versions = {}) {
    v1::DeleteRequest request;
    request.set_path(path);
    for (const uint64_t version : versions) request.add_versions(version);
    return vault_->Delete(*store_, request).status();
  }
  absl::Status Undelete(const std::string& path) {
    v1::UndeleteRequest request;
    request.set_path(path);
    return vault_->Undelete(*store_, request).status();
  }
  absl::Status Destroy(const std::string& path, std::vector<uint64_t> versions = {}) {
    v1::DestroyRequest request;
    request.set_path(path);
    request.set_all(versions.empty());
    for (const uint64_t version : versions) request.add_versions(version);
    return vault_->Destroy(*store_, request).status();
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool directory = false) {
    v1::RenameRequest request;
    request.set_path(from);
    request.set_new_path(to);
    request.set_directory(directory);
    return vault_->Rename(*store_, request).status();
  }
  absl::StatusOr<v1::SecretInfo> Describe(const std::string& path) {
    return vault_->Describe(*SecretPath::Parse(path));
  }

  int RunDue() {
    absl::Time next;
    const auto done = vault_->RunDue(*store_, &next);
    EXPECT_OK(done);
    return done.value_or(-1);
  }

  void ExpectClean() {
    const auto store_problems = store_->Verify(NoProgress);
    ASSERT_OK(store_problems);
    for (const StoreProblem& problem : *store_problems) ADD_FAILURE() << problem.what;
    const auto vault_problems = vault_->Verify(NoProgress);
    ASSERT_OK(vault_problems);
    for (const StoreProblem& problem : *vault_problems) ADD_FAILURE() << problem.what;
  }

  // Every byte of the store's families, for looking for what must not be there.
  std::string RawBytes() {
    std::string out;
    for (size_t family = 0; family < kFamilies; ++family) {
      EXPECT_OK(store_->GetSnapshot()->Scan(static_cast<Family>(family), "", "",
                                            [&](absl::string_view key, absl::string_view value) {
                                              absl::StrAppend(&out, key, value);
                                              return true;
                                            }));
    }
    return out;
  }
  size_t Count(Family family) {
    size_t count = 0;
    EXPECT_OK(
        store_->GetSnapshot()->Scan(family, "", "", [&](absl::string_view, absl::string_view) {
          ++count;
          return true;
        }));
    return count;
  }

  TempDir dir_;
  SimulatedClock clock_;
  absl::Duration ttl_ = absl::ZeroDuration();
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Vault> vault_;
};

}  // namespace keyturn
